/* rewrite.c — the rewrites, one function each, and their table.
 *
 * Order matters: what does nothing goes first, then training-only nodes take their inference form,
 * then constants are computed, then chains are fused.  A chain is fused only where the value
 * between its links has no other consumer; in training that holds for activations whose gradient
 * reads their result. */
#include "graph/rewrite.h"

#include <string.h>
#include "op/conv.h"
#include "op/gemm.h"
#include "op/norm.h"
#include "op/op.h"

enum { FOLD_LIMIT = 1 << 20 };                          /* elements of a constant worth keeping */

/* ---- what does nothing -------------------------------------------------------------------- */

static bool pass_through(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    (void)b;
    for (int k = 0; k < n->n_out; k++)
        out[k] = in[k];
    return true;
}

static bool drop_dropout(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    return b->options->mode == OC_INFER && pass_through(b, n, in, out);
}

/* An operator that only changes a shape or a type vanishes where there is nothing to change. */
static bool drop_same(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    static const char *const names[] = {
        "Cast",      "Expand",  "ExpandTo", "Flatten",   "Reshape",
        "ReshapeTo", "Squeeze", "SumTo",    "Unsqueeze", NULL,
    };
    const char *const *name = names;
    while (*name && strcmp(*name, n->op->entry.name))
        name++;
    if (!*name || b->to->status)
        return false;
    const int nodes = b->to->nodes, values = b->to->values;
    const oc_value y = oc__bind_copy(b, n, in);
    if (y.id <= 0)
        return false;
    const struct value *from = oc__value(b->to, in[0]), *to = oc__value(b->to, y);
    const bool same = from->dtype == to->dtype && oc_shape_equal(&from->shape, &to->shape);
    if (same) {                                         /* take the trial back */
        b->to->nodes = nodes;
        b->to->values = values;
    }
    out[0] = same ? in[0] : y;
    return true;
}

/* ---- constants ---------------------------------------------------------------------------- */

static bool fold_constant(struct binding *b, const struct node *n, const oc_value *in,
                          oc_value *out)
{
    if (!oc__is_constant(b->to, n->op, n->n_in, in))
        return false;
    const oc_value y = oc__bind_copy(b, n, in);
    if (y.id <= 0)
        return false;
    struct node *made = oc__maker(b->to, y);
    int64_t elements = 0;
    for (int k = 0; k < made->n_out; k++) {
        out[k] = (oc_value){ y.id + k };
        elements += oc_shape_count(&oc__value(b->to, out[k])->shape);
    }
    if (elements > FOLD_LIMIT)
        return true;
    if (!oc__evaluate(b->to))
        oc__graph_fail(b->to, OC_ELIMIT, "the graph is out of memory");
    return true;
}

/* ---- fusion ------------------------------------------------------------------------------- */

/* The node that made the copy `v` of the original `original`, if it is one of these operators and
 * nothing else reads its result. */
static struct node *sole_maker(const struct binding *b, oc_value original, oc_value v,
                               const char *const *ops)
{
    struct node *n = v.id > 0 ? oc__maker(b->to, v) : NULL;
    if (!n || b->uses[original.id] != 1 || n->out.id != v.id)
        return NULL;
    for (; *ops; ops++)
        if (!strcmp(*ops, n->op->entry.name))
            return n;
    return NULL;
}

static bool is_weight(const struct binding *b, oc_value v)
{
    return !oc__is_none(v) && oc__value(b->to, v)->kind != VALUE_INPUT &&
           oc__value(b->to, v)->kind != VALUE_RESULT;
}

/* y = scale (conv(x, w) + b - mean) / sqrt(var + eps) + bias is a convolution with other
 * weights. */
static bool fuse_norm(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    static const char *const conv[] = { "Conv", NULL };
    if (b->options->mode != OC_INFER)
        return false;
    const struct node *c = sole_maker(b, n->in[0], in[0], conv);
    if (!c || !is_weight(b, c->in[1]))
        return false;
    oc_graph *g = b->to;
    const struct conv attr = *(const struct conv *)c->attr;
    const oc_value x = c->in[0], w = c->in[1], bias = c->n_in > 2 ? c->in[2] : OC_NONE;
    const oc_shape ws = oc__value(g, w)->shape;
    const double epsilon = ((const struct batch_norm *)n->attr)->epsilon;
    const oc_value e = oc_apply(g, "Cast", 1, (oc_value[]){ oc_scalar(g, epsilon) }, "to=%s",
                                oc_dtype_name(b->options->precision));
    const oc_value deviation = oc__apply(g, &oc__op_sqrt, NULL, OC_IN(oc_add(g, in[4], e)));
    const oc_value s = oc_div(g, in[1], deviation);
    const oc_value column = oc_apply(g, "Reshape", 1, &s, "shape=%lld%s", (long long)ws.dim[0],
                                     ws.rank == 4 ? ",1,1,1" : ws.rank == 3 ? ",1,1" : ",1,1,1,1");
    const oc_value centred =
        oc__is_none(bias) ? oc__apply(g, &oc__op_neg, NULL, OC_IN(in[3])) : oc_sub(g, bias, in[3]);
    const oc_value shift = oc_add(g, oc_mul(g, centred, s), in[2]);
    out[0] = oc__apply(g, &oc__op_conv, &attr, OC_IN(x, oc_mul(g, w, column), shift));
    return true;
}

