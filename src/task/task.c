/* task.c — the table of tasks, and what follows from it. */
#include "task/task.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "data/loader.h"
#include "nn/model.h"
#include "op/op.h"

#define TASK(name) &oc__task_##name,
const struct task *const oc__task_list[] = {
#include "task/list.h"
    NULL
};
#undef TASK

/* A model's task is one that nn/build.c knows the result of; each of them is in the list. */
const struct task *oc__task_of(const oc_model *m)
{
    const char *const name = oc_model_task(m);
    for (int i = 0; oc__task_list[i]; i++)
        if (!strcmp(oc__task_list[i]->entry.name, name))
            return oc__task_list[i];
    return oc__task_list[0];
}

oc_status oc__task_check_data(const oc_model *m, const oc_data *d)
{
    return oc__task_of(m)->check_data(m, d);
}

int64_t oc__task_values(const oc_model *m)
{
    const oc_shape s = oc__model_result(m);
    return oc_shape_count(&s);
}

oc_tensor oc__task_targets(const oc_model *m, const struct batch *b)
{
    const struct task *const task = oc__task_of(m);
    oc_tensor t = task->targets(m, b->n);
    t.data = (void *)(uintptr_t)task->of_batch(b);
    return t;
}

/* ---- losses -------------------------------------------------------------------------------- */

oc_status oc__loss_read(struct loss_choice *out, const struct task *task, const char *text)
{
    const struct entry *e;
    char name[ATTR_TEXT_MAX], where[ATTR_TEXT_MAX + 8];
    const size_t n = strcspn(text, " ");
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    TRY(oc__entry_find(task->losses, "loss", name, &e));
    *out = (struct loss_choice){ .loss = (const struct loss *)(const void *)e };
    if (e->size > sizeof out->attr)
        return oc__fail(OC_EBUG, "loss %s: settings of %zu bytes", e->name, e->size);
    oc__attr_defaults(e, out->attr);
    snprintf(where, sizeof where, "loss %s", e->name);
    return oc__attr_parse(e, out->attr, where, text + n);
}

oc_value oc__loss_value(const struct loss_choice *c, oc_graph *g, oc_value logits,
                        oc_value targets)
{
    return c->loss->build(g, logits, targets, c->attr);
}

/* The loss of blended samples: by their own labels and by those of what is blended in, each in its
 * share. */
static oc_value blended_loss(const struct loss_choice *loss, oc_graph *g, oc_value logits,
                             oc_value labels)
{
    const oc_value other = oc_input(g, "other_labels", OC_I64, oc_value_shape(g, labels));
    const oc_value share = oc_input(g, "share", OC_F32, (oc_shape){ 0 });
    const oc_value rest = oc_sub(g, oc_scalar(g, 1), share);
    return oc_add(g, oc_mul(g, share, oc__loss_value(loss, g, logits, labels)),
                  oc_mul(g, rest, oc__loss_value(loss, g, logits, other)));
}

/* Of the result, and of the other outputs where the task wants it. */
static oc_value whole_loss(const struct loss_choice *loss, oc_graph *g, const oc_value *output,
                           int n, oc_value targets)
{
    oc_value sum = oc__loss_value(loss, g, output[0], targets);
    for (int i = 1; i < n; i++)
        sum = oc_add(g, sum, oc__loss_value(loss, g, output[i], targets));
    return sum;
}

oc_status oc__objective(struct objective *out, oc_model *m, oc_graph *g, const char *loss,
                        int64_t n, bool blended)
{
    const struct task *const task = oc__task_of(m);
    const oc_tensor t = task->targets(m, n);
    struct loss_choice choice;
    oc_value output[1 + OUTPUTS_MAX];
    if (blended && !task->blends)
        return oc__fail(OC_EUSAGE, "augmentation: mixup and cutmix blend classes, and the task %s "
                                   "has none", task->entry.name);
    TRY(oc__loss_read(&choice, task, loss));
    const oc_value x = oc__model_input(m, g, n);
    const oc_value targets = oc_input(g, task->target, t.dtype, t.shape);
    const int outputs = oc_model_build_all(m, g, x, output);
    out->logits = output[0];
    out->loss = blended ? blended_loss(&choice, g, output[0], targets)
                        : whole_loss(&choice, g, output, task->all_outputs ? outputs : 1, targets);
    return oc_graph_check(g);
}

oc_status oc_model_objective(oc_model *m, oc_graph *g, int64_t n, oc_value *logits, oc_value *loss)
{
    struct objective o;
    TRY(oc__objective(&o, m, g, oc__model_loss(m), n, false));
    *logits = o.logits;
    *loss = o.loss;
    return OC_OK;
}

oc_value oc__probability(const oc_model *m, oc_graph *g, oc_value logits)
{
    struct loss_choice choice;
    if (oc__loss_read(&choice, oc__task_of(m), oc__model_loss(m)) < 0)
        return oc__graph_fail(g, OC_EUSAGE, NULL);
    return choice.loss->probability(g, logits);
}

oc_tensor oc_model_targets(const oc_model *m, int64_t n)
{
    return oc__task_of(m)->targets(m, n);
}

