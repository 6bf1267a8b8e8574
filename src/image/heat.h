/* heat.h — heat maps: numbers from 0 to 1 laid over a photograph. */
#ifndef OC_IMAGE_HEAT_H
#define OC_IMAGE_HEAT_H

#include "image/prepare.h"

/* Numbers in rows, spread evenly over a box of an image. */
struct grid { int rows, columns; float *v; struct view box; };

/* Fills heat [height, width] of an image from a grid by cubic interpolation held to [0, 1]; beyond
 * the grid it fades, and what is not seen is 0. */
void oc__heat_spread(const struct grid *grid, struct view seen, int width, int height,
                     float *heat);

/* Heat [height, width] of an image, what of it is seen, and the number that a heat of 1 is. */
struct heat { const float *v; struct view seen; double strongest; };

/* A photograph with heat over it, and below it a line of text and the scale of colours with its
 * numbers; small photographs are magnified by a whole number, narrow ones stand between margins.
 * What is not seen is drawn pale.  The image is the caller's. */
oc_status oc__heat_draw(oc_image *out, const oc_image *photo, const struct heat *heat,
                        const char *text);

#endif
