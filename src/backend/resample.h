/* resample.h — Resize of images and its gradient, for whatever layout a back end has.
 *
 * Images are pieces: one plane where they lie plain, the innermost channels of all places where
 * channels lie innermost.  A row of a result is made in two steps, each a plain loop over
 * neighbours: the rows of the operand that it reads are blended into one, and from that its places
 * are.  The gradient goes the same way: the rows that read a row are added up, then spread.  Every
 * row is computed by itself, so the bits do not depend on the number of threads. */
#ifndef OC_BACKEND_RESAMPLE_H
#define OC_BACKEND_RESAMPLE_H

#include "backend/backend.h"

/* Where the last two dimensions of y are read in x; immutable: the state of an offer. */
struct resample;

/* Completes an offer for Resize or its gradient in f32; false where the operator does more than
 * resize the last two dimensions, or there is no memory. */
bool oc__resample_offer(const struct request *r, struct offer *o, bool grad);
void oc__resample_close(void *state);

/* Where piece i of an operand begins, in elements, and how many lanes its places have: at most 16,
 * and as many in both operands. */
struct plot { int64_t at, lanes; };
struct pieces {
    const void   *context;
    struct plot (*plot)(const void *context, int64_t i);
    int64_t       step;                                 /* from place to place */
};

struct resampling {
    const struct resample *how;
    struct pieces          from, to;
    int64_t                n;                           /* pieces */
    const float           *x;
    float                 *y;
    float                 *scratch;                     /* the offer's */
    int                    threads;
};

void oc__resample_run(const struct resampling *r);      /* x to y */
void oc__resample_grad(const struct resampling *r);     /* dy to dx: `from` is dy's */

#endif
