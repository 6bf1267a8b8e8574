/* residual.c — blocks of layers with a way around them, y = relu(F(x) + shortcut(x)): the two of
 * ResNet (He et al., "Deep residual learning for image recognition", 2015, figures 3 and 5), and
 * MobileNetV2's (Sandler et al., 2018), whose ends are narrow and without an activation.
 *
 * ResNet's come in stages: `blocks` of them one after another, called name.0, name.1, …, of which
 * the first has the stride and, where sizes differ, a shortcut with weights.  Names and the place
 * of the stride (the 3×3 convolution) are torchvision's. */
#include <stdio.h>

#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { CHANNELS_MAX = 65536, BLOCKS_MAX = 1024, STRIDE_MAX = 16 };

enum shortcut { PROJECTION, PAD };
static const char *const shortcuts[] = { "projection", "pad", NULL };

struct stage {
    int64_t out, blocks, stride;
    int     shortcut;
    char    name[ATTR_TEXT_MAX];
};

#define STAGE_ATTRS(out_help)                                                                   \
    ATTR_RANGE(struct stage, INT, out, "64", out_help, 1, CHANNELS_MAX),                        \
    ATTR_RANGE(struct stage, INT, blocks, "1", "one after another", 1, BLOCKS_MAX),             \
    ATTR_RANGE(struct stage, INT, stride, "1", "of the first block", 1, STRIDE_MAX),            \
    ATTR_WORDS(struct stage, shortcut, "projection",                                            \
               "where sizes differ: a convolution, or zeros as further channels", shortcuts),   \
    ATTR(struct stage, TEXT, name, NULL, "begins the parameters' names"),                       \
    { 0 }

/* Keeps the variance of the gradient, as the authors begin. */
#define INIT "bias=false init=\"kaiming_normal fan=fan_out\" "

static const struct attr basic_attrs[] = { STAGE_ATTRS("channels that leave") };
static const struct attr bottleneck_attrs[] = { STAGE_ATTRS("channels inside; 4 times it leave") };

/* Fails unless x is images with known channels; *channels is how many. */
static bool images(oc_graph *g, oc_value x, int64_t *channels)
{
    const oc_shape s = oc_value_shape(g, x);
    char text[OC_SHAPE_TEXT];
    *channels = s.rank == 4 ? s.dim[1] : 0;
    if (*channels > 0)
        return true;
    oc__graph_fail(g, OC_EUSAGE, "the input is %s, not images [n, c, h, w]",
                   oc__shape_text(&s, text));
    return false;
}

/* Every stride-th row and column, and zeros around the channels (the paper's option A). */
static oc_value pad_channels(oc_graph *g, oc_value x, int64_t in, int64_t out, int64_t stride)
{
    const int64_t before = (out - in) / 2, after = out - in - before;
    if (out < in)
        return oc__graph_fail(g, OC_EUSAGE, "shortcut=pad: %lld channels cannot become %lld",
                              (long long)in, (long long)out);
    x = oc_apply(g, "Slice", 1, &x, "starts=0,0 ends=%lld,%lld axes=2,3 steps=%lld,%lld",
                 (long long)INT64_MAX, (long long)INT64_MAX, (long long)stride, (long long)stride);
    return oc_apply(g, "Pad", 1, &x, "pads=%lld,%lld axes=1", (long long)before,
                    (long long)after);
}

static oc_value shortcut(oc_graph *g, oc_value x, const struct layer_context *c,
                         const struct stage *a, int64_t out, int64_t stride)
{
    int64_t in;
    if (!images(g, x, &in) || (in == out && stride == 1))
        return x;
    if (a->shortcut == PAD)
        return pad_channels(g, x, in, out, stride);
    return oc__layer_steps(g, x, c,
                           "conv %lld kernel=1 stride=%lld " INIT "name=downsample.0; "
                           "batchnorm name=downsample.1", (long long)out, (long long)stride);
}

static oc_value basic(oc_graph *g, oc_value x, const struct layer_context *c, int64_t out,
                      int64_t stride)
{
    return oc__layer_steps(g, x, c,
                           "conv %lld stride=%lld padding=1 " INIT "name=conv1; "
                           "batchnorm name=bn1; relu; "
                           "conv %lld padding=1 " INIT "name=conv2; batchnorm name=bn2",
                           (long long)out, (long long)stride, (long long)out);
}

