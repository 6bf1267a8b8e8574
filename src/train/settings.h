/* settings.h — everything that decides a training, resolved: the options with nothing left to
 * choose, the model and the data.  This is what run.json holds, so a run can begin again from it
 * alone.  A `struct settings` owns its texts. */
#ifndef OC_TRAIN_SETTINGS_H
#define OC_TRAIN_SETTINGS_H

#include "base/json.h"
#include "base/mem.h"
#include "ocellus.h"

struct settings {
    oc_model_options model;
    oc_train_options train;                 /* batch: of one run; accumulate: runs per update */
    uint64_t         data_hash;
    int64_t          train_samples, val_samples;
    struct pool      pool;
};

/* From the caller's options; the data must have been split already, and have the model's
 * classes. */
oc_status oc__settings_resolve(struct settings *s, const oc_model *m, const oc_data *d,
                               const oc_train_options *options);
void      oc__settings_free(struct settings *s);

/* Appends the JSON object, one setting a line. */
void      oc__settings_write(const struct settings *s, struct str *out);
oc_status oc__settings_read(struct settings *s, struct json *j);

/* Of what a checkpoint must agree with: all but where data lies and how often is saved. */
oc_status oc__settings_hash(const struct settings *s, uint64_t *hash);

/* Of the validation part that a training with these options looks at; OC_PARTS: none. */
oc_part   oc__settings_watched(const struct settings *s);

#endif
