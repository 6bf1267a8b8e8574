/* picture.h — a small image drawn with characters, for a terminal. */
#ifndef OC_CLI_PICTURE_H
#define OC_CLI_PICTURE_H

#include "ocellus.h"

/* The lines of a picture of x [c, h, w] (its channels' mean, darkest to lightest), at most 32
 * columns wide, two pixels a character; each freed with the whole by oc__picture_free(). */
struct picture { char **line; int lines, columns; };
oc_status oc__picture_make(struct picture *p, const float *x, const oc_shape *shape);
void      oc__picture_free(struct picture *p);

#endif
