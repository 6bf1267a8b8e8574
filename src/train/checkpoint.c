/* checkpoint.c — checkpoints as files.
 *
 * Restoring reads each tensor straight into its block and then compares the sums: a damaged file
 * may thus have overwritten a block, but the next older file overwrites all of them, and when none
 * is valid the training does not begin. */
#include "train/checkpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/status.h"
#include "format/safetensors.h"

enum { SECTIONS = 12, COLUMNS = 7, PAIRS = SECTIONS + 3 };

static const char format_name[] = "ocellus checkpoint 1";

/* The tensors of a checkpoint, in the order of the file's description. */
struct sections {
    struct named_tensor tensor[SECTIONS];
    int                 n;
    double             *epochs;                         /* [n, COLUMNS]; owned */
};

/* ---- the sections ------------------------------------------------------------------------- */

static void add(struct sections *s, const char *name, oc_dtype t, oc_shape shape, void *data)
{
    if (data && oc_shape_count(&shape) > 0)
        s->tensor[s->n++] = (struct named_tensor){ name, { t, shape, data } };
}

static void add_block(struct sections *s, const char *name, const oc_store *store, enum role role,
                      oc_parameter_kind kind)
{
    add(s, name, OC_F32, OC_SHAPE(store->length[kind]), store->block[role][kind]);
}

static void add_blocks(struct sections *s, const struct checkpoint *c)
{
    static const char *const state_name[] = { "state.1", "state.2", "state.3" };
    add_block(s, "value", c->store, ROLE_VALUE, OC_TRAINABLE);
    add_block(s, "statistic", c->store, ROLE_VALUE, OC_STATISTIC);
    for (int i = 0; i < c->states; i++)
        add_block(s, state_name[i], c->store, (enum role)(ROLE_STATE_1 + i), OC_TRAINABLE);
    if (c->average)
        add_block(s, "average", c->store, ROLE_AVERAGE, OC_TRAINABLE);
}

static void add_best(struct sections *s, const struct checkpoint *c)
{
    add(s, "best.value", OC_F32, OC_SHAPE(c->store->length[OC_TRAINABLE]), c->best[OC_TRAINABLE]);
    add(s, "best.statistic", OC_F32, OC_SHAPE(c->store->length[OC_STATISTIC]),
        c->best[OC_STATISTIC]);
}

static void add_state(struct sections *s, struct state *state)
{
    add(s, "counts", OC_I64, OC_SHAPE(sizeof state->count / 8), &state->count);
    add(s, "sums", OC_F64, OC_SHAPE(sizeof state->sum / 8), &state->sum);
}

/* A row of numbers for an epoch, and back. */
static void row_of(const oc_epoch *e, double row[COLUMNS])
{
    const double columns[COLUMNS] = {
        (double)e->epoch, e->train_loss, e->train_accuracy, e->val_loss, e->val_accuracy,
        e->learning_rate, e->seconds,
    };
    memcpy(row, columns, sizeof columns);
}

static oc_epoch epoch_of(const double row[COLUMNS])
{
    return (oc_epoch){ (int64_t)row[0], row[1], row[2], row[3], row[4], row[5], row[6] };
}

static oc_status add_epochs(struct sections *s, int64_t n)
{
    s->epochs = oc__alloc((size_t)n + 1, COLUMNS * sizeof(double));
    add(s, "epochs", OC_F64, OC_SHAPE(n, COLUMNS), s->epochs);
    return s->epochs ? OC_OK : OC_ELIMIT;
}

/* ---- metadata ----------------------------------------------------------------------------- */

/* All that the file says beside its tensors: hashes, and a sum for each tensor. */
struct metadata {
    struct pair pair[PAIRS];
    char        key[PAIRS][32], value[PAIRS][32];
    int         n;
};

__attribute__((format(printf, 3, 4)))
static void add_pair(struct metadata *m, const char *key, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->value[m->n], sizeof m->value[0], format, arguments);
    va_end(arguments);
    snprintf(m->key[m->n], sizeof m->key[0], "%s", key);
    m->pair[m->n] = (struct pair){ m->key[m->n], m->value[m->n] };
    m->n++;
}

/* Of the names, kinds, shapes and places of all parameters: blocks fit only where it agrees. */
static oc_status layout_hash(const oc_store *s, uint64_t *hash)
{
    struct str text = { 0 };
    for (int i = 0; i < s->n; i++) {
        const struct parameter *const p = &s->parameter[i];
        oc__str_addf(&text, "%s %d %lld", p->name, (int)p->kind, (long long)p->offset);
        for (int k = 0; k < p->shape.rank; k++)
            oc__str_addf(&text, " %lld", (long long)p->shape.dim[k]);
        oc__str_addz(&text, "\n");
    }
    const oc_status status = text.failed ? OC_ELIMIT : OC_OK;
    *hash = oc__hash(oc__str_text(&text));
    oc__str_free(&text);
    return status;
}

