/* augment_mix.c — augmentations that blend the samples of a batch with their neighbours.
 *
 * Both draw a share from Beta(alpha, alpha), one a batch.  mixup (Zhang et al., "mixup: beyond
 * empirical risk minimization", 2017) adds pixels in that share; cutmix (Yun et al., "CutMix:
 * regularization strategy to train strong classifiers", 2019) puts a window of the neighbour in
 * place of the sample's, as large as the share leaves.  Sample i takes from i - 1, so that going
 * from the last to the first leaves each to be read before it changes. */
#include <math.h>
#include <string.h>
#include "image/augment.h"

/* Gamma(alpha, 1) after Marsaglia and Tsang, "A simple method for generating gamma variables",
 * 2000; below 1 by its section 6: Gamma(alpha) = Gamma(alpha + 1) u^(1 / alpha). */
static double roll_gamma(struct dice *dice, double alpha)
{
    const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = oc__normal(oc__key(dice->key, dice->next++), 0);
        const double v = pow(1 + c * x, 3), u = 1 - oc__roll(dice, 0, 1);
        if (v <= 0 || log(u) >= 0.5 * x * x + d - d * v + d * log(v))
            continue;
        return alpha < 1 ? d * v * pow(1 - oc__roll(dice, 0, 1), 1 / alpha) : d * v;
    }
}

static double roll_beta(struct dice *dice, double alpha)
{
    const double a = roll_gamma(dice, alpha), b = roll_gamma(dice, alpha);
    return a + b > 0 ? a / (a + b) : 1;
}

/* What sample i takes from. */
static const float *neighbour(const struct mixing *m, int64_t i, int64_t values)
{
    return i > 0 ? m->x + (i - 1) * values : m->spare;
}

static int64_t keep_last(const struct mixing *m)
{
    const int64_t values = oc_shape_count(&m->shape);
    memcpy(m->spare, m->x + (m->n - 1) * values, (size_t)values * sizeof *m->spare);
    return values;
}

/* ---- mixup -------------------------------------------------------------------------------- */

struct mixup { double alpha; };

static const struct attr mixup_attrs[] = {
    ATTR_RANGE(struct mixup, FLOAT, alpha, "0.2", "of the share's Beta distribution", 0.01, 100),
    { 0 }
};

static void mixup(const void *attr, struct dice *dice, struct mixing *m)
{
    const int64_t values = keep_last(m);
    m->share = roll_beta(dice, ((const struct mixup *)attr)->alpha);
    const float own = (float)m->share, other = (float)(1 - m->share);
    for (int64_t i = m->n - 1; i >= 0; i--) {
        const float *from = neighbour(m, i, values);
        float       *to = m->x + i * values;
        for (int64_t k = 0; k < values; k++)
            to[k] = own * to[k] + other * from[k];
    }
}

const struct augment oc__augment_mixup = {
    .entry = { .name = "mixup", .summary = "adds images of a batch, and their labels",
               .attrs = mixup_attrs, .size = sizeof(struct mixup) },
    .mix = mixup,
};

/* ---- cutmix ------------------------------------------------------------------------------- */

struct cutmix { double alpha; };

static const struct attr cutmix_attrs[] = {
    ATTR_RANGE(struct cutmix, FLOAT, alpha, "1", "of the share's Beta distribution", 0.01, 100),
    { 0 }
};

/* A span about a random centre, cut to [0, side). */
static void draw_span(struct dice *dice, int64_t side, double fraction, int64_t span[2])
{
    const int64_t centre = (int64_t)oc__roll(dice, 0, (double)side);
    const int64_t half = (int64_t)((double)side * fraction / 2);
    span[0] = centre > half ? centre - half : 0;
    span[1] = centre + half < side ? centre + half : side;
}

static void cutmix(const void *attr, struct dice *dice, struct mixing *m)
{
    const int64_t values = keep_last(m);
    const int64_t c = m->shape.dim[0], h = m->shape.dim[1], w = m->shape.dim[2];
    const double  share = roll_beta(dice, ((const struct cutmix *)attr)->alpha);
    int64_t       rows[2], columns[2];
    draw_span(dice, h, sqrt(1 - share), rows);
    draw_span(dice, w, sqrt(1 - share), columns);
    const int64_t width = columns[1] - columns[0], area = width * (rows[1] - rows[0]);
    m->share = 1 - (double)area / (double)(w * h);
    for (int64_t i = m->n - 1; i >= 0; i--) {
        const float *from = neighbour(m, i, values);
        for (int64_t k = 0; k < c; k++)
            for (int64_t y = rows[0]; y < rows[1]; y++) {
                const int64_t at = (k * h + y) * w + columns[0];
                memcpy(m->x + i * values + at, from + at, (size_t)width * sizeof *from);
            }
    }
}

const struct augment oc__augment_cutmix = {
    .entry = { .name = "cutmix", .summary = "swaps a window between images of a batch, and labels",
               .attrs = cutmix_attrs, .size = sizeof(struct cutmix) },
    .mix = cutmix,
};
