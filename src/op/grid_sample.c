/* grid_sample.c — GridSample: x read at places that a grid names (Jaderberg and others, 2015).
 *
 * x is [n, c, d…], the grid [n, places…, k] with as many numbers as x has spatial dimensions, the
 * last dimension's first.  -1 and 1 are the ends of a dimension: the middles of its outermost
 * elements with align_corners, else their outer edges.  Along each dimension a place meets up to
 * four elements with weights (a cubic after Keys, 1981, with a = -0.75), and weights multiply.
 * What lies outside is 0, the nearest element, or the inside reflected. */
#include <math.h>
#include <string.h>

#include "op/attributes.h"
#include "op/op.h"

enum { MODE_LINEAR, MODE_NEAREST, MODE_CUBIC, MODE_BILINEAR, MODE_BICUBIC };
enum { PADDING_ZEROS, PADDING_BORDER, PADDING_REFLECTION };
enum { TAPS = 4, DIMS = 3 };

static const char *const modes[] = { "linear", "nearest", "cubic", "bilinear", "bicubic", NULL };
static const char *const paddings[] = { "zeros", "border", "reflection", NULL };
static const struct attr attrs[] = {
    ATTR_WORDS(struct grid_sample, mode, "linear", "how values between places are found", modes),
    ATTR_WORDS(struct grid_sample, padding_mode, "zeros", "what lies outside", paddings),
    ATTR(struct grid_sample, BOOL, align_corners, "false", "1 is the middle of the last element"),
    { 0 }
};

static oc_status shape(const struct infer *s)
{
    const oc_shape *const x = s->x[0], *const grid = s->x[1];
    const int dims = x->rank - 2;
    if (dims < 1 || dims > DIMS || grid->rank != x->rank || !oc__dim_fits(grid->dim[dims + 1], dims)
        || !oc__dim_fits(grid->dim[0], x->dim[0]))
        return oc__fail(OC_EUSAGE, "a grid of rank %d does not fit an input of rank %d", grid->rank,
                        x->rank);
    s->y[0] = *x;
    for (int i = 0; i < dims; i++)
        s->y[0].dim[2 + i] = grid->dim[1 + i];
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(shape(&(struct infer){ s->attr, 2, 1, &s->x[1], &s->xt[1], &y, NULL, NULL }));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    s->y[1] = *s->x[2];
    return OC_OK;
}

/* The elements that a place meets along one dimension: where (-1: outside), their weights, and the
 * slopes of these by the grid's number. */
struct taps {
    int     n;
    int64_t at[TAPS];
    double  weight[TAPS], slope[TAPS];
};

/* v brought into [low, high] by reflection at both ends; *slope changes sign with every one. */
static double reflect(double v, double low, double high, double *slope)
{
    const double range = high - low;
    if (v >= low && v <= high)
        return v;
    if (!(range > 0))
        return low;
    const double beyond = v < low ? low - v : v - high, turns = floor(beyond / range);
    const double rest = beyond - turns * range;
    const bool even = fmod(turns, 2) == 0, from_low = (v < low) == even;
    *slope *= from_low == (v < low) ? -1 : 1;
    return from_low ? low + rest : high - rest;
}

static int64_t inside(const struct grid_sample *a, double at, int64_t n)
{
    double slope = 1;
    const double edge = a->align_corners ? 0 : 0.5;
    if (a->padding_mode == PADDING_BORDER)
        at = fmin(fmax(at, 0), (double)n - 1);
    else if (a->padding_mode == PADDING_REFLECTION)
        at = trunc(reflect(at, -edge, (double)n - 1 + edge, &slope));
    return at >= 0 && at < (double)n ? (int64_t)at : -1;
}

