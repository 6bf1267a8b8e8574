/* max_pool.c — MaxPool and GlobalMaxPool: y = max of x over the window, padding left out.
 *
 * Both also say where: `index` is the place of the first maximum in scan order within its plane
 * (row-major over the spatial dimensions of x), so that where values tie the gradient goes to one
 * of them, once.  A window that holds only padding has index -1 and y = -infinity.  NaN wins. */
#include "op/op.h"
#include "op/pool.h"

#include <math.h>
#include <string.h>

static oc_status set_outputs(const struct infer *s, const oc_shape *y)
{
    int64_t plane = 1;
    for (int i = 2; i < s->x[0]->rank; i++)
        plane = oc__dim_mul(plane, s->x[0]->dim[i]);
    if (plane > INT32_MAX)
        return oc__fail(OC_EUSAGE, "a plane of %lld elements", (long long)plane);
    s->y[0] = s->y[1] = *y;
    s->yt[1] = OC_I32;
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct pool_attr *a = s->attr;
    struct window w;
    TRY(oc__window(&w, &a->window, s->x[0], NULL));
    const oc_shape y = oc__window_shape(&w, s->x[0]->dim[0], s->x[0]->dim[1], w.y);
    return set_outputs(s, &y);
}

/* The place of the first maximum under the window at y. */
static int64_t find(const struct window *w, const double *x, const int64_t y[WINDOW_DIMS])
{
    int64_t best = -1;
    for (int64_t t = 0; t < oc__window_count(w->kernel); t++) {
        const int64_t d = oc__window_at(w, 0, y[0], t / (w->kernel[1] * w->kernel[2]));
        const int64_t h = oc__window_at(w, 1, y[1], t / w->kernel[2] % w->kernel[1]);
        const int64_t v = oc__window_at(w, 2, y[2], t % w->kernel[2]);
        if (d < 0 || h < 0 || v < 0)
            continue;
        const int64_t i = (d * w->x[1] + h) * w->x[2] + v;
        if (best < 0 || x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])))
            best = i;
    }
    return best;
}

static void run(const struct call *c)
{
    const struct pool_attr *a = c->attr;
    struct window w;
    oc__window(&w, &a->window, c->xs[0], NULL);
    const int64_t x_plane = oc__window_count(w.x), y_plane = oc__window_count(w.y);
    const int64_t planes = c->xs[0]->dim[0] * c->xs[0]->dim[1];
    for (int64_t p = 0; p < planes; p++)
        for (int64_t i = 0; i < y_plane; i++) {
            const double *x = c->x[0] + p * x_plane;
            const int64_t at = find(&w, x, (int64_t[]){ i / (w.y[1] * w.y[2]),
                                                        i / w.y[2] % w.y[1], i % w.y[2] });
            c->y[0][p * y_plane + i] = at < 0 ? -INFINITY : x[at];
            c->y[1][p * y_plane + i] = (double)at;
        }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const oc_value index = oc_output(g, n->out, 1);
    if (want[0] && !oc__is_none(dy[0]))
        dx[0] = oc__apply(g, &oc__op_max_pool_grad, NULL, OC_IN(dy[0], index, n->in[0]));
}

static const struct attr attrs[] = { POOL_ATTRS, { 0 } };

static const char *const cases[] = {
    "2x3x6x8 kernel_shape=2 strides=2",
    "2x3x7x5 kernel_shape=2 strides=2",
    "2x3x7x5 kernel_shape=2 strides=2 ceil_mode=true",
    "2x3x1x1 kernel_shape=2 strides=2 ceil_mode=true",
    "2x3x1x4 kernel_shape=3 strides=3 ceil_mode=true",
    "1x2x7x8 kernel_shape=3,2 strides=2,1 pads=1,0,1,1",
    "1x2x7x8 kernel_shape=3 strides=2 pads=1 ceil_mode=true",
    "1x2x9x9 kernel_shape=2,3 dilations=2 strides=1",
    "1x2x6x5 kernel_shape=3 strides=2 auto_pad=SAME_UPPER",
    "1x2x6x5 kernel_shape=2 auto_pad=SAME_LOWER",
    "2x3x9 kernel_shape=3 strides=2",
    "1x2x4x5x4 kernel_shape=2 strides=2",
    "2x5x24x24 kernel_shape=2 strides=2",
    "2x37x9x7 kernel_shape=3 strides=2 pads=1",
    "1x17x10x11 kernel_shape=9 strides=1",
    NULL
};

