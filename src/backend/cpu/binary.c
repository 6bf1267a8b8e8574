/* binary.c — arithmetic of two operands in f32, one of which may be smaller.
 *
 * The smaller one is a scalar, or stands along some consecutive dimensions of the result (a bias
 * along the last, or along channels); what broadcasts otherwise is left to the reference.  The
 * result is made in stretches in which the smaller operand is either followed or stands still. */
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"

/* Steps are 0 for an operand that stands still, else 1. */
typedef void loop(const float *p, int a_step, const float *q, int b_step, float *y, int64_t n);

/* clang-format off */
#define ROWS(ROW)                                                                              \
    ROW(add, "Add", a + b)                                                                     \
    ROW(sub, "Sub", a - b)                                                                     \
    ROW(mul, "Mul", a * b)                                                                     \
    ROW(div, "Div", a / b)                                                                     \
    ROW(max, "Max", a >= b || a != a ? a : b)                                                  \
    ROW(min, "Min", a <= b || a != a ? a : b)
/* clang-format on */

#define ROW(id, name, f)                                                                       \
    static inline __attribute__((always_inline)) void id##_steps(                              \
        const float *p, int a_step, const float *q, int b_step, float *y, int64_t n)           \
    {                                                                                          \
        _Pragma("omp simd")                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const float a = p[i * a_step], b = q[i * b_step];                                  \
            y[i] = f;                                                                          \
        }                                                                                      \
    }                                                                                          \
    WIDE static void id(const float *p, int a_step, const float *q, int b_step, float *y,      \
                        int64_t n)                                                             \
    {                                                                                          \
        if (a_step && b_step)                                                                  \
            id##_steps(p, 1, q, 1, y, n);                                                      \
        else if (a_step)                                                                       \
            id##_steps(p, 1, q, 0, y, n);                                                      \
        else                                                                                   \
            id##_steps(p, 0, q, b_step, y, n);                                                 \
    }
ROWS(ROW)
#undef ROW

static const struct row { const char *name; loop *run; } rows[] = {
#define ROW(id, name, f) { name, id },
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

/* Which operand is whole (-1: neither), and how the other stands under the result. */
static int whole_operand(const struct request *r, struct cpu_pattern *part)
{
    const oc_shape *y = r->y[0].shape;
    const int64_t n = oc_shape_count(y);
    for (int i = 0; i < 2; i++)
        if (oc_shape_count(r->x[i].shape) == n && oc__cpu_pattern(part, y, r->x[!i].shape))
            return i;
    return -1;
}

static bool accept(const struct request *r, struct offer *o)
{
    struct cpu_pattern part;
    loop *const run = find(r->op->entry.name);
    float of_zeros;
    if (!run || !oc__cpu_all_f32(r))
        return false;
    run(&(float){ 0 }, 1, &(float){ 0 }, 1, &of_zeros, 1);
    o->in_place = whole_operand(r, &part);
    if (oc_shape_equal(r->x[0].shape, r->x[1].shape))
        oc__cpu_offer_common_layout(r, o, oc__cpu_is_zero(of_zeros));
    return o->in_place >= 0;
}

struct stretches {
    loop              *run;
    struct cpu_pattern part;
    int                whole;
    const float       *x[2];
    float             *y;
};

static void run_range(const void *context, int64_t first, int64_t last)
{
    const struct stretches *s = context;
    const bool still = s->part.inner > 1 || s->part.middle == 1;
    const int64_t length = still ? s->part.inner * (s->part.middle == 1 ? s->part.outer : 1)
                                 : s->part.middle;
    for (int64_t i = first; i < last;) {
        const int64_t left = length - i % length, n = left < last - i ? left : last - i;
        const int64_t at = still ? i / s->part.inner % s->part.middle : i % length;
        if (s->whole == 0)
            s->run(s->x[0] + i, 1, s->x[1] + at, !still, s->y + i, n);
        else
            s->run(s->x[0] + at, !still, s->x[1] + i, 1, s->y + i, n);
        i += n;
    }
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    struct stretches s = { .run = find(r->op->entry.name),
                           .x = { e->x[0], e->x[1] },
                           .y = e->y[0] };
    s.whole = whole_operand(r, &s.part);
    if (oc_shape_equal(r->x[0].shape, r->x[1].shape)) /* one stretch of memory, padding included */
        s.part = (struct cpu_pattern){ 1, oc__cpu_floats(&r->y[0]), 1 };
    oc__parallel(e->threads, oc__cpu_floats(&r->y[0]), CPU_GRAIN, run_range, &s);
}

const struct kernel oc__cpu_binary = { .name = "loop", .accept = accept, .run = run };
