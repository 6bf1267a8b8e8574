/* schedule.h — how the learning rate changes while training.
 *
 * A schedule gives a factor on the optimizer's learning rate.  It is a pure function of where the
 * training is, so that resuming needs nothing; plateau alone also looks at the validation loss and
 * has state, which a checkpoint keeps. */
#ifndef OC_TRAIN_SCHEDULE_H
#define OC_TRAIN_SCHEDULE_H

#include "base/attr.h"

/* The settings of all schedules; each one's table names those that it reads. */
struct pace {
    double  decay, factor, power, final, peak, start;
    int64_t every, patience, warmup;
};

/* What plateau remembers. */
struct plateau { double scale, best; int64_t waited; };

struct schedule_at {
    const struct pace *pace;
    int64_t epoch;                                      /* from 0 */
    double  part;                                       /* of the steps after the warm-up: [0, 1) */
    double  scale;                                      /* of plateau */
};

struct schedule_kind {
    struct entry entry;
    double     (*factor)(const struct schedule_at *at);
    bool         watches;                               /* the validation loss */
};

extern const struct entry *const oc__schedule_list[];

struct schedule {
    const struct schedule_kind *kind;
    struct pace                 pace;
    struct plateau              plateau;
};

/* Reads "cosine warmup=100 final=0.01"; NULL is "constant". */
oc_status oc__schedule_parse(const char *text, struct schedule *out);

/* The factor for update `step` of `steps_per_epoch * epochs`, from 0. */
double oc__schedule_factor(const struct schedule *s, int64_t step, int64_t steps_per_epoch,
                           int64_t epochs);

/* Tells plateau the validation loss of an epoch; others do not care. */
void oc__schedule_watch(struct schedule *s, double val_loss);

#endif
