/* linear.c — the fully connected layer: y = x W^T + b, with W [out, in] as in PyTorch. */
#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { FEATURES_MAX = 1 << 24 };

struct linear {
    char    out[ATTR_TEXT_MAX];                         /* `classes` becomes their number */
    bool    bias;
    char    name[ATTR_TEXT_MAX], init[ATTR_TEXT_MAX], bias_init[ATTR_TEXT_MAX];
    int64_t features;                                   /* out as a number */
};

static const struct attr attrs[] = {
    ATTR(struct linear, TEXT, out, NULL, "features that leave: a number, or the word classes"),
    ATTR(struct linear, BOOL, bias, "true", "adds a bias"),
    ATTR(struct linear, TEXT, name, NULL, "begins the parameters' names"),
    ATTR(struct linear, TEXT, init, NULL, "initialiser of the weight"),
    ATTR(struct linear, TEXT, bias_init, NULL, "initialiser of the bias"),
    { 0 }
};

static oc_status ready(void *attr, const char *where, int classes)
{
    struct linear *a = attr;
    return oc__layer_out(a->out, where, classes, FEATURES_MAX, &a->features);
}

static oc_value build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    const struct linear *a = attr;
    const oc_shape s = oc_value_shape(g, x);
    if (s.rank != 2) {
        char text[OC_SHAPE_TEXT];
        return oc__graph_fail(g, OC_EUSAGE,
                              "the input is %s, not [n, features]: add flatten before it",
                              oc__shape_text(&s, text));
    }
    const int64_t in = s.dim[1];
    const oc_value w = oc__layer_weight(g, c, OC_SHAPE(a->features, in), a->init);
    const oc_value b = a->bias ? oc__layer_bias(g, a->features, in, a->bias_init) : OC_NONE;
    return oc_apply(g, "Gemm", 3, (oc_value[]){ x, w, b }, "transB=true");
}

const struct layer oc__layer_linear = {
    .entry = { "linear", "y = x W^T + b", attrs, sizeof(struct linear), "linear classes" },
    .ready = ready, .build = build,
};
