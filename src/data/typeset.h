/* typeset.h — digits as printers set them: one skeleton each, and faces that draw it.
 *
 * Skeletons are those of digit_forms.h in kind, but drawn evenly.  A face is a way to draw them:
 * curves or straight lines between the same points, or the seven bars of a display; proportions,
 * weight, slant, and feet. */
#ifndef OC_DATA_TYPESET_H
#define OC_DATA_TYPESET_H

#include "data/digit_forms.h"

struct face {
    const char *name;
    bool        bars, straight, feet;
    double      width, weight, slant;                   /* of the height; weight is the pen's */
};

const struct face        *oc__faces(int *n);
/* Digit 0 … 9 as the face has it. */
const struct digit_form  *oc__typeset_form(const struct face *face, int digit);

#endif
