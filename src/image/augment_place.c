/* augment_place.c — augmentations that flip and cut: boxes and masks move along exactly. */
#include <math.h>
#include <string.h>
#include "base/status.h"
#include "image/warp.h"

/* ---- flip --------------------------------------------------------------------------------- */

struct flip { int direction; double p; };

enum { HORIZONTAL, VERTICAL };
static const char *const directions[] = { "horizontal", "vertical", NULL };

static const struct attr flip_attrs[] = {
    ATTR_WORDS(struct flip, direction, "horizontal", "what is mirrored", directions),
    ATTR_RANGE(struct flip, FLOAT, p, "0.5", "probability", 0, 1),
    { 0 }
};

static oc_status mirror(oc_image *out, const oc_image *in, int direction)
{
    TRY(oc__image_new(out, "augmented image", in->width, in->height, in->channels));
    const size_t w = (size_t)in->width, h = (size_t)in->height, c = (size_t)in->channels;
    for (size_t y = 0; y < h; y++) {
        const uint8_t *from = in->pixel + (direction == VERTICAL ? h - 1 - y : y) * w * c;
        uint8_t       *to = out->pixel + y * w * c;
        if (direction == VERTICAL)
            memcpy(to, from, w * c);
        for (size_t x = 0; direction == HORIZONTAL && x < w; x++)
            memcpy(to + x * c, from + (w - 1 - x) * c, c);
    }
    return OC_OK;
}

static oc_status flip(const void *attr, struct dice *dice, struct sample *s)
{
    const struct flip *a = attr;
    const double       w = s->image.width, h = s->image.height;
    oc_image           out;
    if (oc__roll(dice, 0, 1) >= a->p)
        return OC_OK;
    TRY(mirror(&out, &s->image, a->direction));
    oc__sample_put(s, out);
    if (s->mask.pixel != NULL) {
        TRY(mirror(&out, &s->mask, a->direction));
        oc__sample_put_mask(s, out);
    }
    const struct matrix across = { { -1, 0, w, 0, 1, 0, 0, 0, 1 } };
    const struct matrix down = { { 1, 0, 0, 0, -1, h, 0, 0, 1 } };
    oc__objects_map(s, a->direction == VERTICAL ? &down : &across, (int)w, (int)h);
    return OC_OK;
}

const struct augment oc__augment_flip = {
    .entry = { .name = "flip", .summary = "mirrors the image", .attrs = flip_attrs,
               .size = sizeof(struct flip) },
    .apply = flip,
};

/* ---- crop --------------------------------------------------------------------------------- */

struct crop { struct ints size; int64_t padding; int border; };

static const struct attr crop_attrs[] = {
    ATTR_RANGE(struct crop, INTS, size, NULL, "height,width; or one for both", 1, IMAGE_SIDE_MAX),
    ATTR_RANGE(struct crop, INT, padding, "0", "pixels added on every side before", 0, 10000),
    ATTR_WORDS(struct crop, border, "black", "what is added", oc__border_names),
    { 0 }
};

static oc_status one_or_two(const struct ints *size, const char *name)
{
    if (size->n == 1 || size->n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "augmentation: %s takes one or two numbers, not %d", name, size->n);
}

static oc_status crop_ready(void *attr)
{
    return one_or_two(&((const struct crop *)attr)->size, "crop");
}

static void set_extent(const struct ints *size, struct extent *e)
{
    e->height = (int)size->v[0];
    e->width = (int)size->v[size->n - 1];
}

static oc_status crop_extent(const void *attr, struct extent *e)
{
    set_extent(&((const struct crop *)attr)->size, e);
    return OC_OK;
}

static oc_status cut(oc_image *out, const oc_image *in, struct crop_box w, enum border border,
                     int beyond)
{
    if (border == BORDER_BLACK)
        return oc__image_crop(out, in, w, beyond);
    TRY(oc__image_new(out, "augmented image", w.width, w.height, in->channels));
    const size_t c = (size_t)in->channels;
    uint8_t     *to = out->pixel;
    for (int y = 0; y < w.height; y++) {
        const int      row = oc__border_index(border, w.top + y, in->height);
        const uint8_t *from = in->pixel + (size_t)row * (size_t)in->width * c;
        for (int x = 0; x < w.width; x++, to += c)
            memcpy(to, from + (size_t)oc__border_index(border, w.left + x, in->width) * c, c);
    }
    return OC_OK;
}

static oc_status cut_sample(struct sample *s, struct crop_box w, enum border border)
{
    const struct matrix moved = { { 1, 0, -w.left, 0, 1, -w.top, 0, 0, 1 } };
    oc_image            out;
    TRY(cut(&out, &s->image, w, border, 0));
    oc__sample_put(s, out);
    if (s->mask.pixel != NULL) {
        TRY(cut(&out, &s->mask, w, border, oc__sample_beyond(s)));
        oc__sample_put_mask(s, out);
    }
    oc__objects_map(s, &moved, w.width, w.height);
    return OC_OK;
}

