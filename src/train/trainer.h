/* trainer.h — everything that a training works with, made before the first step.
 *
 * The graph holds the model on a batch, its loss and the gradient of every trainable parameter; the
 * session leaves gradients in the store's block; the updater steps the blocks.  Whatever a step
 * needs is allocated here, so that the loop allocates nothing.  The trainer borrows model, data,
 * observers and settings, and owns the rest. */
#ifndef OC_TRAIN_TRAINER_H
#define OC_TRAIN_TRAINER_H

#include "data/loader.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"
#include "train/run.h"

struct watchers { const oc_observer *observer; int n; };

struct trainer {
    const struct settings  *settings;
    oc_model               *model;
    oc_data                *data;
    oc_store               *store;                      /* the model's */
    struct watchers         watchers;
    const volatile bool    *stop;

    struct prepare_program *prepare;
    struct augment_program *augment;                    /* NULL: none */
    struct loader          *loader;
    oc_graph               *graph;
    oc_session             *session;
    struct updater          updater;
    struct schedule         schedule;
    float                  *logits;              /* of a batch, with room for them in double */
    oc_tensor               in[4];                      /* inputs of the last run */
    float                   share;                      /* what in[3] shows */
    float                  *sum;                        /* gradient of several runs; NULL: one */
    float                  *best[2];                    /* model by kind; NULL: none is sought */
    int64_t                 length;                     /* floats of a trainable block */
    int64_t                 samples, steps;             /* shown by an epoch; its updates */

    struct state            state;
    struct run              run;
    struct run_record       record;
    int64_t                 saved;                      /* updates at the last save; -1: none */
    int                     failures;                   /* saves that failed in a row */
    bool                    best_unsaved;

    double                  began, epoch_began, looked, left;   /* seconds on the clock */
    int64_t                 first_update, rss;
};

oc_status oc__trainer_make(struct trainer *t);          /* from the members of the first block */
void      oc__trainer_free(struct trainer *t);          /* harmless on a zeroed one */

/* Exchanges the weights with their moving average, where there is one. */
void      oc__trainer_swap_average(struct trainer *t);

/* Saves the best model, metrics and a checkpoint.  A failure is a warning and is tried again at
 * the next save; the third in a row is returned.  Weights that are not finite are not saved but
 * end the training. */
oc_status oc__trainer_save(struct trainer *t);

/* Goes back to the newest checkpoint of the run, if there is one. */
oc_status oc__trainer_restore(struct trainer *t);

/* A checkpoint alone; a failure is returned. */
oc_status oc__trainer_save_checkpoint(struct trainer *t);

/* Keeps the present weights as the best, or makes the best ones the present. */
void      oc__trainer_keep_best(struct trainer *t);
void      oc__trainer_take_best(struct trainer *t);

/* The metrics of the present weights on a part of the data; observers may be told each batch. */
oc_status oc__trainer_evaluate(struct trainer *t, oc_part part, bool tell, oc_metrics *out);

/* What is known before the first step. */
oc_train_info oc__trainer_info(const struct trainer *t);

/* Trains to the end of the epoch that is under way; returning sets the clocks right after other
 * trainings had their turn. */
void      oc__loop_begin(struct trainer *t);
void      oc__loop_return(struct trainer *t);
oc_status oc__loop_epoch(struct trainer *t);

/* Whether epochs are left, and the patience that they be of use. */
bool      oc__loop_more(const struct trainer *t);

#endif
