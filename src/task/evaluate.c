/* evaluate.c — a model's metrics on a part of a data set.
 *
 * The model is built for inference with its loss behind it, and the part is read in the order of
 * storage through the model's own preparation.  The last batch may be smaller; the session then
 * plans once more, with the first plan given up: each holds all weights in layouts of its own. */
#include <string.h>
#include "base/status.h"
#include "data/loader.h"
#include "nn/model.h"
#include "op/op.h"
#include "run/session.h"
#include "task/task.h"

enum { BATCH = 256 };

struct evaluation {
    oc_graph               *graph;
    oc_session             *session;
    struct prepare_program *program;
    struct loader          *loader;
    const struct task      *task;
    void                   *tally;
    int64_t                 seen, last;                 /* samples: so far; in the last batch */
    float                  *logits, *probability;       /* [batch, …], room for double */
    const oc_eval_options  *options;
    oc_part                 part;
};

/* From the front on: a float lies at or before the double that it is made of. */
void oc__narrow(oc_tensor *t)
{
    if (t->dtype != OC_F64)
        return;
    char *const to = t->data;
    for (int64_t i = 0; i < oc_shape_count(&t->shape); i++) {
        double wide;
        memcpy(&wide, to + (size_t)i * sizeof wide, sizeof wide);
        const float narrow = (float)wide;
        memcpy(to + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
    }
    t->dtype = OC_F32;
}

static oc_status open_loader(struct evaluation *e, const oc_model *m, const oc_data *d,
                             oc_part part, int64_t batch)
{
    TRY(oc__prepare_parse(&e->program, oc_model_preparation(m)));
    TRY(oc__loader_new(&e->loader, &(struct loader_options){
                           .data = d, .prepare = e->program, .part = part, .batch = batch,
                           .masks = e->task->masks, .workers = oc__data_workers(d) }));
    const oc_shape have = oc__loader_shape(e->loader), want = oc_model_input(m);
    return oc__shape_match("a prepared image", &want, &have);
}

/* Probabilities are computed where somebody is told of them. */
static oc_status open_session(struct evaluation *e, oc_model *m, const oc_eval_options *o)
{
    struct objective b;
    TRY(oc_graph_new(&e->graph, oc_model_store(m)));
    oc_graph *g = e->graph;
    TRY(oc__objective(&b, m, g, oc__model_loss(m), oc_symbol(g, "N"), false));
    const oc_value output[] = { b.logits, b.loss,
                                o->evaluated ? oc__probability(m, g, b.logits) : OC_NONE };
    return oc_session_new(&e->session, g, &(oc_session_options){
        .mode = OC_INFER, .device = o->device, .backends = o->backends, .threads = o->threads,
        .precision = o->precision, .outputs = o->evaluated ? 3 : 2,
        .output = output });
}

static oc_status tell(const struct evaluation *e, const oc_model *m, const struct batch *b)
{
    const oc_evaluated batch = {
        .part = e->part, .first = e->seen - b->n, .n = b->n, .classes = oc_model_classes(m),
        .label = b->label, .logits = e->logits, .probability = e->probability,
        .mask = b->mask, .values = oc__task_values(m),
    };
    return e->options->evaluated ? e->options->evaluated(e->options->context, &batch) : OC_OK;
}

static oc_status run_batch(struct evaluation *e, const oc_model *m, const struct batch *b)
{
    double loss = 0;                                    /* room for either type */
    oc_shape s = oc_model_input(m);
    for (int i = s.rank; i > 0; i--)
        s.dim[i] = s.dim[i - 1];
    s.dim[0] = b->n;
    s.rank++;
    const oc_tensor in[] = {
        { OC_F32, s, (void *)(uintptr_t)b->x },
        oc__task_targets(m, b),
    };
    oc_tensor out[] = { { .data = e->logits }, { .data = &loss }, { .data = e->probability } };
    if (b->n != e->last)
        oc__session_forget(e->session);
    e->last = b->n;
    TRY(oc_session_run(e->session, in, out));
    oc__narrow(&out[0]);
    if (e->probability)
        oc__narrow(&out[2]);
    e->task->tally_add(e->tally, e->logits, in[1].data, b->n, oc_tensor_get(&out[1], 0));
    e->seen += b->n;
    return tell(e, m, b);
}

static oc_status run_all(struct evaluation *e, const oc_model *m, oc_metrics *out)
{
    struct batch b;
    for (;;) {
        TRY(oc__loader_next(e->loader, &b));
        if (b.n == 0)
            return e->task->tally_metrics(e->tally, out);
        TRY(run_batch(e, m, &b));
    }
}

oc_status oc_evaluate(oc_model *m, const oc_data *d, oc_part part, const oc_eval_options *options,
                      oc_metrics *out)
{
    const oc_eval_options o = options ? *options : (oc_eval_options){ 0 };
    const int64_t batch = o.batch > 0 ? o.batch : BATCH;
    struct evaluation e = { .options = &o, .part = part, .task = oc__task_of(m) };
    size_t n;
    *out = (oc_metrics){ 0 };
    TRY(oc__task_check_data(m, d));
    if (!oc__mul((size_t)batch, (size_t)oc__task_values(m), &n))
        return oc__fail(OC_ELIMIT, "a batch of %lld is too large", (long long)batch);
    oc_status status = open_loader(&e, m, d, part, batch);
    if (!status)
        status = open_session(&e, m, &o);
    if (!status && !(e.tally = e.task->tally_new(m)))
        status = OC_ELIMIT;
    if (!status && !(e.logits = oc__alloc(n, oc_dtype_size(o.precision))))
        status = OC_ELIMIT;
    if (!status && o.evaluated && !(e.probability = oc__alloc(n, oc_dtype_size(o.precision))))
        status = OC_ELIMIT;
    if (!status)
        status = run_all(&e, m, out);
    oc__free(e.logits);
    oc__free(e.probability);
    e.task->tally_free(e.tally);
    oc_session_free(e.session);
    oc_graph_free(e.graph);
    oc__loader_free(e.loader);
    oc__prepare_free(e.program);
    return status;
}
