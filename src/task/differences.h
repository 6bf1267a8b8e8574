/* differences.h — gradients of a model's loss held against central differences.
 *
 * Both sides are computed in double by the reference, in training mode, on a copy of the
 * parameters, so the model stays as it is.  Random operators see one draw, so that dropout masks
 * stand still.  What is compared is the derivative of
 *
 *     loss + d / 2 * w^2
 *
 * by each number w, with the weight decay d of its parameter: the term whose derivative d w the
 * optimizer adds to the gradient or, where decay is decoupled (AdamW), takes from the weights
 * beside it.
 *
 * The difference is the slope at w of the parabola through w - h, w and w + h with h = 1e-5 (times
 * |w| where that is above 1).  Near a kink, of ReLU or max pooling, it is no derivative: an entry
 * that disagrees is left out where a tenth or a hundredth of the step agrees, or where the slopes
 * of the two sides differ by as much as explains it there; else it is wrong. */
#ifndef OC_TASK_DIFFERENCES_H
#define OC_TASK_DIFFERENCES_H

#include "ocellus.h"

struct differences;

struct differences_options {
    oc_model        *model;
    const char      *loss;                              /* as in oc_train_options */
    const oc_tensor *in;                                /* as oc_update has them; borrowed */
    int64_t          samples;                           /* the first of the batch */
    uint64_t         seed, draw;                        /* of random operators */
    int              threads;
};

/* Computes the loss and its gradients once.  Samples are blended where in[2] has data. */
oc_status oc__differences_new(struct differences **out, const struct differences_options *options);
void      oc__differences_free(struct differences *d);

/* The relative distance |a - b| / (|a| + |b|) over the entries that were compared. */
struct difference {
    double  distance;
    int     entries, kinks;                             /* compared; left out */
    int64_t worst;                                      /* the entry furthest off: */
    double  gradient, quotient;                         /* by the graph; by differences */
};

/* Above this a gradient is wrong; one that is right comes to about 1e-7. */
extern const double oc__differences_limit;

/* Of up to `entries` numbers of trained parameter i, drawn by `draw`. */
oc_status oc__differences_compare(struct differences *d, int i, double decay, int entries,
                                  struct difference *out);

/* Whether parameter i is trained. */
bool      oc__differences_has(const struct differences *d, int i);

/* The relative distance between the gradient in double and another one of parameter i, both with
 * decay; where both are below a thousandth of the whole gradient they are held to that. */
double    oc__differences_distance(const struct differences *d, int i, double decay,
                                   const float *gradient);

/* Of one computation of the loss, and of the gradients. */
double    oc__differences_seconds(const struct differences *d, bool gradients);

#endif
