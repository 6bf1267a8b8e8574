/* lp_pool.c — LpPool: y = (sum of |x|^p over the window)^(1/p). */
#include <math.h>
#include <string.h>

#include "op/op.h"
#include "op/pool.h"

struct lp_pool { struct pool_attr pool; int64_t p; };

static const struct attr attrs[] = {
    WINDOW_ATTRS(struct pool_attr),
    { .name = "ceil_mode", .type = ATTR_BOOL, .preset = "false",
      .offset = offsetof(struct lp_pool, pool.window.ceil_mode),
      .help = "round the output's size up" },
    ATTR_RANGE(struct lp_pool, INT, p, "2", "degree of the norm", 1, 1024),
    { 0 }
};

static const struct window_attr *window_of(const void *attr)
{
    return &((const struct lp_pool *)attr)->pool.window;
}

static oc_status shape(const struct infer *s)
{
    struct window w;
    TRY(oc__window(&w, window_of(s->attr), s->x[0], NULL));
    s->y[0] = oc__window_shape(&w, s->x[0]->dim[0], s->x[0]->dim[1], w.y);
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(shape(&(struct infer){ .attr = s->attr, .n_in = 1, .x = &s->x[1], .y = &y }));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    TRY(oc__shape_match("y", &y, s->x[2]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* The place in its plane of tap t of the window at element i of a plane of y; -1: outside. */
static int64_t tap(const struct window *w, int64_t i, int64_t t)
{
    const int64_t y_row = w->y[2], k_row = w->kernel[2];
    const int64_t d = oc__window_at(w, 0, i / y_row / w->y[1], t / k_row / w->kernel[1]);
    const int64_t h = oc__window_at(w, 1, i / y_row % w->y[1], t / k_row % w->kernel[1]);
    const int64_t v = oc__window_at(w, 2, i % y_row, t % k_row);
    return d < 0 || h < 0 || v < 0 ? -1 : (d * w->x[1] + h) * w->x[2] + v;
}

static void run(const struct call *c)
{
    const double p = (double)((const struct lp_pool *)c->attr)->p;
    struct window w;
    oc__window(&w, window_of(c->attr), c->xs[0], NULL);
    const int64_t plane = oc__window_count(w.y), taps = oc__window_count(w.kernel);
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const double *const x = c->x[0] + i / plane * oc__window_count(w.x);
        double sum = 0;
        for (int64_t t = 0; t < taps; t++) {
            const int64_t at = tap(&w, i % plane, t);
            sum += at < 0 ? 0 : pow(fabs(x[at]), p);
        }
        c->y[0][i] = pow(sum, 1 / p);
    }
}

/* dx += dy sign(x) (|x| / y)^(p - 1). */
static void run_grad(const struct call *c)
{
    const double p = (double)((const struct lp_pool *)c->attr)->p;
    struct window w;
    oc__window(&w, window_of(c->attr), c->xs[1], NULL);
    const int64_t plane = oc__window_count(w.y), taps = oc__window_count(w.kernel);
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        const int64_t first = i / plane * oc__window_count(w.x);
        for (int64_t t = 0; t < taps && c->x[2][i] > 0; t++) {
            const int64_t at = tap(&w, i % plane, t);
            if (at < 0)
                continue;
            const double x = c->x[1][first + at];
            c->y[0][first + at] += c->x[0][i] * copysign(pow(fabs(x) / c->x[2][i], p - 1), x);
        }
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_lp_pool_grad, n->attr, OC_IN(dy[0], n->in[0], n->out));
}

static const char *const cases[] = {
    "1x2x6x8 kernel_shape=2 strides=2",
    "1x2x7x5 kernel_shape=3 strides=2 pads=1 ceil_mode=true p=3",
    "1x2x1x3 kernel_shape=2 strides=2 ceil_mode=true",
    "2x3x9 kernel_shape=3 p=1", "1x1x4x5x4 kernel_shape=2 dilations=2", NULL
};

const struct op oc__op_lp_pool = {
    .entry = { "LpPool", "y = (sum of |x|^p over the window)^(1/p)", attrs,
               sizeof(struct lp_pool) },
    .inputs = "x", .outputs = "y", .flops = oc__pool_flops,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_lp_pool_grad = {
    .entry = { "LpPoolGrad", "dx = the gradient of LpPool", attrs, sizeof(struct lp_pool) },
    .inputs = "dy x y", .outputs = "dx", .shape = grad_shape, .run = run_grad,
};
