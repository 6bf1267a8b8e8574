/* pool.c — MaxPool and AveragePool with their gradients, in f32, plane by plane.
 *
 * The taps of a window that lie inside the plane are a box; loops run over that box and need
 * not ask. Maxima of 2 x 2 with stride 2, the commonest, are taken four at a time. */
#include "op/pool.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"

/* Along one dimension: the taps inside are at `at`, at + dilation, …, `n` of them. */
struct reach { int64_t at, n; };

static struct reach reach_of(const struct window *w, int i, int64_t y)
{
    const int64_t start = y * w->stride[i] - w->pad[i], step = w->dilation[i];
    const int64_t first = start < 0 ? (-start + step - 1) / step : 0;
    const int64_t room = w->x[i] - start, fit = room > 0 ? (room + step - 1) / step : 0;
    const int64_t last = fit < w->kernel[i] ? fit : w->kernel[i];
    return (struct reach){ start + first * step, last > first ? last - first : 0 };
}

struct box { struct reach d, h, w; };

static struct box box_of(const struct window *w, int64_t i)
{
    return (struct box){ reach_of(w, 0, i / (w->y[1] * w->y[2])),
                         reach_of(w, 1, i / w->y[2] % w->y[1]), reach_of(w, 2, i % w->y[2]) };
}

/* Number of the line of x under taps d and h of a box. */
static int64_t row_at(const struct window *w, const struct box *b, int64_t d, int64_t h)
{
    return (b->d.at + d * w->dilation[0]) * w->x[1] + b->h.at + h * w->dilation[1];
}

struct planes {
    struct window window;
    int64_t       x_plane, y_plane;
    const float  *from;
    float        *to;
    int32_t      *index;                                /* MaxPool writes it */
    const int32_t *taken;                               /* MaxPoolGrad reads it */
    bool          include_pad;
};

/* ---- MaxPool ------------------------------------------------------------------------------ */

static bool beats(float v, float best) { return v > best || (isnan(v) && !isnan(best)); }

static void max_window(const struct planes *p, const float *x, int64_t i, float *y, int32_t *index)
{
    const struct window *w = &p->window;
    const struct box b = box_of(w, i);
    int64_t best = -1;
    for (int64_t d = 0; d < b.d.n; d++)
        for (int64_t h = 0; h < b.h.n; h++) {
            const int64_t row = row_at(w, &b, d, h);
            for (int64_t t = 0; t < b.w.n; t++) {
                const int64_t at = row * w->x[2] + b.w.at + t * w->dilation[2];
                if (best < 0 || beats(x[at], x[best]))
                    best = at;
            }
        }
    *y = best < 0 ? -INFINITY : x[best];
    *index = (int32_t)best;
}

typedef float   four __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(16), aligned(4), may_alias));

static inline ints choose(ints mask, ints p, ints q) { return (p & mask) | (q & ~mask); }

/* As beats(): where v does, it and its place take over. */
static inline void challenge(four v, ints place, four *best, ints *at)
{
    const ints wins = (v > *best) | ((v != v) & (*best == *best));
    *best = (four)choose(wins, (ints)v, (ints)*best);
    *at = choose(wins, place, *at);
}

/* Four windows of 2 x 2 in a line: `top` is the first of two lines of x, `place` its place. */
static void max_four(const float *top, int64_t width, int32_t place, float *y, int32_t *index)
{
    const float *bottom = top + width;
    const four p = *(const four *)top, q = *(const four *)(top + 4);
    const four r = *(const four *)bottom, s = *(const four *)(bottom + 4);
    const ints down = { (int32_t)width, (int32_t)width, (int32_t)width, (int32_t)width };
    ints at = { place, place + 2, place + 4, place + 6 };
    const ints left = at, right = at + 1;
    four best = __builtin_shufflevector(p, q, 0, 2, 4, 6);
    challenge(__builtin_shufflevector(p, q, 1, 3, 5, 7), right, &best, &at);
    challenge(__builtin_shufflevector(r, s, 0, 2, 4, 6), left + down, &best, &at);
    challenge(__builtin_shufflevector(r, s, 1, 3, 5, 7), right + down, &best, &at);
    *(four *)y = best;
    *(ints *)index = at;
}

