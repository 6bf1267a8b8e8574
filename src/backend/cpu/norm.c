/* norm.c — normalisation in f32: of batches channel by channel, of layers and groups row by row.
 *
 * Statistics take two passes, mean first, and are gathered in double over stretches of memory.  The
 * formulas are those of op/batch_normalization.c and op/row_normalization.c. */
#include "op/norm.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/wide.h"

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

/* dx = a dy - b - (x - from) c */
WIDE static void apply_grad(const float *dy, const float *x, float *dx, int64_t n,
                            const float coefficient[4])
{
    const float from = coefficient[0], a = coefficient[1], b = coefficient[2], c = coefficient[3];
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = a * dy[i] - b - (x[i] - from) * c;
}

/* ---- channels of a batch ------------------------------------------------------------------ */

struct channels {
    struct batch_norm_dims d;
    const struct execution *e;
};

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
        const double a = (double)scale[k] * (double)inv_std[k];
        const float coefficient[] = { mean[k], (float)a, (float)(a * dbias / count),
                                      (float)(a * dscale * (double)inv_std[k] / count) };
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

/* ---- rows of a layer or a group ----------------------------------------------------------- */

enum { STRETCH = 256 };

/* Of a layer each element has a scale of its own, else each plane of a channel has one (struct
 * row_norm_dims), so the loops over a row come in two kinds: along elements, and by planes. */
static bool is_layer(const struct request *r) { return !strncmp(r->op->entry.name, "Layer", 5); }

static void rows_of(const struct request *r, int x, struct row_norm_dims *d)
{
    const oc_shape *shape = r->x[x].shape;
    if (is_layer(r))
        oc__layer_norm_rows(d, r->attr, shape);
    else
        oc__group_norm_rows(d, r->attr, shape);
}

/* The first scale of a row. */
static int64_t first_scale(const struct row_norm_dims *d, int64_t row)
{
    return d->plane ? row % d->groups * (d->count / d->plane) : 0;
}

struct rows {
    struct row_norm_dims d;
    double               epsilon;
    const float         *x, *scale, *bias;              /* bias NULL: none */
    float               *y, *mean, *inv_std;
};

/* y = (x - mean) inv_std scale + bias, element by element. */
WIDE static void scale_along(const float *x, const float *scale, const float *bias, float *y,
                             int64_t n, float mean, float inv_std)
{
    if (bias)
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * inv_std * scale[i] + bias[i];
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * inv_std * scale[i];
}

static double sum_row(const float *x, int64_t n, float from,
                      float (*sum)(const float *x, int64_t n, float from))
{
    double all = 0;
    for (int64_t i = 0; i < n; i += STRETCH)
        all += (double)sum(x + i, n - i < STRETCH ? n - i : STRETCH, from);
    return all;
}

static double sum_row_products(const float *dy, const float *x, int64_t n, float from)
{
    double all = 0;
    for (int64_t i = 0; i < n; i += STRETCH)
        all += (double)sum_of_products(dy + i, x + i, n - i < STRETCH ? n - i : STRETCH, from);
    return all;
}

static void run_row(const struct rows *s, int64_t row)
{
    const int64_t n = s->d.count, plane = s->d.plane, first = first_scale(&s->d, row);
    const float *x = s->x + row * n;
    float *y = s->y + row * n;
    const float mean = (float)(sum_row(x, n, 0, sum_of) / (double)n);
    const double var = sum_row(x, n, mean, sum_of_squares) / (double)n;
    const float inv_std = (float)(1 / sqrt(var + s->epsilon));
    s->mean[row] = mean;
    s->inv_std[row] = inv_std;
    if (plane == 1)
        scale_along(x, s->scale + first, s->bias ? s->bias + first : NULL, y, n, mean, inv_std);
    for (int64_t i = 0, k = first; plane > 1 && i < n; i += plane, k++)
        apply(x + i, y + i, plane, mean, inv_std * s->scale[k], s->bias ? s->bias[k] : 0);
}

static void run_rows(const void *context, int64_t first, int64_t last)
{
    for (int64_t row = first; row < last; row++)
        run_row(context, row);
}

static void run_all_rows(const struct execution *e)
{
    const struct request *r = e->request;
    struct rows s = { .x = e->x[0], .scale = e->x[1], .y = e->y[0], .mean = e->y[1],
                      .inv_std = e->y[2] };
    rows_of(r, 0, &s.d);
    s.bias = r->n_in > 2 && r->x[2].shape ? e->x[2] : NULL;
    s.epsilon = is_layer(r) ? ((const struct layer_norm *)r->attr)->epsilon
                            : ((const struct group_norm *)r->attr)->epsilon;
    oc__parallel(e->threads, s.d.rows, CPU_GRAIN / (s.d.count + 1) + 1, run_rows, &s);
}

