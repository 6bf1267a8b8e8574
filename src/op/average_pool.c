/* average_pool.c — AveragePool and GlobalAveragePool: y = mean of x over the window.
 *
 * The mean is over the places inside x; with count_include_pad also over those in the padding, but
 * never over what a window in ceil mode covers beyond it (PyTorch's and ONNX's rule). */
#include "op/op.h"
#include "op/pool.h"

#include <string.h>

int64_t oc__pool_divisor(const struct window *w, const int64_t y[WINDOW_DIMS], bool include_pad)
{
    int64_t n = 1;
    for (int i = 0; i < WINDOW_DIMS; i++) {
        int64_t inside = 0;
        for (int64_t t = 0; t < w->kernel[i]; t++) {
            const int64_t x = y[i] * w->stride[i] - w->pad[i] + t * w->dilation[i];
            inside += include_pad ? x < w->x[i] + w->pad_end[i] : x >= 0 && x < w->x[i];
        }
        n *= inside;
    }
    return n;
}

static oc_status shape(const struct infer *s)
{
    const struct pool_attr *a = s->attr;
    struct window w;
    TRY(oc__window(&w, &a->window, s->x[0], NULL));
    s->y[0] = oc__window_shape(&w, s->x[0]->dim[0], s->x[0]->dim[1], w.y);
    return OC_OK;
}

/* Forwards sums the window of x into one place of y; backwards spreads one place of y over the
 * window of x.  Only one of `x` and `dx` is there. */
static void visit(const struct window *w, const int64_t y[WINDOW_DIMS], const double *x, double *dx,
                  double *value)
{
    for (int64_t t = 0; t < oc__window_count(w->kernel); t++) {
        const int64_t d = oc__window_at(w, 0, y[0], t / (w->kernel[1] * w->kernel[2]));
        const int64_t h = oc__window_at(w, 1, y[1], t / w->kernel[2] % w->kernel[1]);
        const int64_t v = oc__window_at(w, 2, y[2], t % w->kernel[2]);
        if (d < 0 || h < 0 || v < 0)
            continue;
        const int64_t i = (d * w->x[1] + h) * w->x[2] + v;
        if (x)
            *value += x[i];
        else
            dx[i] += *value;
    }
}

static void run(const struct call *c)
{
    const struct pool_attr *a = c->attr;
    struct window w;
    oc__window(&w, &a->window, c->xs[0], NULL);
    const int64_t y_plane = oc__window_count(w.y), n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = i % y_plane;
        const int64_t y[] = { k / (w.y[1] * w.y[2]), k / w.y[2] % w.y[1], k % w.y[2] };
        const int64_t divisor = oc__pool_divisor(&w, y, a->count_include_pad);
        double sum = 0;
        visit(&w, y, c->x[0] + i / y_plane * oc__window_count(w.x), NULL, &sum);
        c->y[0][i] = divisor ? sum / (double)divisor : 0;
    }
}

double oc__pool_flops(const struct infer *s)
{
    const struct pool_attr *a = s->attr;
    struct window w;
    if (oc__window(&w, &a->window, s->x[0], NULL) < 0)
        return 0;
    return (double)oc_shape_count(&s->y[0]) * (double)oc__window_count(w.kernel);
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_average_pool_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const struct attr attrs[] = {
    POOL_ATTRS,
    ATTR(struct pool_attr, BOOL, count_include_pad, "false", "count places in the padding too"),
    { 0 }
};

static const char *const cases[] = {
    "2x3x6x8 kernel_shape=2 strides=2",
    "2x3x7x5 kernel_shape=2 strides=2 ceil_mode=true",
    "2x3x1x1 kernel_shape=2 strides=2 ceil_mode=true",
    "2x3x1x4 kernel_shape=3 strides=3 ceil_mode=true count_include_pad=true",
    "1x2x7x8 kernel_shape=3,2 strides=2,1 pads=1,0,1,1",
    "1x2x7x8 kernel_shape=3 strides=2 pads=1 count_include_pad=true ceil_mode=true",
    "1x2x8x8 kernel_shape=3 strides=3 pads=1,0,0,0 count_include_pad=true ceil_mode=true",
    "1x2x9x9 kernel_shape=2,3 dilations=2 strides=1",
    "1x2x6x5 kernel_shape=3 strides=2 auto_pad=SAME_UPPER",
    "2x3x9 kernel_shape=3 strides=2",
    "1x2x4x5x4 kernel_shape=2 strides=2",
    NULL
};

const struct op oc__op_average_pool = {
    .entry = { "AveragePool", "y = mean of x over the window", attrs, sizeof(struct pool_attr) },
    .inputs = "x", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .flops = oc__pool_flops, .cases = cases,
};

/* ---- its gradient ------------------------------------------------------------------------- */

static oc_status shape_grad(const struct infer *s)
{
    const struct pool_attr *a = s->attr;
    struct window w;
    TRY(oc__window(&w, &a->window, s->x[1], NULL));
    const oc_shape y = oc__window_shape(&w, s->x[1]->dim[0], s->x[1]->dim[1], w.y);
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    s->yt[0] = s->xt[0];
    return OC_OK;
}

static void run_grad(const struct call *c)
{
    const struct pool_attr *a = c->attr;
    struct window w;
    oc__window(&w, &a->window, c->xs[1], NULL);
    const int64_t y_plane = oc__window_count(w.y), n = oc_shape_count(c->xs[0]);
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = i % y_plane;
        const int64_t y[] = { k / (w.y[1] * w.y[2]), k / w.y[2] % w.y[1], k % w.y[2] };
        const int64_t divisor = oc__pool_divisor(&w, y, a->count_include_pad);
        double share = divisor ? c->x[0][i] / (double)divisor : 0;
        visit(&w, y, NULL, c->y[0] + i / y_plane * oc__window_count(w.x), &share);
    }
}

