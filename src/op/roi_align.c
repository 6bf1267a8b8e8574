/* roi_align.c — RoiAlign: regions of a picture, each resampled to one size (He and others, 2017).
 *
 * rois [r, 4] are corners (x, y, x, y) times spatial_scale, batch_indices [r] say of which picture.
 * Each bin of the result is sampled at points of a regular grid, sampling_ratio squared or about
 * one per element, each interpolated between four elements.  The result is their mean, or with mode
 * max the largest of the weighted elements.  Regions are settings and have no gradient. */
#include <math.h>
#include <string.h>

#include "op/attributes.h"
#include "op/op.h"

static const char *const coordinates[] = { "half_pixel", "output_half_pixel", NULL };
static const char *const modes[] = { "avg", "max", NULL };
static const struct attr attrs[] = {
    ATTR_WORDS(struct roi_align, coordinate_transformation_mode, "half_pixel",
               "whether 0.5 is taken off the corners", coordinates),
    ATTR_WORDS(struct roi_align, mode, "avg", "what becomes of the samples", modes),
    ATTR_RANGE(struct roi_align, INT, output_height, "1", "height of the result", 1, 65536),
    ATTR_RANGE(struct roi_align, INT, output_width, "1", "width of the result", 1, 65536),
    ATTR_RANGE(struct roi_align, INT, sampling_ratio, "0", "samples a side; 0: as many as fit", 0,
               65536),
    ATTR(struct roi_align, FLOAT, spatial_scale, "1", "of the corners"),
    { 0 }
};

static oc_status shape(const struct infer *s)
{
    const struct roi_align *const a = s->attr;
    const oc_shape *const x = s->x[0];
    if (x->rank != 4)
        return oc__fail(OC_EUSAGE, "rank %d, expected 4", x->rank);
    TRY(oc__shape_match("rois", &OC_SHAPE(s->x[2]->rank ? s->x[2]->dim[0] : 1, 4), s->x[1]));
    s->y[0] = OC_SHAPE(s->x[1]->dim[0], x->dim[1], a->output_height, a->output_width);
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(shape(&(struct infer){ .attr = s->attr, .n_in = 3, .x = &s->x[1], .y = &y }));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

enum { SAMPLES_MAX = 65536 };

/* A region along one dimension of a picture: where it starts, the size of a bin, samples in it. */
struct side { double start, bin; int64_t samples, n; };

static struct side side_of(const struct roi_align *a, double first, double last, int64_t bins,
                           int64_t n)
{
    const bool half = a->coordinate_transformation_mode == 0;
    const double start = first * a->spatial_scale - (half ? 0.5 : 0);
    const double size = (last - first) * a->spatial_scale, whole = half ? size : fmax(size, 1);
    const double bin = whole / (double)bins;
    const double samples = a->sampling_ratio ? (double)a->sampling_ratio : ceil(bin);
    return (struct side){ start, bin, (int64_t)fmin(fmax(samples, 0), SAMPLES_MAX), n };
}

/* The two elements that a sample lies between, and the weight of the second; false: it lies outside
 * of the picture. */
static bool between(const struct side *s, int64_t bin, int64_t sample, int64_t at[2],
                    double *second)
{
    const double step = ((double)sample + 0.5) / (double)s->samples;
    double v = s->start + ((double)bin + step) * s->bin;
    if (!(v >= -1 && v <= (double)s->n))
        return false;
    v = fmin(fmax(v, 0), (double)(s->n - 1));
    at[0] = (int64_t)v;
    at[1] = at[0] + 1 < s->n ? at[0] + 1 : at[0];
    *second = v - (double)at[0];
    return true;
}

/* One element of the result: its bin in a region; plane -1: of no picture. */
struct bin { struct side y, x; int64_t row, column, plane; };

static struct bin bin_of(const struct roi_align *a, const oc_shape *x, const double *rois,
                         const double *batch, int64_t i)
{
    const int64_t w = a->output_width, h = a->output_height, c = x->dim[1], r = i / w / h / c;
    const double *const roi = rois + 4 * r;
    const bool there = batch[r] >= 0 && batch[r] < (double)x->dim[0];
    const int64_t plane = there ? (int64_t)batch[r] * c + i / w / h % c : -1;
    return (struct bin){
        side_of(a, roi[1], roi[3], h, x->dim[2]), side_of(a, roi[0], roi[2], w, x->dim[3]),
        i / w % h, i % w, there ? plane * x->dim[2] * x->dim[3] : -1
    };
}

/* What is added up: forwards y from x, backwards dx from dy.  In mode max `best` is the largest
 * term so far, and `place` and `weight` its element. */
struct take { const double *x; double sum, best, weight; int64_t place; double *dx, share; };

static void take_sample(const struct bin *b, int64_t k, struct take *t)
{
    int64_t y[2], x[2];
    double below, right;
    if (b->plane < 0 || !between(&b->y, b->row, k / b->x.samples, y, &below) ||
        !between(&b->x, b->column, k % b->x.samples, x, &right)) {
        t->best = fmax(t->best, 0);
        return;
    }
    for (int i = 0; i < 4; i++) {
        const double weight = (i / 2 ? below : 1 - below) * (i % 2 ? right : 1 - right);
        const int64_t at = b->plane + y[i / 2] * b->x.n + x[i % 2];
        const double term = t->x ? weight * t->x[at] : 0;
        t->sum += term;
        if (t->dx)
            t->dx[at] += weight * t->share;
        if (term > t->best) {
            t->best = term;
            t->weight = weight;
            t->place = at;
        }
    }
}

/* Takes up all samples of a bin; how many. */
static int64_t take_bin(const struct bin *b, struct take *t)
{
    const int64_t samples = b->y.samples * b->x.samples;
    t->best = -INFINITY;
    t->place = -1;
    for (int64_t k = 0; k < samples; k++)
        take_sample(b, k, t);
    return samples;
}

static void run(const struct call *c)
{
    const struct roi_align *const a = c->attr;
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const struct bin b = bin_of(a, c->xs[0], c->x[1], c->x[2], i);
        struct take t = { .x = c->x[0] };
        const int64_t samples = take_bin(&b, &t);
        const double mean = samples ? t.sum / (double)samples : 0;
        c->y[0][i] = a->mode == 0 ? mean : samples ? t.best : 0;
    }
}

