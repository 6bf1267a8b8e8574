/* unary.c — operators of one input and their gradients, in f32.
 *
 * A row is the operator, y = f(x), and the factor of dy in its gradient, written with v, which is x
 * or y as the operator's own row says.  a and b are its first two attributes.  Loops run over
 * memory, so any layout will do, and over themselves in place. */
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/vector.h"

enum { ATTRIBUTES = 2 };

/* Forwards `with` is not read; backwards `in` is dy and `with` is v. */
typedef void loop(const float *in, const float *with, float *out, int64_t n,
                  const float *attribute);

static inline float sign(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f; }

static inline float mish_slope(float x)
{
    const float t = oc__cpu_tanh_softplus(x);
    return t + x * (1 - t * t) * oc__cpu_sigmoid(x);
}

static inline float swish_slope(float x, float alpha)
{
    const float s = oc__cpu_sigmoid(alpha * x);
    return s + alpha * x * s * (1 - s);
}

static const float root_half = 0.70710678f, root_two_over_pi = 0.79788456f;
static const float two_over_root_pi = 1.12837917f, gelu_cubic = 0.044715f;

static inline float gelu(float x, bool by_tanh)
{
    const float t = by_tanh ? oc__cpu_tanh(root_two_over_pi * (x + gelu_cubic * x * x * x))
                            : erff(x * root_half);
    return 0.5f * x * (1 + t);
}

static inline float gelu_slope(float x, bool by_tanh)
{
    if (by_tanh) {
        const float t = oc__cpu_tanh(root_two_over_pi * (x + gelu_cubic * x * x * x));
        const float inner = root_two_over_pi * (1 + 3 * gelu_cubic * x * x);
        return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * inner;
    }
    return 0.5f * (1 + erff(x * root_half)) +
           0.5f * root_two_over_pi * x * oc__cpu_exp(-0.5f * x * x);
}

/* clang-format off */
#define ROWS(ROW)                                                                              \
    ROW(relu, "Relu", x < 0 ? 0 : x, v > 0 ? 1.0f : 0.0f)                                      \
    ROW(leaky_relu, "LeakyRelu", x > 0 ? x : a * x, v > 0 ? 1.0f : a)                          \
    ROW(thresholded_relu, "ThresholdedRelu", x > a ? x : 0, v > a ? 1.0f : 0.0f)               \
    ROW(elu, "Elu", x > 0 ? x : a * oc__cpu_expm1(x), v > 0 ? 1.0f : a * oc__cpu_exp(v))       \
    ROW(selu, "Selu", b * (x > 0 ? x : a * oc__cpu_expm1(x)),                                  \
        b * (v > 0 ? 1.0f : a * oc__cpu_exp(v)))                                               \
    ROW(sigmoid, "Sigmoid", oc__cpu_sigmoid(x), v * (1 - v))                                   \
    ROW(hard_sigmoid, "HardSigmoid", oc__cpu_clip(a * x + b, 0, 1), v > 0 && v < 1 ? a : 0)    \
    ROW(hard_swish, "HardSwish", x * oc__cpu_clip(x / 6 + 0.5f, 0, 1),                         \
        v <= -3 ? 0 : v >= 3 ? 1 : v / 3 + 0.5f)                                               \
    ROW(tanh, "Tanh", oc__cpu_tanh(x), 1 - v * v)                                              \
    ROW(softplus, "Softplus", oc__cpu_softplus(x), -oc__cpu_expm1(-v))                         \
    ROW(softsign, "Softsign", x / (1 + fabsf(x)), (1 - fabsf(v)) * (1 - fabsf(v)))             \
    ROW(gelu, "Gelu", gelu(x, a > 0), gelu_slope(v, a > 0))                                    \
    ROW(mish, "Mish", x * oc__cpu_tanh_softplus(x), mish_slope(v))                    \
    ROW(exp, "Exp", oc__cpu_exp(x), v)                                                         \
    ROW(log, "Log", logf(x), 1 / v)                                                            \
    ROW(sqrt, "Sqrt", sqrtf(x), 0.5f / v)                                                      \
    ROW(reciprocal, "Reciprocal", 1 / x, -v * v)                                               \
    ROW(abs, "Abs", fabsf(x), sign(v))                                                         \
    ROW(erf, "Erf", erff(x), two_over_root_pi * oc__cpu_exp(-v * v))                           \
    ROW(clip, "Clip", oc__cpu_clip(x, a, b), v >= a && v <= b ? 1.0f : 0.0f)                   \
    ROW(sin, "Sin", sinf(x), cosf(v))                                                          \
    ROW(cos, "Cos", cosf(x), -sinf(v))                                                         \
    ROW(tan, "Tan", tanf(x), 1 + v * v)                                                        \
    ROW(asin, "Asin", asinf(x), 1 / sqrtf(1 - v * v))                                          \
    ROW(acos, "Acos", acosf(x), -1 / sqrtf(1 - v * v))                                         \
    ROW(atan, "Atan", atanf(x), 1 / (1 + v * v))                                               \
    ROW(sinh, "Sinh", sinhf(x), coshf(v))                                                      \
    ROW(cosh, "Cosh", coshf(x), sinhf(v))                                                      \
    ROW(asinh, "Asinh", asinhf(x), 1 / sqrtf(v * v + 1))                                       \
    ROW(acosh, "Acosh", acoshf(x), 1 / sqrtf(v * v - 1))                                       \
    ROW(atanh, "Atanh", atanhf(x), 1 / (1 - v * v))                                            \
    ROW(celu, "Celu", x > 0 ? x : a * oc__cpu_expm1(x / a),                                    \
        v > 0 ? 1.0f : oc__cpu_exp(v / a))                                                     \
    ROW(swish, "Swish", x * oc__cpu_sigmoid(a * x), swish_slope(v, a))                         \
    ROW(shrink, "Shrink", x < -b ? x + a : x > b ? x - a : 0, fabsf(v) > b ? 1.0f : 0.0f)      \
    ROW(neg, "Neg", -x, -1.0f)                                                                 \
    ROW(sign, "Sign", sign(x), 0)                                                              \
    ROW(floor, "Floor", floorf(x), 0)                                                          \
    ROW(ceil, "Ceil", ceilf(x), 0)                                                             \
    ROW(round, "Round", rintf(x), 0)
