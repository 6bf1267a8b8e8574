/* network.h — whatever a word names, as a graph with inputs and results that inference runs.
 *
 * A file of ONNX is taken as it is, with any number of inputs; everything else is a model with one
 * input x and its logits. */
#ifndef OC_CLI_NETWORK_H
#define OC_CLI_NETWORK_H

#include "cli/open.h"

enum { NETWORK_MAX = 64 };                              /* inputs, and outputs */

struct network {
    oc_onnx    *onnx;                                   /* one of these two */
    oc_model   *model;
    oc_graph   *graph;
    oc_store   *store;
    int         inputs, outputs;
    oc_value    input[NETWORK_MAX], output[NETWORK_MAX];
    const char *name[NETWORK_MAX];                      /* of outputs */
};

/* Inputs that are left open are closed by the batch and by the request's --input; with a batch of 0
 * they stay open.  Freed with oc__network_close(), also after a failure. */
oc_status oc__network_open(struct network *n, const struct model_request *r, int64_t batch);
void      oc__network_close(struct network *n);

/* Any value by its name; OC_NONE: there is none. */
oc_value  oc__network_value(const struct network *n, const char *name);

#endif
