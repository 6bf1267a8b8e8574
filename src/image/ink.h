/* ink.h — finds what is drawn on a plain ground. */
#ifndef OC_IMAGE_INK_H
#define OC_IMAGE_INK_H

#include "image/image.h"

/* Cuts a light drawing out of a dark grey image (one channel): the result holds its bounding box,
 * which *box becomes, with the ground at 0, the ink near 255 and specks removed.  An image of one
 * value yields a single black pixel, and the box is all of it. */
oc_status oc__ink_crop(const oc_image *grey, oc_image *out, struct crop_box *box);

#endif
