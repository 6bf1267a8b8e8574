/* activation.c — layers that are one function of each number.
 *
 * Those without settings are rows of a table, and so are those with a slope.  Defaults are
 * PyTorch's, where they differ from ONNX's. */
#include <stdio.h>

#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

/* ROW(layer, operator, formula, the operator's attributes) */
#define ROW(id, op, summary_, attributes)                                                      \
    static oc_value id##_build(oc_graph *g, oc_value x, const void *attr,                      \
                               const struct layer_context *c)                                  \
    {                                                                                          \
        (void)attr, (void)c;                                                                   \
        return oc_apply(g, op, 1, &x, attributes);                                             \
    }                                                                                          \
    const struct layer oc__layer_##id = {                                                      \
        .entry = { .name = #id, .summary = summary_ }, .build = id##_build,                    \
    };

/* clang-format off */
ROW(relu,        "Relu",        "max(x, 0)",                         NULL)
ROW(relu6,       "Clip",        "min(max(x, 0), 6)",                 "min=0 max=6")
ROW(sigmoid,     "Sigmoid",     "1 / (1 + exp(-x))",                 NULL)
ROW(tanh,        "Tanh",        "tanh(x)",                           NULL)
ROW(selu,        "Selu",        "1.0507 (x, or 1.6733 (exp(x) - 1) below zero)", NULL)
ROW(softplus,    "Softplus",    "log(1 + exp(x))",                   NULL)
ROW(mish,        "Mish",        "x tanh(log(1 + exp(x)))",           NULL)
ROW(hardswish,   "HardSwish",   "x min(max(x / 6 + 1/2, 0), 1)",     NULL)
ROW(hardsigmoid, "HardSigmoid", "min(max(x / 6 + 1/2, 0), 1)", "alpha=0.16666666666666666 beta=0.5")
/* clang-format on */
#undef ROW

struct slope { double alpha; };

/* ROW(layer, operator, formula, default slope) */
#define ROW(id, op, summary_, preset)                                                          \
    static const struct attr id##_attrs[] = {                                                  \
        ATTR(struct slope, FLOAT, alpha, preset, "factor below zero"), { 0 }                   \
    };                                                                                         \
    static oc_value id##_build(oc_graph *g, oc_value x, const void *attr,                      \
                               const struct layer_context *c)                                  \
    {                                                                                          \
        (void)c;                                                                               \
        return oc_apply(g, op, 1, &x, "alpha=%.17g", ((const struct slope *)attr)->alpha);     \
    }                                                                                          \
    const struct layer oc__layer_##id = {                                                      \
        .entry = { #id, summary_, id##_attrs, sizeof(struct slope) }, .build = id##_build,     \
    };

ROW(leakyrelu, "LeakyRelu", "x, or alpha x below zero", "0.01")
ROW(elu, "Elu", "x, or alpha (exp(x) - 1) below zero", "1")
#undef ROW

static oc_value silu_build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    (void)attr, (void)c;
    return oc_mul(g, x, oc_sigmoid(g, x));
}

const struct layer oc__layer_silu = {
    .entry = { .name = "silu", .summary = "x / (1 + exp(-x))" }, .build = silu_build,
};

struct gelu_layer { int approximate; };
static const char *const gelu_forms[] = { "none", "tanh", NULL };
static const struct attr gelu_attrs[] = {
    ATTR_WORDS(struct gelu_layer, approximate, "none", "the formula's approximation", gelu_forms),
    { 0 }
};

static oc_value gelu_build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    (void)c;
    const int form = ((const struct gelu_layer *)attr)->approximate;
    return oc_apply(g, "Gelu", 1, &x, "approximate=%s", gelu_forms[form]);
}

const struct layer oc__layer_gelu = {
    .entry = { "gelu", "x Phi(x), Phi the normal distribution", gelu_attrs,
               sizeof(struct gelu_layer) },
    .build = gelu_build,
};

/* One slope for all channels, as PyTorch's default. */
struct prelu_layer { double init; char name[ATTR_TEXT_MAX]; };
static const struct attr prelu_attrs[] = {
    ATTR(struct prelu_layer, FLOAT, init, "0.25", "the slope at first"),
    ATTR(struct prelu_layer, TEXT, name, NULL, "begins the parameter's name"),
    { 0 }
};

static oc_value prelu_build(oc_graph *g, oc_value x, const void *attr,
                            const struct layer_context *c)
{
    char init[ATTR_TEXT_MAX], number[32];
    snprintf(init, sizeof init, "constant %s",
             oc__double_text(((const struct prelu_layer *)attr)->init, number));
    const oc_value slope = oc__layer_weight(g, c, OC_SHAPE(1), init);
    return oc_apply(g, "PRelu", 2, (oc_value[]){ x, slope }, NULL);
}

const struct layer oc__layer_prelu = {
    .entry = { "prelu", "x, or w x below zero, w learned", prelu_attrs,
               sizeof(struct prelu_layer) },
    .build = prelu_build,
};
