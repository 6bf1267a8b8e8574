/* pool.c — pooling layers over images [n, c, h, w].  Without a stride, windows do not overlap. */
#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { WINDOW_MAX = 4096 };

struct pool_layer {
    struct ints kernel, stride, padding;
    bool        ceil, count_padding;
};

#define POOL_ATTRS                                                                              \
    ATTR_RANGE(struct pool_layer, INTS, kernel, "2", "size of the window", 1, WINDOW_MAX),      \
    ATTR_RANGE(struct pool_layer, INTS, stride, NULL, "step of the window; none: its size", 1,  \
               WINDOW_MAX),                                                                     \
    ATTR_RANGE(struct pool_layer, INTS, padding, "0", "around the image", 0, WINDOW_MAX),       \
    ATTR(struct pool_layer, BOOL, ceil, "false", "rounds the size of the result up")

static const struct attr maxpool_attrs[] = { POOL_ATTRS, { 0 } };
static const struct attr avgpool_attrs[] = {
    POOL_ATTRS,
    ATTR(struct pool_layer, BOOL, count_padding, "true", "padding counts in the mean, as zeros"),
    { 0 }
};

static oc_status ready(void *attr, const char *where, int classes)
{
    const struct pool_layer *a = attr;
    (void)classes;
    TRY(oc__layer_pair(&a->kernel, where, "kernel"));
    TRY(oc__layer_pair(&a->padding, where, "padding"));
    return a->stride.n ? oc__layer_pair(&a->stride, where, "stride") : OC_OK;
}

static oc_value apply(oc_graph *g, const char *op, oc_value x, const struct pool_layer *a,
                      const char *more)
{
    const struct ints *k = &a->kernel, *s = a->stride.n ? &a->stride : k, *p = &a->padding;
    const oc_shape shape = oc_value_shape(g, x);
    char text[OC_SHAPE_TEXT];
    if (shape.rank != 4)
        return oc__graph_fail(g, OC_EUSAGE, "the input is %s, not images [n, c, h, w]",
                              oc__shape_text(&shape, text));
    return oc_apply(g, op, 1, &x,
                    "kernel_shape=%lld,%lld strides=%lld,%lld pads=%lld,%lld,%lld,%lld "
                    "ceil_mode=%s %s",
                    (long long)oc__pair_at(k, 0), (long long)oc__pair_at(k, 1),
                    (long long)oc__pair_at(s, 0), (long long)oc__pair_at(s, 1),
                    (long long)oc__pair_at(p, 0), (long long)oc__pair_at(p, 1),
                    (long long)oc__pair_at(p, 0), (long long)oc__pair_at(p, 1),
                    a->ceil ? "true" : "false", more);
}

static oc_value build_max(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    (void)c;
    return apply(g, "MaxPool", x, attr, "");
}

static oc_value build_average(oc_graph *g, oc_value x, const void *attr,
                              const struct layer_context *c)
{
    const struct pool_layer *a = attr;
    (void)c;
    return apply(g, "AveragePool", x, a,
                 a->count_padding ? "count_include_pad=true" : "count_include_pad=false");
}

static oc_value build_global(oc_graph *g, oc_value x, const void *attr,
                             const struct layer_context *c)
{
    (void)attr, (void)c;
    return oc_apply(g, "GlobalAveragePool", 1, &x, NULL);
}

const struct layer oc__layer_maxpool = {
    .entry = { "maxpool", "maximum under a window", maxpool_attrs, sizeof(struct pool_layer) },
    .ready = ready, .build = build_max,
};
const struct layer oc__layer_avgpool = {
    .entry = { "avgpool", "mean under a window", avgpool_attrs, sizeof(struct pool_layer) },
    .ready = ready, .build = build_average,
};
const struct layer oc__layer_globalavgpool = {
    .entry = { .name = "globalavgpool", .summary = "mean of each channel, [n, c, 1, 1]" },
    .build = build_global,
};
