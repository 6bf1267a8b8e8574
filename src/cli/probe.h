/* probe.h — a model prepared on made-up input, to be timed or to have its plan looked at.
 *
 * In inference the result is the logits; in training the loss, the gradients of all trainable
 * parameters and the running statistics are computed too, everything but the optimizer's update. */
#ifndef OC_CLI_PROBE_H
#define OC_CLI_PROBE_H

#include "ocellus.h"

struct probe_options {
    oc_mode     mode;
    int64_t     batch;
    int         threads;
    const char *device, *backends;
};

enum { PROBE_MAX = 64 };
struct probe {
    oc_graph   *graph;                                  /* NULL: somebody else's */
    oc_session *session;
    oc_tensor   in[PROBE_MAX];                   /* images [n, c, h, w], labels [n]; or a file's */
    oc_tensor   out[PROBE_MAX];
    float       loss;
};

/* The model is borrowed.  Freed with oc__probe_close(), also after a failure. */
oc_status oc__probe_open(struct probe *p, oc_model *m, const struct probe_options *o);
oc_status oc__probe_run(struct probe *p);
void      oc__probe_close(struct probe *p);

#endif
