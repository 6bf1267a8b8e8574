/* activation.c — activations with attributes, as rows like those of unary.c.
 *
 * Elu: Clevert, Unterthiner, Hochreiter, 2015.  Selu: Klambauer and others, 2017.  Gelu: Hendrycks
 * and Gimpel, 2016, in its exact form and with the approximation by tanh. */
#include <math.h>

#include "op/attributes.h"
#include "op/unary.h"

static const struct attr leaky_relu_attrs[] = {
    ATTR(struct leaky_relu, FLOAT, alpha, "0.01", "slope for negative x"), { 0 }
};
static const struct attr elu_attrs[] = {
    ATTR(struct elu, FLOAT, alpha, "1", "how far below zero it reaches"), { 0 }
};
static const struct attr selu_attrs[] = {
    ATTR(struct selu, FLOAT, alpha, "1.6732632423543772", "how far below zero, over gamma"),
    ATTR(struct selu, FLOAT, gamma, "1.0507009873554805", "slope for positive x"),
    { 0 }
};
static const struct attr hard_sigmoid_attrs[] = {
    ATTR(struct hard_sigmoid, FLOAT, alpha, "0.2", "slope"),
    ATTR(struct hard_sigmoid, FLOAT, beta, "0.5", "value at 0"),
    { 0 }
};
static const struct attr thresholded_relu_attrs[] = {
    ATTR(struct thresholded_relu, FLOAT, alpha, "1", "where it begins"), { 0 }
};
static const struct attr clip_attrs[] = {
    ATTR(struct clip, FLOAT, min, "-3.4028234663852886e+38", "the least y"),
    ATTR(struct clip, FLOAT, max, "3.4028234663852886e+38", "the most y"),
    { 0 }
};
static const struct attr celu_attrs[] = {
    ATTR(struct celu, FLOAT, alpha, "1", "how far below zero it reaches"), { 0 }
};
static const struct attr swish_attrs[] = {
    ATTR(struct swish, FLOAT, alpha, "1", "how steep the sigmoid is"), { 0 }
};
static const struct attr shrink_attrs[] = {
    ATTR(struct shrink, FLOAT, bias, "0", "how much nearer to zero"),
    ATTR(struct shrink, FLOAT, lambd, "0.5", "what is nearer to zero becomes zero"),
    { 0 }
};
static const char *const gelu_forms[] = { "none", "tanh", NULL };
static const struct attr gelu_attrs[] = {
    ATTR_WORDS(struct gelu, approximate, "none", "how P is computed", gelu_forms), { 0 }
};

static const double root_half = 0.70710678118654752, root_two_over_pi = 0.79788456080286536;
static const double gelu_cubic = 0.044715;

static double gelu(double x, int form)
{
    if (form == GELU_TANH)
        return 0.5 * x * (1 + tanh(root_two_over_pi * (x + gelu_cubic * x * x * x)));
    return 0.5 * x * (1 + erf(x * root_half));
}

static double gelu_slope(double x, int form)
{
    if (form == GELU_TANH) {
        const double t = tanh(root_two_over_pi * (x + gelu_cubic * x * x * x));
        const double inner = root_two_over_pi * (1 + 3 * gelu_cubic * x * x);
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner;
    }
    return 0.5 * (1 + erf(x * root_half)) + 0.5 * root_two_over_pi * x * exp(-0.5 * x * x);
}

/* Where the ends are in the wrong order, the upper one holds. */
static double clamp(double x, double low, double high)
{
    const double v = x < low ? low : x;
    return v > high ? high : v;
}

static double swish_slope(double x, double alpha)
{
    const double s = 1 / (1 + exp(-alpha * x));
    return s + alpha * x * s * (1 - s);
}

#define CASES(id, ...)                                                                             \
    static const char *const id##_cases[] = { "7", "w:2x3x5x5", __VA_ARGS__, NULL };
