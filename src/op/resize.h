/* resize.h — attributes of Resize, and where its samples are taken. */
#ifndef OC_OP_RESIZE_H
#define OC_OP_RESIZE_H

#include "base/attr.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR };
enum resize_coordinates {
    RESIZE_HALF_PIXEL, RESIZE_PYTORCH_HALF_PIXEL, RESIZE_ALIGN_CORNERS, RESIZE_ASYMMETRIC
};
enum resize_nearest {
    RESIZE_ROUND_PREFER_FLOOR, RESIZE_ROUND_PREFER_CEIL, RESIZE_FLOOR, RESIZE_CEIL
};

struct resize {
    char        scales[ATTR_TEXT_MAX];
    struct ints sizes;
    int         mode, coordinate_transformation_mode, nearest_mode;
};

/* What place y of a result of size y_size reads along one dimension of size x_size: place `at` with
 * weight 1 - `next`, and place at + 1 with weight `next` (0 unless linear). */
struct resize_tap { int64_t at; double next; };
struct resize_tap oc__resize_tap(const struct resize *a, double scale, int64_t x_size,
                                 int64_t y_size, int64_t y);

/* The factor of each dimension, given both shapes. */
void oc__resize_scales(const struct resize *a, const oc_shape *x, const oc_shape *y,
                       double scale[OC_MAX_RANK]);

#endif
