/* diverge.h — the end of a training whose numbers are not finite, or have lost all measure. */
#ifndef OC_TRAIN_DIVERGE_H
#define OC_TRAIN_DIVERGE_H

#include "train/trainer.h"

/* Reports by warnings where the training stands, the first value of the last batch that is not
 * finite, and what may help; fails with `why` in one line.  The last batch is run once more, so it
 * must still be there and the weights those that it met. */
oc_status oc__diverge(struct trainer *t, const char *why);

/* The same where the mean loss of an epoch (training or validation, `of`) is beyond all that a
 * model can learn from; one that is merely odd is told, unless that of the epoch before was.  NaN,
 * which stands for no loss, is fine. */
oc_status oc__diverge_loss(struct trainer *t, double loss, double before, const char *of);

/* Reports and fails where a weight is not finite, which no update mends. */
oc_status oc__diverge_check(struct trainer *t);

#endif
