/* state.h — what a training has done so far, apart from the blocks of the store.
 *
 * Everything that decides how a training goes on is here or in a block, so a checkpoint is this
 * struct and those blocks.  The first two members are arrays of 8-byte numbers and are saved so. */
#ifndef OC_TRAIN_STATE_H
#define OC_TRAIN_STATE_H

#include "ocellus.h"
#include "train/schedule.h"

struct counts {
    int64_t epoch;                                      /* the one under way, from 0 */
    int64_t step;                                       /* updates done in it */
    int64_t updates, runs;                              /* in all; a run is one micro-batch */
    int64_t samples, correct;                           /* seen in this epoch */
    int64_t bad_in_a_row, bad;                          /* updates left out, loss not finite */
    int64_t best_epoch;                                 /* from 1; 0: none yet */
    int64_t waited;                                     /* plateau's */
};

struct sums {
    double loss;                                        /* of this epoch, weighted by samples */
    double best_accuracy, best_loss;
    double scale, lowest;                               /* plateau's */
    double learning_rate;                               /* of the last update */
    double seconds;                                     /* this epoch took before the checkpoint */
};

struct state {
    struct counts count;
    struct sums   sum;
    oc_epoch     *epoch;                                /* [count.epoch] finished; of the trainer */
};

/* Whether an epoch's model is to be kept instead of the best so far.  Whoever waits for the loss to
 * fall (early stopping) wants the model of the lowest; else accuracy decides, and of equals loss.
 * Both epochs were validated. */
bool oc__epoch_beats(const oc_epoch *e, const oc_epoch *best, bool by_loss);

#endif
