/* resample.c — antialiased resizing.
 *
 * Each output pixel is a weighted mean of input pixels, rows first and then columns.  The weight
 * of input i for output o is the triangle max(0, 1 - |i + 1/2 - centre| / support), where
 * centre = (o + 1/2) * scale, scale = in / out and support = max(1, scale): growing is bilinear
 * interpolation, shrinking averages over all that a pixel covers.  Weights are normalised and
 * rounded to 22 fractional bits, so that sums of 8-bit samples stay exact in 32 bits. */
#include <math.h>
#include "base/mem.h"
#include "image/image.h"

enum { FRACTION_BITS = 22 };

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

static void fill_taps(struct taps *t, int o, int in, double scale, double *scratch)
{
    const double support = scale > 1 ? scale : 1;
    const double centre = (o + 0.5) * scale;
    int          from = (int)floor(centre - support + 0.5);
    int          to = (int)floor(centre + support + 0.5);
    double       sum = 0;
    from = from > 0 ? from : 0;
    to = to < in ? to : in;
    for (int i = from; i < to; i++) {
        const double away = fabs(i + 0.5 - centre) / support;
        scratch[i - from] = away < 1 ? 1 - away : 0;
        sum += scratch[i - from];
    }
    t->first[o] = from;
    t->count[o] = to - from;
    for (int i = 0; i < to - from; i++)
        t->weight[(size_t)o * (size_t)t->width + (size_t)i] =
            (int32_t)lround(scratch[i] / sum * (1 << FRACTION_BITS));
}

static oc_status taps_make(struct taps *t, int in, int out)
{
    const double scale = (double)in / out;
    size_t       weights;
    *t = (struct taps){ .width = 2 * (int)ceil(scale > 1 ? scale : 1) + 1 };
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
    for (int o = 0; o < out; o++)
        fill_taps(t, o, in, scale, scratch);
    oc__free(scratch);
    return OC_OK;
}

static uint8_t weigh(const uint8_t *sample, size_t step, const int32_t *weight, int n)
{
    int32_t sum = 1 << (FRACTION_BITS - 1);
    for (int i = 0; i < n; i++)
        sum += sample[(size_t)i * step] * weight[i];
    sum >>= FRACTION_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Resizes the middle axis of x [outer, in, inner]; y is [outer, out, inner]. */
struct block { size_t outer, in, out, inner; };

static void resize_axis(const struct taps *t, struct block b, const uint8_t *x, uint8_t *y)
{
    for (size_t a = 0; a < b.outer; a++)
        for (size_t o = 0; o < b.out; o++) {
            const uint8_t *from = x + (a * b.in + (size_t)t->first[o]) * b.inner;
            uint8_t       *to = y + (a * b.out + o) * b.inner;
            for (size_t i = 0; i < b.inner; i++)
                to[i] = weigh(from + i, b.inner, t->weight + o * (size_t)t->width, t->count[o]);
        }
}

oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height)
{
    const size_t w = (size_t)in->width, h = (size_t)in->height, c = (size_t)in->channels;
    struct taps  across = { 0 }, down = { 0 };
    oc_image     wide = { 0 };                          /* [in.h, width, c] */
    *out = (oc_image){ 0 };
    oc_status status = oc__image_new(&wide, "resized image", width, in->height, in->channels);
    if (status == OC_OK)
        status = oc__image_new(out, "resized image", width, height, in->channels);
    if (status == OC_OK)
        status = taps_make(&across, in->width, width);
    if (status == OC_OK)
        status = taps_make(&down, in->height, height);
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
