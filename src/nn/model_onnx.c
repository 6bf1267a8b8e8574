/* model_onnx.c — a model written for others: as ONNX.
 *
 * What is written is what inference computes: one input x [n, c, h, w] and the results as they
 * leave the network, which are logits; softmax or sigmoid is the reader's.  The rest of what the
 * model knows is metadata under the names of its own file (model_file.c): classes, preparation,
 * task, loss, input and architecture. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "format/onnx_write.h"
#include "graph/graph.h"
#include "nn/model_text.h"

enum { OPSET = 17 };

static oc_status write_graph(oc_model *m, oc_graph *g, int n, const oc_value *out,
                             const char *path, const oc_export_options *o)
{
    char name[1 + OUTPUTS_MAX][32];
    struct onnx_result result[1 + OUTPUTS_MAX];
    struct model_text text;
    struct onnx_property property[MODEL_TEXTS];
    for (int i = 0; i < n; i++) {
        snprintf(name[i], sizeof name[i], i ? "logits%d" : "logits", i);
        result[i] = (struct onnx_result){ name[i], out[i] };
    }
    oc_status status = oc__model_text_make(&text, m);
    for (int i = 0; i < text.n; i++)
        property[i] = (struct onnx_property){ text.item[i].key, text.item[i].value };
    const struct onnx_writing w = {
        .graph = g, .store = m->store, .opset = o->opset ? o->opset : OPSET, .name = m->task,
        .outputs = n, .output = result, .properties = text.n, .property = property,
    };
    if (!status)
        status = oc__onnx_write(path, &w, o->replace ? WRITE_REPLACE : WRITE_NEW);
    oc__model_text_free(&text);
    return status;
}

oc_status oc_model_export(oc_model *m, const char *path, const oc_export_options *options)
{
    const oc_export_options o = options ? *options : (oc_export_options){ 0 };
    oc_value out[1 + OUTPUTS_MAX];
    oc_graph *g;
    TRY(oc_graph_new(&g, m->store));
    const int64_t batch = o.batch ? o.batch : oc_symbol(g, "N");
    const int n = oc_model_build_all(m, g, oc__model_input(m, g, batch), out);
    oc_status status = oc_graph_check(g);
    if (!status)
        status = write_graph(m, g, n, out, path, &o);
    oc_graph_free(g);
    return status;
}
