/* trial.c — see trial.h. */
#include "run/trial.h"

#include <stdio.h>

#include "base/rng.h"

enum { SEED = 1234 };

static bool is_real(const struct case_input *in) { return in->kind <= CASE_CONSTANT; }

/* Takes over the data of a tensor as a graph input of this type; OC_FAILED: too many. */
static oc_value feed(struct trial *t, const oc_tensor *data, oc_dtype type, int *index)
{
    char name[24];
    if (t->feeds == TRIAL_FEEDS)
        return oc__graph_fail(t->graph, OC_EBUG, "a case has more than %d inputs", TRIAL_FEEDS);
    *index = t->feeds;
    t->feed[t->feeds++] = *data;
    snprintf(name, sizeof name, "input%d", *index);
    oc_shape shape = data->shape;
    for (int i = 0; t->form == TRIAL_UNKNOWN && i < shape.rank; i++)
        shape.dim[i] = OC_UNKNOWN;
    return oc_input(t->graph, name, type, shape);
}

/* The earlier input whose tensor input i takes in TRIAL_SHARED; -1: none. */
static int shares_with(const struct trial *t, int i)
{
    const struct case_input *const in = &t->c.in[i];
    for (int k = 0; t->form == TRIAL_SHARED && is_real(in) && !in->fixed && k < i; k++)
        if (!t->c.in[k].fixed && t->c.in[k].kind == in->kind &&
            oc_shape_equal(&t->c.in[k].shape, &in->shape))
            return k;
    return -1;
}

/* The data of a tensor, which it frees, as a constant of this type. */
static oc_value fix(struct trial *t, const oc_tensor *data, oc_dtype type)
{
    oc_tensor constant = { type, data->shape, oc__block_alloc(oc_tensor_bytes(data) + 1) };
    oc_value v = OC_FAILED;
    for (int64_t i = 0; constant.data && i < oc_shape_count(&data->shape); i++)
        oc_tensor_set(&constant, i, oc_tensor_get(data, i));
    if (constant.data)
        v = oc_constant(t->graph, &constant);
    oc__block_free(constant.data);
    oc__block_free(data->data);
    return v;
}

static oc_status feed_inputs(struct trial *t, oc_dtype real)
{
    oc_tensor data[OP_MAX_INPUTS] = { { 0 } };
    const oc_status status = oc__case_fill(&t->c, SEED, data);
    for (int i = 0; i < t->c.n; i++) {
        const int other = shares_with(t, i);
        t->source[i] = t->extra[i] = -1;
        if (status || t->c.in[i].kind == CASE_ABSENT || other >= 0) {
            oc__block_free(data[i].data);
            t->x[i] = other >= 0 ? t->x[other] : OC_NONE;
            t->shared += other >= 0;
        } else if (t->c.in[i].fixed) {
            t->x[i] = fix(t, &data[i], oc__case_dtype(&t->c.in[i], real));
        } else {
            t->x[i] = feed(t, &data[i], oc__case_dtype(&t->c.in[i], real), &t->source[i]);
        }
    }
    return status;
}

/* A weight for each element of v, as one more input, and the sum of their products. */
static oc_value weigh(struct trial *t, oc_value v, const oc_shape *shape, int *index)
{
    oc_tensor w = { OC_F64, *shape, NULL };
    const int64_t n = oc_shape_count(&w.shape);
    const uint64_t key = oc__key(SEED, (uint64_t)t->feeds);
    w.data = oc__block_alloc(oc_tensor_bytes(&w) + 1);
    if (!w.data)
        return oc__graph_fail(t->graph, OC_ELIMIT, NULL);
    for (int64_t i = 0; i < n; i++)
        oc_tensor_set(&w, i, 0.5 + oc__uniform(key, (uint64_t)i));
    const oc_value in = feed(t, &w, oc_value_dtype(t->graph, v), index);
    return oc_sum(t->graph, oc_mul(t->graph, v, in));
}

static void add_term(struct trial *t, oc_value *sum, oc_value term)
{
    *sum = oc__is_none(*sum) ? term : oc_add(t->graph, *sum, term);
}

/* The objective and its gradients; inputs without one keep OC_NONE. */
static void add_gradients(struct trial *t)
{
    oc_value objective = OC_NONE, x[OP_MAX_INPUTS], dx[OP_MAX_INPUTS];
    int from[OP_MAX_INPUTS], n = 0;
    oc_scope(t->graph, "check");
    for (int k = 0; k < t->outputs && !t->graph->status; k++)
        if (oc__is_float(oc_value_dtype(t->graph, t->y[k])) && !(t->c.op->detached >> k & 1))
            add_term(t, &objective, weigh(t, t->y[k], &t->shape[k], &t->weight[k]));
    for (int i = 0; i < t->c.n && !t->graph->status; i++) {
        if (!is_real(&t->c.in[i]) || t->c.in[i].kind == CASE_CONSTANT || t->source[i] < 0)
            continue;
        if (t->form == TRIAL_TWO_CONSUMERS && !oc__is_none(objective))
            add_term(t, &objective, weigh(t, t->x[i], &t->c.in[i].shape, &t->extra[i]));
        from[n] = i;
        x[n++] = t->x[i];
    }
    if (!oc__is_none(objective) && !t->graph->status) {
        oc_grad(t->graph, objective, n, x, dx);
        for (int i = 0; i < n; i++)
            t->dx[from[i]] = dx[i];
    }
    oc_scope_end(t->graph);
}

