/* evaluate.c — computing a node while its graph is made, by its operator's own run. */
#include "graph/graph.h"

#include "op/op.h"

bool oc__is_constant(const oc_graph *g, const struct op *op, int n, const oc_value *in)
{
    for (int i = 0; i < n; i++) {
        if (oc__is_none(in[i]))
            continue;
        if (in[i].id < 0)
            return false;
        const struct value *const v = oc__value(g, in[i]);
        const bool only_shape = op->shape_only >> i & 1;
        if (only_shape ? oc_shape_count(&v->shape) < 0 : v->kind != VALUE_CONSTANT)
            return false;
    }
    return !op->random && op->run;
}

/* Room for a value's elements as doubles. */
static double *room_for(const struct value *v)
{
    const int64_t count = oc_shape_count(&v->shape);
    return oc__alloc((size_t)(count ? count : 1), sizeof(double));
}

static bool read_operand(const struct value *v, double **d)
{
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    *d = room_for(v);
    for (int64_t i = 0; *d && i < oc_shape_count(&v->shape); i++)
        (*d)[i] = oc_tensor_get(&t, i);
    return *d != NULL;
}

static bool keep_result(oc_graph *g, struct value *v, const double *d)
{
    const int64_t count = oc_shape_count(&v->shape);
    void *data = oc__pool_alloc(&g->pool, (size_t)(count ? count : 1) * oc_dtype_size(v->dtype));
    const oc_tensor t = { v->dtype, v->shape, data };
    for (int64_t i = 0; data && i < count; i++)
        oc_tensor_set(&t, i, d[i]);
    v->kind = VALUE_CONSTANT;
    v->data = data;
    return data != NULL;
}

/* The doubles are freed, and results alone stay in the pool of the graph. */
static bool compute(oc_graph *g, const struct node *n)
{
    double *x[OP_MAX_INPUTS] = { NULL }, *y[OP_MAX_OUTPUTS] = { NULL };
    const oc_shape *xs[OP_MAX_INPUTS] = { NULL }, *ys[OP_MAX_OUTPUTS];
    oc_dtype xt[OP_MAX_INPUTS] = { OC_F32 }, yt[OP_MAX_OUTPUTS];
    bool ok = true;
    for (int i = 0; i < n->n_in; i++) {
        if (oc__is_none(n->in[i]))
            continue;
        const struct value *v = oc__value(g, n->in[i]);
        xs[i] = &v->shape;
        xt[i] = v->dtype;
        ok = ok && ((n->op->shape_only >> i & 1) || read_operand(v, &x[i]));
    }
    for (int k = 0; k < n->n_out; k++) {
        const struct value *v = oc__value(g, (oc_value){ n->out.id + k });
        ys[k] = &v->shape;
        yt[k] = v->dtype;
        ok = ok && (y[k] = room_for(v));
    }
    const struct call c = { n->attr, n->n_in, n->n_out, (const double *const *)x, xs, xt, y, ys,
                            yt, 0, 0 };
    if (ok)
        n->op->run(&c);
    for (int k = 0; ok && k < n->n_out; k++)
        ok = keep_result(g, oc__value(g, (oc_value){ n->out.id + k }), y[k]);
    for (int i = 0; i < n->n_in; i++)
        oc__free(x[i]);
    for (int k = 0; k < n->n_out; k++)
        oc__free(y[k]);
    return ok;
}

bool oc__evaluate(oc_graph *g) { return compute(g, &g->node[--g->nodes]); }
