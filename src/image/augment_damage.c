/* augment_damage.c — augmentations that lose something: blur, noise and erase. */
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"
#include "image/warp.h"

/* ---- blur --------------------------------------------------------------------------------- */

struct blur { double sigma, least, p; };

static const struct attr blur_attrs[] = {
    ATTR_RANGE(struct blur, FLOAT, sigma, "2", "largest deviation, in pixels", 0.01, 100),
    ATTR_RANGE(struct blur, FLOAT, least, "0.1", "smallest deviation, in pixels", 0.01, 100),
    ATTR_RANGE(struct blur, FLOAT, p, "0.5", "probability", 0, 1),
    { 0 }
};

/* Gaussian weights at distances 0 … radius, which sum to 1 over both sides. */
struct bell { int radius; float weight[302]; };

static struct bell make_bell(double sigma)
{
    struct bell b = { .radius = (int)ceil(3 * sigma) };
    double      sum = 0;
    for (int i = -b.radius; i <= b.radius; i++)
        sum += exp(-0.5 * i * i / (sigma * sigma));
    for (int i = 0; i <= b.radius; i++)
        b.weight[i] = (float)(exp(-0.5 * i * i / (sigma * sigma)) / sum);
    return b;
}

/* Along one line of n values that lie `step` apart; `line` has room for n. */
static void blur_line(const struct bell *b, uint8_t *x, size_t step, int n, uint8_t *line)
{
    for (int i = 0; i < n; i++)
        line[i] = x[(size_t)i * step];
    for (int i = 0; i < n; i++) {
        float sum = 0.5f;
        for (int j = -b->radius; j <= b->radius; j++)
            sum += b->weight[j < 0 ? -j : j] * line[oc__border_index(BORDER_REFLECT, i + j, n)];
        x[(size_t)i * step] = (uint8_t)(sum < 255 ? sum : 255);
    }
}

static oc_status blur(const void *attr, struct dice *dice, struct sample *s)
{
    const struct blur *a = attr;
    if (oc__roll(dice, 0, 1) >= a->p)
        return OC_OK;
    TRY(oc__sample_own(s));
    const int    w = s->image.width, h = s->image.height;
    const size_t c = (size_t)s->image.channels, row = (size_t)w * c;
    const struct bell bell = make_bell(oc__roll(dice, a->least, a->sigma));
    uint8_t     *line = oc__alloc((size_t)(w > h ? w : h), 1);
    if (line == NULL)
        return OC_ELIMIT;
    for (size_t y = 0; y < (size_t)h; y++)
        for (size_t k = 0; k < c; k++)
            blur_line(&bell, s->image.pixel + y * row + k, c, w, line);
    for (size_t i = 0; i < row; i++)
        blur_line(&bell, s->image.pixel + i, row, h, line);
    oc__free(line);
    return OC_OK;
}

const struct augment oc__augment_blur = {
    .entry = { .name = "blur", .summary = "blurs by a Gaussian of random width",
               .attrs = blur_attrs, .size = sizeof(struct blur) },
    .apply = blur,
};

/* ---- noise -------------------------------------------------------------------------------- */

struct noise { double sigma; };

static const struct attr noise_attrs[] = {
    ATTR_RANGE(struct noise, FLOAT, sigma, "0.02", "deviation, of full scale", 0, 1), { 0 }
};

static oc_status noise(const void *attr, struct dice *dice, struct sample *s)
{
    const double   sigma = 255 * ((const struct noise *)attr)->sigma;
    const uint64_t key = oc__key(dice->key, 1);
    TRY(oc__sample_own(s));
    const size_t n = oc__image_bytes(&s->image), c = (size_t)s->image.channels;
    const size_t colours = (size_t)oc__image_colours(&s->image);
    for (size_t i = 0; i < n; i++) {
        if (i % c >= colours)
            continue;
        const double v = s->image.pixel[i] + sigma * oc__normal(key, i);
        s->image.pixel[i] = (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5);
    }
    return OC_OK;
}

const struct augment oc__augment_noise = {
    .entry = { .name = "noise", .summary = "adds Gaussian noise, clipped", .attrs = noise_attrs,
               .size = sizeof(struct noise) },
    .apply = noise,
};

/* ---- erase -------------------------------------------------------------------------------- */

struct erase { double p, least, most, stretch; int64_t fill; bool noise; };

static const struct attr erase_attrs[] = {
    ATTR_RANGE(struct erase, FLOAT, p, "0.5", "probability", 0, 1),
    ATTR_RANGE(struct erase, FLOAT, least, "0.02", "of the image's area", 0, 1),
    ATTR_RANGE(struct erase, FLOAT, most, "0.33", "of the image's area", 0, 1),
    ATTR_RANGE(struct erase, FLOAT, stretch, "3.3", "largest ratio of the sides", 1, 100),
    ATTR_RANGE(struct erase, INT, fill, "0", "value of what is erased", 0, 255),
    ATTR(struct erase, BOOL, noise, NULL, "fill with random values instead"),
    { 0 }
};

static void fill_window(struct sample *s, struct crop_box w, const struct erase *a, uint64_t key)
{
    const size_t c = (size_t)s->image.channels, row = (size_t)w.width * c;
    for (int y = 0; y < w.height; y++) {
        const size_t at = (size_t)(w.top + y) * (size_t)s->image.width + (size_t)w.left;
        uint8_t     *to = s->image.pixel + at * c;
        memset(to, (int)a->fill, row);
        for (size_t i = 0; a->noise && i < row; i++)
            to[i] = (uint8_t)oc__bits(key, (size_t)y * row + i);
    }
}

/* Zhong et al., "Random erasing data augmentation", 2017; the mask and the boxes stay. */
static oc_status erase(const void *attr, struct dice *dice, struct sample *s)
{
    enum { TRIES = 10 };
    const struct erase *a = attr;
    const int           w = s->image.width, h = s->image.height;
    if (oc__roll(dice, 0, 1) >= a->p)
        return OC_OK;
    TRY(oc__sample_own(s));
    for (int i = 0; i < TRIES; i++) {
        const double area = oc__roll(dice, a->least, a->most) * w * h;
        const double ratio = exp(oc__roll(dice, -log(a->stretch), log(a->stretch)));
        const int    width = (int)lround(sqrt(area * ratio));
        const int    height = (int)lround(sqrt(area / ratio));
        if (width < 1 || height < 1 || width > w || height > h)
            continue;
        const int left = (int)oc__roll(dice, 0, w - width + 1);
        const int top = (int)oc__roll(dice, 0, h - height + 1);
        fill_window(s, (struct crop_box){ left, top, width, height }, a, oc__key(dice->key, 1));
        break;
    }
    return OC_OK;
}

const struct augment oc__augment_erase = {
    .entry = { .name = "erase", .summary = "blots out a random rectangle", .attrs = erase_attrs,
               .size = sizeof(struct erase) },
    .apply = erase,
};
