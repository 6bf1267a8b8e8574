/* model_file.c — models to and from files.
 *
 * A model file is a weights file (format/weights.h) whose metadata says the rest, all strings:
 *
 *     format                "pt": row-major tensors by PyTorch's names, for readers that ask
 *     ocellus.format        "1", this list's version
 *     ocellus.architecture  canonical steps: "flatten; linear out=10 name=fc"
 *     ocellus.input         "1,28,28"
 *     ocellus.classes       names, one a line
 *     ocellus.preparation   canonical steps: "grayscale; resize 28; scale"
 *     ocellus.task          "classify" or "saliency"
 *     ocellus.loss          "softmax"
 *     ocellus.functions     plain functions among the steps, where there are any
 *
 * The same model always gives the same bytes. */
#include "nn/model_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "op/op.h"
#include "param/store.h"

static const char version[] = "1";

/* ---- writing ------------------------------------------------------------------------------ */

static void input_text(const oc_model *m, struct str *out)
{
    for (int i = 0; i < m->input.rank; i++)
        oc__str_addf(out, "%s%lld", i ? "," : "", (long long)m->input.dim[i]);
}

static void function_names(const oc_model *m, struct str *out)
{
    for (int i = 0; i < m->n; i++)
        if (m->step[i].function)
            oc__str_addf(out, "%s%s", out->n ? " " : "", m->step[i].name);
}

oc_status oc__model_text_make(struct model_text *t, const oc_model *m)
{
    *t = (struct model_text){ .n = 0 };
    input_text(m, &t->input);
    function_names(m, &t->functions);
    for (int i = 0; i < m->classes; i++)
        oc__str_addf(&t->classes, "%s%s", i ? "\n" : "", m->class_name[i]);
    const struct pair item[MODEL_TEXTS] = {
        { "ocellus.format", version },
        { "ocellus.architecture", m->architecture },
        { "ocellus.input", oc__str_text(&t->input) },
        { "ocellus.classes", oc__str_text(&t->classes) },
        { "ocellus.preparation", m->preparation },
        { "ocellus.task", m->task },
        { "ocellus.loss", m->loss },
        { "ocellus.functions", oc__str_text(&t->functions) },   /* last: left out when empty */
    };
    memcpy(t->item, item, sizeof item);
    t->n = MODEL_TEXTS - (t->functions.n == 0);
    return t->input.failed || t->classes.failed || t->functions.failed ? OC_ELIMIT : OC_OK;
}

void oc__model_text_free(struct model_text *t)
{
    oc__str_free(&t->input);
    oc__str_free(&t->classes);
    oc__str_free(&t->functions);
}

static oc_status write_content(oc_model *m, const char *path, const struct named_tensor *tensor,
                               enum write_flags flags)
{
    struct model_text text;
    struct pair metadata[1 + MODEL_TEXTS] = { { "format", "pt" } };
    oc_status status = oc__model_text_make(&text, m);
    memcpy(metadata + 1, text.item, (size_t)text.n * sizeof *text.item);
    const struct weights_content content = { tensor, oc_store_count(m->store), metadata,
                                             1 + text.n };
    if (!status)
        status = oc__weights_write(path, &content, flags);
    oc__model_text_free(&text);
    return status;
}

oc_status oc_model_save(oc_model *m, const char *path, bool replace)
{
    TRY(oc__store_ready(m->store, ROLE_VALUE));
    const int n = oc_store_count(m->store);
    struct named_tensor *tensor = oc__alloc((size_t)n + 1, sizeof *tensor);
    if (!tensor)
        return OC_ELIMIT;
    for (int i = 0; i < n; i++) {
        const oc_parameter p = oc_store_at(m->store, i);
        tensor[i] = (struct named_tensor){ p.name, { OC_F32, p.shape, p.value } };
    }
    const oc_status status = write_content(m, path, tensor, replace ? WRITE_REPLACE : WRITE_NEW);
    oc__free(tensor);
    return status;
}

/* ---- loading ------------------------------------------------------------------------------ */

static oc_status metadata_of(const struct weights *w, const char *key, const char **value)
{
    *value = oc__weights_metadata(w, key);
    return *value ? OC_OK : oc__fail(OC_EINPUT, "%s: metadata %s is missing", w->path, key);
}

static oc_status read_input(const struct weights *w, const char *text, oc_shape *out)
{
    *out = (oc_shape){ 0 };
    const char *p = text;
    for (char *end; out->rank < OC_MAX_RANK - 1; p = end + 1) {
        const long long v = strtoll(p, &end, 10);
        if (end == p || v < 1 || (*end && *end != ','))
            break;
        out->dim[out->rank++] = v;
        if (!*end)
            return OC_OK;
    }
    return oc__fail(OC_EINPUT, "%s: metadata ocellus.input: %s: wants \"c,h,w\"", w->path,
                    oc__quote_z(text));
}

