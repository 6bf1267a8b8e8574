/* row_pass.h — resizing along rows, the first of the two passes.
 *
 * A pass is one way to compute y[o] = sum over i of weight[o, i] x[first[o] + i] for every channel
 * of a row, rounded and held to 0 … 255; all ways give the same bytes.  For a picture the first of
 * the list that suits it is taken.  A pass works on some rows at a time, whose pixels are dense
 * [in, c] and [out, c]. */
#ifndef OC_IMAGE_ROW_PASS_H
#define OC_IMAGE_ROW_PASS_H

#include "image/taps.h"

/* What a pass is made for; the taps are borrowed. */
struct row_work { const struct taps *taps; int channels; };

struct row_pass {
    bool      (*suits)(const struct row_work *work);
    oc_status (*make)(void **own, const struct row_work *work);
    int       (*rows)(const void *own);                 /* at a time, 1 … ROWS_MAX */
    void      (*run)(void *own, const uint8_t *const *x, uint8_t *const *y); /* as many */
    void      (*end)(void *own);
};

extern const struct row_pass oc__row_pass_permute, oc__row_pass_interleave;

#endif
