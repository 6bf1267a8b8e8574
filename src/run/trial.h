/* trial.h — one case of one operator as a graph that can be run.
 *
 * The graph applies the operator to inputs of its own and weighs its floating outputs into an
 * objective, sum(w * y), whose gradients by the inputs are more outputs.  What belongs to the
 * objective is named below the scope "check", so that a plan tells the operator's own steps apart.
 * Values are fed in graph order from `feed`; a trial owns them and the graph. */
#ifndef OC_RUN_TRIAL_H
#define OC_RUN_TRIAL_H

#include "run/case.h"

/* How inputs meet the operator: each its own; each also read by the objective, so that gradients of
 * two consumers add up; one tensor for all inputs of the same shape and kind; and each its own, but
 * with every dimension unknown while the graph is built. */
enum trial_form { TRIAL_PLAIN, TRIAL_TWO_CONSUMERS, TRIAL_SHARED, TRIAL_UNKNOWN, TRIAL_FORMS };

enum { TRIAL_FEEDS = 48 };

struct trial {
    struct op_case  c;
    enum trial_form form;
    oc_graph       *graph;
    oc_tensor       feed[TRIAL_FEEDS];
    int             feeds;
    int             source[OP_MAX_INPUTS];      /* feed of input i; -1: absent, or another's */
    int             weight[OP_MAX_OUTPUTS];    /* feed of w of output k; -1: not in the objective */
    int             extra[OP_MAX_INPUTS];       /* feed of input i's weights in the objective */
    oc_value        x[OP_MAX_INPUTS], dx[OP_MAX_INPUTS];
    oc_value        y[OP_MAX_OUTPUTS];
    oc_shape        shape[OP_MAX_OUTPUTS];      /* of y, known in every form */
    int             outputs, shared;            /* shared: inputs that are another's */
};

/* `real` is the type of floating inputs.  Gradients are built where the operator has any.  An
 * operator may refuse unknown dimensions, where even the rank of its result would depend on one:
 * then the trial has no outputs. */
oc_status oc__trial_new(struct trial *t, const struct op *op, const char *text,
                        enum trial_form form, oc_dtype real);
void      oc__trial_free(struct trial *t);

/* A session over these outputs of the trial on the named back ends, two threads, in training. */
oc_status oc__trial_session(const struct trial *t, const char *backends, oc_dtype precision, int n,
                            const oc_value *output, oc_session **out);

/* Tensors with room for n values of these shapes; f32 becomes `precision`. */
oc_status oc__trial_room(const struct trial *t, oc_dtype precision, int n, const oc_value *v,
                         const oc_shape *shape, oc_tensor *out);
void      oc__trial_room_free(int n, oc_tensor *out);

/* Runs a session of this precision with the random operators at step 0. */
oc_status oc__trial_run(const struct trial *t, oc_dtype precision, oc_session *s, oc_tensor *out);

#endif
