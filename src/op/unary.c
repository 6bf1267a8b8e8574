/* unary.c — operators of one input without attributes: each is a row.
 *
 * A row is the identifier, the ONNX name, what it is, y = f(x), what the derivative reads, the
 * derivative, and the cases that test it.  Those whose gradient is another operator, or that have
 * none because they are constant in pieces, are rows of the second table. */
#include "op/unary.h"

#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const double two_over_root_pi = 1.1283791670955126;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

/* Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019. */
static double mish_slope(double x)
{
    const double t = tanh(softplus(x));
    return t + x * (1 - t * t) * sigmoid(x);
}

void oc__map(const struct call *c, double (*f)(double x, const void *attr))
{
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = f(c->x[0][i], c->attr);
}

void oc__map_grad(const struct call *c, double (*df)(double v, const void *attr))
{
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = c->x[0][i] * df(c->x[1][i], c->attr);
}

static const char *const anywhere[] = { "7", "w:2x3x5x5", "()", "0x3", NULL };
static const char *const positive[] = { "p:7", "p:2x3x5x5", NULL };
static const char *const unit[] = { "u:7", "u:2x3x5x5", NULL };
static const char *const above[] = { "a:7", "a:2x3x5x5", NULL };

#define ROW(id, onnx, summary, f, reads, df, cases) \
    UNARY(id, onnx, summary, NULL, 0, char, f, reads, df, cases)

/* clang-format off */
ROW(relu,       "Relu",       "y = max(x, 0)",       x < 0 ? 0 : x, y, y > 0 ? 1 : 0, anywhere)
ROW(sigmoid,    "Sigmoid",    "y = 1 / (1 + exp(-x))",
    sigmoid(x), y, y * (1 - y), anywhere)
ROW(tanh,       "Tanh",       "y = tanh(x)",         tanh(x), y, 1 - y * y, anywhere)
ROW(softplus,   "Softplus",   "y = log(1 + exp(x))", softplus(x), y, -expm1(-y), anywhere)
ROW(softsign,   "Softsign",   "y = x / (1 + |x|)",
    x / (1 + fabs(x)), y, (1 - fabs(y)) * (1 - fabs(y)), anywhere)
ROW(mish,       "Mish",       "y = x * tanh(log(1 + exp(x)))",
    x * tanh(softplus(x)), x, mish_slope(x), anywhere)
ROW(hard_swish, "HardSwish",  "y = x * max(0, min(1, x / 6 + 0.5))",
    x * fmax(0, fmin(1, x / 6 + 0.5)), x, x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5, anywhere)
ROW(exp,        "Exp",        "y = e^x",             exp(x), y, y, anywhere)
ROW(log,        "Log",        "y = ln(x)",           log(x), x, 1 / x, positive)
ROW(sqrt,       "Sqrt",       "y = square root of x",
    sqrt(x), y, 0.5 / y, positive)
ROW(reciprocal, "Reciprocal", "y = 1 / x",           1 / x, y, -y * y, positive)
ROW(abs,        "Abs",        "y = |x|",             fabs(x), x, sign(x), anywhere)
ROW(erf,        "Erf",        "y = 2/sqrt(pi) * integral of exp(-t^2) from 0 to x",
    erf(x), x, two_over_root_pi * exp(-x * x), anywhere)
ROW(sin,        "Sin",        "y = sin(x)",          sin(x), x, cos(x), anywhere)
ROW(cos,        "Cos",        "y = cos(x)",          cos(x), x, -sin(x), anywhere)
ROW(tan,        "Tan",        "y = tan(x)",          tan(x), y, 1 + y * y, unit)
ROW(asin,       "Asin",       "y = the arc whose sine is x",
    asin(x), x, 1 / sqrt(1 - x * x), unit)
ROW(acos,       "Acos",       "y = the arc whose cosine is x",
    acos(x), x, -1 / sqrt(1 - x * x), unit)
ROW(atan,       "Atan",       "y = the arc whose tangent is x",
    atan(x), x, 1 / (1 + x * x), anywhere)
