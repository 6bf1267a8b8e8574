/* foreign_model.c — see foreign_model.h. */
#include "cli/foreign_model.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

enum { CLASSES_MAX = 1 << 20, NAMES_BYTES_MAX = 1 << 26 };

/* Names as lines of one text, which is cut at their ends. */
struct class_names {
    char        *text;
    const char **name;
    int          n;
};

static void free_names(struct class_names *names)
{
    oc__free(names->text);
    oc__free(names->name);
}

static oc_status cut_lines(struct class_names *names, int wanted, const char *from)
{
    names->name = oc__alloc((size_t)wanted, sizeof *names->name);
    if (!names->name)
        return OC_ELIMIT;
    for (char *at = names->text; *at; names->n++) {
        char *const end = at + strcspn(at, "\n");
        char *const next = end + (*end == '\n');
        *end = '\0';
        if (end > at && end[-1] == '\r')
            end[-1] = '\0';
        if (names->n < wanted)
            names->name[names->n] = at;
        at = next;
    }
    return names->n == wanted ? OC_OK
                              : oc__fail(OC_EUSAGE, "%s: %d names for %d classes", from, names->n,
                                         wanted);
}

/* From the file, or else from the model's metadata; none leaves the names NULL. */
static oc_status read_names(struct class_names *names, const struct foreign_request *r,
                            const oc_onnx *onnx, int wanted)
{
    const char *const own = oc_onnx_metadata(onnx, "ocellus.classes");
    size_t n;
    if (r->classes) {
        TRY(oc__file_load(r->classes, NAMES_BYTES_MAX, &names->text, &n));
        return cut_lines(names, wanted, r->classes);
    }
    if (!own)
        return OC_OK;
    names->text = oc__strdup(own);
    return names->text ? cut_lines(names, wanted, r->path) : OC_ELIMIT;
}

/* [c, h, w]: the file's own input; what it leaves open is as the preparation makes it. */
static oc_status input_shape(oc_shape *out, oc_onnx *onnx, const struct foreign_request *r,
                             const char *preparation)
{
    if (oc_onnx_inputs(onnx) != 1)
        return oc__fail(OC_EUSAGE, "%s: has %d inputs: only a model of one looks at images",
                        r->path, oc_onnx_inputs(onnx));
    const oc_shape whole = oc_value_shape(oc_onnx_graph(onnx), oc_onnx_input(onnx, 0));
    if (whole.rank != 4)
        return oc__fail(OC_EUSAGE, "%s: its input is no batch of images", r->path);
    TRY(oc_preparation_shape(preparation, NULL, out));
    for (int i = 0; i < 3; i++)
        if (whole.dim[i + 1] > 0)
            out->dim[i] = whole.dim[i + 1];
    return OC_OK;
}

/* Of [n, classes], or of that with ones behind it. */
static oc_status count_classes(int *out, oc_onnx *onnx, const struct foreign_request *r)
{
    const oc_shape y = oc_value_shape(oc_onnx_graph(onnx), oc_onnx_output(onnx, 0, NULL));
    bool good = y.rank > 1 && y.dim[1] > 0 && y.dim[1] <= CLASSES_MAX;
    for (int i = 2; i < y.rank; i++)
        good &= y.dim[i] == 1;
    *out = good ? (int)y.dim[1] : 0;
    return good ? OC_OK : oc__fail(OC_EUSAGE, "%s: its first output is no list of classes",
                                   r->path);
}

static oc_status make(oc_model **out, oc_onnx *onnx, const struct foreign_request *r,
                      struct class_names *names)
{
    const char *const own = oc_onnx_metadata(onnx, "ocellus.preparation");
    oc_model_options o = { .preparation = r->preparation ? r->preparation : own ? own : "scale" };
    TRY(input_shape(&o.input, onnx, r, o.preparation));
    TRY(count_classes(&o.classes, onnx, r));
    TRY(read_names(names, r, onnx, o.classes));
    o.class_name = names->name;
    TRY(oc_model_new(out, &o));
    return oc_model_add_function(*out, "onnx", oc_onnx_logits, onnx);
}

oc_status oc__foreign_model(oc_model **out, oc_onnx **onnx, const struct foreign_request *r)
{
    struct class_names names = { 0 };
    *out = NULL;
    TRY(oc_onnx_load(onnx, r->path, NULL));
    const oc_status status = make(out, *onnx, r, &names);
    free_names(&names);
    if (status < 0) {
        oc_model_free(*out);
        oc_onnx_free(*onnx);
        *out = NULL;
        *onnx = NULL;
    }
    return status;
}
