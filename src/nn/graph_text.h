/* graph_text.h — a graph as text, which is the architecture of a model that came from elsewhere.
 *
 *     graph 1
 *     input f32 3,32,32                       the sample; the batch stands before it
 *     parameter trainable 16,3,3,3 conv1.weight [initialiser]
 *     constant i64 4 1,2,3,4                  type, shape (- for none), numbers
 *     Conv conv1 1,2,- kernel_shape=3,3       operator, node, inputs, attributes
 *     output 4                                the result; more lines: further outputs
 *
 * Every line but the first and `output` makes values, numbered from 1 in their order.  Names are
 * quoted where they need it, as in steps.  Building it, norms follow the batch in training, as a
 * layer's, unless they are frozen; dropout draws by the node's name. */
#ifndef OC_NN_GRAPH_TEXT_H
#define OC_NN_GRAPH_TEXT_H

#include "graph/graph.h"
#include "nn/layer.h"

/* Whether an architecture is a graph and not steps. */
bool oc__is_graph_text(const char *architecture);
int  oc__graph_text_nodes(const char *text);

/* What is changed as a graph is written. */
struct graph_text_options {
    int             outputs;
    const oc_value *output;
    oc_value        input;                              /* where it begins */
    int64_t         batch;                              /* that the file fixed, to be left open */
    /* A head for other classes: its parameters (OC_NONE: none), where they count classes, and what
     * they counted. */
    oc_value        head[2];
    int             axis[2];
    int64_t         had, classes;
    bool            flatten;                            /* the first output becomes a matrix */
};

/* Appends the text of what the outputs need. */
oc_status oc__graph_text(const oc_graph *g, const struct graph_text_options *o, struct str *out);

/* Builds it below the graph's scope on samples x; further outputs go to the context's branches. */
oc_value oc__graph_text_build(oc_graph *g, oc_value x, const char *text,
                              const struct layer_context *c);

#endif
