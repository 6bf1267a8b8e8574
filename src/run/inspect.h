/* inspect.h — looking into a session while it runs.
 *
 * The arena is used over and over, so what a step made can only be looked at right after it.  An
 * inspector that is set on a session is shown each step's results then, and the inputs and
 * parameters that the step reads; it keeps their statistics and describes the first value, in the
 * order of execution, that is not finite.  A session without an inspector asks once per step
 * whether there is one, and that is all.
 *
 * An inspector is owned by who made it and must outlive its place in a session.  It takes memory
 * only where it meets a plan with more values than any before. */
#ifndef OC_RUN_INSPECT_H
#define OC_RUN_INSPECT_H

#include "run/plan.h"

/* Of a value's elements; `least`, `most` and `mean` are those of the finite ones, NaN where there
 * are none.  In a layout with padding its zeros count for least and most. */
struct statistics {
    int64_t count, nans, infinities;
    double  least, most, mean;
};

void oc__statistics(struct statistics *out, oc_dtype t, const void *x, int64_t n);

/* Why the first value may not be finite, as far as it can be told. */
enum cause {
    CAUSE_INPUT,                                        /* the data is not finite itself */
    CAUSE_PARAMETER,                                    /* a parameter is not */
    CAUSE_LARGE,                                        /* what was read is finite but very large */
    CAUSE_OPERATION,                                    /* numbers of a usual size */
};

/* line[0] tells the value, the others what its step read. */
enum { FINDING_LINES = 6, FINDING_TEXT = 384 };
struct finding {
    int        lines;                                   /* 0: all values are finite */
    char       line[FINDING_LINES][FINDING_TEXT];
    enum cause cause;
};

/* Probabilities of a softmax, or of its logarithm, at exactly 0 and 1. */
struct saturation {
    int64_t zeros, ones, count;
    char    name[FINDING_TEXT];                         /* of the first node that has such; shape */
    char    reads[FINDING_TEXT];                        /* and what that read, with statistics */
};

struct inspector {
    struct statistics *seen;                            /* by slot; count −1: not yet in this run */
    const struct plan *plan;
    int                room;
    struct finding     finding;
    struct saturation  saturation;
};

/* Sets an inspector, or none by NULL, on a session; gives the one that was there. */
struct inspector *oc__session_inspect(oc_session *s, struct inspector *inspector);

/* Forgets what was found; statistics are forgotten at the beginning of each run. */
void oc__inspector_clear(struct inspector *inspector);
void oc__inspector_free(struct inspector *inspector);   /* what it owns, not itself */

/* For the session: before a run, and after step i of it with the places that it read and wrote. */
oc_status oc__inspect_run(struct inspector *inspector, const struct plan *plan);
void      oc__inspect_step(struct inspector *inspector, int i, const void *const *x,
                           void *const *y);

#endif
