/* fold.h — binding a graph: the copy of it that is planned.
 *
 * oc__bind() copies the nodes that the wanted values need into a new graph in which every dimension
 * is known, f32 is f64 where that precision is asked for, and the rewrites of fold.c have been
 * applied: what does nothing vanishes, what is constant is computed, training-only nodes take their
 * inference form, and chains that a kernel does in one go become one fused node. */
#ifndef OC_GRAPH_FOLD_H
#define OC_GRAPH_FOLD_H

#include "graph/graph.h"

struct bind_options {
    oc_mode         mode;
    oc_dtype        precision;
    const oc_shape *inputs;                             /* one per input of the graph */
    int             wanted;
    const oc_value *want;                               /* values of the graph */
    bool            plain;                              /* no rewrites: as built (for checks) */
};

/* *out is a new graph; map[i] (room for `wanted`) is where want[i] went.  Effects are carried over
 * in training. */
oc_status oc__bind(oc_graph **out, const oc_graph *g, const struct bind_options *o, oc_value *map);

#endif