const struct op oc__op_max_pool = {
    .entry = { "MaxPool", "y = max of x over the window; index: its place in the plane", attrs,
               sizeof(struct pool_attr) },
    .inputs = "x", .outputs = "y index",
    .shape = shape, .grad = grad, .run = run, .flops = oc__pool_flops, .cases = cases,
};

/* ---- over the whole plane ----------------------------------------------------------------- */

static oc_status shape_global(const struct infer *s)
{
    oc_shape y = *s->x[0];
    if (y.rank < 3)
        return oc__fail(OC_EUSAGE, "the input has %d dimensions, not 3 or more", y.rank);
    for (int i = 2; i < y.rank; i++)
        y.dim[i] = 1;
    return set_outputs(s, &y);
}

static void run_global(const struct call *c)
{
    const int64_t planes = oc_shape_count(c->ys[0]);
    const int64_t plane = planes ? oc_shape_count(c->xs[0]) / planes : 0;
    const struct window w = { .x = { 1, 1, plane }, .kernel = { 1, 1, plane },
                              .stride = { 1, 1, 1 }, .dilation = { 1, 1, 1 } };
    for (int64_t p = 0; p < planes; p++) {
        const double *x = c->x[0] + p * plane;
        const int64_t at = find(&w, x, (int64_t[WINDOW_DIMS]){ 0 });
        c->y[0][p] = at < 0 ? -INFINITY : x[at];
        c->y[1][p] = (double)at;
    }
}

static double flops_global(const struct infer *s) { return (double)oc_shape_count(s->x[0]); }

static const char *const global_cases[] = { "2x3x4x5", "2x3x7", "1x2x3x2x3", NULL };

const struct op oc__op_global_max_pool = {
    .entry = { .name = "GlobalMaxPool",
               .summary = "y = max of x over each plane; index: its place" },
    .inputs = "x", .outputs = "y index", .flops = flops_global,
    .shape = shape_global, .grad = grad, .run = run_global, .cases = global_cases,
};

/* ---- gradient ----------------------------------------------------------------------------- */

static oc_status shape_grad(const struct infer *s)
{
    const oc_shape *const x = s->x[2];
    oc_shape planes = *s->x[0];
    TRY(oc__shape_match("the index", s->x[0], s->x[1]));
    for (int i = 0; i < 2 && x->rank >= 3; i++)
        planes.dim[i] = x->dim[i];
    planes.rank = x->rank;
    TRY(oc__shape_match("dy", &planes, s->x[0]));
    s->y[0] = *x;
    return OC_OK;
}

static void run_grad(const struct call *c)
{
    const int64_t n = oc_shape_count(c->xs[0]), planes = c->xs[2]->dim[0] * c->xs[2]->dim[1];
    const int64_t x_plane = planes ? oc_shape_count(c->xs[2]) / planes : 0;
    const int64_t y_plane = planes ? n / planes : 0;
    memset(c->y[0], 0, (size_t)(planes * x_plane) * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = (int64_t)c->x[1][i];
        if (at >= 0 && at < x_plane)
            c->y[0][i / y_plane * x_plane + at] += c->x[0][i];
    }
}

static const char *const grad_cases[] = {
    "2x3x2x3 i20:2x3x2x3 2x3x4x5", "2x3x1x1 i20:2x3x1x1 2x3x4x5", "2x3x4 i9:2x3x4 2x3x9", NULL
};

const struct op oc__op_max_pool_grad = {
    .entry = { .name = "MaxPoolGrad", .summary = "dx[index] += dy, plane by plane" },
    .inputs = "dy index x", .outputs = "dx", .shape_only = 1u << 2,
    .shape = shape_grad, .run = run_grad, .cases = grad_cases,
};