/* A plane of 2 x 2 windows. */
static void max_lines(const struct planes *p, const float *x, float *y, int32_t *index)
{
    const struct window *w = &p->window;
    const int64_t n = w->y[2];
    for (int64_t h = 0; h < w->y[1]; h++) {
        const int64_t place = 2 * h * w->x[2];
        int64_t i = 0;
        for (; i + 4 <= n; i += 4)
            max_four(x + place + 2 * i, w->x[2], (int32_t)(place + 2 * i), y + h * n + i,
                     index + h * n + i);
        for (; i < n; i++)
            max_window(p, x, h * n + i, &y[h * n + i], &index[h * n + i]);
    }
}

static bool is_two_by_two(const struct window *w)
{
    bool yes = w->x[0] == 1 && w->y[0] == 1 && w->kernel[0] == 1;
    for (int i = 1; i < WINDOW_DIMS; i++)
        yes = yes && w->kernel[i] == 2 && w->stride[i] == 2 && w->dilation[i] == 1 &&
              w->pad[i] == 0 && 2 * w->y[i] <= w->x[i];
    return yes;
}

static void run_max_planes(const void *context, int64_t first, int64_t last)
{
    const struct planes *p = context;
    const bool fast = is_two_by_two(&p->window);
    for (int64_t k = first; k < last; k++) {
        const float *x = p->from + k * p->x_plane;
        float *y = p->to + k * p->y_plane;
        int32_t *index = p->index + k * p->y_plane;
        if (fast)
            max_lines(p, x, y, index);
        for (int64_t i = 0; !fast && i < p->y_plane; i++)
            max_window(p, x, i, &y[i], &index[i]);
    }
}

/* Describes a pooling node whose input is x. */
static struct planes planes_of(const struct request *r, const oc_shape *x)
{
    const struct pool_attr *a = r->attr;
    struct planes p = { .include_pad = a->count_include_pad };
    oc__window(&p.window, &a->window, x, NULL);
    p.x_plane = oc__window_count(p.window.x);
    p.y_plane = oc__window_count(p.window.y);
    return p;
}

/* Calls body for all planes of x [n, c, …]. */
static void each_plane(const struct execution *e, const oc_shape *x, const struct planes *p,
                       void (*body)(const void *, int64_t, int64_t))
{
    oc__parallel(e->threads, x->dim[0] * x->dim[1], CPU_GRAIN / (p->x_plane + 1) + 1, body, p);
}

static bool accept_max(const struct request *r, struct offer *o)
{
    (void)o;
    return r->x[0].dtype == OC_F32 && r->y[0].dtype == OC_F32 && r->y[1].dtype == OC_I32;
}

static void run_max(const struct execution *e)
{
    struct planes p = planes_of(e->request, e->request->x[0].shape);
    p.from = e->x[0];
    p.to = e->y[0];
    p.index = e->y[1];
    each_plane(e, e->request->x[0].shape, &p, run_max_planes);
}

const struct kernel oc__cpu_max_pool = {
    .op = "MaxPool", .name = "planes", .accept = accept_max, .run = run_max,
};

static bool accept_max_grad(const struct request *r, struct offer *o)
{
    (void)o;
    return r->x[0].dtype == OC_F32 && r->x[1].dtype == OC_I32 && r->y[0].dtype == OC_F32;
}

static void run_max_grad_planes(const void *context, int64_t first, int64_t last)
{
    const struct planes *p = context;
    memset(p->to + first * p->x_plane, 0, (size_t)((last - first) * p->x_plane) * sizeof(float));
    for (int64_t k = first; k < last; k++) {
        const float *dy = p->from + k * p->y_plane;
        const int32_t *index = p->taken + k * p->y_plane;
        float *dx = p->to + k * p->x_plane;
        for (int64_t i = 0; i < p->y_plane; i++)
            if (index[i] >= 0 && index[i] < p->x_plane)
                dx[index[i]] += dy[i];
    }
}

