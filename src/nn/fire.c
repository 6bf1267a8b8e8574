/* fire.c — SqueezeNet's module (Iandola et al., 2016): few channels by a 1×1 convolution, from
 * which a 1×1 and a 3×3 convolution side by side make many. */
#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { CHANNELS_MAX = 65536 };

struct fire { int64_t squeeze, expand; char name[ATTR_TEXT_MAX]; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct fire, INT, squeeze, "16", "channels between", 1, CHANNELS_MAX),
    ATTR_RANGE(struct fire, INT, expand, "64", "channels of each of the two that leave", 1,
               CHANNELS_MAX),
    ATTR(struct fire, TEXT, name, NULL, "begins the parameters' names"),
    { 0 }
};

static oc_value build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    const struct fire *a = attr;
    const long long many = (long long)a->expand;
    x = oc__layer_steps(g, x, c, "conv %lld kernel=1 name=squeeze init=kaiming_uniform "
                                 "bias_init=zeros; relu", (long long)a->squeeze);
    const oc_value side[] = {
        oc__layer_steps(g, x, c, "conv %lld kernel=1 name=expand1x1 init=kaiming_uniform "
                                 "bias_init=zeros; relu", many),
        oc__layer_steps(g, x, c, "conv %lld padding=1 name=expand3x3 init=kaiming_uniform "
                                 "bias_init=zeros; relu", many),
    };
    return oc_apply(g, "Concat", 2, side, "axis=1");
}

const struct layer oc__layer_fire = {
    .entry = { "fire", "1x1 convolution, then 1x1 and 3x3 side by side, with ReLU", attrs,
               sizeof(struct fire) },
    .build = build,
};