/* Cuts the lines of `text` apart; *name is one block with them, to be freed. */
static oc_status read_classes(char *text, const char ***name, int *n)
{
    *n = 1;
    for (const char *p = text; *p; p++)
        *n += *p == '\n';
    *name = oc__alloc((size_t)*n, sizeof **name);
    if (!*name)
        return OC_ELIMIT;
    for (int i = 0; i < *n; i++) {
        (*name)[i] = text;
        text += strcspn(text, "\n");
        if (*text)
            *text++ = '\0';
    }
    return OC_OK;
}

/* Is it a model of ours, and one that a file alone describes? */
static oc_status check_kind(const struct weights *w)
{
    const char *have = oc__weights_metadata(w, "ocellus.format");
    const char *functions = oc__weights_metadata(w, "ocellus.functions");
    if (!have)
        return oc__fail(OC_EINPUT,
                        "%s: only weights: it does not say which model they belong to; build that "
                        "model and read the weights into it (oc_model_read, --load)",
                        w->path);
    if (strcmp(have, version))
        return oc__fail(OC_EINPUT, "%s: metadata ocellus.format: %s: this version reads %s",
                        w->path, oc__quote_z(have), version);
    if (functions)
        return oc__fail(OC_EINPUT,
                        "%s: the model has functions of the program that made it (%s): build it "
                        "there and read the weights into it (oc_model_read)",
                        w->path, oc__quote_z(functions));
    return OC_OK;
}

static oc_status make_model(oc_model **out, const struct weights *w, char *classes)
{
    oc_model_options o = { 0 };
    const char *input, **name = NULL;
    TRY(metadata_of(w, "ocellus.architecture", &o.architecture));
    TRY(metadata_of(w, "ocellus.preparation", &o.preparation));
    TRY(metadata_of(w, "ocellus.task", &o.task));
    TRY(metadata_of(w, "ocellus.input", &input));
    TRY(read_input(w, input, &o.input));
    TRY(read_classes(classes, &name, &o.classes));
    o.class_name = name;
    const oc_status status = oc__model_from_steps(out, &o);
    oc__free(name);
    if (!status)
        return OC_OK;
    return oc__fail(status == OC_ELIMIT ? status : OC_EINPUT, "%s: metadata: %s", w->path,
                    oc_error());
}

/* What the caller puts in the place of what the file says. */
static oc_status override(oc_model *m, const struct weights *w, const oc_model_options *o)
{
    const char *own;
    TRY(metadata_of(w, "ocellus.preparation", &own));
    TRY(oc__model_count_names(o, w->path, m->classes));
    if (o->class_name && !o->classes)
        TRY(oc__model_set_classes(m, m->classes, o->class_name));
    if (o->preparation)
        TRY(oc__model_set_preparation(m, o->preparation));
    oc__model_note_preparation(m, w->path, own);
    return OC_OK;
}

static oc_status load(oc_model **out, const struct weights *w, const oc_model_options *o)
{
    const char *classes, *loss;
    TRY(check_kind(w));
    TRY(metadata_of(w, "ocellus.classes", &classes));
    TRY(metadata_of(w, "ocellus.loss", &loss));
    char *copy = oc__strdup(classes);
    if (!copy)
        return OC_ELIMIT;
    oc_status status = make_model(out, w, copy);
    oc__free(copy);
    if (!status)
        status = oc__model_set_loss(*out, loss);
    if (!status)
        status = override(*out, w, o);
    return status ? status : oc__model_take(*out, w, TAKE_FRESH);
}

/* Data with classes that the model does not know gets a head of its own, unless the model is a
 * graph from elsewhere, whose file of ONNX can be given one. */
static oc_status fit_classes(oc_model **out, const char *path, const oc_model_options *o)
{
    oc_model *const m = *out;
    bool knows;
    if (!o->data || strcmp(m->task, oc_data_task(o->data)) || (m->n && m->step[0].graph))
        return OC_OK;
    TRY(oc__model_knows(m, o->data, &knows));
    if (knows)
        return OC_OK;
    const oc_status status = oc__model_new_head(out, m, o, path);
    oc_model_free(m);
    return status;
}

static oc_status load_own(oc_model **out, const char *path, const oc_model_options *o)
{
    struct weights w;
    TRY(oc__model_open(&w, path));
    const oc_status status = load(out, &w, o);
    oc__weights_close(&w);
    return status ? status : fit_classes(out, path, o);
}

oc_status oc_model_load(oc_model **out, const char *path, const oc_model_options *options)
{
    const oc_model_options o = options ? *options : (oc_model_options){ 0 };
    *out = NULL;
    const oc_status status = oc__names_onnx(path) ? oc__model_import(out, path, &o)
                                                  : load_own(out, path, &o);
    if (status) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}
