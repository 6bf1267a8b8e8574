/* norm.c — BatchNormalization and its gradient, in f32, channel by channel.
 *
 * Statistics take two passes, mean first, and are gathered in double over the stretches of a
 * channel. The formulas are those of op/batch_normalization.c. */
#include "op/norm.h"

#include <math.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"

struct channels {
    struct batch_norm_dims d;
    const struct execution *e;
};

/* Sums over one stretch: of x - from, of its square, and of dy times it. */
WIDE static float sum_of(const float *x, int64_t n, float from)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += x[i] - from;
    return sum;
}

WIDE static float sum_of_squares(const float *x, int64_t n, float from)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (x[i] - from) * (x[i] - from);
    return sum;
}

WIDE static float sum_of_products(const float *dy, const float *x, int64_t n, float from)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += dy[i] * (x[i] - from);
    return sum;
}

/* y = (x - from) a + b */
WIDE static void apply(const float *x, float *y, int64_t n, float from, float a, float b)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - from) * a + b;
}

/* dx = a (dy - b - (x - from) c) */
WIDE static void apply_grad(const float *dy, const float *x, float *dx, int64_t n,
                            const float coefficient[4])
{
    const float from = coefficient[0], a = coefficient[1], b = coefficient[2], c = coefficient[3];
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = a * (dy[i] - b - (x[i] - from) * c);
}

static int64_t stretch(const struct batch_norm_dims *d, int64_t image, int64_t channel)
{
    return (image * d->channels + channel) * d->plane;
}

static void normalise(const struct channels *c, int64_t k, float from, double inv_std)
{
    const float *scale = c->e->x[1], *bias = c->e->x[2];
    const float a = scale[k] * (float)inv_std;
    for (int64_t i = 0; i < c->d.n; i++) {
        const int64_t at = stretch(&c->d, i, k);
        apply((const float *)c->e->x[0] + at, (float *)c->e->y[0] + at, c->d.plane, from, a,
              bias[k]);
    }
}

static void train_channel(const struct channels *c, int64_t k)
{
    const struct batch_norm *attr = c->e->request->attr;
    const struct batch_norm_dims *d = &c->d;
    const float *x = c->e->x[0];
    const double count = (double)(d->n * d->plane);
    double sum = 0, squares = 0, rest = 0;
    for (int64_t i = 0; i < d->n; i++)
        sum += (double)sum_of(x + stretch(d, i, k), d->plane, 0);
    const float from = (float)(sum / count);
    for (int64_t i = 0; i < d->n; i++) {
        rest += (double)sum_of(x + stretch(d, i, k), d->plane, from);
        squares += (double)sum_of_squares(x + stretch(d, i, k), d->plane, from);
    }
    const double mean = (double)from + rest / count;
    const double var = squares / count - rest * rest / count / count;
    const double inv_std = 1 / sqrt((var > 0 ? var : 0) + attr->epsilon);
    double running_mean = (double)((const float *)c->e->x[3])[k];
    double running_var = (double)((const float *)c->e->x[4])[k];
    oc__batch_norm_running(attr, d->n * d->plane, mean, var, &running_mean, &running_var);
    normalise(c, k, (float)mean, inv_std);
    ((float *)c->e->y[1])[k] = (float)running_mean;
    ((float *)c->e->y[2])[k] = (float)running_var;
    ((float *)c->e->y[3])[k] = (float)mean;
    ((float *)c->e->y[4])[k] = (float)inv_std;
}

static void run_train_channels(const void *context, int64_t first, int64_t last)
{
    for (int64_t k = first; k < last; k++)
        train_channel(context, k);
}

static void run_inference_channels(const void *context, int64_t first, int64_t last)
{
    const struct channels *c = context;
    const struct batch_norm *attr = c->e->request->attr;
    const float *mean = c->e->x[3], *var = c->e->x[4];
    for (int64_t k = first; k < last; k++)
        normalise(c, k, mean[k], 1 / sqrt((double)var[k] + attr->epsilon));
}

static void run_grad_channels(const void *context, int64_t first, int64_t last)
{
    const struct channels *c = context;
    const struct batch_norm_dims *d = &c->d;
    const float *dy = c->e->x[0], *x = c->e->x[1], *scale = c->e->x[2];
    const float *mean = c->e->x[3], *inv_std = c->e->x[4];
    const double count = (double)(d->n * d->plane);
    for (int64_t k = first; k < last; k++) {
        double dbias = 0, dscale = 0;
        for (int64_t i = 0; i < d->n; i++) {
            const int64_t at = stretch(d, i, k);
            dbias += (double)sum_of(dy + at, d->plane, 0);
            dscale += (double)sum_of_products(dy + at, x + at, d->plane, mean[k]);
        }
        dscale *= (double)inv_std[k];
        const float coefficient[] = { mean[k], scale[k] * inv_std[k], (float)(dbias / count),
                                      (float)(dscale * (double)inv_std[k] / count) };
        for (int64_t i = 0; i < d->n; i++) {
            const int64_t at = stretch(d, i, k);
            apply_grad(dy + at, x + at, (float *)c->e->y[0] + at, d->plane, coefficient);
        }
        ((float *)c->e->y[1])[k] = (float)dscale;
        ((float *)c->e->y[2])[k] = (float)dbias;
    }
}

static bool accept(const struct request *r, struct offer *o)
{
    (void)o;
    return oc__cpu_all_f32(r);
}

static void each_channel(const struct execution *e, const oc_shape *x,
                         void (*body)(const void *, int64_t, int64_t))
{
    struct channels c = { .e = e };
    oc__batch_norm_dims(&c.d, x);
    oc__parallel(e->threads, c.d.channels, CPU_GRAIN / (c.d.n * c.d.plane + 1) + 1, body, &c);
}

static void run_train(const struct execution *e)
{
    each_channel(e, e->request->x[0].shape, run_train_channels);
}

static void run_inference(const struct execution *e)
{
    each_channel(e, e->request->x[0].shape, run_inference_channels);
}

static void run_grad(const struct execution *e)
{
    each_channel(e, e->request->x[1].shape, run_grad_channels);
}

const struct kernel oc__cpu_batch_norm = {
    .op = "BatchNormalization", .name = "channels", .accept = accept, .run = run_train,
};
const struct kernel oc__cpu_batch_norm_grad = {
    .op = "BatchNormalizationGrad", .name = "channels", .accept = accept, .run = run_grad,
};
const struct kernel oc__cpu_batch_norm_inference = {
    .op = "BatchNormalizationInference", .name = "channels", .accept = accept, .run = run_inference,
};
