/* resize.c — Resize: nearest, linear or cubic resampling, and its gradient.
 *
 * Along each dimension a place of the result lies at some coordinate v of x, which the words of
 * coordinate_transformation_mode say, and reads the elements around it, each weighted by a kernel
 * of its distance: a triangle, a cubic (Keys, 1981), or the one nearest.  With antialias the kernel
 * grows wider as x shrinks.  What lies outside of x is its border repeated, or with exclude_outside
 * nothing, and then weights still add up to 1.  Over several dimensions weights multiply.  The
 * gradient adds to the same places with the same weights. */
#include "op/resize.h"
#include "op/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sizes -------------------------------------------------------------------------------- */

enum { NUMBERS_MAX = 2 * OC_MAX_RANK };

/* Reads "2" or "1,1,2,2"; 0 when that is not what it is. */
static int parse_numbers(const char *text, double number[NUMBERS_MAX])
{
    int n = 0;
    for (const char *p = text; *p; n++) {
        char *end;
        if (n == NUMBERS_MAX)
            return 0;
        number[n] = strtod(p, &end);
        if (end == p || !isfinite(number[n]) || (*end && *end != ','))
            return 0;
        p = end + (*end == ',');
    }
    return n;
}

/* A list is for the axes that are named; else for all dimensions, for those after channels, or one
 * number for all of these. */
static bool list_fits(const struct resize *a, int n, int rank)
{
    return a->axes.n ? n == a->axes.n : n == rank || (rank > 2 && (n == rank - 2 || n == 1));
}

/* The place in such a list of dimension i; -1: it has none. */
static int list_at(const struct resize *a, int n, int rank, int i)
{
    for (int k = 0; k < a->axes.n; k++)
        if (a->axes.v[k] == i || a->axes.v[k] + rank == i)
            return k;
    if (a->axes.n)
        return -1;
    return n == rank ? i : i < 2 ? -1 : n == 1 ? 0 : i - 2;
}

/* The factor that all sizes have in common where the proportions are kept. */
static double common_factor(const struct resize *a, const oc_shape *x)
{
    double common = 0;
    for (int i = 0; i < x->rank; i++) {
        const int k = list_at(a, a->sizes.n, x->rank, i);
        const double own = k < 0 ? 0 : (double)a->sizes.v[k] / (double)x->dim[i];
        if (k >= 0 && (common == 0 || (a->keep_aspect_ratio_policy == RESIZE_NOT_LARGER
                                           ? own < common : own > common)))
            common = own;
    }
    return common;
}

/* The factor of each dimension; those of sizes follow from both shapes. */
static void factors(const struct resize *a, const oc_shape *x, const oc_shape *y,
                    double scale[OC_MAX_RANK])
{
    double given[NUMBERS_MAX];
    const int n = a->sizes.n ? a->sizes.n : parse_numbers(a->scales, given);
    const bool kept = a->sizes.n && a->keep_aspect_ratio_policy != RESIZE_STRETCH;
    for (int i = 0; i < x->rank; i++) {
        const int k = list_at(a, n, x->rank, i);
        scale[i] = k < 0          ? 1
                   : kept         ? common_factor(a, x)
                   : a->sizes.n   ? (double)y->dim[i] / (double)x->dim[i]
                                  : given[k];
    }
}

static oc_status size_of(const struct resize *a, const oc_shape *x, int i, int k, double scale,
                         int64_t *size)
{
    const bool kept = a->sizes.n && a->keep_aspect_ratio_policy != RESIZE_STRETCH;
    *size = OC_UNKNOWN;
    if (a->sizes.n && !kept)
        *size = a->sizes.v[k];
    else if (oc_shape_count(x) >= 0)
        *size = (int64_t)fmin(floor(kept ? (double)x->dim[i] * common_factor(a, x) + 0.5
                                         : (double)x->dim[i] * scale), 0x1p62);
    if (*size < 1 && *size != OC_UNKNOWN)
        return oc__fail(OC_EUSAGE, "dimension %d becomes empty", i);
    if (*size > INT32_MAX)
        return oc__fail(OC_EUSAGE, "dimension %d becomes too large", i);
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct resize *a = s->attr;
    const oc_shape *x = s->x[0];
    double scale[NUMBERS_MAX], roi[NUMBERS_MAX];
    bool chosen[OC_MAX_RANK];
    const int n = a->sizes.n ? a->sizes.n : parse_numbers(a->scales, scale);
    TRY(oc__axes(&a->axes, x->rank, chosen));
    if (n == 0 || !list_fits(a, n, x->rank))
        return oc__fail(OC_EUSAGE, "neither sizes nor scales fit an input of %d dimensions",
                        x->rank);
    if (a->coordinate_transformation_mode == RESIZE_CROP &&
        parse_numbers(a->roi, roi) != 2 * (a->axes.n ? a->axes.n : x->rank))
        return oc__fail(OC_EUSAGE, "roi: a start and an end for each dimension are wanted");
    s->y[0] = *x;
    for (int i = 0; i < x->rank; i++) {
        const int k = list_at(a, n, x->rank, i);
        if (k >= 0 && !a->sizes.n && !(scale[k] > 0 && scale[k] <= 65536))
            return oc__fail(OC_EUSAGE, "scale %g: from 0 to 65536 are possible", scale[k]);
        if (k >= 0)
            TRY(size_of(a, x, i, k, a->sizes.n ? 0 : scale[k], &s->y[0].dim[i]));
    }
    return OC_OK;
}

