/* control.h — operators that run graphs of their own: If, Loop, Scan.
 *
 * A body is a graph with inputs in the order that its operator feeds them, then what it takes from
 * the graph around it; that graph owns it.  Such a node has no run: what it makes is known only
 * when it is run, so the session runs it between two plans (run/control.c). */
#ifndef OC_OP_CONTROL_H
#define OC_OP_CONTROL_H

#include "base/attr.h"
#include "graph/graph.h"

struct control_body {
    oc_graph       *g;
    int             inputs, captures;                   /* fed, and taken from outside */
    const oc_value *capture;                            /* values of the graph around it */
    int             outputs;
    const oc_value *output;                             /* values of the body */
};

enum control_kind { CONTROL_IF, CONTROL_LOOP, CONTROL_SCAN };

/* Inputs of the node: If: the condition, what `then` captures, what `else` does.  Loop: the largest
 * count, the condition, the carried values, captures.  Scan: states, sequences, captures. */
struct control {
    enum control_kind   kind;
    struct control_body body[2];                        /* If: then, else */
    int                 outputs;
    int                 carried;                        /* Loop, Scan: values from turn to turn */
    int                 sequences;                      /* Scan: inputs that are taken apart */
    struct ints         in_axes, out_axes, in_backwards, out_backwards;     /* Scan; none: 0 */
};

#endif
