/* taps.h — along one axis, which inputs each resized output is made of, and by what weights.
 *
 * The weight of input i for output o is k((i + 1/2 - centre) / stretch), where scale = in / out,
 * centre = (o + 1/2) scale and stretch = max(1, scale): growing interpolates, shrinking averages
 * over all that a pixel covers.  The kernel k is the triangle (bilinear), Keys' cubic with a =
 * -1/2 (bicubic; "Cubic convolution interpolation for digital image processing", 1981, eq. 8), or
 * sinc windowed by a sinc three times as wide (Lanczos).  Weights are normalised and rounded to 22
 * fractional bits, so that sums of 8-bit samples stay exact in 32 bits, whatever the order of
 * adding.  Nearest takes the one pixel under the centre. */
#ifndef OC_IMAGE_TAPS_H
#define OC_IMAGE_TAPS_H

#include "image/image.h"

enum { FRACTION_BITS = 22 };

/* Output o reads inputs first[o] … first[o] + count[o] - 1; its other weights are 0. */
struct taps {
    int      in, out;
    int      width;                                     /* room for weights of an output */
    int     *first, *count;                             /* [out] */
    int32_t *weight;                                    /* [out, width] */
};

/* Free them also on failure. */
oc_status oc__taps_make(struct taps *t, enum filter filter, int in, int out);
void      oc__taps_free(struct taps *t);

#endif
