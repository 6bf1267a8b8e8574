/* check.h — holding operators to what they promise.
 *
 * Each check takes an operator and one of its cases and answers with the worst error found.
 * Shapes: what was inferred while building is what a run produces, and inference with unknown
 * dimensions never contradicts it.  Gradients: what the graph computes against central differences
 * in double on the reference.  Back ends: their results, gradients included, against the
 * reference's. */
#ifndef OC_RUN_CHECK_H
#define OC_RUN_CHECK_H

#include "run/trial.h"

struct check {
    double error;                                   /* the worst, relative */
    int    compared;                                /* numbers; 0: nothing there to compare */
    bool   accepted;                                /* the back end took a step of the trial */
    bool   complete;                                    /* it took every one, gradients' included */
    char   where[120];                              /* the worst: "dx0[17]: 0.25, expected 0.5" */
};

/* Largest relative error of a gradient that is right. */
#define OC_GRADIENT_TOLERANCE 1e-6

oc_status oc__check_shapes(const struct op *op, const char *text);
oc_status oc__check_gradient(const struct op *op, const char *text, enum trial_form form,
                             struct check *out);
oc_status oc__check_backend(const struct op *op, const char *text, const char *backend,
                            oc_dtype type, struct check *out);

/* What a back end may differ by in this type: rounding of the type, and sums in another order. */
double oc__check_tolerance(oc_dtype type);

#endif
