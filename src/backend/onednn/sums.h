/* sums.h — sums over channels whose lanes lie innermost, the same bits for any number of threads.
 *
 * Each piece (lanes.h) is summed by itself into a row of doubles, and the rows are added up in
 * their order.  So a reduction costs one parallel pass and one short loop. */
#ifndef OC_BACKEND_ONEDNN_SUMS_H
#define OC_BACKEND_ONEDNN_SUMS_H

#include "backend/onednn/lanes.h"

/* What is summed of each channel: a, and where b is given also a b; from each a number per channel
 * may be taken away first. */
struct sums_of {
    const struct lanes *v;
    const float        *a, *b;                          /* b may be NULL */
    const float        *a_shift, *b_shift;              /* NULL: zero */
    int                 threads;
};

/* Row i of `rows`, 2 LANES long, becomes the sums of piece i: LANES of a, then LANES of a b. */
void oc__sums_of_pieces(const struct sums_of *s, double *rows);

/* Doubles of such rows, the scratch of oc__sums(). */
static inline size_t oc__sums_scratch(const struct lanes *v)
{
    return 2 * LANES * (size_t)oc__piece_count(v);
}

/* first[c] = sum of a, second[c] (where b is given) = sum of a b, for c < channels. */
void oc__sums(const struct sums_of *s, double *scratch, double *first, double *second);

#endif
