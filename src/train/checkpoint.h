/* checkpoint.h — saving where a training stands, and going back there.
 *
 * A checkpoint is a legal safetensors file, `checkpoints/ckpt-00012000.safetensors` for 12000
 * updates:
 *
 *     value, statistic              the store's blocks, flat; empty ones are left out
 *     state.1 state.2 average       the optimizer's, and the moving average of weights
 *     best.value best.statistic     the best model so far
 *     counts, sums                  struct counts, struct sums
 *     epochs                        [n, 7]: the columns of oc_epoch
 *     __metadata__                  format, settings, layout (both hashes), crc32c.NAME of tensors
 *
 * It appears under its name only when all of it is on the disk, and is never changed afterwards.
 * Restoring knows every tensor's name, type and shape and every metadata value beforehand or from
 * the bytes it read, so whatever is damaged is seen; such a file counts for nothing, and the next
 * older one is taken. */
#ifndef OC_TRAIN_CHECKPOINT_H
#define OC_TRAIN_CHECKPOINT_H

#include "param/store.h"
#include "train/state.h"

/* What is saved or restored; all borrowed. */
struct checkpoint {
    struct state *state;
    oc_store     *store;
    int           states;                               /* blocks of the optimizer */
    bool          average;                              /* ROLE_AVERAGE is in use */
    float        *best[2];                              /* by kind; NULL: no best is kept */
    int64_t       epochs;                               /* room in state->epoch */
    uint64_t      settings;                             /* hash of the settings */
};

/* Writes the checkpoint of state->count.updates into `folder`; keeps only the `keep` newest. */
oc_status oc__checkpoint_save(const struct checkpoint *c, const char *folder, int64_t keep);

/* Removes all of them. */
void oc__checkpoint_discard(const char *folder);

/* Restores the newest valid one; *found is false where there is none at all.  Each rejected one is
 * reported as a warning with its reason and set aside as NAME.damaged; where all are, that is
 * OC_EINPUT and nothing is moved. */
oc_status oc__checkpoint_restore(const struct checkpoint *c, const char *folder, bool *found);

#endif
