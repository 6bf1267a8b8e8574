/* grad.c — the reverse walk: a gradient is more graph.
 *
 * Values are visited from y back to the inputs.  Each node hands back the gradients of the inputs
 * that are wanted, those that depend on some x; the walker undoes broadcasting by SumTo and adds up
 * what several consumers contribute.  New nodes are named after the node whose gradient they are:
 * "grad.fc1.Gemm".
 *
 * Operators that are themselves gradients (ReluGrad) have none: where a second derivative would
 * need one, the graph fails and names the operator, rather than leave a term out. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>
#include "op/op.h"

struct walk {
    oc_graph *g;
    bool     *active;                                   /* by value: depends on some x */
    oc_value *dy;                                       /* by value: its gradient so far */
};

static bool is_float(oc_dtype t)
{
    return t == OC_F32 || t == OC_F64 || t == OC_F16 || t == OC_BF16;
}

static bool known(const oc_shape *s)
{
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] < 0)
            return false;
    return true;
}

static void mark_active(struct walk *w, int n, const oc_value *x)
{
    for (int i = 0; i < n; i++)
        if (x[i].id > 0)
            w->active[x[i].id] = true;
    for (int k = 0; k < w->g->nodes; k++) {
        const struct node *node = &w->g->node[k];
        bool any = false;
        for (int i = 0; i < node->n_in; i++)
            any |= w->active[node->in[i].id] && !(node->op->shape_only >> i & 1);
        for (int i = 0; any && i < node->n_out; i++)
            w->active[node->out.id + i] =
                is_float(oc__value(w->g, (oc_value){ node->out.id + i })->dtype);
    }
}

static void contribute(struct walk *w, const struct node *n, oc_value x, oc_value dx)
{
    if (dx.id < 0)
        return;
    if (n->op->broadcasts) {
        const oc_shape a = oc__value(w->g, x)->shape, b = oc__value(w->g, dx)->shape;
        if (!known(&a) || !known(&b) || !oc_shape_equal(&a, &b))
            dx = oc__apply(w->g, &oc__op_sum_to, NULL, OC_IN(dx, x));
    }
    oc_value *sum = &w->dy[x.id];
    *sum = oc__is_none(*sum) ? dx : oc_add(w->g, *sum, dx);
}

/* Attributes that a gradient reads may still be on their way; those of a view are not read. */
static bool by_value_pending(const struct node *n)
{
    bool any = false;
    for (int i = 0; i < n->n_in; i++)
        any |= n->op->by_value >> i & 1 && !oc__is_none(n->in[i]);
    return any && n->op->take && !n->op->view;
}

static void visit(struct walk *w, const struct node *n)
{
    oc_value dy[OP_MAX_OUTPUTS], dx[OP_MAX_INPUTS] = { { 0 } };
    bool want[OP_MAX_INPUTS] = { false }, reached = false, any = false;
    for (int k = 0; k < n->n_out; k++) {
        dy[k] = w->dy[n->out.id + k];
        reached |= !oc__is_none(dy[k]);
    }
    for (int i = 0; i < n->n_in; i++) {
        want[i] = w->active[n->in[i].id] && !(n->op->shape_only >> i & 1);
        any |= want[i];
    }
    if (!reached || !any)
        return;
    if (by_value_pending(n)) {
        oc__graph_fail(w->g, OC_EUSAGE, "%s: no gradient while the values that its shape follows "
                                        "from are not known; give the shapes of the inputs",
                       n->name);
        return;
    }
    if (!n->op->grad) {
        oc__graph_fail(w->g, OC_EUSAGE, "%s: %s has no gradient", n->name, n->op->entry.name);
        return;
    }
    char scope[sizeof w->g->scope];
    memcpy(scope, w->g->scope, sizeof scope);
    snprintf(w->g->scope, sizeof w->g->scope, "grad.%.240s", n->name);
    n->op->grad(w->g, n, dy, want, dx);
    for (int i = 0; i < n->n_in; i++)
        if (want[i] && !oc__is_none(dx[i]))
            contribute(w, n, n->in[i], dx[i]);
    memcpy(w->g->scope, scope, sizeof scope);
}

static void walk_back(struct walk *w, oc_value y)
{
    w->dy[y.id] = oc__apply(w->g, &oc__op_ones_like, NULL, OC_IN(y));
    const struct value *v = oc__value(w->g, y);
    for (int k = v->kind == VALUE_RESULT ? v->index : -1; k >= 0 && !w->g->status; k--) {
        const struct node n = w->g->node[k];            /* a copy: the array may move */
        visit(w, &n);
    }
}

void oc_grad(oc_graph *g, oc_value y, int n, const oc_value *x, oc_value *dx)
{
    for (int i = 0; i < n; i++)
        dx[i] = OC_FAILED;
    if (g->status || y.id < 0)
        return;
    struct walk w = { .g = g };
    w.active = oc__alloc((size_t)g->values + 1, sizeof *w.active);
    w.dy = oc__alloc((size_t)g->values + 1, sizeof *w.dy);
    if (!w.active || !w.dy) {
        oc__graph_fail(g, OC_ELIMIT, NULL);
    } else {
        mark_active(&w, n, x);
        walk_back(&w, y);
        for (int i = 0; i < n; i++)
            dx[i] = x[i].id > 0 ? w.dy[x[i].id] : OC_NONE;
    }
    oc__free(w.active);
    oc__free(w.dy);
}
