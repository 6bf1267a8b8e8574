/* synth_digits.c — the kind `synth`, place `digits`: handwriting that the program draws itself.
 *
 * A sample is a pure function of (seed, part, index), so neither threads nor the number of samples
 * change a bit of it.  One of the digit's forms is taken; its points are shaken and brought
 * through a random affine map (size, proportions, rotation, shear, place) into a field of 28x28,
 * where a pen draws them.  Then come contrast, a ground that is not quite black, at times a stray
 * stroke, and noise.  All that is as strong as it takes for a linear classifier to fail and a small
 * convolutional network to succeed. */
#include <math.h>
#include <omp.h>
#include "base/map.h"
#include "base/parallel.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/pen.h"
#include "data/synth.h"

enum { SIDE = 28 };

/* ---- a sample ----------------------------------------------------------------------------- */

static struct affine draw_affine(struct draws *r)
{
    const double height = oc__between(r, 15, 21), width = height * oc__between(r, 0.6, 1.05);
    const double angle = oc__between(r, -0.28, 0.28), shear = oc__between(r, -0.3, 0.3);
    const double x = oc__between(r, -2.5, 2.5), y = oc__between(r, -2.5, 2.5);
    const double c = cos(angle), s = sin(angle);
    return (struct affine){ .xx = c * width, .xy = (c * shear - s) * height,
                            .yx = s * width, .yy = (s * shear + c) * height,
                            .x = SIDE / 2.0 + x, .y = SIDE / 2.0 + y };
}

static void draw_digit(const struct field *f, struct draws *r, int digit)
{
    int                      n, first = 0, forms = 0;
    const struct digit_form *form = oc__digit_forms(&n);
    while (form[first].digit != digit)
        first++;
    while (first + forms < n && form[first + forms].digit == digit)
        forms++;
    form += first + oc__below(r->key, r->counter++, forms);
    const struct affine m = draw_affine(r);
    const double     radius = oc__between(r, 0.6, 1.9), shake = oc__between(r, 0.005, 0.045);
    for (int s = 0; s < form->strokes; s++) {
        struct stroke stroke = form->stroke[s];
        for (int i = 0; i < stroke.n; i++) {
            stroke.point[i].x += oc__around_zero(r, shake);
            stroke.point[i].y += oc__around_zero(r, shake);
            stroke.point[i] = oc__affine_apply(&m, stroke.point[i]);
        }
        oc__pen_stroke(f, &stroke, radius);
    }
}

/* A short faint stroke somewhere, as from the digit next door or a slip of the pen. */
static void draw_clutter(const struct field *f, struct draws *r)
{
    float              ink[SIDE * SIDE] = { 0 };
    const struct field stray = { SIDE, ink };
    const float        strength = (float)oc__between(r, 0.3, 0.9);
    const double       angle = oc__between(r, 0, 6.2831853), length = oc__between(r, 1, 7);
    const double       x = oc__between(r, 0, SIDE), y = oc__between(r, 0, SIDE);
    const struct point a = { x, y };
    const struct point b = { a.x + length * cos(angle), a.y + length * sin(angle) };
    oc__pen_segment(&stray, a, b, oc__between(r, 0.3, 1));
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
    const double ground = oc__between(r, 0, 40), ink = oc__between(r, 150, 255);
    const double grain = oc__between(r, 0, 24);
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
    float              ink[SIDE * SIDE] = { 0 };
    const struct field f = { SIDE, ink };
    struct draws       r = { key, 0 };
    draw_digit(&f, &r, digit);
    for (int i = 0; i < 2; i++)
        if (oc__between(&r, 0, 1) < 0.3)
            draw_clutter(&f, &r);
    expose(&f, &r, pixel);
}

/* ---- the set ------------------------------------------------------------------------------ */

struct drawing { oc_data *data; int64_t train; uint64_t key; };

static void draw_samples(const void *context, int64_t first, int64_t last)
{
    const struct drawing *drawing = context;
    oc_data *d = drawing->data;
    for (int64_t i = first; i < last; i++) {
        const oc_part  part = i < drawing->train ? OC_PART_TRAIN : OC_PART_TEST;
        const int64_t  index = i < drawing->train ? i : i - drawing->train;
        const oc_image image = oc__data_view(d, i);
        const int      digit = (int)(index % d->classes);
        d->samples.label[i] = digit;
        draw_sample(oc__key(oc__key(drawing->key, (uint64_t)part), (uint64_t)index), digit,
                    image.pixel);
    }
}

oc_status oc__synth_digits(oc_data *d, const struct synth *a)
{
    const struct samples shape = { .n = a->train + a->test, .height = SIDE, .width = SIDE,
                                   .channels = 1 };
    const uint64_t       key = oc__key((uint64_t)a->seed, oc__hash("digits"));
    d->classes = 10;
    d->class_name = oc__digit_names;
    d->preparation = "grayscale; light_on_dark; digit 28; scale";
    TRY(oc__data_make(d, shape, a->train));
    const struct drawing drawing = { d, a->train, key };
    oc__parallel(omp_get_max_threads(), shape.n, 1, draw_samples, &drawing);
    return OC_OK;
}
