/* norm.c — layers that normalise.
 *
 * batchnorm (Ioffe and Szegedy, 2015): by channel over the batch in training, by running statistics
 * in inference.  These are parameters of the kind OC_STATISTIC and follow the batch after each
 * step, running = (1 - momentum) running + momentum batch, the variance unbiased, as in PyTorch.
 * Where the weight or a statistic is frozen, running statistics are used in training too and stay
 * as they are.
 * layernorm (Ba, Kiros and Hinton, 2016): each sample over its last dimensions, from `axis` on. */
#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

struct batchnorm { double momentum, epsilon; char name[ATTR_TEXT_MAX]; };
struct layernorm { int64_t axis; double epsilon; char name[ATTR_TEXT_MAX]; };

static const struct attr batchnorm_attrs[] = {
    ATTR_RANGE(struct batchnorm, FLOAT, momentum, "0.1", "share of the new batch", 0, 1),
    ATTR_RANGE(struct batchnorm, FLOAT, epsilon, "1e-05", "added to the variance", 0, 1),
    ATTR(struct batchnorm, TEXT, name, NULL, "begins the parameters' names"),
    { 0 }
};
static const struct attr layernorm_attrs[] = {
    ATTR_RANGE(struct layernorm, INT, axis, "-1", "first dimension of those normalised",
               -OC_MAX_RANK, OC_MAX_RANK),
    ATTR_RANGE(struct layernorm, FLOAT, epsilon, "1e-05", "added to the variance", 0, 1),
    ATTR(struct layernorm, TEXT, name, NULL, "begins the parameters' names"),
    { 0 }
};

static bool keeps_statistics(const oc_graph *g, const struct layer_context *c)
{
    return oc__layer_frozen(g, c, "weight") || oc__layer_frozen(g, c, "running_mean")
        || oc__layer_frozen(g, c, "running_var");
}

static oc_value batchnorm_build(oc_graph *g, oc_value x, const void *attr,
                                const struct layer_context *c)
{
    const struct batchnorm *a = attr;
    const oc_shape s = oc_value_shape(g, x);
    if (s.rank < 2)
        return oc__graph_fail(g, OC_EUSAGE, "the input has %d dimensions, not [n, c, …]", s.rank);
    const oc_shape channels = OC_SHAPE(s.dim[1]);
    const oc_value in[] = {
        x,
        oc__layer_weight(g, c, channels, "ones"),
        oc_parameter_value(g, "bias", channels, OC_TRAINABLE, "zeros"),
        oc_parameter_value(g, "running_mean", channels, OC_STATISTIC, "zeros"),
        oc_parameter_value(g, "running_var", channels, OC_STATISTIC, "ones"),
    };
    if (keeps_statistics(g, c))
        return oc_apply(g, "BatchNormalizationInference", 5, in, "epsilon=%.17g", a->epsilon);
    const oc_value y = oc_apply(g, "BatchNormalization", 5, in,
                                "momentum=%.17g epsilon=%.17g convention=pytorch", a->momentum,
                                a->epsilon);
    oc_effect(g, in[3], oc_output(g, y, 1));
    oc_effect(g, in[4], oc_output(g, y, 2));
    return y;
}

static oc_value layernorm_build(oc_graph *g, oc_value x, const void *attr,
                                const struct layer_context *c)
{
    const struct layernorm *a = attr;
    const oc_shape s = oc_value_shape(g, x);
    int axis;
    if (oc__axis(a->axis, s.rank, &axis) < 0)
        return oc__graph_fail(g, OC_EUSAGE, NULL);
    oc_shape shape = { .rank = s.rank - axis };
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = s.dim[axis + i];
    (void)c;
    const oc_value in[] = {
        x,
        oc_parameter_value(g, "weight", shape, OC_TRAINABLE, "ones"),
        oc_parameter_value(g, "bias", shape, OC_TRAINABLE, "zeros"),
    };
    return oc_apply(g, "LayerNormalization", 3, in, "axis=%d epsilon=%.17g", axis, a->epsilon);
}

const struct layer oc__layer_batchnorm = {
    .entry = { "batchnorm", "each channel to mean 0 and variance 1 over the batch, then w x + b",
               batchnorm_attrs, sizeof(struct batchnorm) },
    .build = batchnorm_build,
};
const struct layer oc__layer_layernorm = {
    .entry = { "layernorm", "each sample to mean 0 and variance 1, then w x + b", layernorm_attrs,
               sizeof(struct layernorm) },
    .build = layernorm_build,
};
