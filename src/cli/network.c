/* network.c — see network.h. */
#include "cli/network.h"

#include <string.h>

#include "base/file.h"
#include "base/status.h"

static oc_status check_counts(const char *word, int inputs, int outputs)
{
    if (inputs <= NETWORK_MAX && outputs <= NETWORK_MAX)
        return OC_OK;
    return oc__fail(OC_ELIMIT, "%s: more than %d inputs or outputs", word, NETWORK_MAX);
}

static oc_status open_onnx(struct network *n, const struct model_request *r, int64_t batch)
{
    oc_onnx_options options = { .batch = batch };
    if (r->input)
        TRY(oc__read_input_shape(r->input, &options.sample));
    TRY(oc_onnx_load(&n->onnx, r->word, &options));
    n->graph = oc_onnx_graph(n->onnx);
    n->store = oc_onnx_store(n->onnx);
    TRY(check_counts(r->word, oc_onnx_inputs(n->onnx), oc_onnx_outputs(n->onnx)));
    n->inputs = oc_onnx_inputs(n->onnx);
    n->outputs = oc_onnx_outputs(n->onnx);
    for (int i = 0; i < n->inputs; i++)
        n->input[i] = oc_onnx_input(n->onnx, i);
    for (int i = 0; i < n->outputs; i++)
        n->output[i] = oc_onnx_output(n->onnx, i, &n->name[i]);
    return OC_OK;
}

static oc_status open_model(struct network *n, const struct model_request *r, int64_t batch)
{
    TRY(oc__open_model(&n->model, r));
    n->store = oc_model_store(n->model);
    TRY(oc_graph_new(&n->graph, n->store));
    oc_shape x = oc_model_input(n->model);
    memmove(x.dim + 1, x.dim, (size_t)x.rank * sizeof *x.dim);
    x.dim[0] = batch ? batch : oc_symbol(n->graph, "N");
    x.rank++;
    n->inputs = 1;
    n->input[0] = oc_input(n->graph, "x", OC_F32, x);
    TRY(check_counts(r->word, 1, oc_model_outputs(n->model)));
    n->outputs = oc_model_build_all(n->model, n->graph, n->input[0], n->output);
    for (int i = 0; i < n->outputs; i++)
        n->name[i] = i ? oc_value_name(n->graph, n->output[i]) : "logits";
    return oc_graph_check(n->graph);
}

oc_status oc__network_open(struct network *n, const struct model_request *r, int64_t batch)
{
    *n = (struct network){ 0 };
    return oc__names_onnx(r->word) ? open_onnx(n, r, batch) : open_model(n, r, batch);
}

void oc__network_close(struct network *n)
{
    if (!n->onnx)
        oc_graph_free(n->graph);
    oc_onnx_free(n->onnx);
    oc_model_free(n->model);
    *n = (struct network){ 0 };
}

oc_value oc__network_value(const struct network *n, const char *name)
{
    for (int i = 0; i < n->outputs; i++)
        if (!strcmp(n->name[i], name))
            return n->output[i];
    return n->onnx ? oc_onnx_value(n->onnx, name) : oc_value_find(n->graph, name);
}
