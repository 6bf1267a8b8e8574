/* open.c — models found by a word: a file, a run, a name of the zoo, or steps. */
#include "cli/open.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cli/foreign.h"
#include "base/status.h"
#include "base/str.h"

bool oc__names_file(const char *word)
{
    static const char *const endings[] = { ".safetensors", ".json", ".pt", ".pth" };
    const char *const dot = strrchr(word, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcmp(dot, endings[i]) == 0)
            return true;
    struct stat there;                                  /* be it a pipe: opening it tells more */
    return strchr(word, '/') || lstat(word, &there) == 0;
}

bool oc__names_new_model(const char *word)
{
    return strpbrk(word, " ;") != NULL || oc_zoo_find(word) != NULL;
}

/* A word that is neither a file nor a model gets told both. */
static oc_status unknown_model(const char *word)
{
    struct str names = { 0 };
    const char *known[64];
    int n = 0;
    for (; n < oc_zoo_count() && n < 63; n++) {
        known[n] = oc_zoo_at(n)->name;
        oc__str_addf(&names, "%s%s", n ? ", " : "", known[n]);
    }
    known[n] = NULL;
    const char *const near = oc__nearest(word, known);
    const oc_status status = oc__fail(
        OC_EUSAGE, "%s: no such file, run or model%s%s%s: %s", oc__quote_z(word),
        near ? ": did you mean " : "", near ? near : "", near ? "? Models" : "; models",
        oc__str_text(&names));
    oc__str_free(&names);
    return status;
}

/* "3,32,32" as a shape. */
static oc_status read_shape(const char *text, oc_shape *out)
{
    *out = (oc_shape){ 0 };
    for (const char *p = text; out->rank < 3; p++) {
        char *end;
        const long v = strtol(p, &end, 10);
        if (end == p || v < 1 || v > 65536)
            break;
        out->dim[out->rank++] = v;
        p = end;
        if (!*p && out->rank == 3)
            return OC_OK;
        if (*p != ',')
            break;
    }
    return oc__fail(OC_EUSAGE, "--input: %s: wants channels,height,width, as in 3,32,32",
                    oc__quote_z(text));
}

/* Files differ in channels: where the steps leave their number open, images are made colour first,
 * in training as in whatever the model will be used for. */
static oc_status data_settings(const struct model_request *r, struct str *steps,
                               oc_model_options *o)
{
    const oc_shape image = oc_data_shape(r->data);
    if (!o->preparation)
        o->preparation = oc_data_preparation(r->data);
    o->classes = oc_data_classes(r->data);
    const oc_zoo_entry *const zoo = oc_zoo_find(r->word);
    o->task = zoo && zoo->task ? zoo->task : oc_data_task(r->data);
    TRY(oc_preparation_shape(o->preparation, &image, &o->input));
    if (o->input.dim[0] > 0)
        return OC_OK;
    oc__str_addf(steps, "rgb; %s", o->preparation);
    o->preparation = oc__str_text(steps);
    return steps->failed ? OC_ELIMIT : oc_preparation_shape(o->preparation, &image, &o->input);
}

static oc_status make_for_data(oc_model **out, const struct model_request *r, const char **names,
                               oc_model_options *o)
{
    struct str steps = { 0 };
    oc_status  status = data_settings(r, &steps, o);
    for (int i = 0; status >= 0 && i < o->classes; i++)
        names[i] = oc_data_class_name(r->data, i);
    o->class_name = names;
    if (status >= 0 && r->input)
        status = read_shape(r->input, &o->input);
    else if (status >= 0 && (o->input.dim[1] < 1 || o->input.dim[2] < 1))
        status = oc__fail(OC_EUSAGE, "preparation: it leaves the size of the images open; end it "
                                     "with one, such as resize 28,28");
    if (status >= 0)
        status = oc__names_new_model(r->word) ? oc_model_new(out, o)
                                              : oc_model_import(out, r->word, o);
    oc__str_free(&steps);
    return status;
}

static oc_status make(oc_model **out, const struct model_request *r, const char **names)
{
    oc_model_options o = {
        .architecture = r->word,
        .input = OC_SHAPE(1, 28, 28),
        .classes = r->classes ? (int)r->classes : 10,
        .preparation = r->preparation,
        .init = r->init,
        .seed = (uint64_t)r->seed,
    };
    const bool onnx = !oc__names_new_model(r->word);
    if (onnx && !r->data) {
        o.classes = (int)r->classes;
        o.class_name = r->class_name;
        o.input = (oc_shape){ 0 };
    }
    if (r->data)
        return make_for_data(out, r, names, &o);
    if (r->input)
        TRY(read_shape(r->input, &o.input));
    return onnx ? oc_model_import(out, r->word, &o) : oc_model_new(out, &o);
}

/* What a file holds is not to be changed by words that are for new models. */
static oc_status load(oc_model **out, const struct model_request *r)
{
    if (!oc__names_file(r->word))
        return unknown_model(r->word);
    if (r->input || r->preparation || r->init || r->classes)
        return oc__fail(OC_EUSAGE, "%s: is a file and has its own input, preparation, classes and "
                                   "weights; those options are for new models", r->word);
    return oc_model_load(out, r->word);
}

oc_status oc__open_model(oc_model **out, const struct model_request *r)
{
    *out = NULL;
    const bool onnx = !oc__names_new_model(r->word) && oc__names_onnx(r->word);
    oc_status status;
    if (!oc__names_new_model(r->word) && !onnx) {
        status = load(out, r);
    } else {
        const size_t n = r->data ? (size_t)oc_data_classes(r->data) : 1;
        const char **const names = oc__alloc(n, sizeof *names);
        status = names ? make(out, r, names) : OC_ELIMIT;
        oc__free(names);
    }
    if (status >= 0 && r->load)
        status = (r->adopt ? oc_model_adopt : oc_model_read)(*out, r->load);
    if (status < 0) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}
