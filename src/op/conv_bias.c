/* conv_bias.c — ConvGradBias: db[c] = sum of dy[n, c, …] over all but the channels. */
#include "op/op.h"

static oc_status shape(const struct infer *s)
{
    if (s->x[0]->rank < 2)
        return oc__fail(OC_EUSAGE, "the gradient has %d dimensions, not 2 or more", s->x[0]->rank);
    s->y[0] = OC_SHAPE(s->x[0]->dim[1]);
    return OC_OK;
}

static void run(const struct call *c)
{
    const oc_shape *s = c->xs[0];
    const int64_t n = s->dim[0], channels = s->dim[1];
    int64_t plane = 1;
    for (int i = 2; i < s->rank; i++)
        plane *= s->dim[i];
    for (int64_t k = 0; k < channels; k++) {
        double sum = 0;
        for (int64_t i = 0; i < n * plane; i++)
            sum += c->x[0][(i / plane * channels + k) * plane + i % plane];
        c->y[0][k] = sum;
    }
}

static double flops(const struct infer *s) { return (double)oc_shape_count(s->x[0]); }

static const char *const cases[] = { "2x3x4x5", "4x3", "2x3x7", "3x20x6x6", NULL };

const struct op oc__op_conv_grad_bias = {
    .entry = { .name = "ConvGradBias",
               .summary = "db[c] = sum of dy[n, c, …] over n and all places" },
    .inputs = "dy", .outputs = "db", .flops = flops,
    .shape = shape, .run = run, .cases = cases,
};
