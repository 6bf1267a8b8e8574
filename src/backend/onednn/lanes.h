/* lanes.h — values whose channels lie innermost, for loops of our own.
 *
 * Blocked layouts ([n, c / 16, places, 16]) and channels last ([n, places, c]) are both made of
 * pieces: the `width` channels of one unit, at all places of one image.  A loop over pieces is
 * parallel, a loop over a piece's lanes is a vector.  Lanes beyond the channels exist in blocked
 * layouts alone; they are zero and stay zero. */
#ifndef OC_BACKEND_ONEDNN_LANES_H
#define OC_BACKEND_ONEDNN_LANES_H

#include "backend/backend.h"

enum { LANES = 16 };                                    /* the most that a unit has */

struct lanes {
    int64_t n, channels, places;
    int64_t width, units;                               /* channels per unit, units per image */
    int64_t image_step, unit_step, place_step;          /* in elements */
    bool    blocked;
};

/* False where x does not lie so. */
bool oc__dnn_lanes(struct lanes *v, const struct operand *x);

/* The layout with channels innermost in the manner of `like`, for another shape; false: none. */
bool oc__dnn_lanes_layout(const struct layout *like, const oc_shape *shape,
                          const struct layout **out);

static inline int64_t oc__piece_count(const struct lanes *v) { return v->n * v->units; }

/* The fewest pieces that are worth a thread: waking one costs as much as some thousand elements. */
static inline int64_t oc__piece_grain(const struct lanes *v)
{
    return 1 + 8192 / (v->places * v->width + 1);
}

/* Where piece i begins, and how many of its lanes are channels. */
static inline int64_t oc__piece_at(const struct lanes *v, int64_t i)
{
    return i / v->units * v->image_step + i % v->units * v->unit_step;
}

static inline int64_t oc__piece_channels(const struct lanes *v, int64_t i)
{
    const int64_t left = v->channels - i % v->units * v->width;
    return left < v->width ? left : v->width;
}

/* Lanes that are in memory: all of a blocked unit. */
static inline int64_t oc__piece_lanes(const struct lanes *v, int64_t i)
{
    return v->blocked ? v->width : oc__piece_channels(v, i);
}

#endif
