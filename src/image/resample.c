/* resample.c — antialiased resizing.
 *
 * Each output pixel is a weighted mean of input pixels, rows first and then columns.  The weight
 * of input i for output o is k((i + 1/2 - centre) / stretch), where centre = (o + 1/2) * scale,
 * scale = in / out and stretch = max(1, scale): growing interpolates, shrinking averages over all
 * that a pixel covers.  The kernel k is the triangle (bilinear), Keys' cubic with a = -1/2
 * (bicubic; "Cubic convolution interpolation for digital image processing", 1981, eq. 8), or sinc
 * windowed by a sinc three times as wide (Lanczos).  Weights are normalised and rounded to 22
 * fractional bits, so that sums of 8-bit samples stay exact in 32 bits.  Nearest takes the one
 * pixel under the centre. */
#include <math.h>
#include "base/mem.h"
#include "image/image.h"

enum { FRACTION_BITS = 22, LANES = 256 };

/* ---- kernels ------------------------------------------------------------------------------ */

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static double lanczos(double x)
{
    return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static const struct kernel { double reach; double (*at)(double x); } kernels[] = {
    [FILTER_NEAREST] = { 0.5, NULL }, [FILTER_BILINEAR] = { 1, triangle },
    [FILTER_BICUBIC] = { 2, cubic }, [FILTER_LANCZOS] = { 3, lanczos },
};

const char *const oc__filter_names[] = {
    [FILTER_NEAREST] = "nearest", [FILTER_BILINEAR] = "bilinear", [FILTER_BICUBIC] = "bicubic",
    [FILTER_LANCZOS] = "lanczos", NULL
};

/* ---- taps --------------------------------------------------------------------------------- */

/* The taps of one axis: output o reads inputs first[o] … first[o] + count[o] - 1. */
struct taps {
    int      width;                                     /* room for weights per output */
    int     *first, *count;                             /* [out] */
    int32_t *weight;                                    /* [out, width] */
};

static void taps_free(struct taps *t)
{
    oc__free(t->first);
    oc__free(t->count);
    oc__free(t->weight);
}

/* Positions are summed up as Pillow does, so that those on an edge fall to the same side. */
static void fill_nearest(struct taps *t, int in, int out)
{
    const double scale = (double)in / out;
    double       at = scale * 0.5;
    for (int o = 0; o < out; o++, at += scale) {
        t->first[o] = at < in ? (int)at : in - 1;
        t->count[o] = 1;
        t->weight[o] = 1 << FRACTION_BITS;
    }
}

static void fill_taps(struct taps *t, const struct kernel *kernel, int o, int in, double scale,
                      double *scratch)
{
    const double stretch = scale > 1 ? scale : 1, reach = kernel->reach * stretch;
    const double centre = (o + 0.5) * scale;
    int          from = (int)floor(centre - reach + 0.5);
    int          to = (int)floor(centre + reach + 0.5);
    double       sum = 0;
    from = from > 0 ? from : 0;
    to = to < in ? to : in;
    for (int i = from; i < to; i++) {
        scratch[i - from] = kernel->at((i + 0.5 - centre) / stretch);
        sum += scratch[i - from];
    }
    t->first[o] = from;
    t->count[o] = to - from;
    for (int i = 0; i < to - from; i++)
        t->weight[(size_t)o * (size_t)t->width + (size_t)i] =
            (int32_t)lround(scratch[i] / sum * (1 << FRACTION_BITS));
}

static oc_status taps_make(struct taps *t, enum filter filter, int in, int out)
{
    const struct kernel *kernel = &kernels[filter];
    const double         scale = (double)in / out;
    size_t               weights;
    *t = (struct taps){ .width = 1 };
    if (kernel->at != NULL)
        t->width = 2 * (int)ceil(kernel->reach * (scale > 1 ? scale : 1)) + 1;
    if (!oc__mul((size_t)out, (size_t)t->width, &weights))
        return OC_ELIMIT;
    t->first = oc__alloc((size_t)out, sizeof *t->first);
    t->count = oc__alloc((size_t)out, sizeof *t->count);
    t->weight = oc__alloc(weights, sizeof *t->weight);
    double *scratch = oc__alloc((size_t)t->width, sizeof *scratch);
    if (t->first == NULL || t->count == NULL || t->weight == NULL || scratch == NULL) {
        oc__free(scratch);
        return OC_ELIMIT;
    }
    if (kernel->at == NULL)
        fill_nearest(t, in, out);
    for (int o = 0; kernel->at != NULL && o < out; o++)
        fill_taps(t, kernel, o, in, scale, scratch);
    oc__free(scratch);
    return OC_OK;
}

/* ---- resizing ----------------------------------------------------------------------------- */

/* y[j] = sum over i of weight[i] * x[i * step + j], for n <= LANES neighbours at once. */
static void weigh(const uint8_t *x, size_t step, const int32_t *weight, int taps, uint8_t *y,
                  size_t n)
{
    int32_t sum[LANES];
    for (size_t j = 0; j < n; j++)
        sum[j] = 1 << (FRACTION_BITS - 1);
    for (int i = 0; i < taps; i++, x += step)
        for (size_t j = 0; j < n; j++)
            sum[j] += x[j] * weight[i];
    for (size_t j = 0; j < n; j++) {
        const int32_t v = sum[j] >> FRACTION_BITS;
        y[j] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

/* Resizes the middle axis of x [outer, in, inner]; y is [outer, out, inner]. */
struct block { size_t outer, in, out, inner; };

static void resize_axis(const struct taps *t, struct block b, const uint8_t *x, uint8_t *y)
{
    for (size_t a = 0; a < b.outer; a++)
        for (size_t o = 0; o < b.out; o++) {
            const uint8_t *from = x + (a * b.in + (size_t)t->first[o]) * b.inner;
            uint8_t       *to = y + (a * b.out + o) * b.inner;
            const int32_t *weight = t->weight + o * (size_t)t->width;
            for (size_t i = 0; i < b.inner; i += LANES) {
                const size_t n = b.inner - i < LANES ? b.inner - i : LANES;
                weigh(from + i, b.inner, weight, t->count[o], to + i, n);
            }
        }
}

oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height,
                           enum filter filter)
{
    const size_t w = (size_t)in->width, h = (size_t)in->height, c = (size_t)in->channels;
    struct taps  across = { 0 }, down = { 0 };
    oc_image     wide = { 0 };                          /* [in.h, width, c] */
    *out = (oc_image){ 0 };
    oc_status status = oc__image_new(&wide, "resized image", width, in->height, in->channels);
    if (status == OC_OK)
        status = oc__image_new(out, "resized image", width, height, in->channels);
    if (status == OC_OK)
        status = taps_make(&across, filter, in->width, width);
    if (status == OC_OK)
        status = taps_make(&down, filter, in->height, height);
    if (status == OC_OK) {
        const size_t to_w = (size_t)width, to_h = (size_t)height;
        resize_axis(&across, (struct block){ h, w, to_w, c }, in->pixel, wide.pixel);
        resize_axis(&down, (struct block){ 1, h, to_h, to_w * c }, wide.pixel, out->pixel);
    } else {
        oc_image_free(out);
    }
    taps_free(&across);
    taps_free(&down);
    oc_image_free(&wide);
    return status;
}
