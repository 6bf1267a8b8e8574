/* task.h — what a model is trained for, and how well it does it.
 *
 * A task is one `const struct task` at the end of its file, named in task/list.h: what a batch
 * carries beside the images, which losses there are, how answers are judged and how they are drawn.
 * A loss is one `const struct loss` of a task: it turns the model's outputs and the targets into
 * one number, the mean over the batch in nats, and says what the outputs mean as probabilities.  A
 * tally adds up what metrics are made of, batch by batch. */
#ifndef OC_TASK_TASK_H
#define OC_TASK_TASK_H

#include "base/attr.h"
#include "image/prepare.h"
#include "ocellus.h"

struct loss {
    struct entry entry;
    oc_value   (*build)(oc_graph *g, oc_value logits, oc_value targets, const void *attr);
    oc_value   (*probability)(oc_graph *g, oc_value logits);
};

struct batch;                                           /* data/loader.h */

/* What a model answers about an image: probabilities, `values` of them, and the box of the image
 * that it saw. */
struct answer {
    const oc_model *model;
    const float    *probability;
    const oc_image *image;
    struct view     seen;
};

struct task {
    struct entry entry;
    const struct entry *const *losses;                  /* every `struct loss`; ends in NULL */
    bool         all_outputs;      /* the loss is a sum over all outputs, not of the result alone */
    bool         blends;                                /* samples of two classes may be blended */
    bool         masks;                                 /* loaders hand out masks */
    const char  *target;                                /* name of the graph's input */

    oc_status  (*check_data)(const oc_model *m, const oc_data *d);
    /* The targets of n samples, without data; and those of a batch. */
    oc_tensor  (*targets)(const oc_model *m, int64_t n);
    const void *(*of_batch)(const struct batch *b);

    /* How many of a batch's decisions are right, of so many for each sample. */
    int64_t    (*count_right)(const oc_model *m, const float *logits, const void *targets,
                              int64_t n);
    int64_t    (*decisions)(const oc_model *m);

    void      *(*tally_new)(const oc_model *m);         /* NULL: no memory */
    void       (*tally_add)(void *tally, const float *logits, const void *targets, int64_t n,
                            double mean_loss);
    oc_status  (*tally_metrics)(const void *tally, oc_metrics *out);
    void       (*tally_free)(void *tally);

    /* For answers without a model: adds targets to sums [values], of which logit() makes the answer
     * for their mean; and the mean loss of n answers, by the usual loss, of the result alone. */
    void       (*add_targets)(const oc_model *m, const void *targets, int64_t n, double *sum);
    double     (*logit)(double mean);
    double     (*mean_loss)(const oc_model *m, const float *logits, const void *targets,
                            int64_t n);

    /* Pictures of an answer, at most OC_PICTURES_MAX; NULL: there are none. */
    oc_status  (*draw)(const struct answer *a, oc_picture *picture, int *n);
};

extern const struct task *const oc__task_list[];        /* ends in NULL */
#define TASK(name) extern const struct task oc__task_##name;
#include "task/list.h"
#undef TASK

const struct task *oc__task_of(const oc_model *m);

/* A loss with its settings, read from text such as "softmax smoothing=0.1". */
enum { LOSS_ATTR_MAX = 64 };
struct loss_choice {
    const struct loss    *loss;
    _Alignas(16) char     attr[LOSS_ATTR_MAX];
};
oc_status oc__loss_read(struct loss_choice *out, const struct task *task, const char *text);

/* The mean loss of logits against targets, of rank 0: of [n, classes] against labels [n] (i64), of
 * [n, 1, h, w] against masks. */
oc_value oc__loss_value(const struct loss_choice *c, oc_graph *g, oc_value logits,
                        oc_value targets);

/* What a model is trained for, on a batch of n samples (or a symbol): the graph's inputs become x
 * [n, c, h, w], its task's targets and, where samples are blended, the labels of what is blended in
 * [n] and the share of the first, of rank 0.  `loss` is text. */
struct objective { oc_value logits, loss; };
oc_status oc__objective(struct objective *out, oc_model *m, oc_graph *g, const char *loss,
                        int64_t n, bool blended);

/* The logits as probabilities, by the loss that the model is trained with. */
oc_value  oc__probability(const oc_model *m, oc_graph *g, oc_value logits);

/* How many logits a sample has. */
int64_t   oc__task_values(const oc_model *m);

/* The targets of a batch, which owns their data. */
oc_tensor oc__task_targets(const oc_model *m, const struct batch *b);

/* ---- classification ------------------------------------------------------------------------ */

extern const struct entry *const oc__classify_losses[];

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

/* ---- all ----------------------------------------------------------------------------------- */

/* Numbers that a session left in double become floats in their place; those of f32 stay. */
void oc__narrow(oc_tensor *t);

/* Fails unless a model fits a data set. */
oc_status oc__task_check_data(const oc_model *m, const oc_data *d);

#endif
