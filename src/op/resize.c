/* resize.c — Resize: nearest or linear resampling, and its gradient.
 *
 * A place y of the result lies at some coordinate of x along each dimension (the words of
 * coordinate_transformation_mode); nearest takes the place next to it, linear the two around it,
 * weighted, with the border repeated.  Over several dimensions the weights multiply, so every
 * element of the result is a sum over the corners of a box.  The gradient adds to the same places
 * with the same weights. */
#include "op/resize.h"
#include "op/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double coordinate(const struct resize *a, double scale, int64_t x_size, int64_t y_size,
                         int64_t y)
{
    switch ((enum resize_coordinates)a->coordinate_transformation_mode) {
    case RESIZE_PYTORCH_HALF_PIXEL:
        if (y_size == 1)
            return 0;
        break;
    case RESIZE_ALIGN_CORNERS:
        return y_size == 1 ? 0 : (double)y * (double)(x_size - 1) / (double)(y_size - 1);
    case RESIZE_ASYMMETRIC:
        return (double)y / scale;
    case RESIZE_HALF_PIXEL:
        break;
    }
    return ((double)y + 0.5) / scale - 0.5;
}

static double nearest(const struct resize *a, double v)
{
    switch ((enum resize_nearest)a->nearest_mode) {
    case RESIZE_ROUND_PREFER_FLOOR: return ceil(v - 0.5);
    case RESIZE_ROUND_PREFER_CEIL:  return floor(v + 0.5);
    case RESIZE_FLOOR:              return floor(v);
    case RESIZE_CEIL:               break;
    }
    return ceil(v);
}

struct resize_tap oc__resize_tap(const struct resize *a, double scale, int64_t x_size,
                                 int64_t y_size, int64_t y)
{
    double v = coordinate(a, scale, x_size, y_size, y);
    if (a->mode == RESIZE_NEAREST)
        v = nearest(a, v);
    v = fmin(fmax(v, 0), (double)(x_size - 1));
    const double at = floor(v);
    return (struct resize_tap){ (int64_t)at, v - at };
}

/* Reads "2" or "1,1,2,2" into scale[]; 0 when that is not what it is. */
static int parse_scales(const char *text, double scale[OC_MAX_RANK])
{
    int n = 0;
    for (const char *p = text; *p; n++) {
        char *end;
        if (n == OC_MAX_RANK)
            return 0;
        scale[n] = strtod(p, &end);
        if (end == p || !(scale[n] > 0 && scale[n] <= 65536) || (*end && *end != ','))
            return 0;
        p = end + (*end == ',');
    }
    return n;
}

/* A list is for all dimensions, for those after channels, or one number for all of these. */
static bool list_fits(int n, int rank) { return n == rank || n == rank - 2 || n == 1; }
static int list_at(int n, int rank, int i)
{
    return n == rank ? i : i < 2 ? -1 : n == 1 ? 0 : i - 2;
}

void oc__resize_scales(const struct resize *a, const oc_shape *x, const oc_shape *y,
                       double scale[OC_MAX_RANK])
{
    double given[OC_MAX_RANK];
    const int n = a->sizes.n ? 0 : parse_scales(a->scales, given);
    for (int i = 0; i < x->rank; i++) {
        const int k = n ? list_at(n, x->rank, i) : -1;
        scale[i] = k >= 0 ? given[k] : (double)y->dim[i] / (double)x->dim[i];
    }
}

static oc_status shape(const struct infer *s)
{
    const struct resize *a = s->attr;
    const oc_shape *x = s->x[0];
    double scale[OC_MAX_RANK];
    const int n = a->sizes.n ? a->sizes.n : parse_scales(a->scales, scale);
    if (x->rank < 3 || n == 0 || !list_fits(n, x->rank))
        return oc__fail(OC_EUSAGE, "neither sizes nor scales fit an input of %d dimensions",
                        x->rank);
    s->y[0] = *x;
    for (int i = 0; i < x->rank; i++) {
        const int k = list_at(n, x->rank, i);
        if (k < 0)
            continue;
        s->y[0].dim[i] = a->sizes.n   ? a->sizes.v[k]
                         : x->dim[i] < 0 ? OC_UNKNOWN
                                         : (int64_t)floor((double)x->dim[i] * scale[k]);
        if (s->y[0].dim[i] < 1 && x->dim[i] >= 0)
            return oc__fail(OC_EUSAGE, "dimension %d becomes empty", i);
        if (s->y[0].dim[i] > INT32_MAX)
            return oc__fail(OC_EUSAGE, "dimension %d becomes too large", i);
    }
    return OC_OK;
}

/* Numbers as the text that parse_scales() reads. */
static oc_status take_scales(const struct infer *s, int i, char to[ATTR_TEXT_MAX])
{
    const oc_tensor *const t = oc__known(s, i);
    size_t at = 0;
    for (int64_t k = 0, n = t ? oc_shape_count(&t->shape) : 0; k < n; k++) {
        const size_t room = ATTR_TEXT_MAX - at;
        const int more = snprintf(to + at, room, k ? ",%.9g" : "%.9g", oc_tensor_get(t, k));
        if (more < 0 || (size_t)more >= room)
            return oc__fail(OC_EUSAGE, "scales: %lld numbers are too many", (long long)n);
        at += (size_t)more;
    }
    return OC_OK;
}