static oc_status describe(struct metadata *m, const struct checkpoint *c)
{
    uint64_t layout;
    TRY(layout_hash(c->store, &layout));
    m->n = 0;
    add_pair(m, "format", "%s", format_name);
    add_pair(m, "settings", "%016llx", (unsigned long long)c->settings);
    add_pair(m, "layout", "%016llx", (unsigned long long)layout);
    return OC_OK;
}

static void describe_tensor(struct metadata *m, const struct named_tensor *t)
{
    char key[32];
    snprintf(key, sizeof key, "crc32c.%s", t->name);
    add_pair(m, key, "%08x", oc__crc32c(0, t->tensor.data, oc_tensor_bytes(&t->tensor)));
}

/* ---- the folder --------------------------------------------------------------------------- */

enum { FILE_NAME = 64 };

static void file_name(int64_t updates, char name[FILE_NAME])
{
    snprintf(name, FILE_NAME, "ckpt-%08lld.safetensors", (long long)updates);
}

/* The number in a checkpoint's name; -1 where the name is another's. */
static int64_t number_of(const char *name)
{
    char back[FILE_NAME];
    const int64_t n = strncmp(name, "ckpt-", 5) ? -1 : strtoll(name + 5, NULL, 10);
    file_name(n, back);
    return n >= 0 && !strcmp(name, back) ? n : -1;
}

/* The largest number in the folder that is below `limit`; -1: none. */
static int64_t newest_below(const struct names *names, int64_t limit)
{
    int64_t newest = -1;
    for (size_t i = 0; i < names->n; i++) {
        const int64_t n = number_of(names->name[i]);
        if (n < limit && n > newest)
            newest = n;
    }
    return newest;
}

static oc_status path_of(struct str *path, const char *folder, int64_t updates)
{
    char name[FILE_NAME];
    file_name(updates, name);
    oc__str_clear(path);
    oc__str_addf(path, "%s/%s", folder, name);
    return path->failed ? OC_ELIMIT : OC_OK;
}

static void remove_old(const char *folder, int64_t keep)
{
    struct names names;
    struct str path = { 0 };
    if (oc__list_directory(folder, &names) < 0)
        return;
    int64_t at = INT64_MAX;
    for (int64_t i = 0; at >= 0; i++) {
        at = newest_below(&names, at);
        if (i >= keep && at >= 0 && path_of(&path, folder, at) >= 0 && unlink(path.text) != 0)
            oc__warn("%s: cannot be removed: %s", path.text, strerror(errno));
    }
    oc__str_free(&path);
    oc__names_free(&names);
}

void oc__checkpoint_discard(const char *folder)
{
    remove_old(folder, 0);
}

/* ---- saving ------------------------------------------------------------------------------- */

static oc_status collect(struct sections *s, const struct checkpoint *c)
{
    s->n = 0;
    s->epochs = NULL;
    add_blocks(s, c);
    add_best(s, c);
    add_state(s, c->state);
    TRY(add_epochs(s, c->state->count.epoch));
    for (int64_t i = 0; i < c->state->count.epoch; i++)
        row_of(&c->state->epoch[i], s->epochs + i * COLUMNS);
    return OC_OK;
}

oc_status oc__checkpoint_save(const struct checkpoint *c, const char *folder, int64_t keep)
{
    struct sections s;
    struct metadata m;
    struct str path = { 0 };
    oc_status status = collect(&s, c);
    if (status >= 0)
        status = describe(&m, c);
    if (status >= 0) {
        for (int i = 0; i < s.n; i++)
            describe_tensor(&m, &s.tensor[i]);
        status = path_of(&path, folder, c->state->count.updates);
    }
    if (status >= 0)
        status = oc__safetensors_write(path.text, &(struct weights_content){
            s.tensor, s.n, m.pair, m.n }, WRITE_NEW);
    if (status >= 0)
        remove_old(folder, keep);
    oc__str_free(&path);
    oc__free(s.epochs);
    return status;
}

/* ---- restoring ---------------------------------------------------------------------------- */

static oc_status expect(const struct weights *w, const struct pair *p)
{
    const char *const found = oc__weights_metadata(w, p->key);
    if (found && !strcmp(found, p->value))
        return OC_OK;
    return oc__fail(OC_EINPUT, "%s: __metadata__.%s: is %s, %s is right", w->path, p->key,
                    found ? oc__quote_z(found) : "missing", p->value);
}

