/* explain.h — what a way to explain a decision is.
 *
 * A method is one `const struct explain_method` at the end of its own file, named once in
 * explain_list.h.  It finds the network in a graph as inference computes it, with the class that
 * is asked about chosen by an input, adds what it needs (gradients are more graph), and later
 * makes of a prepared image a grid of heat, and says which box of that image it covers.  What
 * is common to all (preparing, choosing the class, laying the heat over the photograph) is in
 * explain.c, and asks nothing of the graph but its values x and logits. */
#ifndef OC_TASK_EXPLAIN_H
#define OC_TASK_EXPLAIN_H

#include "base/attr.h"
#include "image/heat.h"
#include "image/prepare.h"
#include "ocellus.h"

enum { EXPLAIN_OUTPUTS = 2 };

struct explain_method;

struct oc_explainer {
    oc_model                    *model;                 /* borrowed */
    struct prepare_program      *program;
    struct steps                 steps;                 /* the method with its attributes */
    const struct explain_method *method;
    const char                  *layer;                 /* as asked for; borrowed; NULL: none */
    oc_graph                    *graph;
    oc_value                     x;                     /* [1, c, h, w] */
    oc_value                     score;                 /* the logit of the class chosen, rank 0 */
    int                          network_nodes;         /* of the graph, the model's */
    oc_session                  *judge;                 /* gives probabilities [1, classes] */
    oc_session                  *session;               /* gives the method's outputs */
    int                          outputs;
    oc_value                     output[EXPLAIN_OUTPUTS];
    oc_tensor                    out[EXPLAIN_OUTPUTS];
    oc_tensor                    in[2];                 /* x, and [1, classes], 1 at the class */
    float                       *probability;
};

struct explain_method {
    struct entry entry;
    bool         takes_layer;
    bool       (*suits)(const oc_explainer *e);         /* the network; NULL: any */
    /* Adds to the graph and says which values it wants to see. */
    oc_status  (*build)(oc_explainer *e);
    /* The heat of the image in e->in[0]; not below 0.  The grid's numbers are the caller's
     * (oc__free), also on failure; its box is in pixels of the prepared image. */
    oc_status  (*heat)(oc_explainer *e, struct grid *heat);
};

/* Every `struct explain_method`, by its entry; ends in NULL. */
extern const struct entry *const oc__explain_list[];

#define EXPLAIN(name) extern const struct explain_method oc__explain_##name;
#include "task/explain_list.h"
#undef EXPLAIN

/* The box of the prepared image over which the cells of maps [1, c, h, w] have the middles of what
 * they see; all of it where that cannot be told. */
struct view oc__explain_field(const oc_explainer *e, oc_value maps);

static inline const void *oc__explain_attr(const oc_explainer *e) { return e->steps.step[0].attr; }

/* Runs the method's outputs on e->in into e->out. */
static inline oc_status oc__explain_run(oc_explainer *e)
{
    return oc_session_run(e->session, e->in, e->out);
}

#endif
