/* zip.c — operators of up to three operands that are only a formula, with numpy's broadcasting.
 *
 * A row is the operator and its formula of a, b and c (a is dy in gradients).  Dimensions along
 * which every operand goes on as the result does are joined; the last one left is a line.  Lines
 * are worked off in blocks that stay in the cache: an operand that stands still along the line, or
 * is not f32, is spread out as floats beside them, so that one loop per row serves all.  Truth is
 * 1 or 0 there, and stored as bool where the result is. */
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"

enum { OPERANDS = 3, BLOCK = 1024 };

typedef void loop(const float *p, const float *q, const float *r, float *y, int64_t n);

static inline float modulo(float a, float b) { return a - floorf(a / b) * b; }

/* clang-format off */
#define ROWS(ROW)                                                                              \
    ROW(add, "Add", a + b)                                                                     \
    ROW(sub, "Sub", a - b)                                                                     \
    ROW(mul, "Mul", a * b)                                                                     \
    ROW(div, "Div", a / b)                                                                     \
    ROW(div_grad_b, "DivGradB", -a * b / c)                                                    \
    ROW(pow, "Pow", powf(a, b))                                                                \
    ROW(pow_grad_a, "PowGradA", c == 0 ? 0 : a * c * powf(b, c - 1))                           \
    ROW(pow_grad_b, "PowGradB", c == 0 ? 0 : a * c * logf(b))                                  \
    ROW(larger, "Larger", a >= b || a != a ? a : b)                                            \
    ROW(larger_grad_a, "LargerGradA", b >= c ? a : 0)                                          \
    ROW(larger_grad_b, "LargerGradB", b < c ? a : 0)                                           \
    ROW(smaller, "Smaller", a <= b || a != a ? a : b)                                          \
    ROW(smaller_grad_a, "SmallerGradA", b <= c ? a : 0)                                        \
    ROW(smaller_grad_b, "SmallerGradB", b > c ? a : 0)                                         \
    ROW(floor_mod, "FloorMod", modulo(a, b))                                                   \
    ROW(floor_mod_grad_b, "FloorModGradB", -a * floorf(b / c))                                 \
    ROW(remainder, "Remainder", fmodf(a, b))                                                   \
    ROW(remainder_grad_b, "RemainderGradB", -a * truncf(b / c))                                \
    ROW(prelu, "PRelu", a > 0 ? a : b * a)                                                     \
    ROW(prelu_grad, "PReluGrad", b > 0 ? a : c * a)                                            \
    ROW(prelu_grad_slope, "PReluGradSlope", b > 0 ? 0 : a * b)                                 \
    ROW(where, "Where", a != 0 ? b : c)                                                        \
    ROW(where_grad_a, "WhereGradA", b != 0 ? a : 0)                                            \
    ROW(where_grad_b, "WhereGradB", b == 0 ? a : 0)                                            \
    ROW(equal, "Equal", a == b ? 1 : 0)                                                        \
    ROW(greater, "Greater", a > b ? 1 : 0)                                                     \
    ROW(greater_or_equal, "GreaterOrEqual", a >= b ? 1 : 0)                                    \
    ROW(less, "Less", a < b ? 1 : 0)                                                           \
    ROW(less_or_equal, "LessOrEqual", a <= b ? 1 : 0)                                          \
    ROW(and, "And", a * b)                                                                     \
    ROW(or, "Or", a + b)                                                                       \
    ROW(xor, "Xor", a == b ? 0 : 1)                                                            \
    ROW(not, "Not", 1 - a)                                                                     \
    ROW(cast, "Cast", a)
/* clang-format on */

#define ROW(id, name, f)                                                                       \
    WIDE static void id##_loop(const float *p, const float *q, const float *r, float *y,       \
                               int64_t n)                                                      \
    {                                                                                          \
        _Pragma("omp simd")                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const float a = p[i], b = q[i], c = r[i];                                          \
            (void)a, (void)b, (void)c;                                                         \
            y[i] = f;                                                                          \
        }                                                                                      \
    }
ROWS(ROW)
#undef ROW

static const struct row { const char *name; loop *run; } rows[] = {
#define ROW(id, name, f) { name, id##_loop },
    ROWS(ROW)
#undef ROW
};

static loop *find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].run;
    return NULL;
}

/* ---- choosing ----------------------------------------------------------------------------- */

/* Floats hold every value of these types. */
static bool is_small(oc_dtype t) { return t == OC_F32 || t == OC_BOOL || t == OC_U8; }

/* Whether every operand is f32 and has the shape of the result: memory is one line then, padding
 * included. */
static bool all_alike(const struct request *r)
{
    for (int i = 0; i < r->n_in; i++)
        if (!oc_shape_equal(r->x[i].shape, r->y[0].shape))
            return false;
    return oc__cpu_all_f32(r);
}

static bool accept(const struct request *r, struct offer *o)
{
    loop *const run = find(r->op->entry.name);
    const struct operand *y = &r->y[0];
    const float zero = 0;
    float of_zeros;
    if (!run || (y->dtype != OC_F32 && y->dtype != OC_BOOL))
        return false;
    for (int i = r->n_in - 1; i >= 0; i--) {
        if (!is_small(r->x[i].dtype))
            return false;
        if (r->x[i].dtype == y->dtype && oc_shape_equal(r->x[i].shape, y->shape))
            o->in_place = i;
    }
    run(&zero, &zero, &zero, &of_zeros, 1);
    if (all_alike(r))
        oc__cpu_offer_common_layout(r, o, oc__cpu_is_zero(of_zeros));
    return true;
}

