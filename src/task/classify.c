/* classify.c — the task `classify`: one label for each image, of so many classes. */
#include <math.h>

#include "base/status.h"
#include "data/loader.h"
#include "nn/model.h"
#include "task/task.h"

static oc_status check_data(const oc_model *m, const oc_data *d)
{
    if (oc__data_has_masks(d))
        return oc__fail(OC_EUSAGE, "the data has masks, the model tells classes apart: a model for "
                                   "saliency wants masks");
    return oc__model_check_order(m, d);
}

static oc_tensor targets(const oc_model *m, int64_t n)
{
    (void)m;
    return (oc_tensor){ OC_I64, OC_SHAPE(n), NULL };
}

static const void *of_batch(const struct batch *b) { return b->label; }

/* Of equal logits the first is the guess. */
static int64_t count_right(const oc_model *m, const float *logits, const void *labels, int64_t n)
{
    const int64_t *const label = labels;
    const int classes = oc_model_classes(m);
    int64_t right = 0;
    for (int64_t i = 0; i < n; i++, logits += classes) {
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (logits[k] > logits[best])
                best = k;
        right += best == label[i];
    }
    return right;
}

static int64_t decisions(const oc_model *m)
{
    (void)m;
    return 1;
}

static void *tally_new(const oc_model *m)
{
    struct tally *const t = oc__alloc(1, sizeof *t);
    if (t && oc__tally_new(t, oc_model_classes(m)) == OC_OK)
        return t;
    oc__free(t);
    return NULL;
}

static void tally_add(void *tally, const float *logits, const void *labels, int64_t n,
                      double mean_loss)
{
    oc__tally_add(tally, logits, labels, n, mean_loss);
}

static oc_status tally_metrics(const void *tally, oc_metrics *out)
{
    return oc__tally_metrics(tally, out);
}

static void tally_free(void *tally)
{
    if (tally)
        oc__tally_free(tally);
    oc__free(tally);
}

/* ---- without a model ----------------------------------------------------------------------- */

static void add_targets(const oc_model *m, const void *labels, int64_t n, double *sum)
{
    const int64_t *const label = labels;
    (void)m;
    for (int64_t i = 0; i < n; i++)
        sum[label[i]]++;
}

static double logit(double mean) { return log(fmax(mean, 1e-12)); }

static double mean_loss(const oc_model *m, const float *logits, const void *labels, int64_t n)
{
    const int64_t *const label = labels;
    const int classes = oc_model_classes(m);
    double loss = 0;
    for (int64_t i = 0; i < n; i++, logits += classes) {
        double sum = 0;
        for (int k = 0; k < classes; k++)
            sum += exp((double)logits[k]);
        loss += log(sum) - (double)logits[label[i]];
    }
    return loss / (double)n;
}

const struct task oc__task_classify = {
    .entry = { .name = "classify", .summary = "which of several classes an image is of" },
    .losses = oc__classify_losses, .blends = true, .target = "labels",
    .check_data = check_data, .targets = targets, .of_batch = of_batch,
    .count_right = count_right, .decisions = decisions,
    .tally_new = tally_new, .tally_add = tally_add, .tally_metrics = tally_metrics,
    .tally_free = tally_free,
    .add_targets = add_targets, .logit = logit, .mean_loss = mean_loss,
};
