/* digit_forms.h — how people write digits: skeletons of strokes in the unit square.
 *
 * A stroke runs through its points, (0, 0) top left and (1, 1) bottom right; a smooth one as a
 * Catmull-Rom spline, the other kind straight from point to point.  A digit has several forms:
 * with a foot or without, open or closed, with a bar. */
#ifndef OC_DATA_DIGIT_FORMS_H
#define OC_DATA_DIGIT_FORMS_H

#include <stdbool.h>

enum { STROKES_MAX = 3, STROKE_POINTS_MAX = 12 };

struct point { double x, y; };

struct stroke {
    bool         smooth;
    int          n;
    struct point point[STROKE_POINTS_MAX];
};

struct digit_form { int digit, strokes; struct stroke stroke[STROKES_MAX]; };

/* All forms, ordered by digit; `*n` receives how many there are. */
const struct digit_form *oc__digit_forms(int *n);

#endif
