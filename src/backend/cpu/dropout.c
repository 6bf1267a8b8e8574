/* dropout.c — Dropout in f32, keeping the elements that op/dropout.h says. */
#include "op/dropout.h"

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"

struct draws {
    struct dropout_draw draw;
    const float        *x;
    float              *y, scale;
};

enum { AT_ONCE = 64 };

/* First the draws of some elements, then the elements: each loop becomes vector code. */
WIDE static void draw_range(const struct draws *d, int64_t first, int64_t last)
{
    const struct dropout_draw draw = d->draw;
    uint32_t keep[AT_ONCE];
    for (int64_t at = first; at < last; at += AT_ONCE) {
        const int64_t n = last - at < AT_ONCE ? last - at : AT_ONCE;
        const float *x = d->x + at;
        float *y = d->y + at;
        for (int64_t i = 0; i < n; i++)
            keep[i] = oc__dropout_keeps(draw, at + i);
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            const float v = x[i] * d->scale;
            y[i] = keep[i] ? v : 0;
        }
    }
}

static void run_range(const void *context, int64_t first, int64_t last)
{
    draw_range(context, first, last);
}

static bool accept(const struct request *r, struct offer *o)
{
    o->in_place = 0;
    return oc__cpu_all_f32(r);
}

static void run(const struct execution *e)
{
    const struct dropout *a = e->request->attr;
    const struct draws d = { oc__dropout_draw(a, e->seed, e->step), e->x[0], e->y[0],
                             (float)(1 / (1 - a->p)) };
    oc__parallel(e->threads, oc__cpu_count(&e->request->y[0]), CPU_GRAIN, run_range, &d);
}

const struct kernel oc__cpu_dropout = {
    .op = "Dropout", .name = "loop", .accept = accept, .run = run,
};
