/* saliency_tally.c — sums over images of saliency, by threshold. */
#include <math.h>

#include "base/status.h"
#include "task/saliency.h"

enum { LEVELS = 256 };

static const double beta_squared = 0.3;

struct saliency_tally {
    int64_t pixels;                                     /* of an image */
    int64_t samples, right;
    double  loss, error, adaptive, iou;                 /* sums over samples */
    double  precision[LEVELS], recall[LEVELS];
};

/* Pixels of an image whose saliency is at least k / 255: all of them, and those of the mask. */
struct histogram { int64_t found[LEVELS], hit[LEVELS], truth; };

void *oc__saliency_tally_new(const oc_model *m)
{
    struct saliency_tally *const t = oc__alloc(1, sizeof *t);
    if (t)
        t->pixels = oc__task_values(m);
    return t;
}

void oc__saliency_tally_free(void *tally)
{
    oc__free(tally);
}

static double sigmoid(float v) { return 1 / (1 + exp(-(double)v)); }

/* part / whole; of an empty whole 1 where the other one is empty too. */
static double ratio(int64_t part, int64_t whole, int64_t other)
{
    return whole ? (double)part / (double)whole : other == 0;
}

static double f_beta(double precision, double recall)
{
    const double below = beta_squared * precision + recall;
    return below > 0 ? (1 + beta_squared) * precision * recall / below : 0;
}

static void count(struct histogram *h, const float *logits, const float *mask, int64_t pixels)
{
    *h = (struct histogram){ .truth = 0 };
    for (int64_t i = 0; i < pixels; i++) {
        const int level = (int)(sigmoid(logits[i]) * (LEVELS - 1));
        const bool truly = mask[i] > 0.5f;
        h->found[level]++;
        h->hit[level] += truly;
        h->truth += truly;
    }
    for (int k = LEVELS - 2; k >= 0; k--) {
        h->found[k] += h->found[k + 1];
        h->hit[k] += h->hit[k + 1];
    }
}

/* F at twice the mean saliency. */
static double adaptive_f(const float *logits, const float *mask, int64_t pixels, double mean)
{
    const double threshold = fmin(2 * mean, 1);
    int64_t found = 0, hit = 0, truth = 0;
    for (int64_t i = 0; i < pixels; i++) {
        const bool truly = mask[i] > 0.5f, meant = sigmoid(logits[i]) >= threshold;
        found += meant;
        truth += truly;
        hit += meant && truly;
    }
    return f_beta(ratio(hit, found, truth), ratio(hit, truth, found));
}

static void add_image(struct saliency_tally *t, const float *logits, const float *mask)
{
    struct histogram h;
    double sum = 0, error = 0;
    int64_t both = 0, either = 0;
    for (int64_t i = 0; i < t->pixels; i++) {
        const double s = sigmoid(logits[i]), g = (double)mask[i];
        const bool meant = logits[i] > 0, truly = g > 0.5;
        sum += s;
        error += fabs(s - g);
        both += meant && truly;
        either += meant || truly;
        t->right += meant == truly;
    }
    t->error += error / (double)t->pixels;
    t->iou += ratio(both, either, 0);
    t->adaptive += adaptive_f(logits, mask, t->pixels, sum / (double)t->pixels);
    count(&h, logits, mask, t->pixels);
    for (int k = 0; k < LEVELS; k++) {
        t->precision[k] += ratio(h.hit[k], h.found[k], h.truth);
        t->recall[k] += ratio(h.hit[k], h.truth, h.found[k]);
    }
    t->samples++;
}

void oc__saliency_tally_add(void *tally, const float *logits, const void *masks, int64_t n,
                            double mean_loss)
{
    struct saliency_tally *const t = tally;
    for (int64_t i = 0; i < n; i++)
        add_image(t, logits + i * t->pixels, (const float *)masks + i * t->pixels);
    t->loss += mean_loss * (double)n;
}

/* The one class, at one half. */
static oc_status fill_class(const struct saliency_tally *t, oc_metrics *out)
{
    const double n = (double)t->samples;
    const double p = t->precision[LEVELS / 2] / n, r = t->recall[LEVELS / 2] / n;
    out->per_class = oc__alloc(1, sizeof *out->per_class);
    out->confusion = oc__alloc(1, sizeof *out->confusion);
    if (!out->per_class || !out->confusion) {
        oc_metrics_free(out);
        return OC_ELIMIT;
    }
    *out->per_class = (oc_class_metrics){ t->samples, p, r, p + r > 0 ? 2 * p * r / (p + r) : 0 };
    *out->confusion = t->samples;
    return OC_OK;
}

oc_status oc__saliency_tally_metrics(const void *tally, oc_metrics *out)
{
    const struct saliency_tally *const t = tally;
    const double n = (double)t->samples;
    *out = (oc_metrics){ .samples = t->samples, .classes = 1, .loss = t->loss / n, .top5 = 1,
                         .accuracy = (double)t->right / (n * (double)t->pixels) };
    out->map = (oc_map_metrics){ .mae = t->error / n, .adaptive_f = t->adaptive / n,
                                 .iou = t->iou / n };
    for (int k = 0; k < LEVELS; k++) {
        const double f = f_beta(t->precision[k] / n, t->recall[k] / n);
        if (f > out->map.max_f) {
            out->map.max_f = f;
            out->map.threshold = (double)k / (LEVELS - 1);
        }
    }
    return fill_class(t, out);
}
