/* resize.h — attributes of Resize, and where its samples are taken. */
#ifndef OC_OP_RESIZE_H
#define OC_OP_RESIZE_H

#include "base/attr.h"

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum resize_coordinates {
    RESIZE_HALF_PIXEL, RESIZE_PYTORCH_HALF_PIXEL, RESIZE_ALIGN_CORNERS, RESIZE_ASYMMETRIC,
    RESIZE_HALF_PIXEL_SYMMETRIC, RESIZE_CROP
};
enum resize_nearest {
    RESIZE_ROUND_PREFER_FLOOR, RESIZE_ROUND_PREFER_CEIL, RESIZE_FLOOR, RESIZE_CEIL
};
enum resize_policy { RESIZE_STRETCH, RESIZE_NOT_LARGER, RESIZE_NOT_SMALLER };

struct resize {
    char        scales[ATTR_TEXT_MAX], roi[ATTR_TEXT_MAX];
    struct ints sizes, axes;
    int         mode, coordinate_transformation_mode, nearest_mode, keep_aspect_ratio_policy;
    bool        antialias, exclude_outside;
    double      cubic_coeff_a, extrapolation_value;
};

/* What a place of y reads along one dimension: element `at` of x with weight 1 - `next`, and the
 * one behind it with weight `next`.  False where such two are not all that is read. */
struct resize_tap { int64_t at; double next; };
bool oc__resize_tap(const struct resize *a, const oc_shape *x, const oc_shape *y, int dimension,
                    int64_t place, struct resize_tap *tap);

#endif