/* The cubic's weight at distance t, and its slope. */
static double cubic(double t, double *slope)
{
    const double a = -0.75, d = fabs(t), sign = t < 0 ? -1 : 1;
    if (d <= 1) {
        *slope = sign * (3 * (a + 2) * d * d - 2 * (a + 3) * d);
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    }
    *slope = sign * (3 * a * d * d - 10 * a * d + 8 * a);
    return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* The place along a dimension of n, with what its slope by the grid's number is. */
static double place_of(const struct grid_sample *a, double number, int64_t n, double *slope)
{
    const double size = (double)n, edge = a->align_corners ? 0 : 0.5;
    *slope = a->align_corners ? (size - 1) / 2 : size / 2;
    double v = a->align_corners ? (number + 1) / 2 * (size - 1) : ((number + 1) * size - 1) / 2;
    if (a->mode == MODE_NEAREST)
        v = rint(v);
    if (a->padding_mode == PADDING_REFLECTION)
        return reflect(v, -edge, size - 1 + edge, slope);
    if (a->padding_mode == PADDING_BORDER && (v < -edge || v > size - 1 + edge)) {
        *slope = 0;
        return v < 0 ? 0 : size - 1;
    }
    return v;
}

static struct taps taps_of(const struct grid_sample *a, double number, int64_t n)
{
    double by_number;
    const double v = place_of(a, number, n, &by_number), first = floor(v);
    const bool is_cubic = a->mode == MODE_CUBIC || a->mode == MODE_BICUBIC;
    struct taps t = { .n = a->mode == MODE_NEAREST ? 1 : is_cubic ? 4 : 2 };
    for (int i = 0; i < t.n; i++) {
        const double at = first + i - (is_cubic ? 1 : 0), distance = v - at;
        double slope = a->mode == MODE_NEAREST ? 0 : i ? 1 : -1;
        t.weight[i] = a->mode == MODE_NEAREST ? 1 : 1 - fabs(distance);
        if (is_cubic)
            t.weight[i] = cubic(distance, &slope);
        t.slope[i] = slope * by_number;
        t.at[i] = isfinite(at) ? inside(a, at, n) : -1;
    }
    return t;
}

/* One place of the grid: its taps along all dimensions. */
struct place { int dims; int64_t size[DIMS]; struct taps along[DIMS]; };

static struct place read_place(const struct grid_sample *a, const oc_shape *x, const double *grid)
{
    struct place p = { .dims = x->rank - 2 };
    for (int i = 0; i < p.dims; i++) {
        p.size[i] = x->dim[2 + i];
        p.along[i] = taps_of(a, grid[p.dims - 1 - i], p.size[i]);
    }
    return p;
}

static int corners(const struct place *p)
{
    int n = 1;
    for (int i = 0; i < p->dims; i++)
        n *= p->along[i].n;
    return n;
}

/* The element that corner k is (-1: outside) and its weight, in which the slope stands for the
 * weight along dimension `by`. */
static int64_t corner(const struct place *p, int k, int by, double *weight)
{
    int64_t at = 0, stride = 1;
    bool outside = false;
    *weight = 1;
    for (int i = p->dims - 1; i >= 0; i--) {
        const struct taps *const t = &p->along[i];
        const int j = k % t->n;
        k /= t->n;
        outside |= t->at[j] < 0;
        at += t->at[j] * stride;
        stride *= p->size[i];
        *weight *= i == by ? t->slope[j] : t->weight[j];
    }
    return outside ? -1 : at;
}

/* Sum of weight times x over the corners, by one slope or none (-1). */
static double sample(const struct place *p, const double *x, int by)
{
    double sum = 0, weight;
    for (int k = 0; k < corners(p); k++) {
        const int64_t at = corner(p, k, by, &weight);
        sum += at < 0 ? 0 : weight * x[at];
    }
    return sum;
}

static int64_t plane_of(const oc_shape *s)
{
    int64_t n = 1;
    for (int i = 2; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

static void run(const struct call *c)
{
    const int64_t x_plane = plane_of(c->xs[0]), y_plane = plane_of(c->ys[0]);
    const int64_t channels = c->xs[0]->dim[1];
    const int dims = c->xs[0]->rank - 2;
    for (int64_t i = 0; i < c->ys[0]->dim[0] * y_plane; i++) {
        const struct place p = read_place(c->attr, c->xs[0], c->x[1] + i * dims);
        for (int64_t k = 0; k < channels; k++) {
            const int64_t plane = i / y_plane * channels + k;
            c->y[0][plane * y_plane + i % y_plane] = sample(&p, c->x[0] + plane * x_plane, -1);
        }
    }
}

static void run_grad(const struct call *c)
{
    const double *const dy = c->x[0], *const x = c->x[1];
    double *const dx = c->y[0], *const dgrid = c->y[1], weight;
    const int64_t x_plane = plane_of(c->xs[1]), y_plane = plane_of(c->xs[0]);
    const int64_t channels = c->xs[1]->dim[1];
    const int dims = c->xs[1]->rank - 2;
    memset(dx, 0, (size_t)oc_shape_count(c->ys[0]) * sizeof *dx);
    for (int64_t i = 0; i < c->xs[0]->dim[0] * y_plane; i++) {
        const struct place p = read_place(c->attr, c->xs[1], c->x[2] + i * dims);
        for (int d = 0; d < dims; d++)
            dgrid[i * dims + d] = 0;
        for (int64_t k = 0; k < channels; k++) {
            const int64_t plane = i / y_plane * channels + k;
            const double own = dy[plane * y_plane + i % y_plane];
            for (int j = 0; j < corners(&p); j++) {
                const int64_t at = corner(&p, j, -1, &weight);
                if (at >= 0)
                    dx[plane * x_plane + at] += weight * own;
            }
            for (int d = 0; d < dims; d++)
                dgrid[i * dims + dims - 1 - d] += own * sample(&p, x + plane * x_plane, d);
        }
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const oc_value d =
        oc__apply(g, &oc__op_grid_sample_grad, n->attr, OC_IN(dy[0], n->in[0], n->in[1]));
    dx[0] = d;
    if (want[1])
        dx[1] = oc_output(g, d, 1);
}

static double flops(const struct infer *s)
{
    return 2 * (double)oc_shape_count(&s->y[0]) * pow(2, s->x[0]->rank - 2);
}

static const char *const cases[] = {
    "2x3x4x5 2x3x2x2", "1x2x4x5 1x3x4x2 align_corners=true padding_mode=border",
    "1x2x4x3 1x3x4x2 padding_mode=reflection", "1x2x4x5 1x3x4x2 mode=nearest",
    "1x1x5x6 1x3x4x2 mode=cubic", "1x1x5x6 1x3x2x2 mode=cubic padding_mode=border",
    "1x2x3x4x5 1x2x3x2x3", "1x1x3x4x5 1x2x3x2x3 mode=nearest padding_mode=reflection", NULL
};

const struct op oc__op_grid_sample = {
    .entry = { "GridSample", "y = x at the places of a grid", attrs, sizeof(struct grid_sample) },
    .inputs = "x grid", .outputs = "y", .flops = flops,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_grid_sample_grad = {
    .entry = { "GridSampleGrad", "gradients of GridSample", attrs, sizeof(struct grid_sample) },
    .inputs = "dy x grid", .outputs = "dx dgrid",
    .shape = grad_shape, .run = run_grad,
};