const struct kernel oc__cpu_layer_norm = {
    .op = "LayerNormalization", .name = "rows", .accept = accept, .run = run_all_rows,
};
const struct kernel oc__cpu_group_norm = {
    .op = "GroupNormalization", .name = "rows", .accept = accept, .run = run_all_rows,
};
const struct kernel oc__cpu_instance_norm = {
    .op = "InstanceNormalization", .name = "rows", .accept = accept, .run = run_all_rows,
};

struct rows_grad {
    struct row_norm_dims d;
    const float         *dy, *x, *scale, *mean, *inv_std;
    float               *dx, *dscale, *dbias;
};

/* With h = (x - mean) inv_std and e = dy scale: sums of e and of e h over a stretch, while dy h and
 * dy are gathered by element. */
WIDE static void gather_along(const float *dy, const float *x, const float *scale, int64_t n,
                              float mean, float inv_std, float *dscale, float *dbias, double sum[2])
{
    float e_sum = 0, eh_sum = 0;
#pragma omp simd reduction(+ : e_sum, eh_sum)
    for (int64_t i = 0; i < n; i++) {
        const float h = (x[i] - mean) * inv_std;
        e_sum += dy[i] * scale[i];
        eh_sum += dy[i] * scale[i] * h;
        dscale[i] += dy[i] * h;
        dbias[i] += dy[i];
    }
    sum[0] += (double)e_sum;
    sum[1] += (double)eh_sum;
}

/* dx = (dy scale - b - (x - mean) c) inv_std */
WIDE static void finish_along(const float *dy, const float *x, const float *scale, float *dx,
                              int64_t n, const float coefficient[4])
{
    const float mean = coefficient[0], inv_std = coefficient[1];
    const float b = coefficient[2], c = coefficient[3];
    for (int64_t i = 0; i < n; i++)
        dx[i] = (dy[i] * scale[i] - b - (x[i] - mean) * c) * inv_std;
}

/* The sums over a row whose scales are `first` and on; gathers dscale and dbias. */
static void gather_row(const struct rows_grad *s, int64_t row, int64_t first, double sum[2])
{
    const int64_t n = s->d.count, plane = s->d.plane;
    const float *dy = s->dy + row * n, *x = s->x + row * n;
    const float mean = s->mean[row], inv_std = s->inv_std[row];
    sum[0] = sum[1] = 0;
    for (int64_t i = 0; plane == 1 && i < n; i += STRETCH)
        gather_along(dy + i, x + i, s->scale + first + i, n - i < STRETCH ? n - i : STRETCH, mean,
                     inv_std, s->dscale + first + i, s->dbias + first + i, sum);
    for (int64_t i = 0, k = first; plane > 1 && i < n; i += plane, k++) {
        const double dbias = sum_row(dy + i, plane, 0, sum_of);
        const double dscale = sum_row_products(dy + i, x + i, plane, mean) * (double)inv_std;
        sum[0] += (double)s->scale[k] * dbias;
        sum[1] += (double)s->scale[k] * dscale;
        s->dscale[k] += (float)dscale;
        s->dbias[k] += (float)dbias;
    }
}

static void run_row_grad(const struct rows_grad *s, int64_t row)
{
    const int64_t n = s->d.count, plane = s->d.plane, first = first_scale(&s->d, row);
    const float *dy = s->dy + row * n, *x = s->x + row * n;
    const float mean = s->mean[row], inv_std = s->inv_std[row];
    float *dx = s->dx + row * n;
    double sum[2];
    gather_row(s, row, first, sum);
    const float b = (float)(sum[0] / (double)n);
    const float c = (float)(sum[1] / (double)n * (double)inv_std);
    if (plane == 1)
        finish_along(dy, x, s->scale + first, dx, n, (const float[]){ mean, inv_std, b, c });
    for (int64_t i = 0, k = first; plane > 1 && i < n; i += plane, k++)
        apply_grad(dy + i, x + i, dx + i, plane,
                   (const float[]){ mean, inv_std * s->scale[k], inv_std * b, inv_std * c });
}

/* On one thread: every row adds to the same scales. */
static void run_rows_grad(const struct execution *e)
{
    const struct request *r = e->request;
    struct rows_grad s = { .dy = e->x[0], .x = e->x[1], .scale = e->x[2], .mean = e->x[3],
                           .inv_std = e->x[4], .dx = e->y[0], .dscale = e->y[1],
                           .dbias = e->y[2] };
    rows_of(r, 1, &s.d);
    memset(s.dscale, 0, (size_t)oc__cpu_count(&r->y[1]) * sizeof(float));
    memset(s.dbias, 0, (size_t)oc__cpu_count(&r->y[2]) * sizeof(float));
    for (int64_t row = 0; row < s.d.rows; row++)
        run_row_grad(&s, row);
}

const struct kernel oc__cpu_layer_norm_grad = {
    .op = "LayerNormalizationGrad", .name = "rows", .accept = accept, .run = run_rows_grad,
};
const struct kernel oc__cpu_group_norm_grad = {
    .op = "GroupNormalizationGrad", .name = "rows", .accept = accept, .run = run_rows_grad,
};
