/* onnx_layers.c — what ONNX lets layers ask for besides the tables: ConvTranspose by the size of
 * its result, BatchNormalization by the batch itself, and forms before opset 7. */
#include <string.h>

#include "op/attributes.h"
#include "op/compose.h"
#include "op/onnx.h"

/* ---- ConvTranspose ------------------------------------------------------------------------ */

/* Element i of a list of the node, or what holds where there is none; the list is not yet used. */
static int64_t at(const struct onnx_node *n, const char *name, int i, int64_t otherwise)
{
    for (int k = 0; k < n->attrs; k++)
        if (!strcmp(n->attr[k].name, name) && n->attr[k].type == ONNX_INTS && i < n->attr[k].n)
            return n->attr[k].ints[i];
    return otherwise;
}

static void use(struct onnx_node *n, const char *name)
{
    for (int i = 0; i < n->attrs; i++)
        n->attr[i].used |= !strcmp(n->attr[i].name, name);
}

/* How much larger than wanted the result would be, dimension by dimension. */
static oc_status surplus(struct onnx_node *n, const struct onnx_attr *wanted, int64_t *total)
{
    const oc_shape x = oc_value_shape(n->g, n->in[0]), w = oc_value_shape(n->g, n->in[1]);
    const int dims = x.rank - 2;
    if (dims < 1 || w.rank != x.rank || wanted->n < dims || 2 * dims > ATTR_INTS_MAX)
        return oc__fail(OC_EINPUT, "attribute output_shape: %d numbers for rank %d", wanted->n,
                        x.rank);
    for (int i = 0; i < dims; i++) {
        if (x.dim[2 + i] < 0 || w.dim[2 + i] < 0)
            return oc__fail(OC_EINPUT, "attribute output_shape: wants an input of known shape");
        total[i] = at(n, "strides", i, 1) * (x.dim[2 + i] - 1) + at(n, "output_padding", i, 0) +
                   (w.dim[2 + i] - 1) * at(n, "dilations", i, 1) + 1 -
                   wanted->ints[wanted->n - dims + i];
    }
    return OC_OK;
}

/* The size of the result follows from padding, which takes the surplus away, or where there is too
 * little from output_padding. */
static oc_status build_conv_transpose(struct onnx_node *n)
{
    struct onnx_attr *const wanted = (struct onnx_attr *)(uintptr_t)
        oc__onnx_attr(n, "output_shape", ONNX_INTS);
    int64_t total[OC_MAX_RANK] = { 0 };
    int over = 0, under = 0;
    if (!wanted)
        return oc__onnx_apply(n, &oc__op_conv_transpose, NULL);
    if (n->n_in < 2)
        return oc__fail(OC_EINPUT, "%d inputs where 2 are wanted", n->n_in);
    TRY(surplus(n, wanted, total));
    const bool upper = !strcmp(oc__onnx_text(n, "auto_pad", "NOTSET"), "SAME_UPPER");
    const int dims = oc_value_shape(n->g, n->in[0]).rank - 2;
    int64_t *const v = oc__pool_alloc(&n->g->pool, 2 * (size_t)dims * sizeof *v);
    if (!v)
        return OC_ELIMIT;
    for (int i = 0; i < dims; i++) {
        over += total[i] > 0;
        under += total[i] < 0;
    }
    if (over && under)
        return oc__fail(OC_EINPUT, "attribute output_shape: is more along one dimension, and less "
                                   "along another");
    for (int i = 0; i < dims; i++) {
        const int64_t half = total[i] / 2;
        v[i] = under ? -total[i] : upper ? half : total[i] - half;
        v[dims + i] = upper ? total[i] - half : half;
    }
    const char *const replaced = under ? "output_padding" : "pads";
    use(n, "pads");
    if (under)
        use(n, "output_padding");
    *wanted = (struct onnx_attr){ .name = replaced, .type = ONNX_INTS, .ints = v,
                                  .n = under ? dims : 2 * dims };
    return oc__onnx_apply(n, &oc__op_conv_transpose, NULL);
}