static void run_max_grad(const struct execution *e)
{
    const struct request *r = e->request;
    const oc_shape *x = r->x[2].shape;
    const int64_t planes = x->dim[0] * x->dim[1];
    const struct planes p = {
        .x_plane = planes ? oc_shape_count(x) / planes : 0,
        .y_plane = planes ? oc_shape_count(r->x[0].shape) / planes : 0,
        .from = e->x[0], .taken = e->x[1], .to = e->y[0],
    };
    each_plane(e, x, &p, run_max_grad_planes);
}

const struct kernel oc__cpu_max_pool_grad = {
    .op = "MaxPoolGrad", .name = "planes", .accept = accept_max_grad, .run = run_max_grad,
};

/* ---- AveragePool -------------------------------------------------------------------------- */

static float divisor(const struct planes *p, int64_t i)
{
    const struct window *w = &p->window;
    const int64_t y[] = { i / (w->y[1] * w->y[2]), i / w->y[2] % w->y[1], i % w->y[2] };
    const int64_t n = oc__pool_divisor(w, y, p->include_pad);
    return n ? (float)n : 1;
}

static float sum_window(const struct window *w, const float *x, int64_t i)
{
    const struct box b = box_of(w, i);
    float sum = 0;
    for (int64_t d = 0; d < b.d.n; d++)
        for (int64_t h = 0; h < b.h.n; h++) {
            const int64_t row = row_at(w, &b, d, h);
            for (int64_t t = 0; t < b.w.n; t++)
                sum += x[row * w->x[2] + b.w.at + t * w->dilation[2]];
        }
    return sum;
}

static void spread_window(const struct window *w, float *dx, int64_t i, float share)
{
    const struct box b = box_of(w, i);
    for (int64_t d = 0; d < b.d.n; d++)
        for (int64_t h = 0; h < b.h.n; h++) {
            const int64_t row = row_at(w, &b, d, h);
            for (int64_t t = 0; t < b.w.n; t++)
                dx[row * w->x[2] + b.w.at + t * w->dilation[2]] += share;
        }
}

static void run_average_planes(const void *context, int64_t first, int64_t last)
{
    const struct planes *p = context;
    for (int64_t k = first; k < last; k++)
        for (int64_t i = 0; i < p->y_plane; i++)
            p->to[k * p->y_plane + i] =
                sum_window(&p->window, p->from + k * p->x_plane, i) / divisor(p, i);
}

static void run_average_grad_planes(const void *context, int64_t first, int64_t last)
{
    const struct planes *p = context;
    memset(p->to + first * p->x_plane, 0, (size_t)((last - first) * p->x_plane) * sizeof(float));
    for (int64_t k = first; k < last; k++)
        for (int64_t i = 0; i < p->y_plane; i++)
            spread_window(&p->window, p->to + k * p->x_plane, i,
                          p->from[k * p->y_plane + i] / divisor(p, i));
}

static bool accept_average(const struct request *r, struct offer *o)
{
    (void)o;
    return oc__cpu_all_f32(r);
}

static void run_average(const struct execution *e)
{
    struct planes p = planes_of(e->request, e->request->x[0].shape);
    p.from = e->x[0];
    p.to = e->y[0];
    each_plane(e, e->request->x[0].shape, &p, run_average_planes);
}

static void run_average_grad(const struct execution *e)
{
    struct planes p = planes_of(e->request, e->request->x[1].shape);
    p.from = e->x[0];
    p.to = e->y[0];
    each_plane(e, e->request->x[1].shape, &p, run_average_grad_planes);
}

const struct kernel oc__cpu_average_pool = {
    .op = "AveragePool", .name = "planes", .accept = accept_average, .run = run_average,
};
const struct kernel oc__cpu_average_pool_grad = {
    .op = "AveragePoolGrad", .name = "planes", .accept = accept_average, .run = run_average_grad,
};
