/* cmd_train.h — the options of `ocellus train`, and how they become those of the library. */
#ifndef OC_CLI_CMD_TRAIN_H
#define OC_CLI_CMD_TRAIN_H

#include "base/str.h"
#include "cli/data_words.h"
#include "cli/opt.h"
#include "cli/train_watch.h"
#include "ocellus.h"

/* What repeats of an experiment do not have in common. */
enum vary { VARY_MODEL, VARY_DATA };

/* As on the command line; NULL and 0: not given. */
struct train {
    const char *data, *model, *load, *classes, *freeze, *init, *prepare, *augment, *val;
    const char *batch, *loss, *optimizer, *learning_rate, *momentum, *weight_decay, *schedule;
    const char *warmup, *workers, *backends, *out, *json, *resume;
    const char *name, *study;
    const char *where;                                  /* an experiment of a file: its line */
    int64_t     epochs, accumulate, patience, seed, threads, checkpoint_every, keep, repeat;
    double      clip, average;
    int         device, precision, vary;
    struct data_words words;
    struct train_watch watch;
    bool        decay_norms, force, not_exact, quiet, experiment;
};

/* The texts that the library's options borrow. */
struct train_texts { struct str optimizer, schedule, data; };

/* Everything but the run's folder, for the model that t->model names. */
oc_status oc__train_options(const struct train *t, struct train_texts *texts,
                            oc_train_options *out);
void      oc__train_texts_free(struct train_texts *texts);

/* Opens the data; where it holds a part for validation, it is not to be divided. */
oc_status oc__train_data(const struct train *t, oc_train_options *o, oc_data **out);
oc_status oc__train_model(const struct train *t, const oc_data *data, oc_model **out);

/* Appends what a run's folder is called: the model's name, a file's own, or "steps". */
void      oc__train_run_name(const char *word, struct str *out);

/* At most one MODEL, and only one way to say it; and what may stand once only. */
oc_status oc__train_operands(const struct train *t, const struct operands *operands);

extern const struct option oc__train_table[];           /* for struct train */

extern const char *const oc__train_devices[], *const oc__train_precisions[];

#endif
