/* binary.c — operators of two inputs that are only a formula, with numpy's broadcasting.
 *
 * A row of BINARY is an operator y = f(a, b); its gradient stands below as a function of its own
 * and is written with other operators.  Where no other operator says it, a row of SLOPE is one made
 * for the purpose: f(dy, p, q) of up to three operands.  Gradients come in the shape of y; the
 * walker sums them down to the operand that was stretched.  COMPARE rows give bool and have no
 * gradient.  Where Larger or Smaller tie, the gradient goes to the first operand alone. */
#include <math.h>

#include "op/walk.h"

/* All operands of one type. */
static oc_status shape(const struct infer *s)
{
    TRY(oc__same_dtype(s, 0));
    return oc__shape_broadcast(s);
}

static oc_status compare_shape(const struct infer *s)
{
    TRY(shape(s));
    s->yt[0] = OC_BOOL;
    return OC_OK;
}

/* A condition, then operands of one type, which is the result's. */
static oc_status where_shape(const struct infer *s)
{
    if (s->xt[0] != OC_BOOL)
        return oc__fail(OC_EUSAGE, "the condition is %s and must be bool", oc_dtype_name(s->xt[0]));
    TRY(oc__same_dtype(s, 1));
    s->yt[0] = s->xt[1];
    return oc__shape_broadcast(s);
}

/* dy, then a condition. */
static oc_status masked_shape(const struct infer *s)
{
    if (s->xt[1] != OC_BOOL)
        return oc__fail(OC_EUSAGE, "the condition is %s and must be bool", oc_dtype_name(s->xt[1]));
    return oc__shape_broadcast(s);
}

static double modulo(double a, double b) { return a - floor(a / b) * b; }

/* Whole numbers are cut towards zero, which only division notices. */
static void zip(const struct call *c, double (*f)(const double *v))
{
    oc__zip(c, f);
    const int64_t n = oc__is_float(c->yt[0]) ? 0 : oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = trunc(c->y[0][i]);
}

#define GRADIENT(id)                                                                           \
    static void id##_grad(oc_graph *g, const struct node *n, const oc_value *dy,               \
                          const bool *want, oc_value *dx)

#define FORMULA(id, f)                                                                         \
    static double id##_f(const double *v)                                                      \
    {                                                                                          \
        const double a = v[0], b = v[1], c = v[2];                                             \
        (void)a, (void)b, (void)c;                                                             \
        return f;                                                                              \
    }                                                                                          \
    static void id##_run(const struct call *call) { zip(call, id##_f); }

/* ---- arithmetic --------------------------------------------------------------------------- */

static const char *const cases[] = {
    "7 7", "2x3x4 2x3x4", "2x3x4 4", "3x1 1x4", "() 2x3", "0x3 3", NULL
};
static const char *const divides[] = { "7 p:7", "2x3x4 p:4", "3x1 p:1x4", "2x3 p:()", NULL };
static const char *const powers[] = { "p:7 7", "p:2x3x4 4", "p:3x1 1x4", "p:2x3 i4:3", NULL };

#define ROW(id, onnx, summary, f, cases_) RULED(id, onnx, summary, f, cases_, shape)
#define RULED(id, onnx, summary, f, cases_, rule)                                              \
    GRADIENT(id);                                                                              \
    FORMULA(id, f)                                                                             \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, NULL, 0 },                                                   \
        .inputs = "a b", .outputs = "y", .broadcasts = true,                                   \
        .shape = rule, .grad = id##_grad, .run = id##_run, .cases = cases_,                   \
    };

/* clang-format off */
ROW(add, "Add", "y = a + b",           a + b, cases)
ROW(sub, "Sub", "y = a - b",           a - b, cases)
ROW(mul, "Mul", "y = a * b",           a * b, cases)
ROW(div, "Div", "y = a / b",           a / b, divides)
RULED(pow, "Pow", "y = a^b, of the type of a", pow(a, b), powers, oc__shape_broadcast)
ROW(larger, "Larger", "y = the larger of a and b",  a >= b || isnan(a) ? a : b, cases)
ROW(smaller, "Smaller", "y = the smaller of a and b", a <= b || isnan(a) ? a : b, cases)
ROW(floor_mod, "FloorMod", "y = a - floor(a / b) * b", modulo(a, b), divides)
ROW(remainder, "Remainder", "y = a - b * (a / b, cut towards 0)", fmod(a, b), divides)
/* clang-format on */
#undef ROW
#undef RULED

/* ---- slopes: gradients that are formulas of their own; a is dy ---------------------------- */

#define ROW(id, name, names, summary, f, rule)                                                 \
    FORMULA(id, f)                                                                             \
    const struct op oc__op_##id = {                                                            \
        .entry = { name, summary, NULL, 0 },                                                   \
        .inputs = names, .outputs = "dx",                                                      \
        .shape = rule, .run = id##_run,                                                        \
    };

/* clang-format off */
ROW(div_grad_b, "DivGradB", "dy y b", "db = -dy * y / b",           -a * b / c,            shape)
ROW(pow_grad_a, "PowGradA", "dy a b", "da = dy * b * a^(b - 1)",
    c == 0 ? 0 : a * c * pow(b, c - 1), oc__shape_broadcast)
ROW(pow_grad_b, "PowGradB", "dy a y", "db = dy * y * ln(a)",
    c == 0 ? 0 : a * c * log(b), oc__shape_broadcast)
