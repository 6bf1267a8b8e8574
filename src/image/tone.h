/* tone.h — the colours of an image changed in place; alpha is left as it is.
 *
 * A factor of 1 leaves an image as it is and 0 gives what the function names: black, the mean grey,
 * the grey image, the blurred image; above 1 it goes the other way.  Meanings are those of Pillow's
 * ImageEnhance and ImageOps.  Grey images have no saturation and no hue. */
#ifndef OC_IMAGE_TONE_H
#define OC_IMAGE_TONE_H

#include "ocellus.h"

void      oc__tone_brightness(oc_image *image, double factor);
void      oc__tone_contrast(oc_image *image, double factor);
void      oc__tone_saturation(oc_image *image, double factor);
void      oc__tone_hue(oc_image *image, double turn);  /* of the circle, in [-1/2, 1/2] */
oc_status oc__tone_sharpness(oc_image *image, double factor);
void      oc__tone_posterize(oc_image *image, int bits);  /* of 8 that are kept */
void      oc__tone_solarize(oc_image *image, double from);  /* negates what is not below */
void      oc__tone_stretch(oc_image *image);  /* each channel to 0 … 255 */
void      oc__tone_equalize(oc_image *image);  /* each channel's levels, equally */

#endif
