/* shape.c — layers without parameters that are more than one function of each number. */
#include "nn/layer.h"

static oc_value flatten_build(oc_graph *g, oc_value x, const void *attr,
                              const struct layer_context *c)
{
    (void)attr, (void)c;
    return oc_apply(g, "Flatten", 1, &x, "axis=1");
}

const struct layer oc__layer_flatten = {
    .entry = { .name = "flatten", .summary = "[n, c, h, w] to [n, c h w]" }, .build = flatten_build,
};

/* Srivastava et al., 2014, in the form that scales in training by 1 / (1 - p). */
struct dropout_layer { double p; };
static const struct attr dropout_attrs[] = {
    ATTR_RANGE(struct dropout_layer, FLOAT, p, "0.5", "probability of becoming zero in training", 0,
               0.999999),
    { 0 }
};

static oc_value dropout_build(oc_graph *g, oc_value x, const void *attr,
                              const struct layer_context *c)
{
    (void)c;
    return oc_apply(g, "Dropout", 1, &x, "p=%.17g", ((const struct dropout_layer *)attr)->p);
}

const struct layer oc__layer_dropout = {
    .entry = { "dropout", "zeroes numbers at random in training", dropout_attrs,
               sizeof(struct dropout_layer) },
    .build = dropout_build,
};

static oc_value softmax_build(oc_graph *g, oc_value x, const void *attr,
                              const struct layer_context *c)
{
    (void)attr, (void)c;
    return oc_softmax(g, x);
}

const struct layer oc__layer_softmax = {
    .entry = { .name = "softmax", .summary = "exp(x) / sum of exp(x) over the last dimension" },
    .build = softmax_build,
};
