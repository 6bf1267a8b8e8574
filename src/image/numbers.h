/* numbers.h — what number an 8-bit value becomes: a table of each channel.
 *
 * Most preparations are straight lines (v / 255, less the mean, by the deviation).  Where a line
 * gives the table's very bits for all 256 values it is computed, many values at a time, and the
 * table is not read: the same numbers, sooner. */
#ifndef OC_IMAGE_NUMBERS_H
#define OC_IMAGE_NUMBERS_H

#include "image/image.h"

enum { CHANNELS_MAX = 4 };

struct numbers {
    float table[CHANNELS_MAX][256];
    struct line { double scale, shift; bool exact; } line[CHANNELS_MAX];
};

/* What the 256 values of a channel become. */
void oc__numbers_set(struct numbers *n, int channel, const double value[256]);

/* 8-bit [h, w, c] to f32 [c, h, w]. */
void oc__numbers_of(const struct numbers *n, const oc_image *image, float *x);

#endif
