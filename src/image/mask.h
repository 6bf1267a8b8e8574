/* mask.h — masks of photographs: grey images [h, w, 1], 0 for what is not meant, 255 for what is.
 *
 * A mask goes where its photograph goes.  It may have another size, of the same proportions. */
#ifndef OC_IMAGE_MASK_H
#define OC_IMAGE_MASK_H

#include "image/prepare.h"

/* Reads one; colours become grey, and alpha is passed over. */
oc_status oc__mask_load(oc_image *out, const char *path);

/* OC_EINPUT unless a mask has the proportions of an image. */
oc_status oc__mask_check(const oc_image *mask, const oc_image *image);

/* What of a mask a canvas shows whose program began with `image`, at the canvas's size; beyond the
 * photograph it is 0. */
oc_status oc__mask_follow(oc_image *out, const oc_image *mask, const oc_image *image,
                          const struct canvas *canvas);

/* The other way: grey values [height, width] of what `view` says of an image, in the image's size;
 * what was not seen is 0. */
struct shares { int height, width; const float *v; };   /* 0 … 1 */
oc_status oc__mask_return(oc_image *out, const struct shares *map, struct view view,
                          const oc_image *image);

#endif
