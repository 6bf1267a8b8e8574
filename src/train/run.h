/* run.h — the folder of a run.
 *
 *     run.json             every setting, versions, status, and at the end the result
 *     metrics.csv          a row per finished epoch; no times, so equal runs give equal files
 *     model.safetensors    the best model        last.safetensors   the last one
 *     checkpoints/         checkpoint.h
 *     lock                 held by the process that trains here
 *
 * Every file is replaced whole or not at all.  A `struct run` without a folder writes nothing. */
#ifndef OC_TRAIN_RUN_H
#define OC_TRAIN_RUN_H

#include "base/footprint.h"
#include "train/settings.h"

struct run {
    char *folder, *checkpoints;                         /* NULL: nothing is written */
    int   lock;                                         /* -1: none */
    struct footprint before;                            /* of a run that was created here */
};

/* What became of a run.  One that is called running but whose lock nobody holds was killed. */
enum run_state { RUN_RUNNING, RUN_FINISHED, RUN_INTERRUPTED, RUN_DIVERGED, RUN_FAILED, RUN_STATES };
extern const char *const oc__run_states[RUN_STATES];    /* as run.json has them */

enum { REASON_MAX = 2048 };

/* What run.json says beside the settings. */
struct run_record {
    char    version[32];                                /* of the program that began it */
    char    kernels[128];                               /* what it computed with */
    enum run_state state;
    char    reason[REASON_MAX];                         /* why it diverged or failed, else "" */
    bool    stopped_early;
    int64_t best_epoch, last_epoch;
    double  best_val_accuracy, test_loss, test_accuracy; /* NaN where there is none */
    double  fit_loss, fit_accuracy;
    oc_epoch kept;                                      /* of the model that was kept */
    double  seconds;                                    /* of all epochs */
    int64_t planned_bytes;
};

/* Makes the folder, which must not hold a run yet, and locks it; NULL: a run without a folder. */
oc_status oc__run_create(struct run *r, const char *folder);
/* Leaves the folder as it was before that; harmless on a run that was opened, not created. */
void      oc__run_undo(const struct run *r);

/* Locks the folder of a run and sweeps what a killed process left half written. */
oc_status oc__run_open(struct run *r, const char *folder);
/* Removes temporary files from a folder of the run: its lock is ours, nobody will finish them. */
void      oc__run_sweep(const char *folder);
void      oc__run_close(struct run *r);                 /* harmless when closed */

oc_status oc__run_write(const struct run *r, const struct settings *s,
                        const struct run_record *record);
oc_status oc__run_read(const struct run *r, struct settings *s, struct run_record *record);

/* Replaces metrics.csv. */
oc_status oc__run_metrics(const struct run *r, const oc_epoch *epoch, int64_t n);

/* Replaces a model file of the folder. */
oc_status oc__run_model(const struct run *r, oc_model *m, const char *name);

/* One line of metrics.csv; NULL: the header. */
void      oc__metrics_row(const oc_epoch *e, struct str *out);

#endif