/* clang-format on */

#define LOOP(name, variable, source, result)                                                   \
    WIDE static void name(const float *in, const float *with, float *out, int64_t n,           \
                          const float *attribute)                                              \
    {                                                                                          \
        const float a = attribute[0], b = attribute[1];                                        \
        (void)a, (void)b, (void)with;                                                          \
        _Pragma("omp simd")                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const float variable = source[i];                                                  \
            (void)variable;                                                                    \
            out[i] = result;                                                                   \
        }                                                                                      \
    }
#define ROW(id, name, f, df)                                                                   \
    LOOP(id##_f, x, in, f)                                                                     \
    LOOP(id##_df, v, with, in[i] * (df))
ROWS(ROW)
#undef ROW

static const struct row { const char *name; loop *f, *df; } rows[] = {
#define ROW(id, name, f, df) { name, id##_f, id##_df },
    ROWS(ROW)
#undef ROW
};

/* The loop of an operator, forwards or (its name ends in Grad) backwards. */
static loop *find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = strlen(rows[i].name);
        if (!strncmp(name, rows[i].name, n) && !name[n])
            return rows[i].f;
        if (!strncmp(name, rows[i].name, n) && !strcmp(name + n, "Grad"))
            return rows[i].df;
    }
    return NULL;
}

static void read_attributes(const struct request *r, float attribute[ATTRIBUTES])
{
    const struct attr *a = r->op->entry.attrs;
    for (int i = 0; i < ATTRIBUTES; i++)
        attribute[i] = 0;
    for (int i = 0; a && a[i].name && i < ATTRIBUTES; i++) {
        const char *at = (const char *)r->attr + a[i].offset;
        attribute[i] = a[i].type == ATTR_FLOAT ? (float)*(const double *)(const void *)at
                                               : (float)*(const int *)(const void *)at;
    }
}

static bool accept(const struct request *r, struct offer *o)
{
    loop *const run = find(r->op->entry.name);
    float attribute[ATTRIBUTES], of_zero;
    if (!run || !oc__cpu_all_f32(r))
        return false;
    read_attributes(r, attribute);
    run(&(float){ 0 }, &(float){ 0 }, &of_zero, 1, attribute);
    oc__cpu_offer_common_layout(r, o, oc__cpu_is_zero(of_zero));
    o->in_place = 0;
    return true;
}

struct span {
    loop        *run;
    const float *in, *with;
    float       *out, attribute[ATTRIBUTES];
};

static void run_span(const void *context, int64_t first, int64_t last)
{
    const struct span *s = context;
    s->run(s->in + first, s->with + first, s->out + first, last - first, s->attribute);
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    struct span s = { find(r->op->entry.name), e->x[0], e->x[r->n_in - 1], e->y[0], { 0 } };
    read_attributes(r, s.attribute);
    oc__parallel(e->threads, oc__cpu_floats(&r->y[0]), CPU_GRAIN, run_span, &s);
}

const struct kernel oc__cpu_unary = { .name = "loop", .accept = accept, .run = run };
