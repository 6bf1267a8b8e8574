/* probe.c — one step of a model, through the public interface alone. */
#include "cli/probe.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

/* ---- made-up input ------------------------------------------------------------------------- */

static oc_status make_room(oc_tensor *t)
{
    const size_t bytes = oc_tensor_bytes(t);
    if (bytes == SIZE_MAX)
        return oc__fail(OC_ELIMIT, "an input of uncountable size");
    t->data = oc__block_alloc(bytes + 1);
    return t->data ? OC_OK : OC_ELIMIT;
}

/* Uniform noise for numbers, zeroes for what may be an index: speed does not depend on them. */
static oc_status make_input(oc_tensor *t, uint64_t key)
{
    TRY(make_room(t));
    float *const x = t->data;
    for (int64_t i = 0; t->dtype == OC_F32 && i < oc_shape_count(&t->shape); i++)
        x[i] = (float)oc__uniform(key, (uint64_t)i);
    return OC_OK;
}

/* Labels in turn. */
static oc_status make_labels(oc_tensor *t, int classes)
{
    TRY(make_room(t));
    for (int64_t i = 0; i < oc_shape_count(&t->shape); i++)
        oc_tensor_set(t, i, (double)(i % classes));
    return OC_OK;
}

/* ---- inference ----------------------------------------------------------------------------- */

static oc_status check_closed(const char *name, const oc_shape *s)
{
    if (s->rank < 0)
        return oc__fail(OC_EUSAGE, "input %s: its rank is not known", oc__quote_z(name));
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 0)
            return oc__fail(OC_EUSAGE, "input %s: dimension %d is open; --input gives what follows "
                                       "the first, as in 3,224,224", oc__quote_z(name), i);
    return OC_OK;
}

oc_status oc__probe_inference(struct probe *p, const struct network *n,
                              const struct probe_options *o)
{
    oc_shape shape[NETWORK_MAX];
    *p = (struct probe){ 0 };
    for (int i = 0; i < n->inputs; i++) {
        const oc_value x = n->input[i];
        shape[i] = oc_value_shape(n->graph, x);
        TRY(check_closed(oc_value_name(n->graph, x), &shape[i]));
        p->in[i] = (oc_tensor){ oc_value_dtype(n->graph, x), shape[i], NULL };
        TRY(make_input(&p->in[i], 1));
    }
    const oc_session_options options = {
        .mode = OC_INFER, .device = o->device, .backends = o->backends, .threads = o->threads,
        .outputs = n->outputs, .output = n->output,
    };
    TRY(oc_session_new(&p->session, n->graph, &options));
    return oc_session_prepare(p->session, shape);
}

/* ---- training ------------------------------------------------------------------------------ */

/* Images and what they teach. */
static oc_status make_samples(struct probe *p, const oc_model *m, int64_t batch)
{
    oc_shape shape = oc_model_input(m);
    memmove(shape.dim + 1, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    shape.dim[0] = batch;
    shape.rank++;
    p->in[0] = (oc_tensor){ OC_F32, shape, NULL };
    p->in[1] = oc_model_targets(m, batch);
    TRY(make_input(&p->in[0], 1));
    return p->in[1].dtype == OC_I64 ? make_labels(&p->in[1], oc_model_classes(m))
                                    : make_input(&p->in[1], 2);
}

/* The trainable parameters as values of the graph; *n is how many. */
static oc_value *trainable(struct probe *p, oc_store *store, int *n)
{
    oc_value *const v = oc__alloc((size_t)oc_store_count(store) + 1, sizeof *v);
    *n = 0;
    for (int i = 0; v && i < oc_store_count(store); i++) {
        const oc_parameter q = oc_store_at(store, i);
        if (q.kind == OC_TRAINABLE)
            v[(*n)++] = oc_parameter_value(p->graph, q.name, q.shape, q.kind, NULL);
    }
    return v;
}

static oc_status begin_training(struct probe *p, oc_model *m, const struct probe_options *o)
{
    oc_value logits, loss;
    int n;
    TRY(oc_model_objective(m, p->graph, o->batch, &logits, &loss));
    oc_value *const parameter = trainable(p, oc_model_store(m), &n);
    oc_value *const gradient = oc__alloc((size_t)n + 1, sizeof *gradient);
    oc_status status = OC_ELIMIT;
    if (parameter && gradient) {
        oc_grad(p->graph, loss, n, parameter, gradient);
        const oc_session_options options = {
            .mode = OC_TRAIN, .device = o->device, .backends = o->backends,
            .threads = o->threads, .outputs = 1, .output = &loss,
            .gradients = n, .parameter = parameter, .gradient = gradient,
        };
        p->out[0].data = &p->loss;
        status = oc_session_new(&p->session, p->graph, &options);
    }
    oc__free(parameter);
    oc__free(gradient);
    return status;
}

oc_status oc__probe_training(struct probe *p, oc_model *m, const struct probe_options *o)
{
    *p = (struct probe){ 0 };
    TRY(make_samples(p, m, o->batch));
    TRY(oc_graph_new(&p->graph, oc_model_store(m)));
    TRY(begin_training(p, m, o));
    const oc_shape shapes[] = { p->in[0].shape, p->in[1].shape };
    return oc_session_prepare(p->session, shapes);
}

oc_status oc__probe_run(struct probe *p)
{
    return oc_session_run(p->session, p->in, p->out);
}

void oc__probe_close(struct probe *p)
{
    oc_session_free(p->session);
    oc_graph_free(p->graph);
    for (int i = 0; i < NETWORK_MAX; i++)
        oc__block_free(p->in[i].data);
    *p = (struct probe){ 0 };
}
