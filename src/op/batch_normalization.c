/* batch_normalization.c — BatchNormalization in training and inference (Ioffe and Szegedy, 2015).
 *
 *     y = scale (x - mean) inv_std + bias,  inv_std = 1 / sqrt(var + epsilon),
 *
 * by channel.  In training, mean and var are the batch's, var biased (divided by count), and the
 * running statistics that come in leave updated; norm.h states the two conventions.  The statistics
 * going out are by-products: no gradient flows back through them. */
#include "op/norm.h"
#include "op/op.h"

#include <math.h>

void oc__batch_norm_dims(struct batch_norm_dims *d, const oc_shape *x)
{
    *d = (struct batch_norm_dims){ x->dim[0], x->dim[1], 1 };
    for (int i = 2; i < x->rank; i++)
        d->plane *= x->dim[i];
}

void oc__batch_norm_running(const struct batch_norm *a, int64_t count, double mean, double var,
                            double *running_mean, double *running_var)
{
    const bool pytorch = a->convention == NORM_PYTORCH;
    const double follow = pytorch ? a->momentum : 1 - a->momentum;
    const double unbiased = count > 1 ? var * (double)count / (double)(count - 1) : var;
    *running_mean = (1 - follow) * *running_mean + follow * mean;
    *running_var = (1 - follow) * *running_var + follow * (pytorch ? unbiased : var);
}

/* Place of element i of a channel. */
static int64_t place(const struct batch_norm_dims *d, int64_t channel, int64_t i)
{
    return (i / d->plane * d->channels + channel) * d->plane + i % d->plane;
}

/* x [n, c, …] at input `first`, the next inputs [c]; outputs from 1 on become [c]. */
static oc_status shape_channels(const struct infer *s, int first)
{
    const oc_shape *x = s->x[first];
    if (x->rank < 2)
        return oc__fail(OC_EUSAGE, "the input has %d dimensions, not 2 or more", x->rank);
    for (int i = first + 1; i < s->n_in; i++)
        if (s->x[i]->rank != 1 ||
            (s->x[i]->dim[0] >= 0 && x->dim[1] >= 0 && s->x[i]->dim[0] != x->dim[1]))
            return oc__fail(OC_EUSAGE, "input %d is not one number for each channel", i);
    s->y[0] = *x;
    for (int i = 1; i < s->n_out; i++)
        s->y[i] = OC_SHAPE(x->dim[1]);
    return OC_OK;
}

static oc_status shape(const struct infer *s) { return shape_channels(s, 0); }
static oc_status shape_grad(const struct infer *s)
{
    TRY(oc__shape_match("dy", s->x[1], s->x[0]));
    return shape_channels(s, 1);
}

/* Mean and biased variance of a channel. */
static void statistics(const struct batch_norm_dims *d, const double *x, int64_t channel,
                       double *mean, double *var)
{
    const int64_t count = d->n * d->plane;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[place(d, channel, i)];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += (x[place(d, channel, i)] - *mean) * (x[place(d, channel, i)] - *mean);
    *var = squares / (double)count;
}

static void run(const struct call *c)
{
    const struct batch_norm *a = c->attr;
    struct batch_norm_dims d;
    oc__batch_norm_dims(&d, c->xs[0]);
    for (int64_t k = 0; k < d.channels; k++) {
        double mean, var;
        statistics(&d, c->x[0], k, &mean, &var);
        const double inv_std = 1 / sqrt(var + a->epsilon);
        for (int64_t i = 0; i < d.n * d.plane; i++) {
            const int64_t p = place(&d, k, i);
            c->y[0][p] = c->x[1][k] * (c->x[0][p] - mean) * inv_std + c->x[2][k];
        }
        double running_mean = c->x[3][k], running_var = c->x[4][k];
        oc__batch_norm_running(a, d.n * d.plane, mean, var, &running_mean, &running_var);
        c->y[1][k] = running_mean;
        c->y[2][k] = running_var;
        c->y[3][k] = mean;
        c->y[4][k] = inv_std;
    }
}

static double flops(const struct infer *s) { return 8.0 * (double)oc_shape_count(&s->y[0]); }

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (oc__is_none(dy[0]) || !(want[0] || want[1] || want[2]))
        return;
    const oc_value d = oc__apply(
        g, &oc__op_batch_normalization_grad, n->attr,
        OC_IN(dy[0], n->in[0], n->in[1], oc_output(g, n->out, 3), oc_output(g, n->out, 4)));
    for (int i = 0; i < 3; i++)
        if (want[i])
            dx[i] = oc_output(g, d, i);
}

static const char *const conventions[] = { "pytorch", "onnx", NULL };

static const struct attr attrs[] = {
    ATTR(struct batch_norm, FLOAT, epsilon, "1e-5", "added to the variance"),
    ATTR_RANGE(struct batch_norm, FLOAT, momentum, "0.1", "of the running statistics", 0, 1),
    ATTR_WORDS(struct batch_norm, convention, "pytorch",
               "pytorch: (1-m) running + m batch, unbiased; onnx: m running + (1-m) batch, biased",
               conventions),
    { 0 }
};

static const char *const cases[] = {
    "4x3x5x4 3 3 3 p:3",
    "8x3 3 3 3 p:3 momentum=0.3",
    "3x2x7 2 2 2 p:2 convention=onnx momentum=0.9 epsilon=0.001",
    "2x4x2x3x2 4 4 4 p:4",
    "3x20x6x6 20 20 20 p:20",
    NULL
};

