/* synth_digits.c — the kind `synth`, place `digits`: handwriting that the program draws itself.
 *
 * A sample is a pure function of (seed, part, index), so neither threads nor the number of samples
 * change a bit of it.  One of the digit's forms is taken; its points are shaken and brought
 * through a random affine map (size, proportions, rotation, shear, place) into a field of 28x28;
 * strokes become short segments, and a pixel's ink is how far a round pen covers it: clamp(r + 1/2
 * - d, 0, 1) for pen radius r and distance d to the nearest segment.  Then come contrast, a ground
 * that is not quite black, at times a stray stroke, and noise.  All that is as strong as it takes
 * for a linear classifier to fail and a small convolutional network to succeed. */
#include <math.h>
#include <omp.h>
#include <string.h>
#include "base/map.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/digit_forms.h"

enum { SIDE = 28, SPAN_SEGMENTS = 6, SAMPLES_MAX = 10000000 };

/* ---- random draws ------------------------------------------------------------------------- */

struct draws { uint64_t key, counter; };

static double between(struct draws *r, double low, double high)
{
    return low + (high - low) * oc__uniform(r->key, r->counter++);
}

static double around_zero(struct draws *r, double deviation)
{
    return deviation * oc__normal(r->key, r->counter++);
}

/* ---- pen ---------------------------------------------------------------------------------- */

struct field { float ink[SIDE * SIDE]; };

static double distance(struct point p, struct point a, struct point b)
{
    const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double       t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double u = p.x - a.x - t * dx, v = p.y - a.y - t * dy;
    return sqrt(u * u + v * v);
}

static int clamp_pixel(double v)
{
    return v < 0 ? 0 : v > SIDE ? SIDE : (int)v;
}

static void draw_segment(struct field *f, struct point a, struct point b, double radius)
{
    const int left = clamp_pixel(fmin(a.x, b.x) - radius - 1);
    const int right = clamp_pixel(fmax(a.x, b.x) + radius + 2);
    const int top = clamp_pixel(fmin(a.y, b.y) - radius - 1);
    const int bottom = clamp_pixel(fmax(a.y, b.y) + radius + 2);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const struct point centre = { x + 0.5, y + 0.5 };
            const double       covered = radius + 0.5 - distance(centre, a, b);
            float             *ink = &f->ink[y * SIDE + x];
            if (covered > *ink)
                *ink = covered < 1 ? (float)covered : 1;
        }
}

/* A point of the Catmull-Rom spline between p[1] and p[2]. */
static struct point spline(const struct point p[4], double t)
{
    const double t2 = t * t, t3 = t2 * t;
    const double w[4] = { (2 * t2 - t3 - t) / 2, (3 * t3 - 5 * t2 + 2) / 2,
                          (4 * t2 - 3 * t3 + t) / 2, (t3 - t2) / 2 };
    struct point out = { 0, 0 };
    for (int i = 0; i < 4; i++) {
        out.x += w[i] * p[i].x;
        out.y += w[i] * p[i].y;
    }
    return out;
}

static void draw_stroke(struct field *f, const struct stroke *s, double radius)
{
    for (int i = 0; i + 1 < s->n; i++) {
        const struct point around[4] = { s->point[i > 0 ? i - 1 : i], s->point[i], s->point[i + 1],
                                         s->point[i + 2 < s->n ? i + 2 : i + 1] };
        const int          pieces = s->smooth ? SPAN_SEGMENTS : 1;
        struct point       from = around[1];
        for (int k = 1; k <= pieces; k++) {
            const struct point to = k < pieces ? spline(around, (double)k / pieces) : around[2];
            draw_segment(f, from, to, radius);
            from = to;
        }
    }
}

/* ---- a sample ----------------------------------------------------------------------------- */

/* From the unit square, with its middle at the origin, to the field. */
struct affine { double xx, xy, yx, yy, x, y; };

static struct affine draw_affine(struct draws *r)
{
    const double height = between(r, 15, 21), width = height * between(r, 0.6, 1.05);
    const double angle = between(r, -0.28, 0.28), shear = between(r, -0.3, 0.3);
    const double x = between(r, -2.5, 2.5), y = between(r, -2.5, 2.5);
    const double c = cos(angle), s = sin(angle);
    return (struct affine){ .xx = c * width, .xy = (c * shear - s) * height,
                            .yx = s * width, .yy = (s * shear + c) * height,
                            .x = SIDE / 2.0 + x, .y = SIDE / 2.0 + y };
}

static struct point apply_affine(const struct affine *m, struct point p)
{
    const double x = p.x - 0.5, y = p.y - 0.5;
    return (struct point){ m->xx * x + m->xy * y + m->x, m->yx * x + m->yy * y + m->y };
}

