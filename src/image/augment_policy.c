/* augment_policy.c — augmentations that choose among others: RandAugment and TrivialAugment.
 *
 * Both draw from one table of changes.  A change grows with its magnitude from none to what the
 * table names: the narrow range is RandAugment's (Cubuk et al., "RandAugment: practical automated
 * data augmentation with a reduced search space", 2019), the wide one TrivialAugment's (Müller and
 * Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation", 2021), both as in
 * torchvision, but moves are fractions of the side: 32 pixels of an image of 224. */
#include <math.h>
#include "base/status.h"
#include "image/tone.h"
#include "image/warp.h"

/* ---- changes ------------------------------------------------------------------------------ */

static oc_status move(struct sample *s, struct motion motion, enum border border)
{
    motion.scale = 1;
    const struct matrix forward = oc__matrix_about(s->image.width / 2.0, s->image.height / 2.0,
                                                   motion);
    return oc__warp(s, &forward, border);
}

static oc_status shear_x(struct sample *s, double v, enum border border)
{
    return move(s, (struct motion){ .shear_x = atan(v) }, border);
}

static oc_status shear_y(struct sample *s, double v, enum border border)
{
    return move(s, (struct motion){ .shear_y = atan(v) }, border);
}

static oc_status translate_x(struct sample *s, double v, enum border border)
{
    return move(s, (struct motion){ .move_x = round(v * s->image.width) }, border);
}

static oc_status translate_y(struct sample *s, double v, enum border border)
{
    return move(s, (struct motion){ .move_y = round(v * s->image.height) }, border);
}

static oc_status rotate(struct sample *s, double v, enum border border)
{
    return move(s, (struct motion){ .angle = v * 3.14159265358979323846 / 180 }, border);
}

#define TONE(name_, call_)                                                                  \
    static oc_status name_(struct sample *s, double v, enum border border)                  \
    {                                                                                       \
        (void)v, (void)border;                                                              \
        TRY(oc__sample_own(s));                                                             \
        call_;                                                                              \
        return OC_OK;                                                                       \
    }
TONE(brightness, oc__tone_brightness(&s->image, 1 + v))
TONE(colour,     oc__tone_saturation(&s->image, 1 + v))
TONE(contrast,   oc__tone_contrast(&s->image, 1 + v))
TONE(sharpness,  TRY(oc__tone_sharpness(&s->image, 1 + v)))
TONE(posterize,  oc__tone_posterize(&s->image, 8 - (int)lround(v)))
TONE(solarize,   oc__tone_solarize(&s->image, 255 - v))
TONE(stretch,    oc__tone_stretch(&s->image))
TONE(equalize,   oc__tone_equalize(&s->image))

static const struct change {
    oc_status (*apply)(struct sample *s, double v, enum border border); /* NULL: none */
    double      narrow, wide;                           /* v at full magnitude */
    bool        either;                                 /* v may as well be negative */
} changes[] = {
    { NULL, 0, 0, false },
    { shear_x, 0.3, 0.99, true },
    { shear_y, 0.3, 0.99, true },
    { translate_x, 150.0 / 331, 32.0 / 224, true },
    { translate_y, 150.0 / 331, 32.0 / 224, true },
    { rotate, 30, 135, true },
    { brightness, 0.9, 0.99, true },
    { colour, 0.9, 0.99, true },
    { contrast, 0.9, 0.99, true },
    { sharpness, 0.9, 0.99, true },
    { posterize, 4, 6, false },
    { solarize, 255, 255, false },
    { stretch, 0, 0, false },
    { equalize, 0, 0, false },
};
enum { CHANGES = sizeof changes / sizeof *changes, BINS = 31 };

/* One change of the table; `bin` is the magnitude, 0 … BINS - 1. */
static oc_status change(struct sample *s, struct dice *dice, double bin, bool wide,
                        enum border border)
{
    const struct change *c = &changes[(int)oc__roll(dice, 0, CHANGES)];
    const double         v = (wide ? c->wide : c->narrow) * bin / (BINS - 1);
    const double         sign = c->either && oc__roll(dice, 0, 1) < 0.5 ? -1 : 1;
    return c->apply != NULL ? c->apply(s, sign * v, border) : OC_OK;
}

/* ---- randaugment -------------------------------------------------------------------------- */

struct randaugment { int64_t changes; double magnitude; int border; };

static const struct attr randaugment_attrs[] = {
    ATTR_RANGE(struct randaugment, INT, changes, "2", "one after the other", 1, 20),
    ATTR_RANGE(struct randaugment, FLOAT, magnitude, "9", "how strong, of 30", 0, 30),
    ATTR_WORDS(struct randaugment, border, "edge", "what comes in from outside",
               oc__border_names),
    { 0 }
};

static oc_status randaugment(const void *attr, struct dice *dice, struct sample *s)
{
    const struct randaugment *a = attr;
    for (int64_t i = 0; i < a->changes; i++)
        TRY(change(s, dice, a->magnitude, false, (enum border)a->border));
    return OC_OK;
}

const struct augment oc__augment_randaugment = {
    .entry = { .name = "randaugment", .summary = "random changes of one strength",
               .attrs = randaugment_attrs, .size = sizeof(struct randaugment) },
    .apply = randaugment,
};

/* ---- trivialaugment ----------------------------------------------------------------------- */

struct trivialaugment { int border; };

static const struct attr trivialaugment_attrs[] = {
    ATTR_WORDS(struct trivialaugment, border, "edge", "what comes in from outside",
               oc__border_names),
    { 0 }
};

static oc_status trivialaugment(const void *attr, struct dice *dice, struct sample *s)
{
    const double bin = floor(oc__roll(dice, 0, BINS));
    return change(s, dice, bin, true, (enum border)((const struct trivialaugment *)attr)->border);
}

const struct augment oc__augment_trivialaugment = {
    .entry = { .name = "trivialaugment", .summary = "one random change of random strength",
               .attrs = trivialaugment_attrs, .size = sizeof(struct trivialaugment) },
    .apply = trivialaugment,
};