/* ---- running ------------------------------------------------------------------------------ */

/* The joined dimensions, and how far apart neighbours along them are in each operand. */
struct lines {
    loop       *run;
    int         operands, rank;
    int64_t     dim[OC_MAX_RANK], step[OPERANDS][OC_MAX_RANK];
    oc_dtype    type[OPERANDS], y_type;
    const char *x[OPERANDS];
    char       *y;
};

/* Adds a dimension inside those there are, or makes the innermost longer. */
static void add_dimension(struct lines *l, int64_t n, const int64_t step[OPERANDS])
{
    bool joins = l->rank > 0;
    for (int k = 0; k < l->operands && joins; k++)
        joins = l->step[k][l->rank - 1] == step[k] * n;
    const int at = joins ? l->rank - 1 : l->rank++;
    l->dim[at] = joins ? l->dim[at] * n : n;
    for (int k = 0; k < l->operands; k++)
        l->step[k][at] = step[k];
}

static void join_dimensions(struct lines *l, const struct request *r)
{
    const oc_shape *y = r->y[0].shape;
    int64_t dense[OPERANDS][OC_MAX_RANK] = { { 0 } };
    for (int k = 0; k < l->operands; k++)
        oc__strides(r->x[k].shape, dense[k]);
    for (int i = 0; i < y->rank; i++) {
        int64_t step[OPERANDS] = { 0 };
        for (int k = 0; k < l->operands; k++) {
            const oc_shape *x = r->x[k].shape;
            const int at = i - (y->rank - x->rank);
            step[k] = at < 0 || x->dim[at] == 1 ? 0 : dense[k][at];
        }
        if (y->dim[i] != 1)
            add_dimension(l, y->dim[i], step);
    }
    if (l->rank == 0)
        add_dimension(l, 1, (int64_t[OPERANDS]){ 0 });
}

/* n floats from an operand whose neighbours are `step` (0 or 1) apart. */
static const float *spread(const char *from, oc_dtype t, int64_t step, int64_t n, float *room)
{
    const uint8_t *byte = (const uint8_t *)from;
    if (t == OC_F32 && step == 1)
        return (const float *)(const void *)from;
    if (t == OC_F32)
        for (int64_t i = 0; i < n; i++)
            room[i] = *(const float *)(const void *)from;
    else
        for (int64_t i = 0; i < n; i++)
            room[i] = t == OC_BOOL ? byte[i * step] != 0 : byte[i * step];
    return room;
}

/* n results from place i of the line that begins at at[]. */
static void run_block(const struct lines *l, const int64_t at[OPERANDS], int64_t first, int64_t i,
                      int64_t n)
{
    float room[OPERANDS + 1][BLOCK];
    const float *x[OPERANDS] = { NULL };
    const int inner = l->rank - 1;
    for (int k = 0; k < l->operands; k++) {
        const int64_t step = l->step[k][inner], place = at[k] + i * step;
        x[k] = spread(l->x[k] + (size_t)place * oc_dtype_size(l->type[k]), l->type[k], step, n,
                      room[k]);
    }
    for (int k = l->operands; k < OPERANDS; k++)
        x[k] = x[0];
    if (l->y_type == OC_F32) {
        l->run(x[0], x[1], x[2], (float *)(void *)l->y + first, n);
        return;
    }
    l->run(x[0], x[1], x[2], room[OPERANDS], n);
    for (int64_t j = 0; j < n; j++)
        l->y[first + j] = room[OPERANDS][j] != 0;
}

/* Where the line that holds result number i begins in each operand. */
static void find_line(const struct lines *l, int64_t i, int64_t at[OPERANDS])
{
    int64_t number = i / l->dim[l->rank - 1];
    for (int k = 0; k < OPERANDS; k++)
        at[k] = 0;
    for (int d = l->rank - 2; d >= 0; d--) {
        for (int k = 0; k < l->operands; k++)
            at[k] += number % l->dim[d] * l->step[k][d];
        number /= l->dim[d];
    }
}

static void run_lines(const void *context, int64_t first, int64_t last)
{
    const struct lines *l = context;
    const int64_t length = l->dim[l->rank - 1];
    int64_t at[OPERANDS];
    for (int64_t i = first; i < last;) {
        const int64_t j = i % length, left = length - j < last - i ? length - j : last - i;
        find_line(l, i, at);
        for (int64_t done = 0; done < left; done += BLOCK)
            run_block(l, at, i + done, j + done, left - done < BLOCK ? left - done : BLOCK);
        i += left;
    }
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    struct lines l = { .run = find(r->op->entry.name), .operands = r->n_in,
                       .y_type = r->y[0].dtype, .y = e->y[0] };
    for (int k = 0; k < r->n_in; k++) {
        l.x[k] = e->x[k];
        l.type[k] = r->x[k].dtype;
    }
    if (all_alike(r))
        add_dimension(&l, oc__cpu_floats(&r->y[0]), (int64_t[OPERANDS]){ 1, 1, 1 });
    else
        join_dimensions(&l, r);
    const int64_t n = all_alike(r) ? oc__cpu_floats(&r->y[0]) : oc__cpu_count(&r->y[0]);
    oc__parallel(e->threads, n, CPU_GRAIN, run_lines, &l);
}

const struct kernel oc__cpu_zip = { .name = "loop", .accept = accept, .run = run };