/* Numbers as the text that parse_numbers() reads. */
static oc_status take_numbers(const struct infer *s, int i, char to[ATTR_TEXT_MAX])
{
    const oc_tensor *const t = oc__known(s, i);
    size_t at = 0;
    for (int64_t k = 0, n = t ? oc_shape_count(&t->shape) : 0; k < n; k++) {
        const size_t room = ATTR_TEXT_MAX - at;
        const int more = snprintf(to + at, room, k ? ",%.9g" : "%.9g", oc_tensor_get(t, k));
        if (more < 0 || (size_t)more >= room)
            return oc__fail(OC_EUSAGE, "input %d: %lld numbers are too many", i, (long long)n);
        at += (size_t)more;
    }
    return OC_OK;
}

static oc_status take(void *attr, const struct infer *s)
{
    struct resize *const a = attr;
    if (a->coordinate_transformation_mode == RESIZE_CROP)
        TRY(take_numbers(s, 1, a->roi));
    TRY(take_numbers(s, 2, a->scales));
    return oc__take_ints(s, 3, &a->sizes);
}

/* ---- weights ------------------------------------------------------------------------------ */

/* One dimension: sizes, factor, and the part of x that is cropped, from 0 to 1. */
struct along { int64_t x, y, stride; double scale, start, end; };

