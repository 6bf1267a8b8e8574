/* synth_colors.c — synth:colors, the first thing a network can learn: what colour a picture has.
 *
 * 100 pictures of 110x110 for each of six colours, always the same; the seed only divides them.  A
 * picture has its own shade of the colour, a little brighter towards one side, and grain. */
#include <math.h>
#include "base/map.h"
#include "base/status.h"
#include "data/pen.h"
#include "data/synth.h"

enum { SIDE = 110, CLASSES = 6, OF_CLASS = 100 };

static const char *const names[CLASSES] = { "red", "yellow", "green", "cyan", "blue", "magenta" };

/* Red, green and blue of a hue in [0, 6), 1 at most and 0 at least. */
static double channel_of_hue(double hue, int channel)
{
    const double away = fabs(remainder(hue - 2 * channel, 6));
    return away < 1 ? 1 : away < 2 ? 2 - away : 0;
}

static void draw_sample(uint64_t key, int class, uint8_t *pixel)
{
    struct draws r = { key, 0 };
    const double hue = class + oc__between(&r, -0.3, 0.3);
    const double dark = oc__between(&r, 0, 70), light = oc__between(&r, 150, 255);
    const double slope = oc__between(&r, -30, 30), grain = oc__between(&r, 0, 15);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const double shade = slope * ((double)(i % SIDE) / SIDE - 0.5)
                             + oc__around_zero(&r, grain);
        for (int c = 0; c < 3; c++) {
            const double v = dark + (light - dark) * channel_of_hue(hue, c) + shade;
            pixel[3 * i + c] = (uint8_t)lround(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}

oc_status oc__synth_colors(oc_data *d, const struct synth *a)
{
    (void)a;
    const struct samples shape = { .n = CLASSES * OF_CLASS, .height = SIDE, .width = SIDE,
                                   .channels = 3 };
    const uint64_t       key = oc__hash("colors");
    TRY(oc__data_make(d, shape, shape.n));
    d->classes = CLASSES;
    d->class_name = names;
    d->preparation = "rgb; scale";
    d->undivided = true;
    for (int64_t i = 0; i < shape.n; i++) {
        const int class = (int)(i % CLASSES);
        d->samples.label[i] = class;
        draw_sample(oc__key(key, (uint64_t)i), class, oc__data_view(d, i).pixel);
    }
    return OC_OK;
}