ROW(sinh,       "Sinh",       "y = (e^x - e^-x) / 2", sinh(x), x, cosh(x), anywhere)
ROW(cosh,       "Cosh",       "y = (e^x + e^-x) / 2", cosh(x), x, sinh(x), anywhere)
ROW(asinh,      "Asinh",      "x = sinh(y)",         asinh(x), x, 1 / sqrt(x * x + 1), anywhere)
ROW(acosh,      "Acosh",      "x = cosh(y), y >= 0", acosh(x), x, 1 / sqrt(x * x - 1), above)
ROW(atanh,      "Atanh",      "x = tanh(y)",         atanh(x), x, 1 / (1 - x * x), unit)
/* clang-format on */
#undef ROW

static void neg_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                     oc_value *dx)
{
    (void)n, (void)want;
    dx[0] = oc__apply(g, &oc__op_neg, NULL, OC_IN(dy[0]));
}

void oc__grad_flat(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                   oc_value *dx)
{
    (void)g, (void)n, (void)dy, (void)want, (void)dx;
}

static void identity_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                          oc_value *dx)
{
    (void)g, (void)n, (void)want;
    dx[0] = dy[0];
}

#define ROW(id, onnx, summary, f, gradient)                                                    \
    static double id##_f(double x, const void *attr)                                           \
    {                                                                                          \
        (void)attr;                                                                            \
        return f;                                                                              \
    }                                                                                          \
    static void id##_run(const struct call *c) { oc__map(c, id##_f); }                         \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, NULL, 0 },                                                   \
        .inputs = "x", .outputs = "y", .elementwise = true,                                    \
        .shape = oc__shape_same, .grad = gradient, .run = id##_run, .cases = anywhere,         \
    };

/* clang-format off */
ROW(neg,      "Neg",      "y = -x",                                      -x,       neg_grad)
ROW(identity, "Identity", "y = x",                                       x,        identity_grad)
ROW(sign,     "Sign",     "y = -1, 0 or 1 as x is negative, 0 or positive", sign(x), oc__grad_flat)
ROW(floor,    "Floor",    "y = the largest whole number up to x",        floor(x), oc__grad_flat)
ROW(ceil,     "Ceil",     "y = the smallest whole number from x on",     ceil(x),  oc__grad_flat)
ROW(round,    "Round",    "y = the nearest whole number, halves to even", rint(x), oc__grad_flat)
/* clang-format on */

/* ---- questions: bool, without a gradient --------------------------------------------------- */

static const struct attr is_inf_attrs[] = {
    ATTR(struct is_inf, BOOL, detect_negative, "true", "count -infinity"),
    ATTR(struct is_inf, BOOL, detect_positive, "true", "count +infinity"),
    { 0 }
};

static oc_status question_shape(const struct infer *s)
{
    s->yt[0] = OC_BOOL;
    return oc__shape_same(s);
}

static double is_nan(double x, const void *attr)
{
    (void)attr;
    return isnan(x);
}

static double is_inf(double x, const void *attr)
{
    const struct is_inf *const a = attr;
    return isinf(x) && (x < 0 ? a->detect_negative : a->detect_positive);
}

static void is_nan_run(const struct call *c) { oc__map(c, is_nan); }
static void is_inf_run(const struct call *c) { oc__map(c, is_inf); }

const struct op oc__op_is_nan = {
    .entry = { "IsNaN", "y = x is not a number", NULL, 0 },
    .inputs = "x", .outputs = "y", .elementwise = true,
    .shape = question_shape, .run = is_nan_run, .cases = anywhere,
};

static const char *const is_inf_cases[] = {
    "7", "2x3 detect_negative=false", "2x3 detect_positive=false", NULL
};

const struct op oc__op_is_inf = {
    .entry = { "IsInf", "y = x is infinite", is_inf_attrs, sizeof(struct is_inf) },
    .inputs = "x", .outputs = "y", .elementwise = true,
    .shape = question_shape, .run = is_inf_run, .cases = is_inf_cases,
};
