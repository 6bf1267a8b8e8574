/* onnx_import.h — messages of ONNX become a graph.
 *
 * The nodes of a graph are built in their order, which must be one in which every input is made
 * before it is used, so a cycle is an input that nothing makes.  Names are looked up in the scope
 * of their graph, and of a function's body in that of the call. */
#ifndef OC_FORMAT_ONNX_IMPORT_H
#define OC_FORMAT_ONNX_IMPORT_H

#include "base/map.h"
#include "format/onnx_tensor.h"
#include "graph/graph.h"

enum { ONNX_OPSET_MAX = 28, ONNX_CALLS_MAX = 64, ONNX_NODES_MAX = 1 << 20 };

/* Where names of nodes' inputs are looked up. */
struct onnx_scope {
    oc_graph                     *g;
    struct map                    by_name;              /* value ids */
    const struct pb_list         *opsets;               /* struct onnx_opset */
    const struct onnx_node_proto *call;                 /* of a function: its attributes */
    const struct onnx_function   *function;
    int                           depth;                /* of calls */
    struct onnx_scope            *outer;                /* of the graph around this one; NULL */
    oc_value                     *capture;              /* values of `outer` that were looked up */
    int                           captures;
};

struct onnx_import {
    const char               *path;
    const struct onnx_model  *model;
    const oc_onnx_options    *options;
    struct onnx_source       *source;
    struct pool              *pool;
    oc_store                 *store;
    struct map                uses;                     /* of initializers by name: enum use */
    int                       nodes;                    /* so far, and calls of functions */
};

/* Lists what is not known, over all graphs and functions; OC_EINPUT if there is any. */
oc_status oc__onnx_check_operators(const struct onnx_import *im);

/* Fills the scope of a graph: the model's own, or one that is an attribute. */
oc_status oc__onnx_import_graph(struct onnx_import *im, const struct onnx_graph *graph,
                                struct onnx_scope *scope);

/* Reads the numbers of parameters that the graph has under the same name and in the same shape. */
oc_status oc__onnx_read_parameters(struct onnx_source *source, const struct onnx_graph *g,
                                   oc_store *to);

/* One node, and the call of a function (onnx_node.c). */
oc_status oc__onnx_import_nodes(struct onnx_import *im, struct onnx_scope *scope,
                                const struct pb_list *nodes);

/* The version of a domain; 0: it is not imported. */
int64_t   oc__onnx_opset(const struct pb_list *opsets, const char *domain);
const struct onnx_function *oc__onnx_function(const struct onnx_model *m,
                                              const struct onnx_node_proto *n);
const char *oc__onnx_domain(const char *domain);        /* "" for ONNX's own, however written */

#endif
