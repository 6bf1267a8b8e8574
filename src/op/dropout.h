/* dropout.h — which elements dropout keeps.
 *
 * Every back end must keep the same ones, so all of them ask here.  The answer is a function of the
 * session's seed, the training step, the node's key and the number of the element in row-major
 * order of the logical shape, whatever the layout in memory: nothing is stored, and the gradient
 * asks again.  The upper 32 of 64 random bits are held against p as a fraction of 2^32, rounded
 * down. */
#ifndef OC_OP_DROPOUT_H
#define OC_OP_DROPOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "op/attributes.h"

struct dropout_draw { uint64_t key, threshold; };

static inline struct dropout_draw oc__dropout_draw(const struct dropout *a, uint64_t seed,
                                                   uint64_t step)
{
    const uint64_t key = oc__key(oc__key(seed, step), (uint64_t)a->key);
    return (struct dropout_draw){ key, (uint64_t)(a->p * 0x1p32) };
}

static inline bool oc__dropout_keeps(struct dropout_draw d, int64_t element)
{
    return oc__bits(d.key, (uint64_t)element) >> 32 >= d.threshold;
}

#endif
