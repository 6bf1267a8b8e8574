/* saliency.c — the task `saliency`: how much each pixel of an image belongs to what stands out.
 *
 * A model gives a score for each pixel, of which the sigmoid is the saliency S, from 0 to 1; the
 * target is a mask G of the same size.  The loss is the mean over pixels and samples of the binary
 * cross-entropy
 *
 *     -G ln S - (1 - G) ln(1 - S)
 *
 * summed over all outputs of the model (Qin et al., "U^2-Net", 2020, section 3.3, with all
 * weights 1).  What the answers are worth is measured by saliency_tally.c and shown by
 * saliency_draw.c. */
#include "task/saliency.h"

#include <math.h>

#include "base/status.h"
#include "data/loader.h"
#include "nn/model.h"

static oc_value sigmoid_build(oc_graph *g, oc_value logits, oc_value masks, const void *attr)
{
    (void)attr;
    return oc_apply(g, "SigmoidCrossEntropy", 2, (oc_value[]){ logits, masks }, NULL);
}

static const struct loss sigmoid = {
    .entry = { .name = "sigmoid", .summary = "cross-entropy of each pixel, over all outputs" },
    .build = sigmoid_build, .probability = oc_sigmoid,
};

static const struct entry *const losses[] = { &sigmoid.entry, NULL };

static oc_status check_data(const oc_model *m, const oc_data *d)
{
    (void)m;
    if (oc__data_has_masks(d))
        return OC_OK;
    return oc__fail(OC_EUSAGE, "the data has labels, the model is for saliency and wants masks, as "
                               "in masks:PICTURES,masks=FOLDER");
}

static oc_tensor targets(const oc_model *m, int64_t n)
{
    const oc_shape s = oc__model_result(m);             /* [1, h, w] */
    return (oc_tensor){ OC_F32, OC_SHAPE(n, s.dim[0], s.dim[1], s.dim[2]), NULL };
}

static const void *of_batch(const struct batch *b) { return b->mask; }

/* Pixels on the right side of one half. */
static int64_t count_right(const oc_model *m, const float *logits, const void *masks, int64_t n)
{
    const float *const mask = masks;
    const int64_t pixels = n * oc__task_values(m);
    int64_t right = 0;
    for (int64_t i = 0; i < pixels; i++)
        right += (logits[i] > 0) == (mask[i] > 0.5f);
    return right;
}

/* ---- without a model ----------------------------------------------------------------------- */

static void add_targets(const oc_model *m, const void *masks, int64_t n, double *sum)
{
    const float *const mask = masks;
    const int64_t pixels = oc__task_values(m);
    for (int64_t i = 0; i < n * pixels; i++)
        sum[i % pixels] += (double)mask[i];
}

static double logit(double mean)
{
    const double inside = fmin(fmax(mean, 1e-6), 1 - 1e-6);
    return log(inside / (1 - inside));
}

/* -G ln S - (1 - G) ln(1 - S) of S = sigmoid(v), as max(v, 0) - G v + ln(1 + exp(-|v|)). */
static double mean_loss(const oc_model *m, const float *logits, const void *masks, int64_t n)
{
    const float *const mask = masks;
    const int64_t pixels = n * oc__task_values(m);
    double loss = 0;
    for (int64_t i = 0; i < pixels; i++) {
        const double v = (double)logits[i];
        loss += fmax(v, 0) - (double)mask[i] * v + log1p(exp(-fabs(v)));
    }
    return loss / (double)pixels;
}

const struct task oc__task_saliency = {
    .entry = { .name = "saliency", .summary = "which pixels of an image stand out" },
    .losses = losses, .all_outputs = true, .masks = true, .target = "masks",
    .check_data = check_data, .targets = targets, .of_batch = of_batch,
    .count_right = count_right, .decisions = oc__task_values,
    .tally_new = oc__saliency_tally_new, .tally_add = oc__saliency_tally_add,
    .tally_metrics = oc__saliency_tally_metrics, .tally_free = oc__saliency_tally_free,
    .add_targets = add_targets, .logit = logit, .mean_loss = mean_loss,
    .draw = oc__saliency_draw,
};
