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
 * the machine has.  For columns the neighbours lie side by side.  For rows, 32, 16 or 8 of them are
 * interleaved first, pixels of 1, 2 or 4 bytes each, so that they become columns.  Only a band of
 * rows is kept, those that the next columns need. */
#include <math.h>
#include <string.h>
#include "backend/wide.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"

enum { FRACTION_BITS = 22, VECTOR = 16, LANES = 2 * VECTOR };

/* ---- kernels ------------------------------------------------------------------------------ */

/* Each changes n places into the kernel's values there. */

static void triangle(double *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = fabs(x[i]) < 1 ? 1 - fabs(x[i]) : 0;
}

static void cubic(double *x, int n)
{
    for (int i = 0; i < n; i++) {
        const double a = fabs(x[i]);
        const double near = (1.5 * a - 2.5) * a * a + 1, far = ((-0.5 * a + 2.5) * a - 4) * a + 2;
        x[i] = a < 1 ? near : a < 2 ? far : 0;
    }
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static void lanczos(double *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = fabs(x[i]) < 3 ? sinc(x[i]) * sinc(x[i] / 3) : 0;
}

static const struct kernel { double reach; void (*at)(double *x, int n); } kernels[] = {
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
    const double centre = (o + 0.5) * scale, shrink = 1 / stretch;
    int          from = (int)floor(centre - reach + 0.5);
    int          to = (int)floor(centre + reach + 0.5);
    double       sum = 0;
    from = from > 0 ? from : 0;
    to = to < in ? to : in;
    for (int i = from; i < to; i++)
        scratch[i - from] = (i + 0.5 - centre) * shrink;
    kernel->at(scratch, to - from);
    for (int i = from; i < to; i++)
        sum += scratch[i - from];
    t->first[o] = from;
    t->count[o] = to - from;
    for (int i = 0; i < to - from; i++) {
        const double weight = scratch[i] / sum * (1 << FRACTION_BITS);
        t->weight[(size_t)o * (size_t)t->width + (size_t)i] =
            (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
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

typedef int32_t lanes __attribute__((vector_size(4 * VECTOR)));
typedef uint8_t bytes __attribute__((vector_size(VECTOR)));

/* Rounds, 0 … 255. */
WIDE_PART static void finish(const lanes *whole, uint8_t *y)
{
    lanes sum = *whole;
    sum >>= FRACTION_BITS;
    sum &= ~(sum >> 31);                                /* negative ones become 0 */
    sum |= (255 - sum) >> 31;                           /* too large ones all ones */
    const bytes b = __builtin_convertvector(sum & 255, bytes);
    memcpy(y, &b, sizeof b);
}

/* y[j] = sum over i of weight[i] * x[i * step + j], rounded, 0 … 255, for LANES neighbours. */
WIDE_PART static void weigh(const uint8_t *x, size_t step, const int32_t *weight, int taps,
                            uint8_t *y)
{
    lanes low = (lanes){ 0 } + (1 << (FRACTION_BITS - 1)), high = low;
#pragma GCC unroll 4
    for (int i = 0; i < taps; i++, x += step) {
        lanes v, w;
        for (int j = 0; j < VECTOR; j++) {
            v[j] = x[j];
            w[j] = x[VECTOR + j];
        }
        low += v * weight[i];
        high += w * weight[i];
    }
    finish(&low, y);
    finish(&high, y + VECTOR);
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

/* ---- along rows --------------------------------------------------------------------------- */

/* LANES / room lines of pixels, x[r] and y[r] the first of line r, in steps of so many bytes. */
struct lines {
    const uint8_t *x[LANES];
    uint8_t       *y[LANES];
    size_t         from, to;
};

/* Copies pixels `first` to n - 1 of each line, `room` bytes of each (a constant): of three bytes
 * four at once, the fourth falls into a gap, or where the next pixel comes.  Of the last, c bytes
 * alone. */
static inline void copy_pixels(const struct lines *l, size_t first, size_t n, size_t room, size_t c)
{
    const struct lines s = *l;                          /* which no store can change */
    for (size_t i = first; i + 1 < n; i++)
        for (size_t r = 0; r < LANES / room; r++)
            memcpy(s.y[r] + i * s.to, s.x[r] + i * s.from, room);
    for (size_t r = 0; r < LANES / room; r++)
        memcpy(s.y[r] + (n - 1) * s.to, s.x[r] + (n - 1) * s.from, c);
}

typedef uint32_t pixels __attribute__((vector_size(VECTOR)));

/* Four pixels of four lines become four lines of four pixels. */
static inline void transpose(pixels q[4])
{
    const pixels a = __builtin_shufflevector(q[0], q[1], 0, 4, 1, 5);
    const pixels b = __builtin_shufflevector(q[0], q[1], 2, 6, 3, 7);
    const pixels c = __builtin_shufflevector(q[2], q[3], 0, 4, 1, 5);
    const pixels d = __builtin_shufflevector(q[2], q[3], 2, 6, 3, 7);
    q[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    q[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    q[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    q[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

static inline bytes spread(bytes b)                     /* of three bytes to four */
{
    return __builtin_shufflevector(b, b, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
}

static inline bytes close_up(bytes b)                   /* and back; the end is of no matter */
{
    return __builtin_shufflevector(b, b, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 12, 13, 14, 15);
}

/* As copy_pixels, four lines of three bytes a pixel, side by side in y; tells where it ended. */
WIDE static size_t gather_threes(const struct lines *l, size_t line, size_t n)
{
    const uint8_t *const x[] = { l->x[line], l->x[line + 1], l->x[line + 2], l->x[line + 3] };
    uint8_t *y = l->y[line];
    size_t i = 0;
    for (; 3 * i + VECTOR <= 3 * n; i += 4, y += 4 * LANES) {
        pixels q[4];
        bytes b;
        for (size_t r = 0; r < 4; r++) {
            memcpy(&b, x[r] + 3 * i, sizeof b);
            q[r] = (pixels)spread(b);
        }
        transpose(q);
        for (size_t k = 0; k < 4; k++)
            memcpy(y + k * LANES, &q[k], sizeof q[k]);
    }
    return i;
}

/* The way back. */
WIDE static size_t scatter_threes(const struct lines *l, size_t line, size_t n)
{
    uint8_t *const y[] = { l->y[line], l->y[line + 1], l->y[line + 2], l->y[line + 3] };
    const uint8_t *x = l->x[line];
    size_t i = 0;
    for (; 3 * i + VECTOR <= 3 * n; i += 4, x += 4 * LANES) {
        pixels q[4];
        bytes b;
        for (size_t k = 0; k < 4; k++)
            memcpy(&q[k], x + k * LANES, sizeof q[k]);
        transpose(q);
        for (size_t r = 0; r < 4; r++) {
            b = close_up((bytes)q[r]);
            memcpy(y[r] + 3 * i, &b, sizeof b);
        }
    }
    return i;
}

static void copy_lines(const struct lines *l, size_t n, size_t c)
{
    size_t first = 0;
    for (size_t line = 0; c == 3 && line < LANES / 4; line += 4)
        first = (l->from == 3 ? gather_threes : scatter_threes)(l, line, n);
    if (c == 1)
        copy_pixels(l, 0, n, 1, 1);
    else if (c == 2)
        copy_pixels(l, 0, n, 2, 2);
    else
        copy_pixels(l, first, n, 4, c);
}

/* x [in, LANES] to y [out, LANES] */
WIDE static void weigh_rows(const struct taps *t, const uint8_t *x, uint8_t *y, int out)
{
    for (int o = 0; o < out; o++)
        weigh(x + (size_t)t->first[o] * LANES, LANES, t->weight + (size_t)o * (size_t)t->width,
              t->count[o], y + (size_t)o * LANES);
}

/* ---- both --------------------------------------------------------------------------------- */

/* Rows lo … hi - 1 of the image, resized along the row: those that the next columns need. */
struct band {
    size_t   lo, hi, room;                              /* of at most `room` rows */
    size_t   line;                                      /* bytes of a row */
    uint8_t *row;                                       /* [room, line] */
};

/* What resizing needs besides the result. */
struct work {
    struct taps across, down;
    struct band band;
    size_t      rows;                                   /* done at a time */
    uint8_t    *from, *to;                              /* interleaved: [in, LANES], [out, LANES] */
};

static oc_status make_work(struct work *w, const oc_image *in, int width, int height,
                           enum filter filter)
{
    const size_t c = (size_t)in->channels;
    TRY(taps_make(&w->across, filter, in->width, width));
    TRY(taps_make(&w->down, filter, in->height, height));
    w->rows = LANES / (c == 3 ? 4 : c);
    w->band.room = 2 * ((size_t)w->down.width + w->rows);
    w->band.line = (size_t)width * c;
    w->band.row = oc__alloc(w->band.room, w->band.line);
    w->from = oc__alloc((size_t)in->width, LANES);
    w->to = oc__alloc((size_t)width, LANES);
    return w->band.row != NULL && w->from != NULL && w->to != NULL ? OC_OK : OC_ELIMIT;
}

static void free_work(struct work *w)
{
    oc__free(w->from);
    oc__free(w->to);
    oc__free(w->band.row);
    taps_free(&w->across);
    taps_free(&w->down);
}

/* Adds the next rows of x to the band.  Where x ends its last row is done again. */
static void add_rows(struct work *w, const oc_image *x, size_t width)
{
    const size_t c = (size_t)x->channels, in = (size_t)x->width, h = (size_t)x->height;
    struct band *const b = &w->band;
    struct lines gather = { .from = c, .to = LANES }, scatter = { .from = LANES, .to = c };
    const size_t n = h - b->hi < w->rows ? h - b->hi : w->rows;
    for (size_t r = 0; r < w->rows; r++) {
        const size_t row = r < n ? r : n - 1, at = r * (LANES / w->rows);
        gather.x[r] = x->pixel + (b->hi + row) * in * c;
        gather.y[r] = w->from + at;
        scatter.x[r] = w->to + at;
        scatter.y[r] = b->row + (b->hi - b->lo + row) * b->line;
    }
    copy_lines(&gather, in, c);
    weigh_rows(&w->across, w->from, w->to, (int)width);
    copy_lines(&scatter, width, c);
    b->hi += n;
}

/* Makes the band hold rows first … end - 1; earlier ones will not be asked for again. */
static const uint8_t *need_rows(struct work *w, const oc_image *x, size_t first, size_t end,
                                size_t width)
{
    struct band *const b = &w->band;
    if (b->hi < first)
        b->lo = b->hi = first;
    while (b->hi < end) {
        if (b->hi + w->rows > b->lo + b->room) {
            memmove(b->row, b->row + (first - b->lo) * b->line, (b->hi - first) * b->line);
            b->lo = first;
        }
        add_rows(w, x, width);
    }
    return b->row + (first - b->lo) * b->line;
}

oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height,
                           enum filter filter)
{
    struct work w = { .from = NULL };
    *out = (oc_image){ 0 };
    oc_status status = make_work(&w, in, width, height, filter);
    if (status == OC_OK)
        status = oc__image_new(out, "resized image", width, height, in->channels);
    for (size_t o = 0; status == OC_OK && o < (size_t)height; o++) {
        const size_t n = w.band.line, first = (size_t)w.down.first[o];
        const int count = w.down.count[o];
        const uint8_t *row = need_rows(&w, in, first, first + (size_t)count, (size_t)width);
        (n < LANES ? weigh_few : weigh_columns)(row, n, w.down.weight + o * (size_t)w.down.width,
                                                count, out->pixel + o * n, n);
    }
    free_work(&w);
    return status;
}
