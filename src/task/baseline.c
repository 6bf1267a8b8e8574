/* baseline.c — the metrics of an answer that looks at no image: the mean target of the training
 * part, given to every sample.  A model has learnt something where it does better. */
#include "base/status.h"
#include "data/loader.h"
#include "nn/model.h"
#include "task/task.h"

enum { BATCH = 16 };

struct baseline {
    const oc_model         *model;
    const struct task      *task;
    struct prepare_program *program;
    int64_t                 values;
    double                 *sum;                        /* of targets, [values] */
    float                  *logits;                     /* [BATCH, values], all rows alike */
    void                   *tally;
};

typedef void use_batch(struct baseline *b, const struct batch *batch);

static void sum_targets(struct baseline *b, const struct batch *batch)
{
    const oc_tensor t = oc__task_targets(b->model, batch);
    b->task->add_targets(b->model, t.data, batch->n, b->sum);
}

static void judge(struct baseline *b, const struct batch *batch)
{
    const oc_tensor t = oc__task_targets(b->model, batch);
    b->task->tally_add(b->tally, b->logits, t.data, batch->n,
                       b->task->mean_loss(b->model, b->logits, t.data, batch->n));
}

static oc_status walk(struct baseline *b, const oc_data *d, oc_part part, use_batch *use)
{
    struct loader *l;
    struct batch batch;
    TRY(oc__loader_new(&l, &(struct loader_options){
        .data = d, .prepare = b->program, .part = part, .batch = BATCH, .masks = b->task->masks,
        .workers = oc__data_workers(d) }));
    oc_status status = oc__loader_next(l, &batch);
    for (; status == OC_OK && batch.n > 0; status = oc__loader_next(l, &batch))
        use(b, &batch);
    oc__loader_free(l);
    return status;
}

static oc_status answer(struct baseline *b, const oc_data *d)
{
    TRY(walk(b, d, OC_PART_TRAIN, sum_targets));
    for (int64_t i = 0; i < BATCH * b->values; i++)
        b->logits[i] = (float)b->task->logit(b->sum[i % b->values]
                                             / (double)oc_data_count(d, OC_PART_TRAIN));
    return OC_OK;
}

oc_status oc_evaluate_mean(const oc_model *m, const oc_data *d, oc_part part, oc_metrics *out)
{
    struct baseline b = { .model = m, .task = oc__task_of(m), .values = oc__task_values(m) };
    *out = (oc_metrics){ 0 };
    TRY(oc__task_check_data(m, d));
    TRY(oc__prepare_parse(&b.program, oc_model_preparation(m)));
    b.sum = oc__alloc((size_t)b.values, sizeof *b.sum);
    b.logits = oc__alloc((size_t)(BATCH * b.values), sizeof *b.logits);
    b.tally = b.task->tally_new(m);
    oc_status status = b.sum && b.logits && b.tally ? OC_OK : OC_ELIMIT;
    if (status == OC_OK)
        status = answer(&b, d);
    if (status == OC_OK)
        status = walk(&b, d, part, judge);
    if (status == OC_OK)
        status = b.task->tally_metrics(b.tally, out);
    b.task->tally_free(b.tally);
    oc__free(b.sum);
    oc__free(b.logits);
    oc__prepare_free(b.program);
    return status;
}