static double number(const struct node *n, const char *name)
{
    for (const struct attr *a = n->op->entry.attrs; name && a && a->name; a++)
        if (!strcmp(a->name, name) && a->type == ATTR_FLOAT)
            return *(const double *)(const void *)((const char *)n->attr + a->offset);
    return 0;
}

static const struct fusable {
    const char *op;
    enum activation_kind kind;
    const char *alpha, *beta;
} fusable[] = {
    { "Relu", ACTIVATION_RELU, NULL, NULL },
    { "LeakyRelu", ACTIVATION_LEAKY_RELU, "alpha", NULL },
    { "Clip", ACTIVATION_CLIP, "min", "max" },
    { "Sigmoid", ACTIVATION_SIGMOID, NULL, NULL },
    { "Tanh", ACTIVATION_TANH, NULL, NULL },
    { "HardSwish", ACTIVATION_HARD_SWISH, NULL, NULL },
    { "HardSigmoid", ACTIVATION_HARD_SIGMOID, "alpha", "beta" },
    { "Elu", ACTIVATION_ELU, "alpha", NULL },
    { NULL, ACTIVATION_NONE, NULL, NULL },
};

static bool fuse_activation(struct binding *b, const struct node *n, const oc_value *in,
                            oc_value *out)
{
    static const char *const makers[] = { "Conv", "Gemm", "FusedConv", NULL };
    const struct fusable *f = fusable;
    while (f->op && strcmp(f->op, n->op->entry.name))
        f++;
    const struct node *m = f->op ? sole_maker(b, n->in[0], in[0], makers) : NULL;
    if (!m)
        return false;
    const struct activation a = { (int)f->kind, number(n, f->alpha), number(n, f->beta) };
    if (!strcmp(m->op->entry.name, "Gemm")) {
        struct gemm attr = *(const struct gemm *)m->attr;
        attr.activation = a;
        out[0] = oc__apply(b->to, &oc__op_fused_gemm, &attr, m->n_in, m->in);
        return true;
    }
    struct conv attr = *(const struct conv *)m->attr;
    if (attr.activation.kind != ACTIVATION_NONE)
        return false;
    attr.activation = a;
    out[0] = oc__apply(b->to, &oc__op_fused_conv, &attr, m->n_in, m->in);
    return true;
}

/* conv(x, w, b) + z, z of the same shape: the sum at the end of a residual block. */
static bool fuse_sum(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    static const char *const conv[] = { "Conv", NULL };
    if (b->options->mode != OC_INFER || n->n_in != 2)
        return false;
    for (int i = 1; i >= 0; i--) {
        const struct node *c = sole_maker(b, n->in[i], in[i], conv);
        if (!c || in[0].id < 0 || in[1].id < 0 || in[0].id == in[1].id ||
            !oc_shape_equal(&oc__value(b->to, in[0])->shape, &oc__value(b->to, in[1])->shape))
            continue;
        const struct conv attr = *(const struct conv *)c->attr;
        const oc_value bias = c->n_in > 2 ? c->in[2] : OC_NONE;
        out[0] =
            oc__apply(b->to, &oc__op_fused_conv, &attr, OC_IN(c->in[0], c->in[1], bias, in[1 - i]));
        return true;
    }
    return false;
}

/* ---- inference forms ---------------------------------------------------------------------- */

static bool norm_in_inference(struct binding *b, const struct node *n, const oc_value *in,
                              oc_value *out)
{
    if (b->options->mode != OC_INFER)
        return false;
    const struct op *inference = &oc__op_batch_normalization_inference;
    if (!fuse_norm(b, n, in, out))
        out[0] = oc__apply(b->to, inference, n->attr, 5, in);
    out[1] = in[3];                                     /* running statistics stay as they are */
    out[2] = in[4];
    for (int k = 3; k < n->n_out; k++)
        out[k] = OC_FAILED;                         /* the batch's own are read by gradients only */
    return true;
}

const struct rewrite oc__rewrites[] = {
    { "Identity", pass_through },
    { "Bundle", pass_through },
    { "Dropout", drop_dropout },
    { "BatchNormalization", norm_in_inference },
    { NULL, fold_constant },
    { NULL, drop_same },
    { "BatchNormalizationInference", fuse_norm },
    { "Add", fuse_sum },
    { NULL, fuse_activation },
    { NULL, NULL },
};