ROW(larger_grad_a, "LargerGradA", "dy a b", "da = dy where a >= b",
    b >= c ? a : 0, shape)
ROW(larger_grad_b, "LargerGradB", "dy a b", "db = dy where a < b",
    b < c ? a : 0, shape)
ROW(smaller_grad_a, "SmallerGradA", "dy a b", "da = dy where a <= b",
    b <= c ? a : 0, shape)
ROW(smaller_grad_b, "SmallerGradB", "dy a b", "db = dy where a > b",
    b > c ? a : 0, shape)
ROW(floor_mod_grad_b, "FloorModGradB", "dy a b", "db = -dy * floor(a / b)",
    -a * floor(b / c), shape)
ROW(remainder_grad_b, "RemainderGradB", "dy a b", "db = -dy * (a / b, cut towards 0)",
    -a * trunc(b / c), shape)
ROW(where_grad_a, "WhereGradA", "dy condition", "da = dy where the condition holds",
    b != 0 ? a : 0, masked_shape)
ROW(where_grad_b, "WhereGradB", "dy condition", "db = dy where it does not",
    b == 0 ? a : 0, masked_shape)
/* clang-format on */
#undef ROW

/* ---- gradients ---------------------------------------------------------------------------- */

GRADIENT(add)
{
    (void)g, (void)n, (void)want;
    dx[0] = dx[1] = dy[0];
}

GRADIENT(sub)
{
    (void)n;
    dx[0] = dy[0];
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_neg, NULL, OC_IN(dy[0]));
}

GRADIENT(mul)
{
    for (int i = 0; i < 2; i++)
        if (want[i])
            dx[i] = oc__apply(g, &oc__op_mul, NULL, OC_IN(dy[0], n->in[!i]));
}

GRADIENT(div)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_div, NULL, OC_IN(dy[0], n->in[1]));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_div_grad_b, NULL, OC_IN(dy[0], n->out, n->in[1]));
}

GRADIENT(pow)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_pow_grad_a, NULL, OC_IN(dy[0], n->in[0], n->in[1]));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_pow_grad_b, NULL, OC_IN(dy[0], n->in[0], n->out));
}

/* Gradients that read dy and both operands, by two operators. */
static void both(oc_graph *g, const struct node *n, oc_value dy, const bool *want, oc_value *dx,
                 const struct op *const by[2])
{
    for (int i = 0; i < 2; i++)
        if (want[i])
            dx[i] = oc__apply(g, by[i], NULL, OC_IN(dy, n->in[0], n->in[1]));
}

GRADIENT(larger)
{
    both(g, n, dy[0], want, dx,
         (const struct op *[]){ &oc__op_larger_grad_a, &oc__op_larger_grad_b });
}

GRADIENT(smaller)
{
    both(g, n, dy[0], want, dx,
         (const struct op *[]){ &oc__op_smaller_grad_a, &oc__op_smaller_grad_b });
}

GRADIENT(floor_mod)
{
    dx[0] = dy[0];
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_floor_mod_grad_b, NULL, OC_IN(dy[0], n->in[0], n->in[1]));
}

GRADIENT(remainder)
{
    dx[0] = dy[0];
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_remainder_grad_b, NULL, OC_IN(dy[0], n->in[0], n->in[1]));
}

GRADIENT(where)
{
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_where_grad_a, NULL, OC_IN(dy[0], n->in[0]));
    if (want[2])
        dx[2] = oc__apply(g, &oc__op_where_grad_b, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const where_cases[] = { "b:7 7 7", "b:3x1 4 3x4", "b:2x3x4 () 2x3x4", NULL };

FORMULA(where, a != 0 ? b : c)
const struct op oc__op_where = {
    .entry = { "Where", "y = a where the condition holds, else b", NULL, 0 },
    .inputs = "condition a b", .outputs = "y", .broadcasts = true,
    .shape = where_shape, .grad = where_grad, .run = where_run, .cases = where_cases,
};

/* ---- comparisons and logic: bool, without a gradient -------------------------------------- */

static const char *const compares[] = { "7 7", "i3:2x3x4 i3:4", "3x1 1x4", NULL };
static const char *const logic[] = { "b:7 b:7", "b:3x1 b:1x4", NULL };
static const char *const logic_1[] = { "b:7", "b:3x4", NULL };

#define ROW(id, onnx, names, summary, f, cases_)                                               \
    FORMULA(id, f)                                                                             \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, NULL, 0 },                                                   \
        .inputs = names, .outputs = "y",                                                       \
        .shape = compare_shape, .run = id##_run, .cases = cases_,                              \
    };

/* clang-format off */
ROW(equal,            "Equal",          "a b", "y = a == b",         a == b,             compares)
ROW(greater,          "Greater",        "a b", "y = a > b",          a > b,              compares)
ROW(greater_or_equal, "GreaterOrEqual", "a b", "y = a >= b",         a >= b,             compares)
ROW(less,             "Less",           "a b", "y = a < b",          a < b,              compares)
ROW(less_or_equal,    "LessOrEqual",    "a b", "y = a <= b",         a <= b,             compares)
ROW(and,              "And",            "a b", "y = both",           a != 0 && b != 0,   logic)
ROW(or,               "Or",             "a b", "y = either",         a != 0 || b != 0,   logic)
ROW(xor,              "Xor",            "a b", "y = one alone",      (a != 0) != (b != 0), logic)
ROW(not,              "Not",            "x",   "y = not x",          a == 0,             logic_1)
/* clang-format on */