/* ---- BatchNormalization ------------------------------------------------------------------- */

/* Numbers per channel stretched over x. */
static oc_value per_channel(oc_graph *g, oc_value v, int rank)
{
    struct ints shape = { .n = rank };
    for (int i = 0; i < rank; i++)
        shape.v[i] = i == 1 ? -1 : 1;
    return oc__reshaped(g, v, shape);
}

/* running m + batch (1 - m), as a list of channels. */
static oc_value follow(oc_graph *g, oc_value running, oc_value batch, double momentum)
{
    const oc_value new = oc__scaled(g, oc__reshaped(g, batch, INTS(-1)), 1 - momentum);
    return oc_add(g, oc__scaled(g, running, momentum), new);
}

/* In training_mode by the batch's own statistics, whatever a session is for. */
static oc_status build_batch_normalization(struct onnx_node *n)
{
    static const struct onnx_form form = {
        .preset = "momentum=0.9 convention=onnx", .ignore = "spatial is_test",
    };
    oc_graph *const g = n->g;
    if (!oc__onnx_int(n, "training_mode", 0) || n->n_in != 5)
        return oc__onnx_apply(n, &oc__op_batch_normalization, &form);
    const double epsilon = oc__onnx_float(n, "epsilon", 1e-5);
    const double momentum = oc__onnx_float(n, "momentum", 0.9);
    const oc_value x = n->in[0];
    const int rank = oc__shape_of(g, x).rank;
    struct ints axes = { 0 };
    if (rank < 2)
        return oc__fail(OC_EINPUT, "attribute training_mode: wants an input of known rank");
    for (int i = 0; i < rank; i++)
        if (i != 1)
            axes.v[axes.n++] = i;
    const oc_value mean = oc__reduced(g, &oc__op_reduce_mean, x, axes);
    const oc_value middle = oc_sub(g, x, mean);
    const oc_value var = oc__reduced(g, &oc__op_reduce_mean, oc_mul(g, middle, middle), axes);
    const oc_value lifted = oc_add(g, var, oc__scalar_like(g, epsilon, var));
    const oc_value plain = oc_div(g, middle, oc__apply(g, &oc__op_sqrt, NULL, OC_IN(lifted)));
    n->out[0] = oc_add(g, oc_mul(g, plain, per_channel(g, n->in[1], rank)),
                       per_channel(g, n->in[2], rank));
    n->out[1] = follow(g, n->in[3], mean, momentum);
    n->out[2] = follow(g, n->in[4], var, momentum);
    return OC_OK;
}

/* ---- before opset 7 ----------------------------------------------------------------------- */

/* A slope per channel was not stretched from the last dimension on. */
static oc_status build_prelu(struct onnx_node *n)
{
    struct ints axes = { 0 };
    if (n->n_in == 2 && oc__shape_of(n->g, n->in[1]).rank == 1) {
        for (int i = 1; i < oc__shape_of(n->g, n->in[0]).rank - 1; i++)
            axes.v[axes.n++] = i;
        if (axes.n)
            n->in[1] = oc__unsqueezed(n->g, n->in[1], axes);
    }
    return oc__onnx_apply(n, &oc__op_prelu, NULL);
}

const struct onnx_form oc__onnx_conv_transpose = {
    .op = "ConvTranspose", .build = build_conv_transpose
};
const struct onnx_form oc__onnx_batch_normalization = {
    .op = "BatchNormalization", .build = build_batch_normalization
};
const struct onnx_form oc__onnx_prelu_before_7 = {
    .op = "PRelu", .until = 6, .build = build_prelu
};
const struct onnx_form oc__onnx_dft_before_20 = {
    .op = "DFT", .until = 19, .preset = "axis=1"
};
const struct onnx_form oc__onnx_gemm_before_7 = {
    .op = "Gemm", .until = 6, .ignore = "broadcast"
};
