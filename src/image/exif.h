/* exif.h — the one thing wanted from a photograph's EXIF block: which way is up.
 *
 *     "Exif" 0 0 | "II" or "MM" | 42 | offset of IFD0 |  …  | count | count x entry
 *     entry: tag u16, type u16, count u32, value u32 (12 bytes); tag 0x0112 is the orientation
 *
 * Orientation 1 … 8 says where row 0 and column 0 of the stored pixels belong: 1 top left, 2 top
 * right, 3 bottom right, 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom. */
#ifndef OC_IMAGE_EXIF_H
#define OC_IMAGE_EXIF_H

#include "ocellus.h"

/* The orientation in an APP1 segment: 1 … 8; 0: none is given; -1: the block is broken, or gives
 * another number, as some cameras do that do not know. */
int oc__exif_orientation(const uint8_t *segment, size_t n);

/* Turns the image upright, replacing its pixels. */
oc_status oc__image_orient(oc_image *image, int orientation);

#endif
