/* synth_numbers.c — synth:numbers, typeset digits in many colours, sizes, places and faces.
 *
 * There are 850 pictures of 110x110, always the same; the seed only divides them, 593 for training
 * where nothing else is said.  A digit of any size stands anywhere on a plain ground, lighter or
 * darker than it, in any two colours of different brightness.  So a pixel says next to nothing: a
 * linear classifier of the raw pixels fails and a large one learns them by heart, while cutting the
 * digit out, in grey and light on dark, leaves an easy problem. */
#include <math.h>
#include "base/map.h"
#include "base/status.h"
#include "data/pen.h"
#include "data/synth.h"
#include "data/typeset.h"

enum { SIDE = 110, CLASSES = 10 };

/* 850 together; of shares 0.7, 0.15 and 0.15 of each, training gets 593. */
static const int class_sizes[CLASSES] = { 85, 84, 86, 85, 84, 86, 85, 84, 86, 85 };

static struct affine choose_place(struct draws *r, const struct face *face)
{
    const double height = oc__between(r, 26, 84), width = height * face->width;
    const double lean = face->slant * height, pen = face->weight * height;
    const double across = (width + lean) / 2 + pen + 2, down = height / 2 + pen + 2;
    const double x = oc__between(r, across, SIDE - across);
    const double y = oc__between(r, down, SIDE - down);
    return (struct affine){ .xx = width, .xy = -lean, .yx = 0, .yy = height, .x = x, .y = y };
}

static void draw_feet(const struct field *f, const struct affine *m, int digit, double pen)
{
    static const struct { int digit; struct point a, b; } feet[] = {
        { 1, { .28, 1.0 }, { .88, 1.0 } }, { 2, { 1.0, 1.0 }, { 1.0, .84 } },
        { 4, { .50, 1.0 }, { .98, 1.0 } }, { 5, { .88, .00 }, { .88, .14 } },
        { 7, { .00, .00 }, { .00, .16 } },
    };
    for (size_t i = 0; i < sizeof feet / sizeof *feet; i++)
        if (feet[i].digit == digit)
            oc__pen_segment(f, oc__affine_apply(m, feet[i].a), oc__affine_apply(m, feet[i].b), pen);
}

static void draw_digit(const struct field *f, struct draws *r, int digit)
{
    int                n;
    const struct face *face = oc__faces(&n);
    face += oc__below(r->key, r->counter++, n);
    const struct affine      m = choose_place(r, face);
    const struct digit_form *form = oc__typeset_form(face, digit);
    const double             pen = face->weight * m.yy;
    for (int s = 0; s < form->strokes; s++) {
        struct stroke stroke = form->stroke[s];
        stroke.smooth &= !face->straight;
        for (int i = 0; i < stroke.n; i++)
            stroke.point[i] = oc__affine_apply(&m, stroke.point[i]);
        oc__pen_stroke(f, &stroke, pen);
    }
    if (face->feet)
        draw_feet(f, &m, digit, pen);
}

struct colour { double v[3]; };

static double brightness(const struct colour *c)
{
    return 0.299 * c->v[0] + 0.587 * c->v[1] + 0.114 * c->v[2];
}

static struct colour choose_colour(struct draws *r)
{
    const double red = oc__between(r, 0, 255), green = oc__between(r, 0, 255);
    return (struct colour){ { red, green, oc__between(r, 0, 255) } };
}

/* Two colours that can be told apart in grey too. */
static void choose_colours(struct draws *r, struct colour *ground, struct colour *ink)
{
    do {
        *ground = choose_colour(r);
        *ink = choose_colour(r);
    } while (fabs(brightness(ground) - brightness(ink)) < 60);
}

static void draw_sample(uint64_t key, int digit, uint8_t *pixel)
{
    float              covered[SIDE * SIDE] = { 0 };
    const struct field f = { SIDE, covered };
    struct draws       r = { key, 0 };
    struct colour      ground, ink;
    draw_digit(&f, &r, digit);
    choose_colours(&r, &ground, &ink);
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int c = 0; c < 3; c++)
            pixel[3 * i + c] = (uint8_t)lround(ground.v[c]
                                               + (ink.v[c] - ground.v[c]) * (double)covered[i]);
}

oc_status oc__synth_numbers(oc_data *d, const struct synth *a)
{
    (void)a;
    struct samples shape = { .height = SIDE, .width = SIDE, .channels = 3 };
    const uint64_t key = oc__hash("numbers");
    for (int c = 0; c < CLASSES; c++)
        shape.n += class_sizes[c];
    TRY(oc__data_make(d, shape, shape.n));
    d->classes = CLASSES;
    d->class_name = oc__digit_names;
    d->preparation = "rgb; scale";
    d->undivided = true;
    for (int64_t i = 0, c = 0, of_class = 0; i < shape.n; i++, of_class++) {
        if (of_class == class_sizes[c]) {
            of_class = 0;
            c++;
        }
        d->samples.label[i] = (int32_t)c;
        draw_sample(oc__key(key, (uint64_t)i), (int)c, oc__data_view(d, i).pixel);
    }
    return OC_OK;
}
