/* warp.h — samples under a projective map of the plane.
 *
 * A matrix, row by row, maps (x, y, 1) in pixels from the top left corner to where it goes, up to
 * a factor.  Pixels and soft masks are interpolated bilinearly, classes taken from the
 * nearest. */
#ifndef OC_IMAGE_WARP_H
#define OC_IMAGE_WARP_H

#include "image/augment.h"

struct matrix { double m[9]; };

/* What lies beyond the border: the nearest pixel, the image mirrored, or black. */
enum border { BORDER_EDGE, BORDER_REFLECT, BORDER_BLACK };
extern const char *const oc__border_names[];            /* by enum border; ends in NULL */

/* The column or row of n that stands for i; -1: none does. */
int oc__border_index(enum border border, int64_t i, int n);

struct matrix oc__matrix_times(struct matrix a, struct matrix b);  /* first b, then a */

/* Turned by `angle` (radians, clockwise on the screen), magnified by `scale`, sheared by the
 * angles `shear_x` and `shear_y`, all about (x, y), then moved. */
struct motion { double angle, scale, shear_x, shear_y, move_x, move_y; };
struct matrix oc__matrix_about(double x, double y, struct motion motion);

/* The map that takes the corners (0, 0), (w, 0), (w, h), (0, h) to four others (Heckbert,
 * "Fundamentals of texture mapping and image warping", 1989, section 2.2.3). */
struct matrix oc__matrix_corners(double w, double h, double to[4][2]);

/* Objects under a map, as the boxes around what they become, cut to the image; those with less
 * than a pixel left are dropped. */
void oc__objects_map(struct sample *s, const struct matrix *forward, int width, int height);

/* The sample under a map, its size kept. */
oc_status oc__warp(struct sample *s, const struct matrix *forward, enum border border);

#endif
