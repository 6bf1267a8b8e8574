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

/* The elements of a constant as doubles, in the pool of the graph. */
static double *as_doubles(oc_graph *g, const struct value *v)
{
    const int64_t count = oc_shape_count(&v->shape);
    double *d = oc__pool_alloc(&g->pool, (size_t)(count ? count : 1) * sizeof *d);
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    for (int64_t i = 0; d && v->data && i < count; i++)
        d[i] = oc_tensor_get(&t, i);
    return d;
}

static bool from_doubles(oc_graph *g, struct value *v, const double *d)
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

static bool compute(oc_graph *g, const struct node *n)
{
    const double *x[OP_MAX_INPUTS] = { NULL };
    double *y[OP_MAX_OUTPUTS];
    const oc_shape *xs[OP_MAX_INPUTS] = { NULL }, *ys[OP_MAX_OUTPUTS];
    oc_dtype xt[OP_MAX_INPUTS] = { OC_F32 }, yt[OP_MAX_OUTPUTS];
    for (int i = 0; i < n->n_in; i++) {
        if (oc__is_none(n->in[i]))
            continue;
        const struct value *v = oc__value(g, n->in[i]);
        xs[i] = &v->shape;
        xt[i] = v->dtype;
        if (!(n->op->shape_only >> i & 1) && !(x[i] = as_doubles(g, v)))
            return false;
    }
    for (int k = 0; k < n->n_out; k++) {
        struct value *v = oc__value(g, (oc_value){ n->out.id + k });
        ys[k] = &v->shape;
        yt[k] = v->dtype;
        if (!(y[k] = as_doubles(g, v)))
            return false;
    }
    const struct call c = { n->attr, n->n_in, n->n_out, x, xs, xt, y, ys, yt, 0, 0 };
    n->op->run(&c);
    bool ok = true;
    for (int k = 0; k < n->n_out; k++)
        ok &= from_doubles(g, oc__value(g, (oc_value){ n->out.id + k }), y[k]);
    return ok;
}

bool oc__evaluate(oc_graph *g) { return compute(g, &g->node[--g->nodes]); }
