/* probe.c — one step of a model, through the public interface alone. */
#include "cli/probe.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

/* Images of uniform noise, labels in turn, masks of noise: speed does not depend on them. */
static oc_status make_inputs(struct probe *p, const oc_model *m, int64_t batch)
{
    oc_shape shape = oc_model_input(m);
    memmove(shape.dim + 1, shape.dim, (size_t)shape.rank * sizeof *shape.dim);
    shape.dim[0] = batch;
    shape.rank++;
    p->in[0] = (oc_tensor){ OC_F32, shape, NULL };
    p->in[1] = oc_model_targets(m, batch);
    for (int i = 0; i < 2; i++)
        if (!(p->in[i].data = oc__block_alloc(oc_tensor_bytes(&p->in[i]))))
            return OC_ELIMIT;
    float *const x = p->in[0].data;                     /* [n, c, h, w] */
    const int64_t n = oc_shape_count(&shape);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)oc__uniform(1, (uint64_t)i);
    const bool labels = p->in[1].dtype == OC_I64;
    for (int64_t i = 0; i < oc_shape_count(&p->in[1].shape); i++)
        oc_tensor_set(&p->in[1], i, labels ? (double)(i % oc_model_classes(m))
                                           : oc__uniform(2, (uint64_t)i));
    return OC_OK;
}

static oc_status begin_inference(struct probe *p, const struct probe_options *o, oc_value logits)
{
    const oc_session_options options = {
        .mode = OC_INFER, .device = o->device, .backends = o->backends, .threads = o->threads,
        .outputs = 1, .output = &logits,
    };
    const oc_shape shape = oc_value_shape(p->graph, logits);
    p->out[0].data = oc__block_alloc(sizeof(float) * (size_t)oc_shape_count(&shape));
    return p->out[0].data ? oc_session_new(&p->session, p->graph, &options) : OC_ELIMIT;
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

oc_status oc__probe_open(struct probe *p, oc_model *m, const struct probe_options *o)
{
    *p = (struct probe){ 0 };
    TRY(make_inputs(p, m, o->batch));
    TRY(oc_graph_new(&p->graph, oc_model_store(m)));
    if (o->mode == OC_TRAIN) {
        TRY(begin_training(p, m, o));
    } else {
        const oc_value x = oc_input(p->graph, "x", OC_F32, p->in[0].shape);
        const oc_value logits = oc_model_build(m, p->graph, x);
        TRY(oc_graph_check(p->graph));
        TRY(begin_inference(p, o, logits));
    }
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
    for (int i = 0; i < PROBE_MAX; i++)
        oc__block_free(p->in[i].data);
    if (p->out[0].data != &p->loss)
        oc__block_free(p->out[0].data);
    *p = (struct probe){ 0 };
}
