/* loss.c — losses of two tensors of one shape, element by element, and their gradients, in f32.
 *
 * A row is the operator and what it makes of one element x and its target t: the loss, or a slope
 * that is then multiplied by dy.  The formulas are those of op/loss.c.  Sums are gathered in
 * double, block by block, on one thread. */
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/vector.h"
#include "op/attributes.h"

enum { BLOCK = 1024 };

typedef void loop(const float *x, const float *target, float *y, int64_t n);

/* clang-format off */
#define ROWS(ROW)                                                                              \
    ROW(squared, "MeanSquaredError", false, (x - t) * (x - t))                                 \
    ROW(squared_dx, "MeanSquaredErrorGrad", true, 2 * (x - t))                                 \
    ROW(squared_dt, "MeanSquaredErrorGradTarget", true, -2 * (x - t))                          \
    ROW(sigmoid, "SigmoidCrossEntropy", false, oc__cpu_softplus(x) - x * t)                    \
    ROW(sigmoid_dx, "SigmoidCrossEntropyGrad", true, oc__cpu_sigmoid(x) - t)                   \
    ROW(sigmoid_dt, "SigmoidCrossEntropyGradTarget", true, -x)
/* clang-format on */

#define ROW(id, name, is_slope, f)                                                             \
    WIDE static void id##_loop(const float *xs, const float *target, float *y, int64_t n)      \
    {                                                                                          \
        _Pragma("omp simd")                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const float x = xs[i], t = target[i];                                              \
            (void)t;                                                                           \
            y[i] = f;                                                                          \
        }                                                                                      \
    }
ROWS(ROW)
#undef ROW

static const struct row { const char *name; loop *run; bool is_slope; } rows[] = {
#define ROW(id, name, is_slope, f) { name, id##_loop, is_slope },
    ROWS(ROW)
#undef ROW
};

static const struct row *find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return &rows[i];
    return NULL;
}

static bool accept(const struct request *r, struct offer *o)
{
    (void)o;
    return find(r->op->entry.name) && oc__cpu_all_f32(r);
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static double sum_losses(loop *run, const float *x, const float *target, int64_t n)
{
    float losses[BLOCK];
    double sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = smaller(BLOCK, n - i);
        run(x + i, target + i, losses, count);
        for (int64_t j = 0; j < count; j++)
            sum += (double)losses[j];
    }
    return sum;
}

struct slopes {
    loop        *run;
    const float *dy, *x, *target;
    float       *dx, scale;                             /* of dy */
    int64_t      dy_step;                               /* 0 where one dy is for all */
};

static void run_slopes(const void *context, int64_t first, int64_t last)
{
    const struct slopes *s = context;
    s->run(s->x + first, s->target + first, s->dx + first, last - first);
    for (int64_t i = first; i < last; i++)
        s->dx[i] *= s->scale * s->dy[i * s->dy_step];
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const struct row *row = find(r->op->entry.name);
    const int reduction = ((const struct element_loss *)r->attr)->reduction;
    const int64_t n = oc__cpu_count(&r->x[r->n_in - 1]);
    const float share = reduction == REDUCTION_MEAN ? 1 / (float)n : 1;
    if (row->is_slope) {
        const struct slopes s = { row->run, e->x[0], e->x[1], e->x[2], e->y[0], share,
                                  reduction == REDUCTION_NONE };
        oc__parallel(e->threads, n, CPU_GRAIN, run_slopes, &s);
    } else if (reduction == REDUCTION_NONE) {
        row->run(e->x[0], e->x[1], e->y[0], n);
    } else {
        const double sum = sum_losses(row->run, e->x[0], e->x[1], n);
        *(float *)e->y[0] = (float)(reduction == REDUCTION_MEAN ? sum / (double)n : sum);
    }
}

const struct kernel oc__cpu_loss = { .name = "loop", .accept = accept, .run = run };
