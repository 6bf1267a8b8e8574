/* pen.h — draws strokes with a round pen: how far it covers each pixel of a field.
 *
 * A stroke runs through its points; a smooth one as a Catmull-Rom spline, the other kind straight
 * from point to point.  Splines become short segments, and a pixel's ink is clamp(r + 1/2 - d,
 * 0, 1) for pen radius r and distance d to the nearest segment. */
#ifndef OC_DATA_PEN_H
#define OC_DATA_PEN_H

#include "base/rng.h"
#include "data/digit_forms.h"

/* Random draws, one after the other. */
struct draws { uint64_t key, counter; };

static inline double oc__between(struct draws *r, double low, double high)
{
    return low + (high - low) * oc__uniform(r->key, r->counter++);
}

static inline double oc__around_zero(struct draws *r, double deviation)
{
    return deviation * oc__normal(r->key, r->counter++);
}

/* Ink of square pixels, 0 … 1, [side, side]; borrowed. */
struct field { int side; float *ink; };

void oc__pen_segment(const struct field *f, struct point a, struct point b, double radius);
void oc__pen_stroke(const struct field *f, const struct stroke *s, double radius);

/* From the unit square, with its middle at the origin, to a field. */
struct affine { double xx, xy, yx, yy, x, y; };
struct point oc__affine_apply(const struct affine *m, struct point p);

#endif
