/* explain_gradient.c — the gradient of the score by the image (Simonyan, Vedaldi and Zisserman,
 * "Deep Inside Convolutional Networks", 2014), smoothed (Smilkov, Thorat, Kim, Viegas and
 * Wattenberg, "SmoothGrad: removing noise by adding noise", 2017).
 *
 *     g = mean over s of  dy / dx  at  x + noise (max x - min x) normal[s]
 *     heat[i, j] = max over channels c of  |g[c, i, j]|
 *
 * cut at the level that only 1 % of the places pass, as the second paper does, since a few very
 * large derivatives would leave the rest dark, and blurred a little by a Gaussian, since single
 * pixels cannot be seen on a photograph.  With one sample there is no noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "task/explain.h"

static const double passes = 0.01;

struct input_gradient { int64_t samples, seed; double noise, blur; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct input_gradient, INT, samples, "16", "noisy copies; 1: the plain gradient", 1,
               100000),
    ATTR_RANGE(struct input_gradient, FLOAT, noise, "0.15",
               "deviation of the noise, of the image's range", 0, 10),
    ATTR_RANGE(struct input_gradient, FLOAT, blur, "0.01",
               "deviation of the blur, of the input's longer side", 0, 1),
    ATTR_RANGE(struct input_gradient, INT, seed, "0", "of the noise", 0, 1e18),
    { 0 }
};

static oc_status build(oc_explainer *e)
{
    oc_grad(e->graph, e->score, 1, &e->x, &e->output[0]);
    e->outputs = 1;
    if (e->output[0].id == 0)
        return oc__fail(OC_EUSAGE, "input-gradient: the score does not depend on the image by "
                                   "anything that has a slope");
    return OC_OK;
}

static double range_of(const float *x, size_t n)
{
    float least = x[0], most = x[0];
    for (size_t i = 1; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    return (double)most - (double)least;
}

/* Adds up the gradients of all copies of x [c, h, w]; x is as it was afterwards. */
static oc_status add_gradients(oc_explainer *e, const float *clean, size_t n, float *sum)
{
    const struct input_gradient *const a = oc__explain_attr(e);
    const double deviation = a->samples > 1 ? a->noise * range_of(clean, n) : 0;
    float *const x = e->in[0].data;
    for (int64_t s = 0; s < a->samples; s++) {
        const uint64_t key = oc__key((uint64_t)a->seed, (uint64_t)s);
        for (size_t i = 0; i < n && deviation > 0; i++)
            x[i] = (float)((double)clean[i] + deviation * oc__normal(key, i));
        TRY(oc__explain_run(e));
        for (size_t i = 0; i < n; i++)
            sum[i] += ((const float *)e->out[0].data)[i] / (float)a->samples;
    }
    memcpy(x, clean, n * sizeof *x);
    return OC_OK;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Lowers what is above the level that a share of all pass; `sorted` is room for as many. */
static void cut_peaks(float *v, size_t n, float *sorted)
{
    memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, by_size);
    const float level = sorted[(size_t)((1 - passes) * (double)(n - 1))];
    for (size_t i = 0; i < n && level > 0; i++)
        v[i] = v[i] < level ? v[i] : level;
}

/* One pass over rows or columns: `n` lines of `length` numbers `step` apart; the border goes on. */
static void blur_lines(const float *from, float *to, int64_t n, int64_t line, int64_t length,
                       int64_t step, double deviation)
{
    const int64_t reach = (int64_t)ceil(3 * deviation);
    for (int64_t i = 0; i < n * length; i++) {
        const int64_t first = i / length * line, at = i % length;
        double sum = 0, weights = 0;
        for (int64_t k = -reach; k <= reach; k++) {
            const int64_t p = at + k < 0 ? 0 : at + k >= length ? length - 1 : at + k;
            const double weight = exp(-0.5 * (double)(k * k) / (deviation * deviation));
            sum += weight * (double)from[first + p * step];
            weights += weight;
        }
        to[first + at * step] = (float)(sum / weights);
    }
}

/* `room` holds as many numbers as the grid. */
static void blur(struct grid *heat, double share, float *room)
{
    const int h = heat->rows, w = heat->columns;
    const double deviation = share * (h > w ? h : w);
    if (deviation == 0)
        return;
    blur_lines(heat->v, room, h, w, w, 1, deviation);
    blur_lines(room, heat->v, w, 1, h, w, deviation);
}

static oc_status heat(oc_explainer *e, struct grid *heat)
{
    const struct input_gradient *const a = oc__explain_attr(e);
    const oc_shape s = e->in[0].shape;                              /* [1, c, h, w] */
    const size_t places = (size_t)(s.dim[2] * s.dim[3]), n = places * (size_t)s.dim[1];
    float *const clean = oc__alloc(n, sizeof *clean), *const sum = oc__alloc(n, sizeof *sum);
    *heat = (struct grid){ .rows = (int)s.dim[2], .columns = (int)s.dim[3],
                           .v = oc__alloc(places, sizeof(float)) };
    oc_status status = clean && sum && heat->v ? OC_OK : OC_ELIMIT;
    if (status >= 0) {
        memcpy(clean, e->in[0].data, n * sizeof *clean);
        status = add_gradients(e, clean, n, sum);
    }
    for (size_t i = 0; i < n && status >= 0; i++) {
        float *const v = &heat->v[i % places];
        *v = fmaxf(*v, fabsf(sum[i]));
    }
    if (status >= 0) {
        cut_peaks(heat->v, places, clean);
        blur(heat, a->blur, clean);
    }
    oc__free(clean);
    oc__free(sum);
    return status;
}

const struct explain_method oc__explain_input_gradient = {
    .entry = { "input-gradient", "how steeply the score changes with each pixel", attrs,
               sizeof(struct input_gradient) },
    .build = build, .heat = heat,
};
