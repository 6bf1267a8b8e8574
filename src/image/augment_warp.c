/* augment_warp.c — augmentations that turn, move, shear and tilt the image. */
#include <math.h>
#include "image/warp.h"

static double radians(double degrees)
{
    return degrees * 3.14159265358979323846 / 180;
}

/* ---- rotate ------------------------------------------------------------------------------- */

struct rotate { double degrees; int border; };

static const struct attr rotate_attrs[] = {
    ATTR_RANGE(struct rotate, FLOAT, degrees, "10", "largest angle, either way", 0, 180),
    ATTR_WORDS(struct rotate, border, "edge", "what comes in from outside", oc__border_names),
    { 0 }
};

static oc_status rotate(const void *attr, struct dice *dice, struct sample *s)
{
    const struct rotate *a = attr;
    const double         angle = radians(oc__roll(dice, -a->degrees, a->degrees));
    const struct matrix  forward = oc__matrix_about(s->image.width / 2.0, s->image.height / 2.0,
                                                    (struct motion){ .angle = angle, .scale = 1 });
    return oc__warp(s, &forward, (enum border)a->border);
}

const struct augment oc__augment_rotate = {
    .entry = { .name = "rotate", .summary = "turns the image about its middle",
               .attrs = rotate_attrs, .size = sizeof(struct rotate) },
    .apply = rotate,
};

/* ---- affine ------------------------------------------------------------------------------- */

struct affine { double degrees, translate, scale, shear; int border; };

static const struct attr affine_attrs[] = {
    ATTR_RANGE(struct affine, FLOAT, degrees, "0", "largest angle, either way", 0, 180),
    ATTR_RANGE(struct affine, FLOAT, translate, "0.1", "largest move, of the side", 0, 1),
    ATTR_RANGE(struct affine, FLOAT, scale, "0.1", "largest change of size", 0, 0.9),
    ATTR_RANGE(struct affine, FLOAT, shear, "0", "largest angle of shear in degrees", 0, 60),
    ATTR_WORDS(struct affine, border, "edge", "what comes in from outside", oc__border_names),
    { 0 }
};

static oc_status affine(const void *attr, struct dice *dice, struct sample *s)
{
    const struct affine *a = attr;
    const double         w = s->image.width, h = s->image.height;
    struct motion        motion;
    motion.angle = radians(oc__roll(dice, -a->degrees, a->degrees));
    motion.move_x = w * oc__roll(dice, -a->translate, a->translate);
    motion.move_y = h * oc__roll(dice, -a->translate, a->translate);
    motion.scale = oc__roll(dice, 1 - a->scale, 1 + a->scale);
    motion.shear_x = radians(oc__roll(dice, -a->shear, a->shear));
    motion.shear_y = 0;
    const struct matrix forward = oc__matrix_about(w / 2, h / 2, motion);
    return oc__warp(s, &forward, (enum border)a->border);
}

const struct augment oc__augment_affine = {
    .entry = { .name = "affine", .summary = "turns, moves, scales and shears the image",
               .attrs = affine_attrs, .size = sizeof(struct affine) },
    .apply = affine,
};

/* ---- perspective -------------------------------------------------------------------------- */

struct perspective { double distortion, p; int border; };

static const struct attr perspective_attrs[] = {
    ATTR_RANGE(struct perspective, FLOAT, distortion, "0.3",
               "how far corners move in, of half a side", 0, 0.9),
    ATTR_RANGE(struct perspective, FLOAT, p, "0.5", "probability", 0, 1),
    ATTR_WORDS(struct perspective, border, "edge", "what comes in from outside",
               oc__border_names),
    { 0 }
};

static oc_status perspective(const void *attr, struct dice *dice, struct sample *s)
{
    const struct perspective *a = attr;
    const double              w = s->image.width, h = s->image.height;
    double                    to[4][2] = { { 0, 0 }, { w, 0 }, { w, h }, { 0, h } };
    if (oc__roll(dice, 0, 1) >= a->p)
        return OC_OK;
    for (int i = 0; i < 4; i++) {
        const double in_x = oc__roll(dice, 0, a->distortion * w / 2);
        const double in_y = oc__roll(dice, 0, a->distortion * h / 2);
        to[i][0] += to[i][0] > 0 ? -in_x : in_x;
        to[i][1] += to[i][1] > 0 ? -in_y : in_y;
    }
    const struct matrix forward = oc__matrix_corners(w, h, to);
    return oc__warp(s, &forward, (enum border)a->border);
}

const struct augment oc__augment_perspective = {
    .entry = { .name = "perspective", .summary = "tilts the image",
               .attrs = perspective_attrs, .size = sizeof(struct perspective) },
    .apply = perspective,
};
