/* stage.c — what of a graph can be computed before the rest of it can be bound.
 *
 * Dark values depend on something that only a run knows.  What nodes that make dark values read of
 * others, and what is wanted and not dark, is the harvest of this stage; the next one is bound with
 * it given.  Every stage makes at least one more value known that a node uses by value, or runs a
 * node of control, so their number is bounded by that of the nodes. */
#include <string.h>

#include "graph/rewrite.h"
#include "op/op.h"

/* Whether the harvest is to have a value: how it will be used, or not at all. */
enum harvest { HARVEST_NOT, HARVEST_AS_IT_IS, HARVEST_VALUE };

static bool is_constant(const struct binding *b, oc_value to)
{
    return to.id > 0 && oc__value(b->to, to)->kind == VALUE_CONSTANT;
}

static void reap(const struct binding *b, unsigned char *harvest, oc_value v, bool by_value,
                 bool source)
{
    const oc_value to = b->map[v.id];
    if (oc__is_none(v) || to.id <= 0)
        return;
    const enum value_kind kind = oc__value(b->from, v)->kind;
    const bool constant = is_constant(b, to);
    if (kind != VALUE_RESULT && !source && (!by_value || constant))
        return;                                         /* there as it is in any stage */
    const unsigned char how = constant || by_value ? HARVEST_VALUE : HARVEST_AS_IT_IS;
    harvest[v.id] = how > harvest[v.id] ? how : harvest[v.id];
}

static bool makes_dark(const struct binding *b, const struct node *n)
{
    bool dark = false;
    for (int k = 0; k < n->n_out; k++)
        dark |= b->needed[n->out.id + k] && oc__is_dark(b->map[n->out.id + k]);
    return dark;
}

static void reap_inputs(const struct binding *b, unsigned char *harvest, const struct node *n)
{
    for (int i = 0; i < n->n_in; i++)
        reap(b, harvest, n->in[i], n->op->by_value >> i & 1, n->op->control);
}

static bool is_ready(const struct binding *b, const struct node *n)
{
    bool ready = n->op->control;
    for (int i = 0; i < n->n_in; i++)
        ready &= !oc__is_dark(b->map[n->in[i].id]);
    return ready;
}

static oc_status fill(struct binding *b, const unsigned char *harvest, int controls)
{
    struct stage *const s = b->options->stage;
    struct pool *const pool = &b->to->pool;
    int n = 0;
    for (int i = 1; i <= b->from->values; i++)
        n += harvest[i] != HARVEST_NOT;
    s->from = oc__pool_alloc(pool, (size_t)(n + 1) * sizeof *s->from);
    s->to = oc__pool_alloc(pool, (size_t)(n + 1) * sizeof *s->to);
    s->by_value = oc__pool_alloc(pool, (size_t)(n + 1) * sizeof *s->by_value);
    s->control = oc__pool_alloc(pool, (size_t)(controls + 1) * sizeof *s->control);
    if (!s->from || !s->to || !s->by_value || !s->control)
        return OC_ELIMIT;
    for (int i = 1; i <= b->from->values; i++) {
        if (harvest[i] == HARVEST_NOT)
            continue;
        s->from[s->n] = (oc_value){ i };
        s->to[s->n] = b->map[i];
        s->by_value[s->n++] = harvest[i] == HARVEST_VALUE;
    }
    return OC_OK;
}

oc_status oc__stage_find(struct binding *b)
{
    const oc_graph *const g = b->from;
    struct stage *const s = b->options->stage;
    bool dark = false;
    *s = (struct stage){ 0 };
    for (int i = 0; i < b->options->wanted; i++)
        dark |= oc__is_dark(b->map[b->options->want[i].id]);
    if (!dark)
        return OC_OK;
    unsigned char *const harvest = oc__alloc((size_t)g->values + 1, 1);
    if (!harvest)
        return OC_ELIMIT;
    for (int i = 0; i < b->options->wanted; i++)
        reap(b, harvest, b->options->want[i], false, false);
    for (int k = 0; k < g->nodes; k++)
        if (makes_dark(b, &g->node[k])) {
            reap_inputs(b, harvest, &g->node[k]);
            s->controls += is_ready(b, &g->node[k]);
        }
    const oc_status status = fill(b, harvest, s->controls);
    s->controls = 0;
    for (int k = 0; !status && k < g->nodes; k++)
        if (makes_dark(b, &g->node[k]) && is_ready(b, &g->node[k]))
            s->control[s->controls++] = k;
    oc__free(harvest);
    if (!status && s->n == 0 && s->controls == 0)
        return oc__fail(OC_EBUG, "a stage computes nothing");
    return status;
}
