/* study.h — several experiments in one command, and the table that they end in.
 *
 * An experiment is a full set of options of `ocellus train`; those given before the first
 * --experiment, or above the first section of a study file, are common to all.  Repeated with other
 * seeds an experiment has several runs.  Every run is a run folder like any other, below the
 * study's folder:
 *
 *     run.json                            the experiments, from which a study goes on
 *     study.txt  study.csv  study.json    the table, when all runs have ended
 *     lock                                held by the process that works here
 *     NAME/, or NAME-1/, NAME-2/, …       the runs of the experiment NAME
 *
 * A struct study owns its texts, but borrows the words of argv. */
#ifndef OC_CLI_STUDY_H
#define OC_CLI_STUDY_H

#include "base/map.h"
#include "base/mem.h"
#include "cli/cmd_train.h"
#include "cli/opt.h"

struct study {
    struct train  common;                               /* also of what concerns all: --out, … */
    struct train *experiment;                           /* [n], each with name and model */
    int           n;
    struct pool   pool;
    struct map    keys;                                 /* lines of "section key" of a file */
};

/* Whether the command line asks for more than one plain training. */
bool      oc__study_wanted(const struct train *t, const struct operands *words);

/* From the command line, and the study file that it names.  `whole` are all its words read as one
 * training: what concerns the study may stand anywhere. */
oc_status oc__study_read(struct study *s, const struct train *whole, const struct operands *words);
void      oc__study_free(struct study *s);

/* Reads a study file on top of the common options: sections become experiments. */
oc_status oc__study_read_file(struct study *s, const char *path);

/* A new experiment, which begins with the common options; NULL: no memory. */
struct train *oc__study_add(struct study *s);

/* Names experiments that have none, and refuses options that cannot be an experiment's own. */
oc_status oc__study_settle(struct study *s);

/* Puts before a failure the line of the experiment in its file, or its name. */
oc_status oc__study_blame(const struct train *e, oc_status status);

/* What can be known to be wrong without model and data, before anything is begun or cleared. */
oc_status oc__study_check(const struct study *s);

/* Whether an option concerns the study as a whole. */
bool      oc__study_whole(const char *option);

/* Writes and reads run.json of a study's folder; loading what is no study leaves n at 0. */
oc_status oc__study_save(const struct study *s, const char *folder);
oc_status oc__study_load(struct study *s, const char *folder);

/* A run: an experiment with seeds of its own, and what came of it. */
struct study_run {
    int             experiment, number;                 /* of its repeats, from 0 */
    struct train    options;
    uint64_t        split_seed;
    const char     *name, *folder;
    oc_data        *data;                               /* shared */
    oc_model       *model;
    oc_training    *training;                           /* NULL: not begun, or over */
    struct watchers watchers;
    struct train_texts texts;
    oc_status       status;
    char            error[256];
    oc_train_result result;
    double          seconds;                            /* of all its epochs */
};
enum { STUDY_NAME_MAX = 64 };

/* The runs of all experiments, in order, without what came of them; the array is yours
 * (oc__free()), its texts are the study's. */
oc_status oc__study_runs(struct study *s, const char *folder, struct study_run **runs, int *n);

/* Trains what is not finished in the study's folder, turn by turn, prints what people like to see
 * to `people` (NULL: nobody) and writes the table.  A run that fails does not take the others
 * down; the first failure is returned at the end. */
struct study_orders {
    const char          *folder, *json;
    bool                 force, resumes;                /* resumes: goes on with what is there */
    oc_resume_options    resume;
    FILE                *people;
    const volatile bool *stop;
};
oc_status oc__study_train(struct study *s, const struct study_orders *orders);

/* The table of what came out, as text, CSV and JSON, in the folder and where --json says. */
oc_status oc__study_tell(const struct study *s, const struct study_run *runs, int n,
                         const struct study_orders *orders);

/* Curves of all runs on a terminal, by an observer of each run, which comes before the one below.
 * The observers borrow what they share. */
struct study_live {
    FILE                   *to;
    const struct study_run *run;
    int                     runs, drawn, columns;       /* drawn: lines */
    bool                    due;
};
oc_status oc__study_live(oc_observer *out, struct study_live *shared);

/* The observer that shows a run's progress under its name, padded to `width`. */
oc_status oc__study_watch(oc_observer *out, FILE *to, const char *name, int width);

#endif
