/* optimizer.h — one update of all trainable parameters from their gradients.
 *
 * An optimizer is a row of a table: its settings, how many state blocks it keeps, and an update
 * that is one loop over flat memory.  The definitions are PyTorch's.  `struct updater` borrows the
 * store's blocks and owns only what it needs to find its way in them. */
#ifndef OC_TRAIN_OPTIMIZER_H
#define OC_TRAIN_OPTIMIZER_H

#include "param/store.h"

/* The settings of all optimizers; each one's table names those that it reads. */
struct hyper {
    double learning_rate, weight_decay, momentum, beta1, beta2, alpha, epsilon;
    bool   nesterov, decay_norms;
};

/* One contiguous piece of the parameters, n a multiple of 16. */
struct update {
    const struct hyper *hyper;
    double              learning_rate, weight_decay;
    int64_t             step;                           /* from 1 */
    float               scale;                          /* of the gradient: below 1 when clipped */
    int64_t             n;
    float              *value;
    const float        *gradient;
    float              *state[3];
};

struct optimizer {
    struct entry entry;
    int        (*states)(const struct hyper *h);        /* blocks of state */
    void       (*update)(const struct update *u);
};

extern const struct entry *const oc__optimizer_list[];

/* A stretch of trained parameters in the flat block; weight decay applies in all of it or none. */
struct span { int64_t offset, n; bool decay; };

struct updater {
    const struct optimizer *optimizer;
    struct hyper            hyper;
    struct span            *span;                       /* owned */
    int                     spans, states;
    oc_store               *store;                      /* borrowed */
};

/* Reads "adamw learning_rate=0.001 weight_decay=0.01" alone. */
oc_status oc__optimizer_parse(const char *text, const struct optimizer **out, struct hyper *h);

/* Whether parameter i is trained: trainable, and not frozen by the patterns (NULL: none is). */
bool oc__trained(const oc_store *s, const char *freeze, int i);

/* Makes the store's gradient and state blocks ready, as zeros; all its parameters must be declared.
 * Those frozen by the patterns lie in no span. */
oc_status oc__updater_make(struct updater *u, const char *text, oc_store *store,
                           const char *freeze);
void      oc__updater_free(struct updater *u);

/* Update number `step`, from 1; `gradient` is laid out as the store's block.  False, and nothing is
 * changed, where the gradient of what is trained is not finite. */
bool oc__updater_step(const struct updater *u, const float *gradient, int64_t step,
                      double learning_rate, double scale);

/* The weight decay that parameter i gets. */
double oc__updater_decay(const struct hyper *h, const oc_store *s, int i);

/* The Euclidean norm of n floats, in double; the same bits for any number of threads. */
double oc__norm(const float *x, int64_t n);

/* sum = sum + weight * x, or weight * x where `first`. */
void oc__accumulate(float *sum, const float *x, int64_t n, double weight, bool first);

/* average = decay * average + (1 - decay) * value. */
void oc__average(float *average, const float *value, int64_t n, double decay);

bool oc__all_finite(const float *x, int64_t n);

#endif
