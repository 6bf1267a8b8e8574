/* spectrum.c — DFT, and the windows that signals are weighted with: HannWindow, HammingWindow,
 * BlackmanWindow.
 *
 *     y[k] = sum over n of x[n] e^(-2 pi i k n / N),  inverse: e^(2 pi i k n / N) / N
 *
 * along an axis of x [n, …, 1] (real) or [n, …, 2] (complex), which is cut or filled up with 0 to
 * N.  One-sided, only k up to N / 2 are kept, or, inverse, given, and then y is real.  The map is
 * linear, so its gradient takes the same coefficients the other way. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const double pi = 3.14159265358979323846;

/* ---- DFT ---------------------------------------------------------------------------------- */

static const struct attr dft_attrs[] = {
    ATTR(struct dft, INT, axis, "-2", "along which axis"),
    ATTR_RANGE(struct dft, INT, dft_length, "0", "N; 0: that of x", 0, INT32_MAX),
    ATTR(struct dft, BOOL, inverse, "false", "from frequencies to the signal"),
    ATTR(struct dft, BOOL, onesided, "false", "the frequencies up to half of N alone"),
    { 0 }
};

static oc_status dft_take(void *attr, const struct infer *s)
{
    struct dft *const a = attr;
    TRY(oc__take_int(s, 1, &a->dft_length));
    return oc__take_int(s, 2, &a->axis);
}

/* N for n elements of x along the axis. */
static int64_t length_of(const struct dft *a, int64_t n)
{
    return a->dft_length || n < 0 ? a->dft_length : a->inverse && a->onesided ? 2 * (n - 1) : n;
}

static oc_status transformed(const struct dft *a, const oc_shape *x, oc_shape *y)
{
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    if (x->rank < 2 || axis == x->rank - 1 || x->dim[x->rank - 1] > 2)
        return oc__fail(OC_EUSAGE, "x must be [n, …, 1] or [n, …, 2], and the axis not the last");
    const int64_t n = length_of(a, x->dim[axis]);
    const bool real = a->inverse && a->onesided;
    *y = *x;
    y->dim[axis] = n == 0 ? OC_UNKNOWN : a->onesided && !a->inverse ? n / 2 + 1 : n;
    y->dim[x->rank - 1] = real ? 1 : 2;
    if (n > INT32_MAX || (x->dim[axis] >= 0 && n < 1))
        return oc__fail(OC_EUSAGE, "a length of %lld is not possible", (long long)n);
    return OC_OK;
}

static oc_status dft_shape(const struct infer *s)
{
    return transformed(s->attr, s->x[0], &s->y[0]);
}