/* Reads tensors from number `from` on and holds each against its sum. */
static oc_status read_sections(const struct weights *w, const struct sections *s, int from)
{
    for (int k = from; k < s->n; k++) {
        const struct named_tensor *const t = &s->tensor[k];
        struct metadata m = { .n = 0 };
        const int i = oc__weights_find(w, t->name);
        if (i < 0)
            return oc__fail(OC_EINPUT, "%s: tensor %s is missing", w->path, t->name);
        if (w->tensor[i].dtype != (int)t->tensor.dtype)
            return oc__fail(OC_EINPUT, "%s: tensor %s: is %s, not %s", w->path, t->name,
                            w->tensor[i].type, oc_dtype_name(t->tensor.dtype));
        TRY(oc__weights_read(w, i, &t->tensor, NULL));
        describe_tensor(&m, t);
        TRY(expect(w, &m.pair[0]));
    }
    return OC_OK;
}

static oc_status check_counts(const struct weights *w, const struct checkpoint *c)
{
    const struct counts *const n = &c->state->count;
    if (n->epoch < 0 || n->epoch > c->epochs || n->step < 0 || n->updates < 0 || n->runs < 0)
        return oc__fail(OC_EINPUT, "%s: tensor counts: epoch %lld of %lld, step %lld", w->path,
                        (long long)n->epoch, (long long)c->epochs, (long long)n->step);
    return OC_OK;
}

static oc_status read_open(const struct weights *w, const struct checkpoint *c, struct sections *s)
{
    struct metadata m;
    TRY(describe(&m, c));
    for (int i = 0; i < m.n; i++)
        TRY(expect(w, &m.pair[i]));
    add_blocks(s, c);
    add_best(s, c);
    add_state(s, c->state);
    const int known = s->n;
    TRY(read_sections(w, s, 0));
    TRY(check_counts(w, c));
    TRY(add_epochs(s, c->state->count.epoch));
    TRY(read_sections(w, s, known));
    if (w->n != s->n || w->n_metadata != m.n + s->n)
        return oc__fail(OC_EINPUT, "%s: holds more than a checkpoint does", w->path);
    for (int64_t i = 0; i < c->state->count.epoch; i++)
        c->state->epoch[i] = epoch_of(s->epochs + i * COLUMNS);
    return OC_OK;
}

/* A file of another number's content would be taken for the newest for ever. */
static oc_status check_number(const struct checkpoint *c, const char *path, int64_t number)
{
    const int64_t updates = c->state->count.updates;
    return updates == number ? OC_OK
        : oc__fail(OC_EINPUT, "%s: tensor counts: %lld updates, its name says %lld", path,
                   (long long)updates, (long long)number);
}

static oc_status read_file(const struct checkpoint *c, const char *path, int64_t number)
{
    struct weights w = { 0 };
    struct sections s = { .n = 0 };
    oc_status status = oc__safetensors_open(&w, path);
    if (status >= 0)
        status = read_open(&w, c, &s);
    if (status >= 0)
        status = check_number(c, path, number);
    oc__weights_close(&w);
    oc__free(s.epochs);
    oc_store_touch(c->store);
    return status;
}

/* Files newer than the one that was taken are out of the way of those that will be written. */
static void set_aside(const struct names *names, const char *folder, int64_t taken)
{
    struct str path = { 0 }, aside = { 0 };
    for (int64_t at = newest_below(names, INT64_MAX); at > taken; at = newest_below(names, at)) {
        if (path_of(&path, folder, at) < 0)
            break;
        oc__str_clear(&aside);
        oc__str_addf(&aside, "%s.damaged", path.text);
        if (aside.failed || rename(path.text, aside.text) != 0)
            oc__warn("%s: cannot be set aside: %s", path.text, strerror(errno));
    }
    oc__str_free(&path);
    oc__str_free(&aside);
}

static oc_status restore_newest(const struct checkpoint *c, const char *folder,
                                const struct names *names, bool *found)
{
    struct str path = { 0 };
    oc_status status = OC_OK;
    for (int64_t at = INT64_MAX; !*found;) {
        at = newest_below(names, at);
        if (at < 0)
            break;
        status = path_of(&path, folder, at);
        if (status >= 0)
            status = read_file(c, path.text, at);
        if (status == OC_ELIMIT)
            break;                                      /* no memory says nothing about the file */
        if (status >= 0) {
            *found = true;
            set_aside(names, folder, at);
        } else {
            oc__warn("%s; trying an older one", oc_error());
        }
    }
    if (status < 0 && status != OC_ELIMIT)
        status = oc__fail(OC_EINPUT, "%s: no checkpoint is valid; the last that was tried: %s",
                          folder, oc_error());
    oc__str_free(&path);
    return status;
}

oc_status oc__checkpoint_restore(const struct checkpoint *c, const char *folder, bool *found)
{
    struct names names;
    *found = false;
    TRY(oc__list_directory(folder, &names));
    const oc_status status = restore_newest(c, folder, &names, found);
    oc__names_free(&names);
    return status;
}
