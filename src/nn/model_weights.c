/* model_weights.c — a model takes weights from a file, by name.
 *
 * Every parameter wants its tensor, by its own name or by one under which others ship the same
 * model, and every tensor wants a parameter; what does not fit is listed, and then nothing is
 * changed.  A head for another number of classes may be left as it is. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "format/weights.h"
#include "op/op.h"
#include "param/store.h"

enum { LISTED_MAX = 8, KEPT = -1 };

/* ---- other names ---------------------------------------------------------------------------- */

/* SqueezeNet's names by its authors, which ports from Caffe keep. */
#define FIRE(n, k)                                                                             \
    { "features." #n ".squeeze.", "fire" #k "/squeeze1x1." },                                  \
    { "features." #n ".expand1x1.", "fire" #k "/expand1x1." },                                 \
    { "features." #n ".expand3x3.", "fire" #k "/expand3x3." }

static const struct { const char *ours, *theirs; } other_names[] = {
    { "features.0.", "conv1." }, FIRE(3, 2), FIRE(4, 3), FIRE(6, 4), FIRE(7, 5), FIRE(9, 6),
    FIRE(10, 7), FIRE(11, 8), FIRE(12, 9), { "classifier.1.", "conv10." },
};

/* What PyTorch's wrappers of a model put before all names, as DataParallel and compile() do. */
static const char *const wrappers[] = { "module.", "_orig_mod.", "model." };

static int find_tensor(const struct weights *w, const char *name)
{
    char other[WEIGHTS_NAME_MAX];
    int at = oc__weights_find(w, name);
    for (size_t i = 0; at < 0 && i < sizeof wrappers / sizeof *wrappers; i++) {
        snprintf(other, sizeof other, "%s%s", wrappers[i], name);
        at = oc__weights_find(w, other);
    }
    for (size_t i = 0; at < 0 && i < sizeof other_names / sizeof *other_names; i++) {
        const size_t n = strlen(other_names[i].ours);
        if (strncmp(name, other_names[i].ours, n) == 0) {
            snprintf(other, sizeof other, "%s%s", other_names[i].theirs, name + n);
            at = oc__weights_find(w, other);
        }
    }
    return at;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* What does not fit, by kind, and up to LISTED_MAX names of each. */
enum misfit { MISSING, MISFITTING, UNREADABLE, SURPLUS, MISFITS };
static const char *const misfit_words[MISFITS] = {
    [MISSING] = "missing", [MISFITTING] = "misfitting", [UNREADABLE] = "unreadable",
    [SURPLUS] = "surplus",
};
struct misfits { struct str text; int n; };

struct taking {
    const oc_model       *model;
    const struct weights *w;
    enum taking_way       how;
    int                  *source;                       /* tensor of each parameter, or KEPT */
    bool                 *used;                         /* each tensor */
    int64_t               classes;                      /* of a head in the file; 0: taken */
    struct misfits        misfits[MISFITS];
};

static void misfit(struct taking *t, enum misfit kind, const char *name, const char *detail)
{
    struct misfits *const list = &t->misfits[kind];
    if (list->n++ < LISTED_MAX)
        oc__str_addf(&list->text, "%s%s %s%s", list->n > 1 ? "; " : "", misfit_words[kind], name,
                     detail);
}

/* PyTorch counts batches in its norm layers; nothing is computed from that. */
static bool is_counter(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && !strcmp(dot, ".num_batches_tracked");
}

static const char *head_of(const oc_model *m)
{
    const int head = oc__model_head(m);
    return head < 0 ? NULL : m->step[head].name;
}

/* Is it the head's, and for another number of classes but otherwise equal? */
static bool is_other_head(const struct taking *t, const struct parameter *p, const oc_shape *have)
{
    const char *const head = t->how == TAKE_NEW_HEAD ? head_of(t->model) : NULL;
    oc_shape same = *have;
    if (!head || !oc__is_of_step(p->name, head) || have->rank < 1)
        return false;
    same.dim[0] = t->model->classes;
    return oc_shape_equal(&same, &p->shape);
}

static void compare_one(struct taking *t, int i)
{
    char have[OC_SHAPE_TEXT], want[OC_SHAPE_TEXT], detail[2 * OC_SHAPE_TEXT + 32];
    const struct parameter *const p = &t->model->store->parameter[i];
    const int at = t->source[i] = find_tensor(t->w, p->name);
    if (at < 0) {
        misfit(t, MISSING, p->name, "");
        return;
    }
    const struct weight *const tensor = &t->w->tensor[at];
    t->used[at] = true;
    if (tensor->dtype < 0) {
        snprintf(detail, sizeof detail, ": its type is %s", tensor->type);
        misfit(t, UNREADABLE, p->name, detail);
    } else if (is_other_head(t, p, &tensor->shape) && !oc_shape_equal(&tensor->shape, &p->shape)) {
        t->source[i] = KEPT;
        t->classes = tensor->shape.dim[0];
    } else if (!oc_shape_equal(&tensor->shape, &p->shape)) {
        snprintf(detail, sizeof detail, ": %s in the file, %s in the model",
                 oc__shape_text(&tensor->shape, have), oc__shape_text(&p->shape, want));
        misfit(t, MISFITTING, p->name, detail);
    }
}

/* "missing a; missing b; and 10 more missing; surplus c", of each kind that there is. */
static oc_status tell_misfits(struct taking *t)
{
    struct str all = { 0 };
    int n = 0;
    for (int kind = 0; kind < MISFITS; kind++) {
        struct misfits *const list = &t->misfits[kind];
        if (list->n)
            oc__str_addf(&all, "%s%s", n ? "; " : "", oc__str_text(&list->text));
        if (list->n > LISTED_MAX)
            oc__str_addf(&all, "; and %d more %s", list->n - LISTED_MAX, misfit_words[kind]);
        n += list->n;
        oc__str_free(&list->text);
    }
    if (n)
        oc__fail(OC_EINPUT, "%s: %d tensor%s not fit the model: %s", t->w->path, n,
                 n == 1 ? " does" : "s do", oc__str_text(&all));
    oc__str_free(&all);
    return n ? OC_EINPUT : OC_OK;
}

static oc_status check_fit(struct taking *t)
{
    for (int i = 0; i < t->model->store->n; i++)
        compare_one(t, i);
    for (int i = 0; i < t->w->n; i++)
        if (!t->used[i] && !is_counter(t->w->tensor[i].name))
            misfit(t, SURPLUS, oc__quote_z(t->w->tensor[i].name), "");
    return tell_misfits(t);
}

/* ---- taking --------------------------------------------------------------------------------- */

static oc_status read_values(const struct taking *t, oc_store *s)
{
    for (int i = 0; i < s->n; i++)
        s->parameter[i].ready |= t->source[i] != KEPT;  /* needs no initialiser */
    TRY(oc__store_ready(s, ROLE_VALUE));
    int64_t nonfinite = 0;
    for (int i = 0; i < s->n; i++) {
        const struct parameter *p = &s->parameter[i];
        const oc_tensor into = { OC_F32, p->shape, oc__store_place(s, ROLE_VALUE, i) };
        int64_t odd = 0;
        if (t->source[i] != KEPT)
            TRY(oc__weights_read(t->w, t->source[i], &into, &odd));
        nonfinite += odd;
    }
    if (nonfinite)
        oc__warn("%s: %lld weights are NaN or infinite", t->w->path, (long long)nonfinite);
    oc_store_touch(s);
    return OC_OK;
}

/* Reads into a copy first: a file that fails in the middle must change nothing. */
static oc_status read_safely(const struct taking *t, oc_store *s)
{
    oc_store *copy;
    TRY(oc__store_copy(&copy, s));
    const oc_status status = read_values(t, copy);
    for (int kind = 0; !status && kind < 2; kind++)
        if (s->length[kind])
            memcpy(s->block[ROLE_VALUE][kind], copy->block[ROLE_VALUE][kind],
                   (size_t)s->length[kind] * sizeof(float));
    if (!status)
        oc_store_touch(s);
    oc_store_free(copy);
    return status;
}

static oc_status take(struct taking *t)
{
    oc_store *const s = t->model->store;
    TRY(check_fit(t));
    TRY(t->how == TAKE_FRESH ? read_values(t, s) : read_safely(t, s));
    if (t->classes)
        oc__note("%s: its head %s is for %lld classes; that of the model, for %d, begins anew",
                 t->w->path, head_of(t->model), (long long)t->classes, t->model->classes);
    return OC_OK;
}

oc_status oc__model_take(oc_model *m, const struct weights *w, enum taking_way how)
{
    struct taking t = { .model = m, .w = w, .how = how };
    t.source = oc__alloc((size_t)m->store->n + 1, sizeof *t.source);
    t.used = oc__alloc((size_t)w->n + 1, sizeof *t.used);
    const oc_status status = t.source && t.used ? take(&t) : OC_ELIMIT;
    oc__free(t.source);
    oc__free(t.used);
    return status;
}

oc_status oc__model_open(struct weights *w, const char *path)
{
    struct str inside = { 0 };
    if (!oc__is_directory(path))
        return oc__weights_open(w, path);
    oc__str_addf(&inside, "%s/model.safetensors", path);
    const oc_status status = inside.failed ? OC_ELIMIT : oc__weights_open(w, oc__str_text(&inside));
    oc__str_free(&inside);
    return status;
}

static oc_status read_file(oc_model *m, const char *path, enum taking_way how)
{
    struct weights w;
    TRY(oc__model_open(&w, path));
    const oc_status status = oc__model_take(m, &w, how);
    oc__weights_close(&w);
    return status;
}

oc_status oc_model_read(oc_model *m, const char *path)
{
    return read_file(m, path, TAKE_ALL);
}

oc_status oc_model_adopt(oc_model *m, const char *path)
{
    return read_file(m, path, TAKE_NEW_HEAD);
}