CASES(leaky_relu, "2x3x5x5 alpha=0.2", "7 alpha=-0.5")
CASES(elu, "w:2x7 alpha=0.3")
CASES(selu, "w:2x7 alpha=1.5 gamma=0.8")
CASES(hard_sigmoid, "w:2x7 alpha=0.3 beta=0.4")
CASES(thresholded_relu, "w:2x7 alpha=0.3")
CASES(clip, "2x7 min=-0.5 max=0.7", "2x7 min=0.25")
CASES(celu, "w:2x7 alpha=0.3")
CASES(swish, "w:2x7 alpha=1.5")
CASES(shrink, "w:2x7 bias=0.3 lambd=1.25")
CASES(gelu, "w:2x7 approximate=tanh")
#undef CASES

#define ROW(id, onnx, summary, f, reads, df) \
    UNARY(id, onnx, summary, id##_attrs, sizeof(struct id), struct id, f, reads, df, id##_cases)

/* clang-format off */
ROW(leaky_relu, "LeakyRelu", "y = x where x > 0, else alpha * x",
    x > 0 ? x : a->alpha * x, x, x > 0 ? 1 : a->alpha)
ROW(elu, "Elu", "y = x where x > 0, else alpha * (exp(x) - 1)",
    x > 0 ? x : a->alpha * expm1(x), x, x > 0 ? 1 : a->alpha * exp(x))
ROW(selu, "Selu", "y = gamma * (x where x > 0, else alpha * (exp(x) - 1))",
    a->gamma * (x > 0 ? x : a->alpha * expm1(x)), x, a->gamma * (x > 0 ? 1 : a->alpha * exp(x)))
ROW(hard_sigmoid, "HardSigmoid", "y = max(0, min(1, alpha * x + beta))",
    clamp(a->alpha * x + a->beta, 0, 1), y, y > 0 && y < 1 ? a->alpha : 0)
ROW(thresholded_relu, "ThresholdedRelu", "y = x where x > alpha, else 0",
    x > a->alpha ? x : 0, x, x > a->alpha ? 1 : 0)
ROW(celu, "Celu", "y = x where x > 0, else alpha * (exp(x / alpha) - 1)",
    x > 0 ? x : a->alpha * expm1(x / a->alpha), x, x > 0 ? 1 : exp(x / a->alpha))
ROW(swish, "Swish", "y = x / (1 + exp(-alpha * x))",
    x / (1 + exp(-a->alpha * x)), x, swish_slope(x, a->alpha))
ROW(shrink, "Shrink", "y = x, nearer to zero by bias, where |x| > lambd; else 0",
    x < -a->lambd ? x + a->bias : x > a->lambd ? x - a->bias : 0, x, fabs(x) > a->lambd ? 1 : 0)
ROW(gelu, "Gelu", "y = x * P(normal <= x), or approximate=tanh",
    gelu(x, a->approximate), x, gelu_slope(x, a->approximate))
/* clang-format on */

static oc_status clip_take(void *attr, const struct infer *s)
{
    struct clip *const a = attr;
    TRY(oc__take_float(s, 1, &a->min));
    return oc__take_float(s, 2, &a->max);
}

UNARY_OF("x min? max?", 6, clip_take, clip, "Clip", "y = min(max(x, min), max)", clip_attrs,
         sizeof(struct clip), struct clip, clamp(x, a->min, a->max), x,
         x >= a->min && x <= a->max ? 1 : 0, clip_cases)

/* ---- gated --------------------------------------------------------------------------------- */

static void compose_swiglu(oc_graph *g, const struct composition *c)
{
    c->y[0] = oc_mul(g, oc__apply(g, &oc__op_swish, c->attr, OC_IN(c->in[0])), c->in[1]);
}

static const char *const swiglu_cases[] = { "2x3x5 2x3x5", "7 7 alpha=1.7", NULL };

const struct op oc__op_swiglu = {
    .entry = { "SwiGLU", "y = a / (1 + exp(-alpha * a)) * b", swish_attrs, sizeof(struct swish) },
    .inputs = "a b", .outputs = "y", .compose = compose_swiglu, .cases = swiglu_cases,
};
