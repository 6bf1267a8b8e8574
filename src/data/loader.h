/* loader.h — a part of a data set as prepared batches, in an order that (seed, epoch) decide.
 *
 * Batches wait in a bounded ring of fixed buffers.  With no workers the caller prepares each batch
 * as it asks for it; with workers, plain threads prepare batches ahead, each batch by one of them,
 * and the batches are the same in the same order for any number.  The data set and the program are
 * borrowed and must not change while the loader lives.  After creation the loader itself allocates
 * nothing; decoding, preparing and augmenting an image do.
 *
 * With a program of augmentation, what a sample looks like follows from (seed, epoch, its number in
 * the part), and how a batch is blended from (seed, epoch, number of the batch). */
#ifndef OC_DATA_LOADER_H
#define OC_DATA_LOADER_H

#include "data/dataset.h"
#include "image/augment.h"

struct loader;

struct loader_options {
    const oc_data                *data;
    const struct prepare_program *prepare;
    const struct augment_program *augment;              /* NULL: none */
    oc_part                       part;
    int64_t                       batch;                /* samples; 0: the whole part at once */
    uint64_t                      seed;
    bool                          shuffle;              /* else the order of storage */
    bool                          drop_last;            /* a last batch that is not full */
    bool                          masks;                /* with the masks of the samples */
    int                           workers;
    int64_t                       epoch, position;      /* where to begin; position in batches */
};

/* Valid until the next call on the loader. */
struct batch {
    int64_t        n;                                   /* samples; 0: the epoch is over */
    const float   *x;                                   /* [n, c, h, w] */
    const int64_t *label;                               /* [n] */
    const int64_t *other;                               /* [n], of what is blended in; or NULL */
    double         share;                               /* of the label, the rest is the other's */
    const float   *mask;                                /* [n, 1, h, w], 0 … 1; or NULL */
};

/* OC_EUSAGE where the part is empty or the program's shape is not determined. */
oc_status oc__loader_new(struct loader **out, const struct loader_options *options);

oc_shape  oc__loader_shape(const struct loader *l);     /* [c, h, w] of a sample */
/* What the cache of the data set will hold, by this loader; 0: there is none. */
int64_t   oc__loader_cached_bytes(const struct loader *l);
int64_t   oc__loader_samples(const struct loader *l);   /* of an epoch, without those dropped */
int64_t   oc__loader_batches(const struct loader *l);   /* of an epoch */

/* The next batch; the failure of a sample is that of its batch. */
oc_status oc__loader_next(struct loader *l, struct batch *batch);

/* Begins an epoch at a batch; what was prepared ahead is dropped. */
void      oc__loader_epoch(struct loader *l, int64_t epoch, int64_t position);

void      oc__loader_free(struct loader *l);

#endif