static void run_grad(const struct call *c)
{
    const struct roi_align *const a = c->attr;
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        const struct bin b = bin_of(a, c->xs[1], c->x[2], c->x[3], i);
        const double samples = fmax((double)(b.y.samples * b.x.samples), 1);
        struct take mean = { .dx = c->y[0], .share = c->x[0][i] / samples };
        struct take max = { .x = c->x[1] };
        take_bin(&b, a->mode == 0 ? &mean : &max);
        if (a->mode != 0 && max.place >= 0)
            c->y[0][max.place] += max.weight * c->x[0][i];
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_roi_align_grad, n->attr,
                          OC_IN(dy[0], n->in[0], n->in[1], n->in[2]));
}

static const char *const cases[] = {
    "2x3x6x5 c:3x4 i2:3 output_height=2 output_width=3 sampling_ratio=2",
    "1x2x6x5 c:2x4 i1:2 output_height=2 output_width=2 spatial_scale=1.5 "
    "coordinate_transformation_mode=output_half_pixel",
    "1x2x6x5 c:2x4 i1:2 output_height=2 output_width=2 mode=max sampling_ratio=2", NULL
};

const struct op oc__op_roi_align = {
    .entry = { "RoiAlign", "y = regions of x, resampled", attrs, sizeof(struct roi_align) },
    .inputs = "x rois batch_indices", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_roi_align_grad = {
    .entry = { "RoiAlignGrad", "dx = dy added where RoiAlign read", attrs,
               sizeof(struct roi_align) },
    .inputs = "dy x rois batch_indices", .outputs = "dx",
    .shape = grad_shape, .run = run_grad,
};
