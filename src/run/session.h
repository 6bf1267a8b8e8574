/* session.h — sessions from the inside.
 *
 * A session keeps the plans of the last few combinations of input shapes, each with a context: the
 * memory that a run of it writes to.  The arena is shared, since one plan runs at a time.
 *
 * Where shapes follow from values that only a run knows, one plan is not enough: stages.c runs a
 * chain of them, each bound with what the ones before it computed. */
#ifndef OC_RUN_SESSION_H
#define OC_RUN_SESSION_H

#include "run/plan.h"

enum { PLANS = 8 };

struct context {
    struct plan     *plan;
    char            *fixed;
    void           **instance;                      /* by step: what the kernel keeps per context */
    uint64_t         version;                          /* of the parameters that the prologue saw */
    oc_profile_row  *row;                               /* by step */
    uint64_t         used;                           /* for letting go of the least recently used */
};

struct oc_session {
    oc_graph          *graph;
    oc_session_options options;
    struct pool        pool;
    struct context     context[PLANS];
    struct context    *current;
    char              *arena;
    size_t             arena_bytes;
    int                threads;
    uint64_t           step, clock;
    struct inspector  *inspector;                       /* borrowed; NULL: nobody looks */
    bool               profile;
    struct body       *bodies;                          /* sessions of nodes of control */
};

/* Makes s->current the context for these shapes and what is given. */
oc_status oc__session_prepare(oc_session *s, const oc_shape *inputs, const struct given *given,
                              int n_given);

/* Gives up all contexts, with the weights that they keep in layouts of their own, where those of
 * other shapes come and these do not come back. */
void      oc__session_forget(oc_session *s);

/* Runs its plan: `in` are the graph's inputs, then what is given.  With `allocate`, outputs get
 * memory of their own, to be freed also after a failure. */
oc_status oc__session_execute(oc_session *s, const oc_tensor *in, oc_tensor *out, bool allocate);

/* Runs s->current and the stages after it (stages.c). */
oc_status oc__session_stages(oc_session *s, const oc_tensor *in, oc_tensor *out, bool allocate);

/* Runs a node of control on its inputs, whose data is there (control.c). */
oc_status oc__session_control(oc_session *s, int node, const oc_tensor *in, oc_tensor *out);
void      oc__session_bodies_free(oc_session *s);

#endif
