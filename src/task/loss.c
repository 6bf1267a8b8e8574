/* loss.c — losses of classification.
 *
 *     softmax   -ln softmax(y)[t]; with label smoothing e, 1 - e times that and e times its mean
 *               over all classes t
 *     nll       the same as two operators, log-softmax and the mean of -y[t]; without smoothing
 *     sigmoid   -ln sigmoid(y[t]) - sum over k != t of ln(1 - sigmoid(y[k])): each class a decision
 *               of its own
 *     squared   mean over classes of (y - onehot(t))^2
 *
 * each averaged over the batch.  The gradient of `sigmoid` is (sigmoid(y) - onehot(t)) / n. */
#include "task/task.h"

#include "base/status.h"
#include "op/op.h"

/* ---- labels as numbers --------------------------------------------------------------------- */

/* Labels [n] as f32 [n, classes], 1 at the label. */
static oc_value one_hot(oc_graph *g, oc_value logits, oc_value labels)
{
    if (logits.id <= 0)
        return logits;
    const int64_t classes = oc_value_shape(g, logits).dim[1];
    int64_t *index = oc__alloc(classes > 0 ? (size_t)classes : 1, sizeof *index);
    if (!index)
        return oc__graph_fail(g, OC_ELIMIT, NULL);
    for (int64_t i = 0; i < classes; i++)
        index[i] = i;
    const oc_value each = oc_constant(g, &(oc_tensor){ OC_I64, OC_SHAPE(1, classes), index });
    oc__free(index);
    const oc_value column = oc_apply(g, "Unsqueeze", 1, &labels, "axes=1");
    const oc_value same = oc_apply(g, "Equal", 2, (oc_value[]){ column, each }, NULL);
    return oc_apply(g, "Cast", 1, &same, "to=f32");
}

/* ---- the losses ---------------------------------------------------------------------------- */

struct softmax_loss { double smoothing; };
static const struct attr softmax_attrs[] = {
    ATTR_RANGE(struct softmax_loss, FLOAT, smoothing, "0", "share of the label spread evenly", 0,
               1),
    { 0 }
};

static oc_value softmax_build(oc_graph *g, oc_value logits, oc_value labels, const void *attr)
{
    return oc_apply(g, "SoftmaxCrossEntropyLoss", 2, (oc_value[]){ logits, labels },
                    "label_smoothing=%.17g", ((const struct softmax_loss *)attr)->smoothing);
}

/* The mean over samples and classes is a c-th of what is sought. */
static oc_value nll_build(oc_graph *g, oc_value logits, oc_value labels, const void *attr)
{
    (void)attr;
    const oc_value log_p = oc_apply(g, "LogSoftmax", 1, &logits, NULL);
    const oc_value mean = oc_mean(g, oc_mul(g, log_p, one_hot(g, logits, labels)));
    if (mean.id <= 0)
        return mean;
    return oc_mul(g, mean, oc_scalar(g, -(double)oc_value_shape(g, logits).dim[1]));
}

static oc_value sigmoid_build(oc_graph *g, oc_value logits, oc_value labels, const void *attr)
{
    (void)attr;
    const oc_value in[] = { logits, one_hot(g, logits, labels) };
    const oc_value mean = oc_apply(g, "SigmoidCrossEntropy", 2, in, NULL);
    if (mean.id <= 0)
        return mean;
    return oc_mul(g, mean, oc_scalar(g, (double)oc_value_shape(g, logits).dim[1]));
}

static oc_value squared_build(oc_graph *g, oc_value logits, oc_value labels, const void *attr)
{
    (void)attr;
    const oc_value in[] = { logits, one_hot(g, logits, labels) };
    return oc_apply(g, "MeanSquaredError", 2, in, NULL);
}

static oc_value clipped(oc_graph *g, oc_value logits)
{
    return oc_apply(g, "Clip", 1, &logits, "min=0 max=1");
}

static const struct loss softmax = {
    .entry = { "softmax", "cross-entropy of exactly one class", softmax_attrs,
               sizeof(struct softmax_loss) },
    .build = softmax_build, .probability = oc_softmax,
};
static const struct loss nll = {
    .entry = { .name = "nll", .summary = "log-softmax, then negative log-likelihood: softmax's" },
    .build = nll_build, .probability = oc_softmax,
};
static const struct loss sigmoid = {
    .entry = { .name = "sigmoid", .summary = "cross-entropy of each class alone, summed" },
    .build = sigmoid_build, .probability = oc_sigmoid,
};
static const struct loss squared = {
    .entry = { .name = "squared", .summary = "mean squared distance to 1 for the class, else 0" },
    .build = squared_build, .probability = clipped,
};

const struct entry *const oc__classify_losses[] = {
    &softmax.entry, &nll.entry, &sigmoid.entry, &squared.entry, NULL,
};