const struct op oc__op_batch_normalization = {
    .entry = { "BatchNormalization", "y = scale (x - batch_mean) inv_std + bias, by channel", attrs,
               sizeof(struct batch_norm) },
    .inputs = "x scale bias mean var", .outputs = "y running_mean running_var batch_mean inv_std",
    .detached = ~UINT64_C(1),
    .shape = shape, .grad = grad, .run = run, .flops = flops, .cases = cases,
};

/* With m elements per channel and h = (x - mean) inv_std:
 * dbias = sum dy, dscale = sum dy h, dx = scale inv_std (dy - (dbias + h dscale) / m). */
static void run_grad(const struct call *c)
{
    struct batch_norm_dims d;
    oc__batch_norm_dims(&d, c->xs[1]);
    const double *dy = c->x[0], *x = c->x[1];
    const double count = (double)(d.n * d.plane);
    for (int64_t k = 0; k < d.channels; k++) {
        const double mean = c->x[3][k], inv_std = c->x[4][k];
        double dscale = 0, dbias = 0;
        for (int64_t i = 0; i < d.n * d.plane; i++) {
            const int64_t p = place(&d, k, i);
            dbias += dy[p];
            dscale += dy[p] * (x[p] - mean) * inv_std;
        }
        for (int64_t i = 0; i < d.n * d.plane; i++) {
            const int64_t p = place(&d, k, i);
            const double h = (x[p] - mean) * inv_std;
            c->y[0][p] = c->x[2][k] * inv_std * (dy[p] - (dbias + h * dscale) / count);
        }
        c->y[1][k] = dscale;
        c->y[2][k] = dbias;
    }
}

static const char *const grad_cases[] = {
    "4x3x5x4 4x3x5x4 3 3 p:3", "8x3 8x3 3 3 p:3", "3x20x6x6 3x20x6x6 20 20 p:20", NULL
};

const struct op oc__op_batch_normalization_grad = {
    .entry = { "BatchNormalizationGrad", "gradients of BatchNormalization in training", attrs,
               sizeof(struct batch_norm) },
    .inputs = "dy x scale batch_mean inv_std", .outputs = "dx dscale dbias",
    .shape = shape_grad, .run = run_grad, .flops = flops, .cases = grad_cases,
};

/* ---- inference: the statistics are given --------------------------------------------------- */

static void run_inference(const struct call *c)
{
    const struct batch_norm *a = c->attr;
    struct batch_norm_dims d;
    oc__batch_norm_dims(&d, c->xs[0]);
    for (int64_t p = 0; p < oc_shape_count(c->ys[0]); p++) {
        const int64_t k = p / d.plane % d.channels;
        c->y[0][p] = c->x[1][k] * (c->x[0][p] - c->x[3][k]) / sqrt(c->x[4][k] + a->epsilon) +
                     c->x[2][k];
    }
}

static void grad_inference(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                           oc_value *dx)
{
    const oc_value d = oc__apply(g, &oc__op_batch_normalization_inference_grad, n->attr,
                                 OC_IN(dy[0], n->in[0], n->in[1], n->in[3], n->in[4]));
    for (int i = 0; i < 5; i++)
        if (want[i])
            dx[i] = oc_output(g, d, i);
}

static const char *const inference_cases[] = {
    "2x3x5x4 3 3 3 p:3", "8x3 3 3 3 p:3 epsilon=0.001", "3x2x7 2 2 2 p:2", NULL
};

const struct op oc__op_batch_normalization_inference = {
    .entry = { "BatchNormalizationInference", "y = scale (x - mean) / sqrt(var + epsilon) + bias",
               attrs, sizeof(struct batch_norm) },
    .inputs = "x scale bias mean var", .outputs = "y",
    .shape = shape, .grad = grad_inference, .run = run_inference, .cases = inference_cases,
};

/* dmean = -scale inv_std dbias, dvar = -scale inv_std^2 dscale / 2. */
static void run_inference_grad(const struct call *c)
{
    const struct batch_norm *a = c->attr;
    struct batch_norm_dims d;
    oc__batch_norm_dims(&d, c->xs[1]);
    for (int64_t k = 0; k < d.channels; k++) {
        const double scale = c->x[2][k], inv_std = 1 / sqrt(c->x[4][k] + a->epsilon);
        double dscale = 0, dbias = 0;
        for (int64_t i = 0; i < d.n * d.plane; i++) {
            const int64_t p = place(&d, k, i);
            dbias += c->x[0][p];
            dscale += c->x[0][p] * (c->x[1][p] - c->x[3][k]) * inv_std;
            c->y[0][p] = c->x[0][p] * scale * inv_std;
        }
        c->y[1][k] = dscale;
        c->y[2][k] = dbias;
        c->y[3][k] = -scale * inv_std * dbias;
        c->y[4][k] = -scale * inv_std * inv_std * dscale / 2;
    }
}

static const char *const inference_grad_cases[] = {
    "2x3x5x4 2x3x5x4 3 3 p:3", "8x3 8x3 3 3 p:3 epsilon=0.001", NULL
};

const struct op oc__op_batch_normalization_inference_grad = {
    .entry = { "BatchNormalizationInferenceGrad", "gradients of BatchNormalizationInference", attrs,
               sizeof(struct batch_norm) },
    .inputs = "dy x scale mean var", .outputs = "dx dscale dbias dmean dvar",
    .shape = shape_grad, .run = run_inference_grad, .flops = flops, .cases = inference_grad_cases,
};
