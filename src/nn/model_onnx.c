/* model_onnx.c — a model written for others: as ONNX.
 *
 * What is written is what inference computes: one input x [n, c, h, w] and the results as they
 * leave the network, which are logits; softmax or sigmoid is the reader's.  The rest of what the
 * model knows is metadata under the names of its own file (model_file.c): classes, preparation,
 * task, loss, input and architecture.
 *
 * With its preparation the input is image, u8 [n, h, w, c], and x the value that the steps, as
 * nodes, make of it.  Metadata then says so, under ocellus.prepared: whoever prepares images by
 * himself begins at x. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "format/onnx_write.h"
#include "graph/graph.h"
#include "image/nodes.h"
#include "nn/model_text.h"
#include "op/op.h"

enum { OPSET = 17, OPSET_OF_PREPARATION = 13 };

static const char network_input[] = "x";

static oc_status write_graph(oc_model *m, oc_graph *g, int n, const oc_value *out,
                             const char *path, const oc_export_options *o)
{
    char name[1 + OUTPUTS_MAX][32];
    struct onnx_result result[1 + OUTPUTS_MAX];
    struct model_text text;
    struct onnx_property property[MODEL_TEXTS + 1];
    for (int i = 0; i < n; i++) {
        snprintf(name[i], sizeof name[i], i ? "logits%d" : "logits", i);
        result[i] = (struct onnx_result){ name[i], out[i] };
    }
    oc_status status = oc__model_text_make(&text, m);
    for (int i = 0; i < text.n; i++)
        property[i] = (struct onnx_property){ text.item[i].key, text.item[i].value };
    property[text.n] = (struct onnx_property){ PREPARED_KEY, network_input };
    const struct onnx_writing w = {
        .graph = g, .store = m->store, .opset = o->opset ? o->opset : OPSET, .name = m->task,
        .outputs = n, .output = result, .properties = text.n + o->with_preparation,
        .property = property,
    };
    if (!status)
        status = oc__onnx_write(path, &w, o->replace ? WRITE_REPLACE : WRITE_NEW);
    oc__model_text_free(&text);
    return status;
}

/* ---- preparation -------------------------------------------------------------------------- */

/* What the steps make of images [c, h, w]; true where it is what the network takes. */
static bool makes_input(const oc_model *m, const struct prepare_program *p, const oc_shape *image,
                        oc_shape *made)
{
    return oc__prepare_shape(p, image, made) == OC_OK && oc_shape_equal(made, &m->input);
}

/* Closes what the options leave open: the channels, and sides that no step brings to a size. */
static oc_status choose_image(const oc_model *m, const struct prepare_program *p, oc_shape *image)
{
    oc_shape made;
    if (image->rank != 3)
        *image = OC_SHAPE(0, 0, 0);
    if (image->dim[0] == 0) {
        image->dim[0] = 3;
        if (oc__prepare_shape(p, image, &made) || made.dim[0] != m->input.dim[0])
            image->dim[0] = m->input.dim[0];
    }
    TRY(oc__prepare_shape(p, image, &made));
    for (int i = 1; i < 3; i++)
        if ((made.dim[1] < 0 || made.dim[2] < 0) && image->dim[i] == 0)
            image->dim[i] = m->input.dim[i];
    if (image->dim[0] != 1 && image->dim[0] != 3)
        return oc__fail(OC_EUSAGE, "preparation as nodes: images of %lld channels: wants 1 or 3",
                        (long long)image->dim[0]);
    if (makes_input(m, p, image, &made))
        return OC_OK;
    TRY(oc__prepare_shape(p, image, &made));
    char of[OC_SHAPE_TEXT], is[OC_SHAPE_TEXT], wanted[OC_SHAPE_TEXT];
    return oc__fail(OC_EUSAGE, "preparation as nodes: of images %s it makes %s, and the network "
                               "takes %s", oc__shape_text(image, of), oc__shape_text(&made, is),
                    oc__shape_text(&m->input, wanted));
}

static oc_value image_input(oc_graph *g, int64_t batch, const oc_shape *image)
{
    const int64_t height = image->dim[1] ? image->dim[1] : oc_symbol(g, "H");
    const int64_t width = image->dim[2] ? image->dim[2] : oc_symbol(g, "W");
    return oc_input(g, "image", OC_U8, OC_SHAPE(batch, height, width, image->dim[0]));
}

/* The input, and behind it the preparation. */
static oc_status build_prepared(const oc_model *m, oc_graph *g, int64_t batch, oc_shape image,
                                oc_value *x)
{
    struct prepare_program *p;
    TRY(oc__prepare_parse(&p, m->preparation));
    oc_status status = choose_image(m, p, &image);
    if (!status)
        status = oc__prepare_nodes(p, g, image_input(g, batch, &image), &m->input, x);
    if (!status)
        oc__value(g, *x)->name = network_input;
    oc__prepare_free(p);
    return status;
}

static oc_status build_input(const oc_model *m, oc_graph *g, const oc_export_options *o,
                             oc_value *x)
{
    const int64_t batch = o->batch ? o->batch : oc_symbol(g, "N");
    if (o->with_preparation && o->opset && o->opset < OPSET_OF_PREPARATION)
        return oc__fail(OC_EUSAGE, "preparation as nodes: opset %lld: wants %d or later",
                        (long long)o->opset, OPSET_OF_PREPARATION);
    if (o->with_preparation)
        return build_prepared(m, g, batch, o->image, x);
    *x = oc__model_input(m, g, batch);
    return OC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

oc_status oc_model_export(oc_model *m, const char *path, const oc_export_options *options)
{
    const oc_export_options o = options ? *options : (oc_export_options){ 0 };
    oc_value x, out[1 + OUTPUTS_MAX];
    oc_graph *g;
    TRY(oc_graph_new(&g, m->store));
    oc_status status = build_input(m, g, &o, &x);
    const int n = status ? 0 : oc_model_build_all(m, g, x, out);
    if (!status)
        status = oc_graph_check(g);
    if (!status)
        status = write_graph(m, g, n, out, path, &o);
    oc_graph_free(g);
    return status;
}
