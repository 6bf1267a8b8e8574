/* conv.c — the convolution layer over images [n, c, h, w], with W [out, in / groups, kh, kw] as in
 * PyTorch.  Kernel, stride, padding and dilation are one number, or height and width. */
#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { CHANNELS_MAX = 65536, KERNEL_MAX = 4096 };

struct conv_layer {
    char        out[ATTR_TEXT_MAX];                     /* `classes` becomes their number */
    struct ints kernel, stride, padding, dilation;
    int64_t     groups;
    bool        bias;
    char        name[ATTR_TEXT_MAX], init[ATTR_TEXT_MAX], bias_init[ATTR_TEXT_MAX];
    int64_t     channels;                               /* out as a number */
};

static const struct attr attrs[] = {
    ATTR(struct conv_layer, TEXT, out, NULL, "channels that leave: a number, or `classes`"),
    ATTR_RANGE(struct conv_layer, INTS, kernel, "3", "size of the window", 1, KERNEL_MAX),
    ATTR_RANGE(struct conv_layer, INTS, stride, "1", "step of the window", 1, KERNEL_MAX),
    ATTR_RANGE(struct conv_layer, INTS, padding, "0", "zeros around the image", 0, KERNEL_MAX),
    ATTR_RANGE(struct conv_layer, INTS, dilation, "1", "distance between taps", 1, KERNEL_MAX),
    ATTR_RANGE(struct conv_layer, INT, groups, "1", "groups of channels", 1, CHANNELS_MAX),
    ATTR(struct conv_layer, BOOL, bias, "true", "adds a bias"),
    ATTR(struct conv_layer, TEXT, name, NULL, "begins the parameters' names"),
    ATTR(struct conv_layer, TEXT, init, NULL, "initialiser of the weight"),
    ATTR(struct conv_layer, TEXT, bias_init, NULL, "initialiser of the bias"),
    { 0 }
};

static oc_status ready(void *attr, const char *where, int classes)
{
    struct conv_layer *a = attr;
    if (!*a->out)
        return oc__fail(OC_EUSAGE, "%s: out: wants how many channels leave: conv 32", where);
    TRY(oc__layer_out(a->out, where, classes, CHANNELS_MAX, &a->channels));
    TRY(oc__layer_pair(&a->kernel, where, "kernel"));
    TRY(oc__layer_pair(&a->stride, where, "stride"));
    TRY(oc__layer_pair(&a->padding, where, "padding"));
    TRY(oc__layer_pair(&a->dilation, where, "dilation"));
    if (a->channels % a->groups == 0)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: %lld channels do not divide into %lld groups", where,
                    (long long)a->channels, (long long)a->groups);
}

/* Applies Conv with the layer's window. */
static oc_value apply(oc_graph *g, const oc_value in[3], const struct conv_layer *a)
{
    const struct ints *k = &a->kernel, *s = &a->stride, *p = &a->padding, *d = &a->dilation;
    return oc_apply(g, "Conv", 3, in,
                    "kernel_shape=%lld,%lld strides=%lld,%lld pads=%lld,%lld,%lld,%lld "
                    "dilations=%lld,%lld group=%lld",
                    (long long)oc__pair_at(k, 0), (long long)oc__pair_at(k, 1),
                    (long long)oc__pair_at(s, 0), (long long)oc__pair_at(s, 1),
                    (long long)oc__pair_at(p, 0), (long long)oc__pair_at(p, 1),
                    (long long)oc__pair_at(p, 0), (long long)oc__pair_at(p, 1),
                    (long long)oc__pair_at(d, 0), (long long)oc__pair_at(d, 1),
                    (long long)a->groups);
}

static oc_value build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    const struct conv_layer *a = attr;
    const oc_shape s = oc_value_shape(g, x);
    char text[OC_SHAPE_TEXT];
    if (s.rank != 4)
        return oc__graph_fail(g, OC_EUSAGE, "the input is %s, not images [n, c, h, w]",
                              oc__shape_text(&s, text));
    if (s.dim[1] % a->groups)
        return oc__graph_fail(g, OC_EUSAGE, "%lld channels do not divide into %lld groups",
                              (long long)s.dim[1], (long long)a->groups);
    const int64_t in = s.dim[1] / a->groups;
    const int64_t h = oc__pair_at(&a->kernel, 0), w = oc__pair_at(&a->kernel, 1);
    const oc_value weight = oc__layer_weight(g, c, OC_SHAPE(a->channels, in, h, w), a->init);
    const oc_value bias
        = a->bias ? oc__layer_bias(g, a->channels, in * h * w, a->bias_init) : OC_NONE;
    return apply(g, (oc_value[]){ x, weight, bias }, a);
}

const struct layer oc__layer_conv = {
    .entry = { "conv", "convolution of images", attrs, sizeof(struct conv_layer),
               "conv 32 kernel=5 padding=2" },
    .ready = ready, .build = build,
};
