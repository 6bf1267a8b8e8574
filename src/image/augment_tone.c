/* augment_tone.c — augmentations that change colours: jitter and grayscale. */
#include "base/status.h"
#include "image/augment.h"
#include "image/tone.h"

/* ---- jitter ------------------------------------------------------------------------------- */

struct jitter { double brightness, contrast, saturation, hue; };

static const struct attr jitter_attrs[] = {
    ATTR_RANGE(struct jitter, FLOAT, brightness, "0.2", "largest change of the factor 1", 0, 1),
    ATTR_RANGE(struct jitter, FLOAT, contrast, "0.2", "largest change of the factor 1", 0, 1),
    ATTR_RANGE(struct jitter, FLOAT, saturation, "0.2", "largest change of the factor 1", 0, 1),
    ATTR_RANGE(struct jitter, FLOAT, hue, "0", "largest turn, of the circle", 0, 0.5),
    { 0 }
};

/* Brightness, contrast, saturation and hue, each once, in a random order. */
static oc_status jitter(const void *attr, struct dice *dice, struct sample *s)
{
    static void (*const change[])(oc_image *image, double factor) = {
        oc__tone_brightness, oc__tone_contrast, oc__tone_saturation, oc__tone_hue,
    };
    enum { CHANGES = 4 };
    const struct jitter *a = attr;
    const double most[CHANGES] = { a->brightness, a->contrast, a->saturation, a->hue };
    const double middle[CHANGES] = { 1, 1, 1, 0 };
    int64_t      order[CHANGES];
    oc__permutation(oc__key(dice->key, CHANGES), CHANGES, order);
    TRY(oc__sample_own(s));
    for (int i = 0; i < CHANGES; i++) {
        const int64_t k = order[i];
        if (most[k] > 0)
            change[k](&s->image, oc__roll(dice, middle[k] - most[k], middle[k] + most[k]));
    }
    return OC_OK;
}

const struct augment oc__augment_jitter = {
    .entry = { .name = "jitter", .summary = "other brightness, contrast, saturation and hue",
               .attrs = jitter_attrs, .size = sizeof(struct jitter) },
    .apply = jitter,
};

/* ---- grayscale ---------------------------------------------------------------------------- */

struct grayscale { double p; };

static const struct attr grayscale_attrs[] = {
    ATTR_RANGE(struct grayscale, FLOAT, p, "0.1", "probability", 0, 1), { 0 }
};

static oc_status grayscale(const void *attr, struct dice *dice, struct sample *s)
{
    if (oc__roll(dice, 0, 1) >= ((const struct grayscale *)attr)->p)
        return OC_OK;
    TRY(oc__sample_own(s));
    oc__tone_saturation(&s->image, 0);
    return OC_OK;
}

const struct augment oc__augment_grayscale = {
    .entry = { .name = "grayscale", .summary = "takes the colour away, not the channels",
               .attrs = grayscale_attrs, .size = sizeof(struct grayscale) },
    .apply = grayscale,
};