static double coordinate(const struct resize *a, const struct along *d, int64_t place)
{
    const double y = (double)place, wanted = d->scale * (double)d->x, last = (double)(d->x - 1);
    switch ((enum resize_coordinates)a->coordinate_transformation_mode) {
    case RESIZE_PYTORCH_HALF_PIXEL:
        if (wanted == 1)
            return -0.5;
        break;
    case RESIZE_ALIGN_CORNERS:
        return wanted == 1 ? 0 : y * last / (wanted - 1);
    case RESIZE_ASYMMETRIC:
        return y / d->scale;
    case RESIZE_HALF_PIXEL_SYMMETRIC:
        return (double)d->x / 2 * (1 - (double)d->y / wanted) + (y + 0.5) / d->scale - 0.5;
    case RESIZE_CROP:
        if (wanted == 1)
            return (d->start + d->end) * last / 2;
        return d->start * last + y * (d->end - d->start) * last / (wanted - 1);
    case RESIZE_HALF_PIXEL:
        break;
    }
    return (y + 0.5) / d->scale - 0.5;
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

/* The kernel at a distance. */
static double kernel(const struct resize *a, double distance)
{
    const double t = fabs(distance), c = a->cubic_coeff_a;
    if (a->mode == RESIZE_LINEAR)
        return t < 1 ? 1 - t : 0;
    if (t <= 1)
        return ((c + 2) * t - (c + 3)) * t * t + 1;
    return t < 2 ? ((c * t - 5 * c) * t + 8 * c) * t - 4 * c : 0;
}

/* What a place reads along one dimension: `n` elements from `first` on, weighted by their distance
 * from v, in units of 1 / narrow. */
struct span { const struct along *along; int64_t first, n; double v, narrow, sum; };

static double raw_weight(const struct resize *a, const struct span *s, int64_t k)
{
    const int64_t at = s->first + k;
    if (a->mode == RESIZE_NEAREST)
        return 1;
    if (a->exclude_outside && (at < 0 || at >= s->along->x))
        return 0;
    return kernel(a, ((double)at - s->v) * s->narrow);
}

/* false: the place lies outside of what is cropped. */
static bool make_span(const struct resize *a, const struct along *d, int64_t place, struct span *s)
{
    const double v = coordinate(a, d, place), last = (double)(d->x - 1);
    *s = (struct span){ .along = d, .v = v, .narrow = 1, .n = 1, .sum = 1 };
    if (a->coordinate_transformation_mode == RESIZE_CROP && (v < 0 || v > last))
        return false;
    if (a->mode == RESIZE_NEAREST) {
        s->first = (int64_t)fmin(fmax(nearest(a, v), 0), last);
        return true;
    }
    if (a->antialias && d->scale < 1)
        s->narrow = d->scale;
    const double radius = (a->mode == RESIZE_CUBIC ? 2 : 1) / s->narrow;
    s->first = (int64_t)floor(v - radius) + 1;
    s->n = (int64_t)ceil(v + radius) - s->first;
    s->sum = 0;
    for (int64_t k = 0; k < s->n; k++)
        s->sum += raw_weight(a, s, k);
    return true;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Forwards adds weight times x to `sum`, backwards weight times y to dx; x or dx is there. */
struct target { const double *x; double *dx, y, sum; };

static void visit(const struct resize *a, const struct span *s, int dims, int64_t at,
                  double weight, struct target *to)
{
    if (dims == 0) {
        if (to->dx)
            to->dx[at] += weight * to->y;
        else
            to->sum += weight * to->x[at];
        return;
    }
    for (int64_t k = 0; k < s->n; k++) {
        const double own = raw_weight(a, s, k) / s->sum;
        const int64_t last = s->along->x - 1, place = s->first + k;
        const int64_t inside = place < 0 ? 0 : place > last ? last : place;
        if (own != 0)
            visit(a, s + 1, dims - 1, at + inside * s->along->stride, weight * own, to);
    }
}

/* The dimensions of a resampling from x to y. */
static void describe(const struct resize *a, const oc_shape *x, const oc_shape *y,
                     struct along d[OC_MAX_RANK])
{
    double scale[OC_MAX_RANK], roi[NUMBERS_MAX] = { 0 };
    int64_t stride[OC_MAX_RANK];
    const bool crops = a->coordinate_transformation_mode == RESIZE_CROP;
    const int n = crops ? parse_numbers(a->roi, roi) / 2 : 0;
    factors(a, x, y, scale);
    oc__strides(x, stride);
    for (int i = 0; i < x->rank; i++) {
        const int k = n ? list_at(a, n, x->rank, i) : -1;
        d[i] = (struct along){ x->dim[i], y->dim[i], stride[i], scale[i], 0, 1 };
        if (k >= 0) {
            d[i].start = roi[k];
            d[i].end = roi[n + k];
        }
    }
}

/* What element i of y reads; false: nothing of x. */
static bool make_spans(const struct resize *a, const struct along *d, int rank, int64_t i,
                       struct span s[OC_MAX_RANK])
{
    bool inside = true;
    for (int k = rank - 1; k >= 0; k--) {
        inside &= make_span(a, &d[k], i % d[k].y, &s[k]);
        i /= d[k].y;
    }
    return inside;
}

bool oc__resize_tap(const struct resize *a, const oc_shape *x, const oc_shape *y, int dimension,
                    int64_t place, struct resize_tap *tap)
{
    struct along d[OC_MAX_RANK];
    struct span s;
    if (a->mode == RESIZE_CUBIC || a->antialias || a->exclude_outside ||
        a->coordinate_transformation_mode == RESIZE_CROP)
        return false;
    describe(a, x, y, d);
    make_span(a, &d[dimension], place, &s);
    const double v = a->mode == RESIZE_NEAREST ? (double)s.first : s.v;
    const double inside = fmin(fmax(v, 0), (double)(x->dim[dimension] - 1));
    *tap = (struct resize_tap){ (int64_t)inside, inside - floor(inside) };
    return true;
}

static void run(const struct call *c)
{
    const struct resize *const a = c->attr;
    const int rank = c->xs[0]->rank;
    struct along d[OC_MAX_RANK];
    struct span s[OC_MAX_RANK];
    describe(a, c->xs[0], c->ys[0], d);
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        struct target to = { .x = c->x[0] };
        if (make_spans(a, d, rank, i, s))
            visit(a, s, rank, 0, 1, &to);
        else
            to.sum = a->extrapolation_value;
        c->y[0][i] = to.sum;
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_resize_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const modes[] = { "nearest", "linear", "cubic", NULL };
static const char *const coordinates[] = {
    "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric",
    "tf_crop_and_resize", NULL
};
static const char *const nearest_modes[] = {
    "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL
};
static const char *const policies[] = { "stretch", "not_larger", "not_smaller", NULL };

static const struct attr attrs[] = {
    ATTR(struct resize, TEXT, scales, NULL,
         "factors: of the axes, or of all dimensions, of those after channels, or one"),
    ATTR(struct resize, INTS, sizes, NULL, "sizes, instead of factors"),
    ATTR(struct resize, INTS, axes, NULL, "which dimensions change; none: as the numbers say"),
    ATTR_WORDS(struct resize, mode, "nearest", "how values between places are found", modes),
    ATTR_WORDS(struct resize, coordinate_transformation_mode, "half_pixel",
               "where a place of the result lies in x", coordinates),
    ATTR_WORDS(struct resize, nearest_mode, "round_prefer_floor", "which place is nearest",
               nearest_modes),
    ATTR(struct resize, BOOL, antialias, "false", "a wider kernel where x shrinks"),
    ATTR(struct resize, BOOL, exclude_outside, "false", "no weight for what lies outside"),
    ATTR(struct resize, FLOAT, cubic_coeff_a, "-0.75", "of the cubic"),
    ATTR_WORDS(struct resize, keep_aspect_ratio_policy, "stretch",
               "how sizes that change the proportions are taken", policies),
    ATTR(struct resize, FLOAT, extrapolation_value, "0", "tf_crop_and_resize: what lies outside"),
    ATTR(struct resize, TEXT, roi, NULL, "tf_crop_and_resize: starts, then ends, from 0 to 1"),
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
    "2x19x4x3 sizes=7,2 mode=linear",
    "2x3x5 scales=2 mode=linear",
    "1x1x2x3x2 scales=2 mode=linear",
    "1x1x5x6 sizes=3,9 mode=cubic",
    "1x1x5x6 sizes=7,4 mode=cubic exclude_outside=true cubic_coeff_a=-0.5",
    "1x1x7x6 sizes=3,4 mode=linear antialias=true",
    "1x1x7x6 scales=0.4,0.6 mode=cubic antialias=true",
    "2x5x6 sizes=3,4 axes=2,1 keep_aspect_ratio_policy=not_larger",
    "2x5x6 scales=0.6 axes=-1 mode=linear coordinate_transformation_mode=half_pixel_symmetric",
    "1x1x4x4 sizes=3,3 axes=2,3 mode=linear coordinate_transformation_mode=tf_crop_and_resize "
    "roi=0.4,0.6,1.2,0.9 extrapolation_value=10",
    NULL
};

const struct op oc__op_resize = {
    .entry = { "Resize", "y = x resampled to another size", attrs, sizeof(struct resize) },
    .inputs = "x roi? scales? sizes?", .outputs = "y",
    .by_value = 0xe, .take = take, .pending = oc__pending_like,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

/* ---- its gradient ------------------------------------------------------------------------- */

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
    const int rank = c->xs[1]->rank;
    struct along d[OC_MAX_RANK];
    struct span s[OC_MAX_RANK];
    describe(c->attr, c->xs[1], c->xs[0], d);
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        struct target to = { .dx = c->y[0], .y = c->x[0][i] };
        if (make_spans(c->attr, d, rank, i, s))
            visit(c->attr, s, rank, 0, 1, &to);
    }
}

/* The slope of the slope by dy: the same resampling, without what lies outside. */
static void grad_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    struct resize a = *(const struct resize *)n->attr;
    a.extrapolation_value = 0;
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_resize, &a, OC_IN(dy[0]));
}

static const char *const grad_cases[] = {
    "1x2x6x8 1x2x3x4 scales=2", "1x2x3x7 1x2x5x4 sizes=3,7 mode=linear",
    "2x19x7x2 2x19x4x3 sizes=7,2 mode=linear", NULL
};

const struct op oc__op_resize_grad = {
    .entry = { "ResizeGrad", "dx of Resize: dy added where it was read", attrs,
               sizeof(struct resize) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1u << 1,
    .shape = shape_grad, .grad = grad_grad, .run = run_grad, .cases = grad_cases,
};
