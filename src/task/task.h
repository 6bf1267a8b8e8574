/* task.h — what a model is trained for, and how well it does it: classification.
 *
 * A loss is one `const struct loss`, named in the list of loss.c: it turns the model's outputs and
 * the labels into one number, the mean over the batch in nats, and says what the outputs mean as
 * probabilities.  A tally adds up what metrics are made of, batch by batch. */
#ifndef OC_TASK_TASK_H
#define OC_TASK_TASK_H

#include "base/attr.h"
#include "ocellus.h"

struct loss {
    struct entry entry;
    oc_value   (*build)(oc_graph *g, oc_value logits, oc_value labels, const void *attr);
    oc_value   (*probability)(oc_graph *g, oc_value logits);
};

/* Every `struct loss`, by its entry; ends in NULL. */
extern const struct entry *const oc__loss_list[];

/* A loss with its settings, read from text such as "softmax smoothing=0.1". */
enum { LOSS_ATTR_MAX = 64 };
struct loss_choice {
    const struct loss    *loss;
    _Alignas(16) char     attr[LOSS_ATTR_MAX];
};
oc_status oc__loss_read(struct loss_choice *out, const char *text);

/* The mean loss of logits [n, classes] against labels [n] (i64), of rank 0. */
oc_value oc__loss_value(const struct loss_choice *c, oc_graph *g, oc_value logits, oc_value labels);

/* What a model is trained for, on a batch of n samples (or a symbol): the graph's inputs become x
 * [n, c, h, w], labels [n] and, where samples are blended, the labels of what is blended in [n] and
 * the share of the first, of rank 0.  `loss` is text. */
struct objective { oc_value logits, loss; };
oc_status oc__objective(struct objective *out, oc_model *m, oc_graph *g, const char *loss,
                        int64_t n, bool blended);

/* Sums over samples.  Of equal logits the first class counts as predicted. */
struct tally {
    int      classes;
    int64_t  samples, correct, top5;
    double   loss;                                      /* sum over samples */
    int64_t *confusion;                                 /* [true, predicted] */
};
oc_status oc__tally_new(struct tally *t, int classes);
void      oc__tally_clear(struct tally *t);
/* Adds n samples: logits [n, classes], labels in [0, classes), the batch's mean loss. */
void      oc__tally_add(struct tally *t, const float *logits, const int64_t *label, int64_t n,
                        double mean_loss);
/* Fills *out, which is then freed by oc_metrics_free(). */
oc_status oc__tally_metrics(const struct tally *t, oc_metrics *out);
void      oc__tally_free(struct tally *t);

/* Numbers that a session left in double become floats in their place; those of f32 stay. */
void oc__narrow(oc_tensor *t);

/* Fails unless a model fits a data set: no more classes there than it knows. */
oc_status oc__task_check_data(const oc_model *m, const oc_data *d);

#endif