/* A whole number in [0, most], or half of `most` where it is below zero: the middle. */
static int pick(struct dice *dice, int most)
{
    const double roll = oc__roll(dice, 0, 1);
    return most < 0 ? most / 2 : (int)(roll * (most + 1));
}

static oc_status crop(const void *attr, struct dice *dice, struct sample *s)
{
    const struct crop *a = attr;
    const int          height = (int)a->size.v[0], width = (int)a->size.v[a->size.n - 1];
    const int          padding = (int)a->padding;
    const int          left = pick(dice, s->image.width + 2 * padding - width) - padding;
    const int          top = pick(dice, s->image.height + 2 * padding - height) - padding;
    return cut_sample(s, (struct crop_box){ left, top, width, height }, (enum border)a->border);
}

const struct augment oc__augment_crop = {
    .entry = { .name = "crop", .summary = "a window at a random place, after padding",
               .attrs = crop_attrs, .size = sizeof(struct crop),
               .example = "crop 32 padding=4" },
    .ready = crop_ready, .extent = crop_extent, .apply = crop,
};

/* ---- resizedcrop -------------------------------------------------------------------------- */

struct resizedcrop { struct ints size; double least, most, stretch; int filter; };

static const struct attr resizedcrop_attrs[] = {
    ATTR_RANGE(struct resizedcrop, INTS, size, NULL, "height,width; or one for both", 1,
               IMAGE_SIDE_MAX),
    ATTR_RANGE(struct resizedcrop, FLOAT, least, "0.08", "of the image's area", 0.0001, 1),
    ATTR_RANGE(struct resizedcrop, FLOAT, most, "1", "of the image's area", 0.0001, 1),
    ATTR_RANGE(struct resizedcrop, FLOAT, stretch, "1.333333",
               "largest ratio of the window's sides", 1, 100),
    ATTR_WORDS(struct resizedcrop, filter, "bilinear", "how pixels are made", oc__filter_names),
    { 0 }
};

static oc_status resizedcrop_ready(void *attr)
{
    return one_or_two(&((const struct resizedcrop *)attr)->size, "resizedcrop");
}

static oc_status resizedcrop_extent(const void *attr, struct extent *e)
{
    set_extent(&((const struct resizedcrop *)attr)->size, e);
    return OC_OK;
}

/* A window of random area and ratio that fits into the image; the largest square in its middle
 * where ten tries find none. */
static struct crop_box draw_window(const struct resizedcrop *a, struct dice *dice, int w, int h)
{
    enum { TRIES = 10 };
    const double bound = log(a->stretch);
    for (int i = 0; i < TRIES; i++) {
        const double area = oc__roll(dice, a->least, a->most) * w * h;
        const double ratio = exp(oc__roll(dice, -bound, bound));
        const int    width = (int)lround(sqrt(area * ratio));
        const int    height = (int)lround(sqrt(area / ratio));
        if (width >= 1 && height >= 1 && width <= w && height <= h)
            return (struct crop_box){ pick(dice, w - width), pick(dice, h - height), width,
                                      height };
    }
    const int side = w < h ? w : h;
    return (struct crop_box){ (w - side) / 2, (h - side) / 2, side, side };
}

static oc_status resizedcrop(const void *attr, struct dice *dice, struct sample *s)
{
    const struct resizedcrop *a = attr;
    const int           height = (int)a->size.v[0], width = (int)a->size.v[a->size.n - 1];
    const struct crop_box w = draw_window(a, dice, s->image.width, s->image.height);
    const struct matrix zoom = { { (double)width / w.width, 0, 0, 0, (double)height / w.height, 0,
                                   0, 0, 1 } };
    oc_image            out;
    TRY(cut_sample(s, w, BORDER_BLACK));
    TRY(oc__image_resize(&out, &s->image, width, height, (enum filter)a->filter));
    oc__sample_put(s, out);
    if (s->mask.pixel != NULL) {
        TRY(oc__image_resize(&out, &s->mask, width, height,
                             s->soft ? (enum filter)a->filter : FILTER_NEAREST));
        oc__sample_put_mask(s, out);
    }
    oc__objects_map(s, &zoom, width, height);
    return OC_OK;
}

const struct augment oc__augment_resizedcrop = {
    .entry = { .name = "resizedcrop", .summary = "a random window, brought to a size; put first, "
                                                 "it replaces the preparation's resizing",
               .attrs = resizedcrop_attrs, .size = sizeof(struct resizedcrop),
               .example = "resizedcrop 224" },
    .fits = true, .ready = resizedcrop_ready, .extent = resizedcrop_extent, .apply = resizedcrop,
};