static oc_value bottleneck(oc_graph *g, oc_value x, const struct layer_context *c, int64_t inside,
                           int64_t stride)
{
    return oc__layer_steps(g, x, c,
                           "conv %lld kernel=1 " INIT "name=conv1; batchnorm name=bn1; relu; "
                           "conv %lld stride=%lld padding=1 " INIT "name=conv2; "
                           "batchnorm name=bn2; relu; "
                           "conv %lld kernel=1 " INIT "name=conv3; batchnorm name=bn3",
                           (long long)inside, (long long)inside, (long long)stride,
                           (long long)(4 * inside));
}

typedef oc_value branch_function(oc_graph *g, oc_value x, const struct layer_context *c,
                                 int64_t out, int64_t stride);

static oc_value build_stage(oc_graph *g, oc_value x, const struct stage *a,
                            const struct layer_context *c, branch_function *branch, int64_t widen)
{
    int64_t in;
    if (!images(g, x, &in))
        return OC_FAILED;
    for (int64_t i = 0; i < a->blocks && !g->status; i++) {
        const int64_t stride = i ? 1 : a->stride;
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i);
        oc_scope(g, number);
        const oc_value y = branch(g, x, c, a->out, stride);
        x = oc_relu(g, oc_add(g, y, shortcut(g, x, c, a, widen * a->out, stride)));
        oc_scope_end(g);
    }
    return g->status ? OC_FAILED : x;
}

static oc_value build_basic(oc_graph *g, oc_value x, const void *attr,
                            const struct layer_context *c)
{
    return build_stage(g, x, attr, c, basic, 1);
}

static oc_value build_bottleneck(oc_graph *g, oc_value x, const void *attr,
                                 const struct layer_context *c)
{
    return build_stage(g, x, attr, c, bottleneck, 4);
}

const struct layer oc__layer_basicblock = {
    .entry = { "basicblock", "relu(two 3x3 convolutions with norms + shortcut)", basic_attrs,
               sizeof(struct stage) },
    .build = build_basic,
};
const struct layer oc__layer_bottleneck = {
    .entry = { "bottleneck", "relu(1x1, 3x3 and 1x1 convolutions with norms + shortcut)",
               bottleneck_attrs, sizeof(struct stage) },
    .build = build_bottleneck,
};

/* ---- inverted residual ---------------------------------------------------------------------- */

struct inverted { int64_t out, stride, expand; char name[ATTR_TEXT_MAX]; };

static const struct attr inverted_attrs[] = {
    ATTR_RANGE(struct inverted, INT, out, "32", "channels that leave", 1, CHANNELS_MAX),
    ATTR_RANGE(struct inverted, INT, stride, "1", "of the 3x3 convolution", 1, STRIDE_MAX),
    ATTR_RANGE(struct inverted, INT, expand, "6", "times the channels inside", 1, 64),
    ATTR(struct inverted, TEXT, name, NULL, "begins the parameters' names"),
    { 0 }
};

static oc_value build_inverted(oc_graph *g, oc_value x, const void *attr,
                               const struct layer_context *c)
{
    const struct inverted *a = attr;
    int64_t in;
    if (!images(g, x, &in))
        return OC_FAILED;
    const long long inside = (long long)(in * a->expand);
    const int wide = a->expand > 1;                     /* else nothing precedes the 3x3 */
    oc_value y = x;
    oc_scope(g, "conv");
    if (wide)
        y = oc__layer_steps(g, y, c, "conv %lld kernel=1 " INIT "name=0.0; batchnorm name=0.1; "
                                     "relu6", inside);
    y = oc__layer_steps(g, y, c,
                        "conv %lld stride=%lld padding=1 groups=%lld " INIT "name=%d.0; "
                        "batchnorm name=%d.1; relu6; "
                        "conv %lld kernel=1 " INIT "name=%d; batchnorm name=%d",
                        inside, (long long)a->stride, inside, wide, wide, (long long)a->out,
                        wide + 1, wide + 2);
    oc_scope_end(g);
    return a->stride == 1 && in == a->out ? oc_add(g, x, y) : y;
}

const struct layer oc__layer_invertedresidual = {
    .entry = { "invertedresidual", "1x1, 3x3 by channel and 1x1 convolutions with norms (+ x)",
               inverted_attrs, sizeof(struct inverted) },
    .build = build_inverted,
};
