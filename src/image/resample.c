/* resample.c — antialiased resizing.
 *
 * Each output pixel is a weighted mean of input pixels, rows first and then columns.  The weight
 * of input i for output o is k((i + 1/2 - centre) / stretch), where centre = (o + 1/2) * scale,
 * scale = in / out and stretch = max(1, scale): growing interpolates, shrinking averages over all
 * that a pixel covers.  The kernel k is the triangle (bilinear), Keys' cubic with a = -1/2
 * (bicubic; "Cubic convolution interpolation for digital image processing", 1981, eq. 8), or sinc
 * windowed by a sinc three times as wide (Lanczos).  Weights are normalised and rounded to 22
 * fractional bits, so that sums of 8-bit samples stay exact in 32 bits, whatever the order of
 * adding.  Nearest takes the one pixel under the centre.
 *
 * Both passes work on LANES neighbouring bytes at a time, in vectors that the compiler maps to what
 * the machine has.  For columns the neighbours lie side by side.  For rows, 16, 8 or 4 of them are
 * interleaved first, pixels of 1, 2 or 4 bytes each, so that they become columns. */
#include <math.h>
#include <string.h>
#include "backend/wide.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"

enum { FRACTION_BITS = 22, LANES = 16 };

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
    int      width;                                     /* room for weights of an output */
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

/* ---- vectors ------------------------------------------------------------------------------ */

typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

/* y[j] = sum over i of weight[i] * x[i * step + j] for LANES neighbours, rounded, 0 … 255. */
static inline void weigh(const uint8_t *x, size_t step, const int32_t *weight, int taps, uint8_t *y)
{
    lanes sum = (lanes){ 0 } + (1 << (FRACTION_BITS - 1));
    bytes b;
    for (int i = 0; i < taps; i++, x += step) {
        lanes v;
        for (int j = 0; j < LANES; j++)
            v[j] = x[j];
        sum += v * weight[i];
    }
    sum >>= FRACTION_BITS;
    sum &= ~(sum >> 31);                                /* negative ones become 0 */
    sum |= (255 - sum) >> 31;                           /* too large ones all ones */
    b = __builtin_convertvector(sum & 255, bytes);
    memcpy(y, &b, sizeof b);
}

/* ---- along columns ------------------------------------------------------------------------ */

/* n neighbours, LANES at least; the last of them overlap those before. */
WIDE static void weigh_columns(const uint8_t *x, size_t step, const int32_t *weight, int taps,
                               uint8_t *y, size_t n)
{
    for (size_t j = 0; j + LANES < n; j += LANES)
        weigh(x + j, step, weight, taps, y + j);
    weigh(x + n - LANES, step, weight, taps, y + n - LANES);
}

/* The same for fewer. */
static void weigh_few(const uint8_t *x, size_t step, const int32_t *weight, int taps, uint8_t *y,
                      size_t n)
{
    for (size_t j = 0; j < n; j++) {
        int32_t sum = 1 << (FRACTION_BITS - 1);
        for (int i = 0; i < taps; i++)
            sum += x[(size_t)i * step + j] * weight[i];
        sum >>= FRACTION_BITS;
        y[j] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* x [h, w, c] to y [out, w, c]. */
static void resize_columns(const struct taps *t, const oc_image *x, oc_image *y)
{
    const size_t n = (size_t)x->width * (size_t)x->channels;
    for (size_t o = 0; o < (size_t)y->height; o++)
        (n < LANES ? weigh_few : weigh_columns)(x->pixel + (size_t)t->first[o] * n, n,
                                                t->weight + o * (size_t)t->width, t->count[o],
                                                y->pixel + o * n, n);
}

/* ---- along rows --------------------------------------------------------------------------- */

/* Copies n pixels of c bytes that stand `from` and `to` bytes apart.  Of three bytes four are
 * copied at once: the fourth falls into a gap, or where the next pixel comes. */
static void copy_pixels(const uint8_t *x, size_t from, uint8_t *y, size_t to, size_t n, size_t c)
{
    const uint8_t *const last = x + (n - 1) * from;
    if (c == 1)
        for (; x < last; x += from, y += to)
            *y = *x;
    else if (c == 2)
        for (; x < last; x += from, y += to)
            memcpy(y, x, 2);
    else
        for (; x < last; x += from, y += to)
            memcpy(y, x, 4);
    memcpy(y, x, c);
}

/* x [in, LANES] to y [out, LANES] */
WIDE static void weigh_rows(const struct taps *t, const uint8_t *x, uint8_t *y, int out)
{
    for (int o = 0; o < out; o++)
        weigh(x + (size_t)t->first[o] * LANES, LANES, t->weight + (size_t)o * (size_t)t->width,
              t->count[o], y + (size_t)o * LANES);
}

/* x [h, w, c] to y [h, out, c]; the blocks are [w, LANES] and [out, LANES]. */
static void resize_rows(const struct taps *t, const oc_image *x, oc_image *y, uint8_t *from,
                        uint8_t *to)
{
    const size_t c = (size_t)x->channels, room = c == 3 ? 4 : c, rows = LANES / room;
    const size_t in = (size_t)x->width, out = (size_t)y->width, h = (size_t)x->height;
    for (size_t i = 0; i < h; i += rows) {
        const size_t n = h - i < rows ? h - i : rows;
        for (size_t r = 0; r < n; r++)
            copy_pixels(x->pixel + (i + r) * in * c, c, from + r * room, LANES, in, c);
        weigh_rows(t, from, to, y->width);
        for (size_t r = 0; r < n; r++)
            copy_pixels(to + r * room, LANES, y->pixel + (i + r) * out * c, c, out, c);
    }
}

/* ---- both --------------------------------------------------------------------------------- */

/* What resizing needs besides the result. */
struct work {
    struct taps across, down;
    oc_image    wide;                                   /* [in.h, width, c] */
    uint8_t    *from, *to;                              /* interleaved rows */
};

static oc_status make_work(struct work *w, const oc_image *in, int width, int height,
                           enum filter filter)
{
    TRY(oc__image_new(&w->wide, "resized image", width, in->height, in->channels));
    TRY(taps_make(&w->across, filter, in->width, width));
    TRY(taps_make(&w->down, filter, in->height, height));
    w->from = oc__alloc((size_t)in->width, LANES);
    w->to = oc__alloc((size_t)width, LANES);
    return w->from != NULL && w->to != NULL ? OC_OK : OC_ELIMIT;
}

oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height,
                           enum filter filter)
{
    struct work w = { .from = NULL };
    *out = (oc_image){ 0 };
    oc_status status = make_work(&w, in, width, height, filter);
    if (status == OC_OK)
        status = oc__image_new(out, "resized image", width, height, in->channels);
    if (status == OC_OK) {
        resize_rows(&w.across, in, &w.wide, w.from, w.to);
        resize_columns(&w.down, &w.wide, out);
    }
    oc__free(w.from);
    oc__free(w.to);
    taps_free(&w.across);
    taps_free(&w.down);
    oc_image_free(&w.wide);
    return status;
}