/* The outputs and their shapes, which in TRIAL_UNKNOWN are those of a plain trial. */
static oc_status find_outputs(struct trial *t, oc_value first, const char *text, oc_dtype real)
{
    struct trial known = { .graph = NULL };
    oc_status status = OC_OK;
    if (t->form == TRIAL_UNKNOWN)
        status = oc__trial_new(&known, t->c.op, text, TRIAL_PLAIN, real);
    t->outputs = status ? 0 : oc__op_count_outputs(t->c.op, t->c.attr);
    for (int k = 0; k < t->outputs; k++) {
        t->y[k] = t->outputs == 1 ? first : oc_output(t->graph, first, k);
        t->shape[k] = known.graph ? known.shape[k] : oc_value_shape(t->graph, t->y[k]);
    }
    oc__trial_free(&known);
    return status;
}

oc_status oc__trial_new(struct trial *t, const struct op *op, const char *text,
                        enum trial_form form, oc_dtype real)
{
    *t = (struct trial){ .form = form };
    for (int k = 0; k < OP_MAX_OUTPUTS; k++)
        t->weight[k] = -1;
    TRY(oc__case_parse(op, text, &t->c));
    TRY(oc_graph_new(&t->graph, NULL));
    TRY(feed_inputs(t, real));
    const oc_value y = oc__apply(t->graph, op, t->c.attr, t->c.n, t->x);
    if (form == TRIAL_UNKNOWN && t->graph->status)
        return OC_OK;
    TRY(oc_graph_check(t->graph));
    TRY(find_outputs(t, y, text, real));
    if (op->grad || op->compose)
        add_gradients(t);
    return oc_graph_check(t->graph);
}

void oc__trial_free(struct trial *t)
{
    for (int i = 0; i < t->feeds; i++)
        oc__block_free(t->feed[i].data);
    oc_graph_free(t->graph);
}

oc_status oc__trial_session(const struct trial *t, const char *backends, oc_dtype precision, int n,
                            const oc_value *output, oc_session **out)
{
    const oc_session_options options = {
        .mode = OC_TRAIN, .backends = backends, .precision = precision, .threads = 2, .seed = SEED,
        .outputs = n, .output = output,
    };
    return oc_session_new(out, t->graph, &options);
}

oc_status oc__trial_room(const struct trial *t, oc_dtype precision, int n, const oc_value *v,
                         const oc_shape *shape, oc_tensor *out)
{
    for (int i = 0; i < n; i++)
        out[i] = (oc_tensor){ 0 };
    for (int i = 0; i < n; i++) {
        const oc_dtype type = oc_value_dtype(t->graph, v[i]);
        out[i] = (oc_tensor){ type == OC_F32 ? precision : type, shape[i], NULL };
        out[i].data = oc__block_alloc(oc_tensor_bytes(&out[i]) + 1);
        if (!out[i].data)
            return OC_ELIMIT;
    }
    return OC_OK;
}

void oc__trial_room_free(int n, oc_tensor *out)
{
    for (int i = 0; i < n; i++)
        oc__block_free(out[i].data);
}

/* The feed of graph input i in the type that a session of this precision reads: itself, or a copy
 * with data of its own. */
static oc_status convert_feed(const struct trial *t, int i, oc_dtype precision, oc_tensor *out)
{
    const oc_tensor *const from = &t->feed[i];
    const int64_t n = oc_shape_count(&from->shape);
    for (int k = 0; k < t->graph->values; k++)
        if (t->graph->value[k].kind == VALUE_INPUT && t->graph->value[k].index == i)
            out->dtype = t->graph->value[k].dtype;
    out->dtype = out->dtype == OC_F32 ? precision : out->dtype;
    if (out->dtype == from->dtype) {
        *out = *from;
        return OC_OK;
    }
    out->shape = from->shape;
    out->data = oc__block_alloc((size_t)n * oc_dtype_size(out->dtype) + 1);
    if (!out->data)
        return OC_ELIMIT;
    for (int64_t k = 0; k < n; k++)
        oc_tensor_set(out, k, oc_tensor_get(from, k));
    return OC_OK;
}

oc_status oc__trial_run(const struct trial *t, oc_dtype precision, oc_session *s, oc_tensor *out)
{
    oc_tensor in[TRIAL_FEEDS] = { { 0 } };
    oc_status status = OC_OK;
    for (int i = 0; i < t->feeds && !status; i++)
        status = convert_feed(t, i, precision, &in[i]);
    oc_session_set_step(s, 0);
    if (!status)
        status = oc_session_run(s, in, out);
    for (int i = 0; i < t->feeds; i++)
        if (in[i].data != t->feed[i].data)
            oc__block_free(in[i].data);
    return status;
}
