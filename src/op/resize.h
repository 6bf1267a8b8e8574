/* resize.h — attributes of Resize. */
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

#endif
