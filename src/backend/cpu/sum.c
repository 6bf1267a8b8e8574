/* sum.c — sums over stretches of dimensions, and their opposite: SumTo, ReduceSum, ReduceMean,
 * ConvGradBias, GlobalAveragePool; ExpandTo and the gradients of sums; constants.
 *
 * A sum goes to a result that stands under its operand along consecutive dimensions (struct
 * cpu_pattern).  Sums are gathered in double, in an order that the shape alone decides. */
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"
#include "op/attributes.h"

enum { LANES = 8, COLUMNS = 4 * LANES, STRETCH = 1024 };

/* ---- sums --------------------------------------------------------------------------------- */

struct sums {
    struct cpu_pattern p;
    const float       *x;                               /* [outer, middle, inner] */
    float             *y;                               /* [middle] */
    double             scale;
};

WIDE static float sum_stretch(const float *x, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static double sum_line(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i += STRETCH)
        sum += (double)sum_stretch(x + i, n - i < STRETCH ? n - i : STRETCH);
    return sum;
}

typedef float  narrow __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef double broad __attribute__((vector_size(LANES * sizeof(double))));

/* COLUMNS neighbouring columns of `outer` rows, in registers. */
WIDE static void sum_block(const float *x, int64_t outer, int64_t step, double *sum)
{
    broad s[COLUMNS / LANES] = { { 0 } };
    for (int64_t o = 0; o < outer; o++, x += step)
        for (int i = 0; i < COLUMNS / LANES; i++)
            s[i] += __builtin_convertvector(*(const narrow *)(x + i * LANES), broad);
    memcpy(sum, s, sizeof s);
}

/* Fewer of them. */
WIDE static void sum_columns(const float *x, int64_t outer, int64_t step, int64_t n, double *sum)
{
    for (int64_t o = 0; o < outer; o++, x += step)
        for (int64_t j = 0; j < n; j++)
            sum[j] += (double)x[j];
}

static void run_sums(const void *context, int64_t first, int64_t last)
{
    const struct sums *s = context;
    const struct cpu_pattern p = s->p;
    if (p.inner == 1) {
        for (int64_t m = first; m < last; m += COLUMNS) {
            const int64_t n = last - m < COLUMNS ? last - m : COLUMNS;
            double sum[COLUMNS] = { 0 };
            if (n == COLUMNS)
                sum_block(s->x + m, p.outer, p.middle, sum);
            else
                sum_columns(s->x + m, p.outer, p.middle, n, sum);
            for (int64_t j = 0; j < n; j++)
                s->y[m + j] = (float)(sum[j] * s->scale);
        }
        return;
    }
    for (int64_t m = first; m < last; m++) {
        double sum = 0;
        for (int64_t o = 0; o < p.outer; o++)
            sum += sum_line(s->x + (o * p.middle + m) * p.inner, p.inner);
        s->y[m] = (float)(sum * s->scale);
    }
}

/* The shape of a reduction's result with the axes kept as 1. */
static bool kept_shape(const struct reduce *a, const oc_shape *x, oc_shape *kept)
{
    bool reduced[OC_MAX_RANK];
    *kept = *x;
    if (oc__axes(&a->axes, x->rank, reduced) < 0)
        return false;
    for (int i = 0; i < x->rank; i++)
        if (reduced[i] || (a->axes.n == 0 && !a->noop_with_empty_axes))
            kept->dim[i] = 1;
    return true;
}

static bool is(const struct request *r, const char *name)
{
    return !strcmp(r->op->entry.name, name);
}

/* How the smaller operand of these operators stands under the larger; false: not one of them. */
static bool sum_pattern(const struct request *r, struct cpu_pattern *p)
{
    oc_shape part = *r->y[0].shape;
    if (is(r, "ConvGradBias")) {
        part = *r->x[0].shape;
        for (int i = 0; i < part.rank; i++)
            part.dim[i] = i == 1 ? part.dim[i] : 1;
    } else if (is(r, "ReduceSum") || is(r, "ReduceMean")) {
        if (!kept_shape(r->attr, r->x[0].shape, &part))
            return false;
    } else if (!is(r, "SumTo") && !is(r, "GlobalAveragePool")) {
        return false;
    }
    return oc__cpu_pattern(p, r->x[0].shape, &part);
}

static bool accept_sum(const struct request *r, struct offer *o)
{
    struct cpu_pattern p;
    (void)o;
    return sum_pattern(r, &p) && oc__cpu_all_f32(r);
}

static void run_sum(const struct execution *e)
{
    const struct request *r = e->request;
    struct sums s = { .x = e->x[0], .y = e->y[0], .scale = 1 };
    sum_pattern(r, &s.p);
    const int64_t each = s.p.outer * s.p.inner;
    if (is(r, "ReduceMean") || is(r, "GlobalAveragePool"))
        s.scale = 1 / (double)each;
    oc__parallel(e->threads, s.p.middle, CPU_GRAIN / (each + 1) + 1, run_sums, &s);
}

const struct kernel oc__cpu_sum = { .name = "sum", .accept = accept_sum, .run = run_sum };

/* ---- expansions --------------------------------------------------------------------------- */

struct expansion {
    struct cpu_pattern p;
    const float       *x;
    float             *y, scale;
};

static bool expand_pattern(const struct request *r, struct cpu_pattern *p)
{
    oc_shape part;
    if (is(r, "ReduceSumGrad") || is(r, "ReduceMeanGrad")) {
        if (!kept_shape(r->attr, r->y[0].shape, &part))
            return false;
    } else if (is(r, "ExpandTo") || is(r, "Expand") || is(r, "GlobalAveragePoolGrad")) {
        part = *r->x[0].shape;
    } else {
        return false;
    }
    return oc__cpu_pattern(p, r->y[0].shape, &part);
}

static bool accept_expand(const struct request *r, struct offer *o)
{
    struct cpu_pattern p;
    (void)o;
    return expand_pattern(r, &p) && oc__cpu_all_f32(r);
}

static void run_expansion(const void *context, int64_t first, int64_t last)
{
    const struct expansion *s = context;
    for (int64_t i = first; i < last; i++)
        s->y[i] = s->scale * s->x[i / s->p.inner % s->p.middle];
}

static void run_expand(const struct execution *e)
{
    const struct request *r = e->request;
    struct expansion s = { .x = e->x[0], .y = e->y[0], .scale = 1 };
    expand_pattern(r, &s.p);
    if (is(r, "ReduceMeanGrad") || is(r, "GlobalAveragePoolGrad"))
        s.scale = 1 / (float)(s.p.outer * s.p.inner);
    oc__parallel(e->threads, oc__cpu_count(&r->y[0]), CPU_GRAIN, run_expansion, &s);
}

const struct kernel oc__cpu_expand = {
    .name = "expand", .accept = accept_expand, .run = run_expand,
};

/* ---- constants ---------------------------------------------------------------------------- */

static bool accept_fill(const struct request *r, struct offer *o)
{
    (void)o;
    return (is(r, "OnesLike") || is(r, "ZerosLike")) && oc__cpu_all_f32(r);
}

static void run_fill(const struct execution *e)
{
    const float v = is(e->request, "OnesLike") ? 1 : 0;
    for (int64_t i = 0; i < oc__cpu_count(&e->request->y[0]); i++)
        ((float *)e->y[0])[i] = v;
}

const struct kernel oc__cpu_fill = { .name = "fill", .accept = accept_fill, .run = run_fill };