static oc_status take(void *attr, const struct infer *s)
{
    struct resize *const a = attr;
    TRY(take_scales(s, 2, a->scales));
    return oc__take_ints(s, 3, &a->sizes);
}

/* Element i of y is sum of weight x over the corners; with `dx`, adds weight y there instead. */
static double corners(const struct resize *a, const double *scale, const oc_shape *xs,
                      const oc_shape *ys, int64_t i, const double *x, double *dx, double y)
{
    struct resize_tap tap[OC_MAX_RANK];
    int64_t stride[OC_MAX_RANK], base = 0;
    int split[OC_MAX_RANK], splits = 0;
    oc__strides(xs, stride);
    for (int k = ys->rank - 1; k >= 0; k--) {
        tap[k] = oc__resize_tap(a, scale[k], xs->dim[k], ys->dim[k], i % ys->dim[k]);
        i /= ys->dim[k];
        base += tap[k].at * stride[k];
        if (tap[k].next > 0)
            split[splits++] = k;
    }
    double sum = 0;
    for (int corner = 0; corner < 1 << splits; corner++) {
        int64_t at = base;
        double weight = 1;
        for (int k = 0; k < splits; k++) {
            const bool second = corner >> k & 1;
            at += second ? stride[split[k]] : 0;
            weight *= second ? tap[split[k]].next : 1 - tap[split[k]].next;
        }
        if (dx)
            dx[at] += weight * y;
        else
            sum += weight * x[at];
    }
    return sum;
}

static void run(const struct call *c)
{
    double scale[OC_MAX_RANK];
    oc__resize_scales(c->attr, c->xs[0], c->ys[0], scale);
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = corners(c->attr, scale, c->xs[0], c->ys[0], i, c->x[0], NULL, 0);
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_resize_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const modes[] = { "nearest", "linear", NULL };
static const char *const coordinates[] = {
    "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", NULL
};
static const char *const nearest_modes[] = {
    "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL
};

static const struct attr attrs[] = {
    ATTR(struct resize, TEXT, scales, NULL,
         "factors: of all dimensions, of those after channels, or one"),
    ATTR(struct resize, INTS, sizes, NULL, "sizes, instead of factors"),
    ATTR_WORDS(struct resize, mode, "nearest", "how values between places are found", modes),
    ATTR_WORDS(struct resize, coordinate_transformation_mode, "half_pixel",
               "where a place of the result lies in x", coordinates),
    ATTR_WORDS(struct resize, nearest_mode, "round_prefer_floor", "which place is nearest",
               nearest_modes),
    { 0 }
};

static const char *const cases[] = {
    "1x2x3x4 scales=2",
    "1x2x3x4 scales=2,1.5 mode=linear",
    "1x2x5x4 sizes=3,7 mode=linear",
    "1x2x5x4 sizes=1,2,3,7 mode=linear coordinate_transformation_mode=align_corners",
    "1x2x5x4 sizes=1,9 mode=linear coordinate_transformation_mode=pytorch_half_pixel",
    "1x2x5x4 scales=1,1,0.6,2 mode=linear coordinate_transformation_mode=asymmetric",
    "1x2x5x4 sizes=4,7 nearest_mode=floor coordinate_transformation_mode=asymmetric",
    "1x2x5x4 sizes=4,7 nearest_mode=ceil",
    "1x2x5x4 sizes=10,2 nearest_mode=round_prefer_ceil",
    "2x3x5 scales=2 mode=linear",
    "1x1x2x3x2 scales=2 mode=linear",
    NULL
};

const struct op oc__op_resize = {
    .entry = { "Resize", "y = x resampled to another size", attrs, sizeof(struct resize) },
    .inputs = "x roi? scales? sizes?", .outputs = "y",
    .by_value = 0xe, .take = take, .pending = oc__pending_like,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

static oc_status shape_grad(const struct infer *s)
{
    oc_shape y;
    oc_dtype type = s->xt[0];
    TRY(shape(&(struct infer){ s->attr, 1, 1, &s->x[1], &s->xt[1], &y, &type, NULL }));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

static void run_grad(const struct call *c)
{
    double scale[OC_MAX_RANK];
    oc__resize_scales(c->attr, c->xs[1], c->xs[0], scale);
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++)
        corners(c->attr, scale, c->xs[1], c->xs[0], i, NULL, c->y[0], c->x[0][i]);
}

static void grad_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_resize, n->attr, OC_IN(dy[0]));
}

static const char *const grad_cases[] = {
    "1x2x6x8 1x2x3x4 scales=2", "1x2x3x7 1x2x5x4 sizes=3,7 mode=linear", NULL
};

const struct op oc__op_resize_grad = {
    .entry = { "ResizeGrad", "dx of Resize: dy added where it was read", attrs,
               sizeof(struct resize) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1u << 1,
    .shape = shape_grad, .grad = grad_grad, .run = run_grad, .cases = grad_cases,
};