static oc_status dft_grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(transformed(s->attr, s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* What part c (0: real) of x[n] adds to part r of y[k]. */
static double coefficient(const struct dft *a, int64_t length, int64_t k, int64_t r, int64_t n,
                          int64_t c)
{
    const double size = (double)length, sign = a->inverse ? 1 : -1;
    const double angle = sign * 2 * pi * (double)(k * n % length) / size;
    const double part = r == c ? cos(angle) : r > c ? sin(angle) : -sin(angle);
    if (!a->inverse)
        return part;
    const bool twice = a->onesided && n != 0 && 2 * n != length;
    return (twice ? 2 : 1) * part / size;
}

/* Adds up y from x, or with `back` x from y: one lane, whose elements are `step` apart. */
struct lane { int64_t n, step, parts; };

static void transform(const struct dft *a, struct lane lx, const double *x, struct lane ly,
                      double *y, bool back)
{
    const int64_t length = length_of(a, lx.n);
    const int64_t most = a->inverse && a->onesided ? length / 2 + 1 : length;
    const int64_t read = lx.n < most ? lx.n : most;
    const struct lane to = back ? lx : ly;
    for (int64_t i = 0; i < to.n * to.parts; i++) {
        const int64_t p = i / to.parts, part = i % to.parts;
        const struct lane from = back ? ly : (struct lane){ read, lx.step, lx.parts };
        double sum = 0;
        for (int64_t j = 0; j < from.n * from.parts && (!back || p < read); j++) {
            const int64_t q = j / from.parts, other = j % from.parts;
            const double factor = back ? coefficient(a, length, q, other, p, part)
                                       : coefficient(a, length, p, part, q, other);
            sum += factor * x[q * from.step + other];
        }
        y[p * to.step + part] = sum;
    }
}

/* All lanes from x to y, or back from y's shape to x's. */
static void transform_all(const struct dft *a, const oc_shape *xs, const oc_shape *ys,
                          const double *from, double *to, bool back)
{
    const struct lanes lx = oc__lanes_of(xs, a->axis), ly = oc__lanes_of(ys, a->axis);
    const int64_t parts_x = xs->dim[xs->rank - 1], parts_y = ys->dim[ys->rank - 1];
    const struct lane x = { lx.n, lx.inner, parts_x }, y = { ly.n, ly.inner, parts_y };
    const int64_t places = lx.inner / parts_x;
    for (int64_t i = 0; i < lx.outer * places; i++) {
        const int64_t at_x = i / places * lx.n * lx.inner + i % places * parts_x;
        const int64_t at_y = i / places * ly.n * ly.inner + i % places * parts_y;
        transform(a, x, from + (back ? at_y : at_x), y, to + (back ? at_x : at_y), back);
    }
}

static void dft_run(const struct call *c)
{
    transform_all(c->attr, c->xs[0], c->ys[0], c->x[0], c->y[0], false);
}

static void dft_grad_run(const struct call *c)
{
    transform_all(c->attr, c->ys[0], c->xs[0], c->x[0], c->y[0], true);
}

static void dft_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                     oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_dft_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static double dft_flops(const struct infer *s)
{
    return 4 * (double)oc_shape_count(&s->y[0]) * (double)s->y[0].dim[s->y[0].rank - 2];
}

static const char *const dft_cases[] = {
    "2x5x1", "2x6x2 inverse=true", "1x6x3x1 axis=1 onesided=true",
    "2x4x2 inverse=true onesided=true", "2x5x2 dft_length=8", "2x5x1 dft_length=3", NULL
};

const struct op oc__op_dft = {
    .entry = { "DFT", "y = the discrete Fourier transform of x", dft_attrs, sizeof(struct dft) },
    .inputs = "x dft_length? axis?", .outputs = "y", .by_value = 6, .take = dft_take,
    .pending = oc__pending_like, .flops = dft_flops,
    .shape = dft_shape, .grad = dft_grad, .run = dft_run, .cases = dft_cases,
};

const struct op oc__op_dft_grad = {
    .entry = { "DFTGrad", "dx = the gradient of DFT", dft_attrs, sizeof(struct dft) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1,
    .shape = dft_grad_shape, .run = dft_grad_run,
};

/* ---- windows ------------------------------------------------------------------------------ */

static const struct attr window_attrs[] = {
    ATTR_RANGE(struct signal_window, INT, size, "0", "how many places", 0, INT32_MAX),
    ATTR(struct signal_window, BOOL, periodic, "true", "the first place follows the last"),
    ATTR_WORDS(struct signal_window, output_datatype, "f32", "type of y", oc__type_words),
    { 0 }
};

static oc_status window_take(void *attr, const struct infer *s)
{
    return oc__take_int(s, 0, &((struct signal_window *)attr)->size);
}

static oc_status window_pending(const struct infer *s)
{
    s->y[0] = OC_SHAPE(OC_UNKNOWN);
    s->yt[0] = (oc_dtype)((const struct signal_window *)s->attr)->output_datatype;
    return OC_OK;
}

static oc_status window_shape(const struct infer *s)
{
    const int64_t size = ((const struct signal_window *)s->attr)->size;
    TRY(window_pending(s));
    s->y[0].dim[0] = size;
    return size < 0 ? oc__fail(OC_EUSAGE, "a size of %lld", (long long)size) : OC_OK;
}

/* y = a + b cos(t) + c cos(2 t), t once round the circle. */
static void raise_cosines(const struct call *c, double a, double b, double twice)
{
    const struct signal_window *const w = c->attr;
    const double round = (double)(w->periodic ? w->size : w->size - 1);
    for (int64_t i = 0; i < w->size; i++) {
        const double t = round > 0 ? 2 * pi * (double)i / round : 0;
        c->y[0][i] = a + b * cos(t) + twice * cos(2 * t);
    }
}

static const char *const window_cases[] = { "size=8", "size=5 periodic=false", "=i9:()", NULL };

#define ROW(id, onnx, summary, a, b, c_)                                                       \
    static void id##_run(const struct call *c) { raise_cosines(c, a, b, c_); }                 \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, window_attrs, sizeof(struct signal_window) },                \
        .inputs = "size?", .outputs = "y", .by_value = 1, .take = window_take,                 \
        .pending = window_pending, .flops = oc__flops_none,                                    \
        .shape = window_shape, .run = id##_run, .cases = window_cases,                         \
    };
ROW(hann_window, "HannWindow", "y = 0.5 - 0.5 cos t", 0.5, -0.5, 0)
ROW(hamming_window, "HammingWindow", "y = 25/46 - 21/46 cos t", 25.0 / 46, -21.0 / 46, 0)
ROW(blackman_window, "BlackmanWindow", "y = 0.42 - 0.5 cos t + 0.08 cos 2 t", 0.42, -0.5, 0.08)
