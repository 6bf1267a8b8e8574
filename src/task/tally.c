/* tally.c — what metrics are made of: counts and sums, batch by batch.
 *
 * Precision of a class is correct / predicted as it, recall correct / truly it, F1 their harmonic
 * mean; where a denominator is 0 they are 0. */
#include "task/task.h"

#include <math.h>
#include <string.h>

#include "base/status.h"

enum { TOP = 5 };

oc_status oc__tally_new(struct tally *t, int classes)
{
    *t = (struct tally){ .classes = classes };
    size_t n;
    if (!oc__mul((size_t)classes, (size_t)classes, &n))
        return oc__fail(OC_ELIMIT, "a confusion matrix of %d classes is too large", classes);
    t->confusion = oc__alloc(n, sizeof *t->confusion);
    return t->confusion ? OC_OK : OC_ELIMIT;
}

void oc__tally_clear(struct tally *t)
{
    const size_t n = (size_t)t->classes * (size_t)t->classes;
    memset(t->confusion, 0, n * sizeof *t->confusion);
    t->samples = t->correct = t->top5 = 0;
    t->loss = 0;
}

void oc__tally_free(struct tally *t)
{
    oc__free(t->confusion);
    *t = (struct tally){ 0 };
}

static int first_largest(const float *y, int classes)
{
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (y[k] > y[best] || (isnan(y[best]) && !isnan(y[k])))
            best = k;
    return best;
}

/* How many classes stand before class k. */
static int rank_of(const float *y, int classes, int k)
{
    int before = 0;
    for (int i = 0; i < classes; i++)
        before += y[i] > y[k] || (y[i] == y[k] && i < k) || (isnan(y[k]) && i != k);
    return before;
}

void oc__tally_add(struct tally *t, const float *logits, const int64_t *label, int64_t n,
                   double mean_loss)
{
    for (int64_t i = 0; i < n; i++) {
        const float *y = logits + i * t->classes;
        const int truth = (int)label[i], guess = first_largest(y, t->classes);
        t->correct += guess == truth;
        t->top5 += rank_of(y, t->classes, truth) < TOP;
        t->confusion[(int64_t)truth * t->classes + guess]++;
    }
    t->samples += n;
    t->loss += mean_loss * (double)n;
}

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static oc_class_metrics class_metrics(const struct tally *t, int k)
{
    const int64_t *c = t->confusion;
    const int64_t n = t->classes, correct = c[k * n + k];
    int64_t truly = 0, predicted = 0;
    for (int64_t i = 0; i < n; i++) {
        truly += c[k * n + i];
        predicted += c[i * n + k];
    }
    return (oc_class_metrics){ truly, ratio(correct, predicted), ratio(correct, truly),
                               ratio(2 * correct, truly + predicted) };
}

oc_status oc__tally_metrics(const struct tally *t, oc_metrics *out)
{
    const size_t n = (size_t)t->classes;
    *out = (oc_metrics){ .samples = t->samples, .classes = t->classes };
    out->loss = t->samples ? t->loss / (double)t->samples : 0;
    out->accuracy = ratio(t->correct, t->samples);
    out->top5 = ratio(t->top5, t->samples);
    out->per_class = oc__alloc(n, sizeof *out->per_class);
    out->confusion = oc__alloc(n * n, sizeof *out->confusion);
    if (!out->per_class || !out->confusion) {
        oc_metrics_free(out);
        return OC_ELIMIT;
    }
    memcpy(out->confusion, t->confusion, n * n * sizeof *out->confusion);
    for (int k = 0; k < t->classes; k++)
        out->per_class[k] = class_metrics(t, k);
    return OC_OK;
}

void oc_metrics_free(oc_metrics *m)
{
    if (!m)
        return;
    oc__free(m->per_class);
    oc__free(m->confusion);
    *m = (oc_metrics){ 0 };
}
