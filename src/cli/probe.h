/* probe.h — a model prepared on made-up input, to be timed or to have its plan looked at.
 *
 * In inference the results are those of the network; in training the loss, the gradients of all
 * trainable parameters and the running statistics are computed too, everything but the optimizer's
 * update. */
#ifndef OC_CLI_PROBE_H
#define OC_CLI_PROBE_H

#include "cli/network.h"

struct probe_options {
    int64_t     batch;
    int         threads;
    const char *device, *backends;
};

struct probe {
    oc_graph   *graph;                              /* of training; NULL: the network's */
    oc_session *session;
    oc_tensor   in[NETWORK_MAX];                    /* images [n, c, h, w], labels [n] */
    oc_tensor   out[NETWORK_MAX];
    float       loss;
};

/* Network and model are borrowed.  Freed with oc__probe_close(), also after a failure. */
oc_status oc__probe_inference(struct probe *p, const struct network *n,
                              const struct probe_options *o);
oc_status oc__probe_training(struct probe *p, oc_model *m, const struct probe_options *o);
oc_status oc__probe_run(struct probe *p);
void      oc__probe_close(struct probe *p);

#endif