static void draw_digit(struct field *f, struct draws *r, int digit)
{
    int                      n, first = 0, forms = 0;
    const struct digit_form *form = oc__digit_forms(&n);
    while (form[first].digit != digit)
        first++;
    while (first + forms < n && form[first + forms].digit == digit)
        forms++;
    form += first + oc__below(r->key, r->counter++, forms);
    const struct affine m = draw_affine(r);
    const double     radius = between(r, 0.6, 1.9), shake = between(r, 0.005, 0.045);
    for (int s = 0; s < form->strokes; s++) {
        struct stroke stroke = form->stroke[s];
        for (int i = 0; i < stroke.n; i++) {
            stroke.point[i].x += around_zero(r, shake);
            stroke.point[i].y += around_zero(r, shake);
            stroke.point[i] = apply_affine(&m, stroke.point[i]);
        }
        draw_stroke(f, &stroke, radius);
    }
}

/* A short faint stroke somewhere, as from the digit next door or a slip of the pen. */
static void draw_clutter(struct field *f, struct draws *r)
{
    struct field       stray = { { 0 } };
    const float        strength = (float)between(r, 0.3, 0.9);
    const double       angle = between(r, 0, 6.2831853), length = between(r, 1, 7);
    const double       x = between(r, 0, SIDE), y = between(r, 0, SIDE);
    const struct point a = { x, y };
    const struct point b = { a.x + length * cos(angle), a.y + length * sin(angle) };
    draw_segment(&stray, a, b, between(r, 0.3, 1));
    for (int i = 0; i < SIDE * SIDE; i++)
        f->ink[i] = fmaxf(f->ink[i], strength * stray.ink[i]);
}

/* Roughly normal noise of deviation 1: the sum of four bytes, centred and scaled. */
static double noise(uint64_t bits)
{
    const int sum = (int)(bits & 255) + (int)(bits >> 8 & 255) + (int)(bits >> 16 & 255)
                    + (int)(bits >> 24 & 255);
    return (sum - 510) / 147.8;
}

static void expose(const struct field *f, struct draws *r, uint8_t *pixel)
{
    const double ground = between(r, 0, 40), ink = between(r, 150, 255);
    const double grain = between(r, 0, 24);
    for (int i = 0; i < SIDE * SIDE; i += 2) {
        const uint64_t bits = oc__bits(r->key, r->counter++);
        for (int k = 0; k < 2; k++) {
            const double v = ground + (ink - ground) * (double)f->ink[i + k]
                             + grain * noise(bits >> 32 * k);
            pixel[i + k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
        }
    }
}

static void draw_sample(uint64_t key, int digit, uint8_t *pixel)
{
    struct field f = { { 0 } };
    struct draws r = { key, 0 };
    draw_digit(&f, &r, digit);
    for (int i = 0; i < 2; i++)
        if (between(&r, 0, 1) < 0.3)
            draw_clutter(&f, &r);
    expose(&f, &r, pixel);
}

/* ---- the kind ----------------------------------------------------------------------------- */

struct synth { int64_t train, test, seed; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct synth, INT, train, "10000", "samples for training", 1, SAMPLES_MAX),
    ATTR_RANGE(struct synth, INT, test, "2000", "samples for testing", 1, SAMPLES_MAX),
    ATTR(struct synth, INT, seed, "1", "another seed draws others"),
    { 0 }
};

struct drawing { oc_data *data; int64_t train; uint64_t key; };

static void draw_samples(const void *context, int64_t first, int64_t last)
{
    const struct drawing *drawing = context;
    oc_data *d = drawing->data;
    for (int64_t i = first; i < last; i++) {
        const oc_part  part = i < drawing->train ? OC_PART_TRAIN : OC_PART_TEST;
        const int64_t  index = i < drawing->train ? i : i - drawing->train;
        const oc_image image = oc__data_view(d, i);
        d->samples.label[i] = (uint8_t)(index % d->classes);
        draw_sample(oc__key(oc__key(drawing->key, (uint64_t)part), (uint64_t)index),
                    d->samples.label[i], image.pixel);
    }
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    const struct synth  *a = attr;
    const struct samples shape = { .n = a->train + a->test, .height = SIDE, .width = SIDE,
                                   .channels = 1 };
    const uint64_t       key = oc__key((uint64_t)a->seed, oc__hash("digits"));
    if (strcmp(place, "digits") != 0)
        return oc__fail(OC_EUSAGE, "synth:%s: only synth:digits can be drawn", oc__quote_z(place));
    d->classes = 10;
    d->class_name = oc__digit_names;
    d->preparation = "grayscale; light_on_dark; digit 28; scale";
    TRY(oc__data_make(d, shape, a->train));
    const struct drawing drawing = { d, a->train, key };
    oc__parallel(omp_get_max_threads(), shape.n, 1, draw_samples, &drawing);
    return OC_OK;
}

const struct data_kind oc__data_synth = {
    .entry = { .name = "synth", .summary = "synth:digits, digits drawn by the program itself",
               .attrs = attrs, .size = sizeof(struct synth) },
    .open = open_set,
};
