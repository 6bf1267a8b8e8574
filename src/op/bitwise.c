/* bitwise.c — operators on the bits of whole numbers: And, Or, Xor, Not and Shift.
 *
 * A number is taken as 64 bits, negative ones in two's complement, and the result is cut to the
 * bits of its type. */
#include "op/attributes.h"
#include "op/walk.h"

static oc_status shape(const struct infer *s)
{
    if (oc__is_float(s->xt[0]))
        return oc__fail(OC_EUSAGE, "operands are %s and must be whole numbers",
                        oc_dtype_name(s->xt[0]));
    TRY(oc__same_dtype(s, 0));
    return oc__shape_broadcast(s);
}

static uint64_t bits_of(double v)
{
    return v < 0 ? (uint64_t)(int64_t)v : v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

/* The number that the lowest bits stand for in this type. */
static double number_of(uint64_t bits, oc_dtype t)
{
    const bool negatives = t == OC_I8 || t == OC_I16 || t == OC_I32 || t == OC_I64;
    const int unused = 64 - 8 * (int)oc_dtype_size(t);
    const uint64_t top = bits << unused;
    return negatives ? (double)((int64_t)top >> unused) : (double)(top >> unused);
}

static void zip(const struct call *c, uint64_t (*f)(uint64_t a, uint64_t b))
{
    struct walk w;
    oc__walk(&w, c->ys[0]);
    for (int k = 0; k < c->n_in; k++)
        oc__walk_broadcast(&w, c->xs[k]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w)) {
        const uint64_t a = bits_of(c->x[0][w.at[0]]);
        const uint64_t b = c->n_in > 1 ? bits_of(c->x[1][w.at[1]]) : 0;
        c->y[0][i] = number_of(f(a, b), c->yt[0]);
    }
}

static const char *const cases[] = { "i99:7 i99:7", "i9:2x3x4 i9:4", "i5:3x1 i7:1x4", NULL };
static const char *const cases_1[] = { "i99:7", "i9:2x3", NULL };

#define ROW(id, onnx, names, summary, f, cases_)                                               \
    static uint64_t id##_f(uint64_t a, uint64_t b)                                             \
    {                                                                                          \
        (void)b;                                                                               \
        return f;                                                                              \
    }                                                                                          \
    static void id##_run(const struct call *c) { zip(c, id##_f); }                             \
    const struct op oc__op_bitwise_##id = {                                                    \
        .entry = { onnx, summary, NULL, 0 },                                                   \
        .inputs = names, .outputs = "y",                                                       \
        .shape = shape, .run = id##_run, .cases = cases_,                                      \
    };

/* clang-format off */
ROW(and, "BitwiseAnd", "a b", "y = bits of both",       a & b, cases)
ROW(or,  "BitwiseOr",  "a b", "y = bits of either",     a | b, cases)
ROW(xor, "BitwiseXor", "a b", "y = bits of one alone",  a ^ b, cases)
ROW(not, "BitwiseNot", "x",   "y = the other bits",     ~a,    cases_1)
/* clang-format on */

static const char *const directions[] = { "LEFT", "RIGHT", NULL };
static const struct attr shift_attrs[] = {
    ATTR_WORDS(struct bit_shift, direction, "LEFT", "to higher or to lower bits", directions), { 0 }
};

static uint64_t left(uint64_t a, uint64_t b) { return b < 64 ? a << b : 0; }
static uint64_t right(uint64_t a, uint64_t b) { return b < 64 ? a >> b : 0; }

static void shift_run(const struct call *c)
{
    const struct bit_shift *const a = c->attr;
    zip(c, a->direction ? right : left);
}

static const char *const shift_cases[] = { "i99:7 i9:7", "i999:2x3 i9:3 direction=RIGHT", NULL };

const struct op oc__op_bit_shift = {
    .entry = { "BitShift", "y = a with its bits moved by b places", shift_attrs,
               sizeof(struct bit_shift) },
    .inputs = "a b", .outputs = "y",
    .shape = shape, .run = shift_run, .cases = shift_cases,
};
