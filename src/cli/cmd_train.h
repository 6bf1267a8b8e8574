/* cmd_train.h — the options of `ocellus train`, and how they become those of the library. */
#ifndef OC_CLI_CMD_TRAIN_H
#define OC_CLI_CMD_TRAIN_H

#include "base/str.h"
#include "cli/train_watch.h"
#include "ocellus.h"

/* As on the command line; NULL and 0: not given. */
struct train {
    const char *data, *model, *load, *freeze, *init, *prepare, *augment, *val;
    const char *batch, *loss, *optimizer, *learning_rate, *momentum, *weight_decay, *schedule;
    const char *warmup, *workers, *backends, *out, *json, *resume;
    const char *split, *data_seed, *folds, *fold, *on_bad, *cache;
    int64_t     epochs, accumulate, patience, seed, threads, checkpoint_every, keep;
    double      clip, average;
    int         device, precision;
    struct train_watch watch;
    bool        decay_norms, force, not_exact, quiet;
};

/* The texts that the library's options borrow. */
struct train_texts { struct str optimizer, schedule, data; };

/* Everything but the run's folder.  `zoo` is the model's entry, or NULL. */
oc_status oc__train_options(const struct train *t, const oc_zoo_entry *zoo,
                            struct train_texts *texts, oc_train_options *out);
void      oc__train_texts_free(struct train_texts *texts);

extern const char *const oc__train_devices[], *const oc__train_precisions[];

#endif