static void grad_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_average_pool, n->attr, OC_IN(dy[0]));
}

static const char *const grad_cases[] = {
    "2x3x3x4 2x3x6x8 kernel_shape=2 strides=2",
    "2x3x1x2 2x3x1x4 kernel_shape=3 strides=3 ceil_mode=true",
    "1x2x4x5 1x2x7x8 kernel_shape=3 strides=2 pads=1 count_include_pad=true ceil_mode=true",
    "2x3x4 2x3x9 kernel_shape=3 strides=2",
    NULL
};

const struct op oc__op_average_pool_grad = {
    .entry = { "AveragePoolGrad", "dx of AveragePool: dy spread evenly over the window", attrs,
               sizeof(struct pool_attr) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1u << 1,
    .shape = shape_grad, .grad = grad_grad, .run = run_grad, .cases = grad_cases,
};

/* ---- over the whole plane ----------------------------------------------------------------- */

static oc_status shape_global(const struct infer *s)
{
    s->y[0] = *s->x[0];
    if (s->y[0].rank < 3)
        return oc__fail(OC_EUSAGE, "the input has %d dimensions, not 3 or more", s->y[0].rank);
    for (int i = 2; i < s->y[0].rank; i++)
        s->y[0].dim[i] = 1;
    return OC_OK;
}

static oc_status shape_global_grad(const struct infer *s)
{
    oc_shape y = *s->x[1];
    for (int i = 2; i < y.rank; i++)
        y.dim[i] = 1;
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

static void run_global(const struct call *c)
{
    const int64_t planes = oc_shape_count(c->ys[0]);
    const int64_t plane = planes ? oc_shape_count(c->xs[0]) / planes : 0;
    for (int64_t p = 0; p < planes; p++) {
        double sum = 0;
        for (int64_t i = 0; i < plane; i++)
            sum += c->x[0][p * plane + i];
        c->y[0][p] = plane ? sum / (double)plane : 0;
    }
}

static double flops_global(const struct infer *s) { return (double)oc_shape_count(s->x[0]); }

static void grad_global(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                        oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_global_average_pool_grad, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const global_cases[] = { "2x3x4x5", "2x3x7", "1x2x3x2x3", NULL };

const struct op oc__op_global_average_pool = {
    .entry = { .name = "GlobalAveragePool", .summary = "y = mean of x over each plane" },
    .inputs = "x", .outputs = "y",
    .shape = shape_global, .grad = grad_global, .run = run_global, .flops = flops_global,
    .cases = global_cases,
};

static void run_global_grad(const struct call *c)
{
    const int64_t planes = oc_shape_count(c->xs[0]), n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = c->x[0][i / (n / planes)] / (double)(n / planes);
}

static void grad_global_grad(oc_graph *g, const struct node *n, const oc_value *dy,
                             const bool *want, oc_value *dx)
{
    (void)n;
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_global_average_pool, NULL, OC_IN(dy[0]));
}

static const char *const global_grad_cases[] = { "2x3x1x1 2x3x4x5", "2x3x1 2x3x7", NULL };

const struct op oc__op_global_average_pool_grad = {
    .entry = { .name = "GlobalAveragePoolGrad",
               .summary = "dx = dy / places, on every place of the plane" },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1u << 1,
    .shape = shape_global_grad, .grad = grad_global_grad, .run = run_global_grad,
    .cases = global_grad_cases,
};
