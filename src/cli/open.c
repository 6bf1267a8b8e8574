/* open.c — models found by a word: a file, a run, a name of the zoo, or steps. */
#include "cli/open.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
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

oc_status oc__check_model_word(const char *word)
{
    return oc__names_new_model(word) || oc__names_file(word) ? OC_OK : unknown_model(word);
}

oc_status oc__read_input_shape(const char *text, oc_shape *out)
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

/* ---- names of classes ---------------------------------------------------------------------- */

enum { NAMES_BYTES_MAX = 1 << 26 };

/* Lines of one text, which is cut at their ends; NULL stands behind the last. */
struct class_names {
    char        *text;
    const char **name;
    int          n;
};

static oc_status cut_lines(struct class_names *names)
{
    for (const char *p = names->text; *p; p += *p == '\n') {
        p += strcspn(p, "\n");
        names->n++;
    }
    names->name = oc__alloc((size_t)names->n + 1, sizeof *names->name);
    if (!names->name)
        return OC_ELIMIT;
    char *rest = names->text;
    for (int i = 0; i < names->n; i++) {
        char *const line = strsep(&rest, "\n");
        line[strcspn(line, "\r")] = '\0';
        names->name[i] = line;
    }
    return OC_OK;
}

static oc_status read_names(struct class_names *names, const char *path)
{
    size_t n;
    if (!path)
        return OC_OK;
    TRY(oc__file_load(path, NAMES_BYTES_MAX, &names->text, &n));
    return cut_lines(names);
}

static void free_names(struct class_names *names)
{
    oc__free(names->text);
    oc__free(names->name);
}

/* ---- opening ------------------------------------------------------------------------------- */

static oc_status make_new(oc_model **out, const struct model_request *r, oc_model_options *o)
{
    o->architecture = r->word;
    if (!r->data) {
        o->classes = o->classes ? o->classes : 10;
        o->input = r->input ? o->input : OC_SHAPE(1, 28, 28);
    }
    return oc_model_new(out, o);
}

/* What a file of ours holds is not to be changed by words that are for new models. */
static oc_status load(oc_model **out, const struct model_request *r, const oc_model_options *o)
{
    if (!oc__names_file(r->word))
        return unknown_model(r->word);
    if (!oc__names_onnx(r->word) && (r->input || r->init || r->classes))
        return oc__fail(OC_EUSAGE, "%s: is a file and has its own input, classes and weights; "
                                   "those options are for new models", r->word);
    return oc_model_load(out, r->word, o);
}

static oc_status open_named(oc_model **out, const struct model_request *r,
                            const struct class_names *names)
{
    const bool is_new = oc__names_new_model(r->word);
    oc_model_options o = {
        .classes = names->n && (r->new_head || is_new) ? names->n : (int)r->classes,
        .class_name = names->name,
        .preparation = r->preparation,
        .init = r->init,
        .seed = (uint64_t)r->seed,
        .data = r->data,
    };
    if (r->input)
        TRY(oc__read_input_shape(r->input, &o.input));
    return is_new ? make_new(out, r, &o) : load(out, r, &o);
}

oc_status oc__open_model(oc_model **out, const struct model_request *r)
{
    struct class_names names = { 0 };
    *out = NULL;
    oc_status status = read_names(&names, r->class_file);
    if (status >= 0)
        status = open_named(out, r, &names);
    free_names(&names);
    if (status >= 0 && r->load)
        status = (r->adopt ? oc_model_adopt : oc_model_read)(*out, r->load);
    if (status < 0) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}
