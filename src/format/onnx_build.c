/* onnx_build.c — the network of an ONNX file as a part of another graph.
 *
 * Nodes that the result needs are applied anew, so that shapes follow from the new input; weights
 * become parameters of the other graph's store, which takes their numbers when it sees a name for
 * the first time and keeps its own afterwards. */
#include <string.h>

#include "base/status.h"
#include "graph/graph.h"
#include "op/op.h"
#include "param/store.h"

struct building {
    const oc_graph *from;
    oc_graph       *to;
    oc_value        x;                                  /* stands for the only input */
    oc_value       *map;                                /* by value of `from` */
    bool           *needed;                             /* likewise */
};

static void find_needed(struct building *b, oc_value y)
{
    b->needed[y.id] = true;
    for (int k = b->from->nodes - 1; k >= 0; k--) {
        const struct node *const n = &b->from->node[k];
        bool any = false;
        for (int i = 0; i < n->n_out; i++)
            any |= b->needed[n->out.id + i];
        for (int i = 0; any && i < n->n_in; i++)
            b->needed[n->in[i].id] = true;
    }
}

/* ---- sources ------------------------------------------------------------------------------ */

static oc_value build_parameter(struct building *b, const struct value *v)
{
    const oc_graph *const g = b->from;
    const struct parameter *const p = &g->store->parameter[v->index];
    const int before = b->to->store ? b->to->store->n : 0;
    const oc_value made = oc_parameter_value(b->to, p->name, p->shape, p->kind, "zeros");
    if (made.id <= 0 || b->to->store->n == before)
        return made;
    const int index = oc__value(b->to, made)->index;
    if (oc__store_ready(b->to->store, ROLE_VALUE) < 0)
        return oc__graph_fail(b->to, OC_ELIMIT, NULL);
    memcpy(oc__store_place(b->to->store, ROLE_VALUE, index),
           oc__store_place(g->store, ROLE_VALUE, v->index), (size_t)p->count * sizeof(float));
    oc_store_touch(b->to->store);
    return made;
}

static oc_value build_source(struct building *b, const struct value *v)
{
    if (v->kind == VALUE_INPUT)
        return b->x;
    if (v->kind == VALUE_PARAMETER)
        return build_parameter(b, v);
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    return oc_constant(b->to, &t);
}

/* ---- nodes -------------------------------------------------------------------------------- */

static oc_status build_node(struct building *b, const struct node *n)
{
    oc_value *const in = oc__alloc((size_t)n->n_in + 1, sizeof *in);
    if (!in)
        return OC_ELIMIT;
    for (int i = 0; i < n->n_in; i++)
        in[i] = b->map[n->in[i].id];
    const oc_value first = oc__apply(b->to, n->op, n->attr, n->n_in, in);
    for (int k = 0; k < n->n_out; k++)
        b->map[n->out.id + k] = oc_output(b->to, first, k);
    oc__free(in);
    return OC_OK;
}

static oc_status build(struct building *b, oc_value y)
{
    const oc_graph *const g = b->from;
    find_needed(b, y);
    for (int i = 0; i < g->values; i++)
        if (b->needed[i + 1] && g->value[i].kind != VALUE_RESULT)
            b->map[i + 1] = build_source(b, &g->value[i]);
    for (int k = 0; k < g->nodes && !b->to->status; k++) {
        const struct node *const n = &g->node[k];
        bool any = false;
        for (int i = 0; i < n->n_out; i++)
            any |= b->needed[n->out.id + i];
        if (any)
            TRY(build_node(b, n));
    }
    return oc_graph_check(b->to);
}

/* What goes into a softmax that makes y; else y. */
static oc_value before_softmax(const oc_graph *g, oc_value y)
{
    const struct node *const n = oc__maker(g, y);
    return n && !strcmp(n->op->entry.name, "Softmax") ? n->in[0] : y;
}

static oc_status check(const oc_onnx *m, const oc_graph *g)
{
    if (oc_onnx_inputs(m) != 1)
        return oc__fail(OC_EUSAGE, "the ONNX model has %d inputs: wants one", oc_onnx_inputs(m));
    if (g->bodies)
        return oc__fail(OC_EUSAGE, "the ONNX model has nodes of control");
    return OC_OK;
}

oc_value oc_onnx_logits(oc_graph *g, oc_value x, void *context)
{
    oc_onnx *const m = context;
    if (g->status || x.id <= 0)
        return OC_FAILED;
    const oc_graph *const from = oc_onnx_graph(m);
    const oc_value y = before_softmax(from, oc_onnx_output(m, 0, NULL));
    const size_t n = (size_t)from->values + 1;
    struct building b = { from, g, x, oc__alloc(n, sizeof *b.map), oc__alloc(n, sizeof *b.needed) };
    oc_status status = b.map && b.needed ? check(m, from) : OC_ELIMIT;
    if (!status)
        status = build(&b, y);
    const oc_value made = status ? OC_FAILED : b.map[y.id];
    oc__free(b.map);
    oc__free(b.needed);
    if (status)
        return oc__graph_fail(g, status, NULL);
    return oc_value_shape(g, made).rank == 2 ? made : oc_apply(g, "Flatten", 1, &made, "axis=1");
}
