/* conv_bias.c — the gradient of a convolution's bias where channels lie innermost. */
#include "backend/onednn/onednn.h"

#include "backend/onednn/sums.h"

static bool accept(const struct request *r, struct offer *o)
{
    struct lanes v;
    if (r->x[0].dtype != OC_F32 || !oc__dnn_lanes(&v, &r->x[0]))
        return false;
    o->x[0] = r->x[0].layout;
    o->scratch = (oc__sums_scratch(&v) + (size_t)v.channels) * sizeof(double);
    return true;
}

static void run(const struct execution *e)
{
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->x[0]);
    double *scratch = e->scratch, *sum = scratch + oc__sums_scratch(&v);
    float *db = e->y[0];
    oc__sums(&(struct sums_of){ .v = &v, .a = e->x[0], .threads = e->threads }, scratch, sum, NULL);
    for (int64_t c = 0; c < v.channels; c++)
        db[c] = (float)sum[c];
}

const struct kernel oc__dnn_conv_grad_bias = {
    .op = "ConvGradBias", .name = "conv_bias_lanes", .accept = accept, .run = run
};
