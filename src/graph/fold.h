/* fold.h — binding a graph: the copy of it that is planned.
 *
 * oc__bind() copies the nodes that the wanted values need into a new graph in which every dimension
 * is known, f32 is f64 where that precision is asked for, and the rewrites of fold.c have been
 * applied: what does nothing vanishes, what is constant is computed, training-only nodes take their
 * inference form, and chains that a kernel does in one go become one fused node. */
#ifndef OC_GRAPH_FOLD_H
#define OC_GRAPH_FOLD_H

#include "graph/graph.h"

/* A value of the graph that was computed before: a constant of the bound graph, whose numbers stay
 * where they are, or one more input of it, numbered after the graph's own in the list's order. */
struct given { oc_value value; oc_tensor tensor; bool constant; };

/* What a graph needs that cannot be bound at once, because shapes follow from values that only a
 * run knows: the values to compute now, as far as they are.  Bound again with these given, the
 * graph comes further; those used by value must be given as constants then.  Nodes of the list
 * `control` are run by the session once their inputs are there (op/control.h). */
struct stage {
    int       n, controls;
    oc_value *from, *to;                                /* values of the graph, and bound */
    bool     *by_value;
    int      *control;                                  /* node numbers of the graph */
};

struct bind_options {
    oc_mode         mode;
    oc_dtype        precision;
    const oc_shape *inputs;                             /* one per input of the graph */
    int             wanted;
    const oc_value *want;                               /* values of the graph */
    bool            plain;                              /* no rewrites: as built (for checks) */
    int                 n_given;
    const struct given *given;
    struct stage       *stage;      /* n 0: the graph is bound whole; NULL: it must be, or fails */
};

/* *out is a new graph; map[i] (room for `wanted`) is where want[i] went.  Effects are carried over
 * in training.  With a stage, what
 * it names takes the place of what is wanted, and the map is not filled in. */
oc_status oc__bind(oc_graph **out, const oc_graph *g, const struct bind_options *o, oc_value *map);

#endif
