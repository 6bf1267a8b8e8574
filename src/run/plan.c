/* plan.c — from a bound graph to steps: kernels, layouts, slots. */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>
#include "graph/fold.h"
#include "op/op.h"
#include "param/store.h"

struct builder {
    struct plan               *plan;
    const struct plan_options *options;
    oc_graph                  *graph;
    int                       *slot_of;       /* by value: the slot as its step made it; -1: none */
    bool                      *live;                    /* by value */
    int                        slot_capacity, step_capacity;
};

/* ---- slots -------------------------------------------------------------------------------- */

static size_t slot_bytes(oc_dtype t, const oc_shape *shape, const struct layout *layout)
{
    return layout ? layout->bytes : (size_t)oc_shape_count(shape) * oc_dtype_size(t);
}

/* Adds a slot for value v in a layout; returns its number or -1 without memory. */
static int add_slot(struct builder *b, oc_value v, const struct layout *layout)
{
    struct plan *p = b->plan;
    if (p->slots == b->slot_capacity) {
        const int more = 2 * b->slot_capacity + 32;
        struct slot *grown =
            oc__grow(p->slot, (size_t)b->slot_capacity, (size_t)more, sizeof *grown);
        if (!grown)
            return -1;
        p->slot = grown;
        b->slot_capacity = more;
    }
    const struct value *value = oc__value(b->graph, v);
    p->slot[p->slots] = (struct slot){
        .value = v,
        .name = value->name,
        .dtype = value->dtype,
        .shape = value->shape,
        .layout = layout,
        .bytes = slot_bytes(value->dtype, &value->shape, layout),
        .first = -1,
        .last = -1,
        .root = p->slots,
        .buffer = -1,
    };
    return p->slots++;
}

/* Parameters and constants have their place already; so do what depends on them alone, in
 * inference. */
static int add_source(struct builder *b, oc_value v)
{
    const struct value *value = oc__value(b->graph, v);
    const int at = add_slot(b, v, NULL);
    if (at < 0)
        return -1;
    struct slot *s = &b->plan->slot[at];
    if (value->kind == VALUE_CONSTANT) {
        s->space = SPACE_ABSOLUTE;
        s->offset = (int64_t)(intptr_t)value->data;
        s->is_static = true;
    } else if (value->kind == VALUE_PARAMETER) {
        const struct parameter *p = &b->graph->store->parameter[value->index];
        s->space = p->kind == OC_TRAINABLE ? SPACE_VALUE : SPACE_STATISTIC;
        s->offset = p->offset * (int64_t)sizeof(float);
        s->is_static = b->options->session->mode == OC_INFER;
    } else {
        b->plan->input[value->index] = at;
        if (b->options->session->precision == OC_F32) { /* else it is converted into the arena */
            s->space = SPACE_INPUT;
            s->offset = value->index;
        }
    }
    b->slot_of[v.id] = at;
    return at;
}

/* ---- steps -------------------------------------------------------------------------------- */

static struct plan_step *add_step(struct builder *b)
{
    struct plan *p = b->plan;
    if (p->steps == b->step_capacity) {
        const int more = 2 * b->step_capacity + 32;
        struct plan_step *grown =
            oc__grow(p->step, (size_t)b->step_capacity, (size_t)more, sizeof *grown);
        if (!grown)
            return NULL;
        p->step = grown;
        b->step_capacity = more;
    }
    return &p->step[p->steps++];
}

/* What a run needs of an offer; its layouts are those of the slots. */
static void take_offer(struct plan_step *s, const struct offer *o)
{
    s->kernel = o->kernel;
    s->state = o->state;
    s->detail = o->detail;
    s->scratch = o->scratch;
    s->in_place = o->in_place;
}

static struct operand *operands(struct pool *pool, int n)
{
    return oc__pool_alloc(pool, (size_t)(n ? n : 1) * sizeof(struct operand));
}

/* Operands outlive the arrays of slots and values, which may move, so they get shapes of their
 * own. */
static bool describe(struct builder *b, struct operand *o, oc_dtype t, const oc_shape *shape)
{
    oc_shape *copy = oc__pool_alloc(&b->plan->pool, sizeof *copy);
    if (!copy)
        return false;
    *copy = *shape;
    *o = (struct operand){ .dtype = t, .shape = copy };
    return true;
}

static bool describe_slot(struct builder *b, struct operand *o, int slot)
{
    const struct slot s = b->plan->slot[slot];
    const bool ok = describe(b, o, s.dtype, &s.shape);
    o->layout = s.layout;
    o->is_static = s.is_static;
    return ok;
}

/* The slot that holds what `slot` holds, in another layout; adds a reorder step when there is
 * none. */
static int in_layout(struct builder *b, int slot, const struct layout *layout)
{
    struct plan *p = b->plan;
    const oc_value v = p->slot[slot].value;
    for (int i = 0; i < p->slots; i++)
        if (p->slot[i].value.id == v.id && p->slot[i].layout == layout)
            return i;
    const int to = add_slot(b, v, layout);
    struct plan_step *s = to < 0 ? NULL : add_step(b);
    int *ends = oc__pool_alloc(&p->pool, 2 * sizeof *ends);
    struct operand *o = operands(&p->pool, 2);
    if (!s || !ends || !o || !describe_slot(b, &o[0], slot) || !describe_slot(b, &o[1], to))
        return -1;
    const bool is_static = p->slot[slot].is_static;
    p->slot[to].is_static = is_static;
    ends[0] = slot;
    ends[1] = to;
    *s = (struct plan_step){ .name = p->slot[slot].name, .x = ends, .y = ends + 1,
                             .prologue = is_static };
    s->request = (struct request){ .name = s->name,
                                   .n_in = 1,
                                   .n_out = 1,
                                   .x = o,
                                   .y = o + 1,
                                   .mode = b->options->session->mode,
                                   .threads = b->options->threads };
    struct offer offer = { .in_place = -1, .x = { o[0].layout }, .y = { layout } };
    s->backend = (layout ? layout : p->slot[slot].layout)->owner;
    if (!s->backend->reorder(&o[0], &o[1], b->options->threads, &offer)) {
        if (!offer.no_memory)
            oc__fail(OC_EBUG, "%s: no reorder from %s to %s", s->name,
                     o[0].layout ? o[0].layout->name : "plain",
                     layout ? layout->name : "plain");
        return -1;
    }
    take_offer(s, &offer);
    return to;
}

/* The slot of a value in plain layout, made if it is a source that no step reads. */
static int plain_slot(struct builder *b, oc_value v)
{
    int slot = b->slot_of[v.id];
    if (slot < 0)
        slot = add_source(b, v);
    return slot < 0 || !b->plan->slot[slot].layout ? slot : in_layout(b, slot, NULL);
}

/* Whether a node's inputs, as far as they are read, depend on parameters and constants alone. */
static bool only_static(const struct builder *b, const struct node *n)
{
    for (int i = 0; i < n->n_in; i++)
        if (!oc__is_none(n->in[i]) && !(n->op->shape_only >> i & 1) &&
            !b->plan->slot[b->slot_of[n->in[i].id]].is_static)
            return false;
    return !n->op->random && b->options->session->mode == OC_INFER;
}

/* Describes a node's operands as they lie now. */
static oc_status make_request(struct builder *b, const struct node *n, struct request *r)
{
    struct operand *x = operands(&b->plan->pool, n->n_in), *y = operands(&b->plan->pool, n->n_out);
    if (!x || !y)
        return OC_ELIMIT;
    for (int i = 0; i < n->n_in; i++) {
        if (oc__is_none(n->in[i]))
            continue;
        int slot = b->slot_of[n->in[i].id];
        if (slot < 0)
            slot = add_source(b, n->in[i]);
        if (slot < 0 || !describe_slot(b, &x[i], slot))
            return OC_ELIMIT;
    }
    unsigned unread = 0;
    for (int k = 0; k < n->n_out; k++) {
        const struct value *v = oc__value(b->graph, (oc_value){ n->out.id + k });
        unread |= (unsigned)!b->live[n->out.id + k] << k;
        if (!describe(b, &y[k], v->dtype, &v->shape))
            return OC_ELIMIT;
    }
    *r = (struct request){ n->op, n->attr, n->name, n->n_in, n->n_out, x, y,
                           b->options->session->mode, b->options->threads, unread };
    return OC_OK;
}

/* Writes the layouts of an accepted offer into the request, where the kernel's run will see
 * them. */
static void settle(const struct request *r, const struct offer *o)
{
    struct operand *x = (struct operand *)(uintptr_t)r->x, *y = (struct operand *)(uintptr_t)r->y;
    for (int i = 0; i < r->n_in; i++)
        x[i].layout = o->x[i];
    for (int k = 0; k < r->n_out; k++)
        y[k].layout = o->y[k];
}

/* A view has the place of what it is a view of, in plain layout, and needs no step. */
static oc_status plan_view(struct builder *b, const struct node *n)
{
    const int from = plain_slot(b, n->in[0]);
    const int slot = from < 0 ? -1 : add_slot(b, n->out, NULL);
    if (slot < 0)
        return OC_ELIMIT;
    b->plan->slot[slot].root = b->plan->slot[from].root;
    b->plan->slot[slot].is_static = b->plan->slot[from].is_static;
    b->slot_of[n->out.id] = slot;
    return OC_OK;
}

/* Adds the step of a node whose kernel is chosen, after the reorders that it wants. */
static oc_status add_node(struct builder *b, const struct node *n, const struct backend *backend,
                          const struct request *request, const struct offer *offer)
{
    int *x = oc__pool_alloc(&b->plan->pool, (size_t)(n->n_in + n->n_out) * sizeof *x);
    if (!x)
        return OC_ELIMIT;
    for (int i = 0; i < n->n_in; i++) {
        x[i] = -1;
        if (oc__is_none(n->in[i]) || n->op->shape_only >> i & 1)
            continue;
        x[i] = b->slot_of[n->in[i].id];
        if (b->plan->slot[x[i]].layout != offer->x[i])
            x[i] = in_layout(b, x[i], offer->x[i]);
        if (x[i] < 0)
            return OC_ELIMIT;
    }
    const bool is_static = only_static(b, n);
    for (int k = 0; k < n->n_out; k++) {
        const oc_value v = { n->out.id + k };
        x[n->n_in + k] = -1;
        if (offer->omits >> k & 1)
            continue;
        const int slot = x[n->n_in + k] = add_slot(b, v, offer->y[k]);
        if (slot < 0)
            return OC_ELIMIT;
        b->plan->slot[slot].is_static = is_static;
        b->slot_of[v.id] = slot;
    }
    struct plan_step *s = add_step(b);
    if (!s)
        return OC_ELIMIT;
    *s = (struct plan_step){ .name = n->name, .request = *request, .backend = backend, .x = x,
                             .y = x + n->n_in, .prologue = is_static,
                             .flops = oc__node_flops(b->graph, n) };
    take_offer(s, offer);
    return OC_OK;
}

static oc_status plan_node(struct builder *b, const struct node *n)
{
    if (n->op->view)
        return plan_view(b, n);
    struct request request;
    struct offer offer;
    const struct backend *backend;
    TRY(make_request(b, n, &request));
    TRY(oc__backend_choose(b->options->session->backends, &request, &offer, &backend));
    settle(&request, &offer);
    const oc_status status = add_node(b, n, backend, &request, &offer);
    if (status < 0 && offer.kernel->close)              /* no step owns its state */
        offer.kernel->close(offer.state);
    return status;
}

/* ---- ends: inputs, outputs, gradients, effects -------------------------------------------- */

static oc_status take_outputs(struct builder *b, const oc_value *want)
{
    struct plan *p = b->plan;
    for (int i = 0; i < p->outputs; i++) {
        p->output[i] = plain_slot(b, want[i]);
        if (p->output[i] < 0)
            return OC_ELIMIT;
        p->slot[p->slot[p->output[i]].root].keep = true;
    }
    return OC_OK;
}

/* Where the gradient's own step can write it into the store's gradient block, it does; else (it is
 * a source, or the gradient of two parameters at once) an Identity step copies it there.  In double
 * it stays where it is and is converted after each run. */
static oc_status take_gradient(struct builder *b, oc_value parameter, oc_value gradient)
{
    struct plan *p = b->plan;
    const int index = oc__value(b->graph, parameter)->index;
    const struct parameter *at = &b->graph->store->parameter[index];
    int slot = plain_slot(b, gradient);
    if (slot < 0)
        return OC_ELIMIT;
    slot = p->slot[slot].root;
    if (b->options->session->precision == OC_F64) {
        p->slot[slot].keep = true;
        p->gradient[p->gradients++] = (struct effect_slot){ index, slot };
        return OC_OK;
    }
    const bool free_to_move = oc__value(b->graph, p->slot[slot].value)->kind == VALUE_RESULT &&
                              p->slot[slot].space == SPACE_ARENA && !p->slot[slot].keep;
    if (!free_to_move) {
        const oc_value copy = oc__apply(b->graph, &oc__op_identity, NULL, OC_IN(gradient));
        TRY(oc_graph_check(b->graph));
        b->live[copy.id] = true;
        TRY(plan_node(b, oc__maker(b->graph, copy)));
        slot = plain_slot(b, copy);
        if (slot < 0)
            return OC_ELIMIT;
    }
    struct slot *s = &p->slot[slot];
    s->space = SPACE_GRADIENT;
    s->offset = at->offset * (int64_t)sizeof(float);
    s->keep = true;
    return OC_OK;
}

static oc_status take_effects(struct builder *b)
{
    struct plan *p = b->plan;
    for (int i = 0; i < b->graph->effects; i++) {
        const struct effect *e = &b->graph->effect[i];
        const int slot = plain_slot(b, e->value);
        if (slot < 0)
            return OC_ELIMIT;
        p->slot[p->slot[slot].root].keep = true;
        p->effect[p->effects++] =
            (struct effect_slot){ oc__value(b->graph, e->parameter)->index, slot };
    }
    return OC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void mark_live(struct builder *b, const oc_value *want, int n)
{
    const oc_graph *g = b->graph;
    for (int i = 0; i < n; i++)
        b->live[want[i].id > 0 ? want[i].id : 0] = true;
    for (int i = 0; i < g->effects; i++)
        b->live[g->effect[i].value.id] = true;
    b->live[0] = false;
    for (int k = g->nodes - 1; k >= 0; k--) {
        const struct node *node = &g->node[k];
        bool any = false;
        for (int i = 0; i < node->n_out; i++)
            any |= b->live[node->out.id + i];
        for (int i = 0; any && i < node->n_in; i++)
            b->live[node->in[i].id] |= node->in[i].id > 0;
    }
}

oc_status oc__plan_fits(const char *what, size_t bytes)
{
    const size_t limit = oc__mem_limit();
    const double gib = 1 << 30;
    if (bytes <= limit)
        return OC_OK;
    if (bytes == SIZE_MAX)
        return oc__fail(OC_ELIMIT, "%s: needs more memory than can be counted", what);
    return oc__fail(OC_ELIMIT, "%s: needs %.1f GiB of memory (%zu bytes); there are %.1f GiB",
                    what, (double)bytes / gib, bytes, (double)limit / gib);
}

/* Whatever a node reads or makes fits into memory by itself, so kernels may multiply its sizes. */
static oc_status check_sizes(const oc_graph *g, const struct node *n)
{
    for (int i = 0; i < n->n_in + n->n_out; i++) {
        const oc_value v = i < n->n_in ? n->in[i] : (oc_value){ n->out.id + i - n->n_in };
        if (oc__is_none(v))
            continue;
        const struct value *value = oc__value(g, v);
        TRY(oc__plan_fits(value->name,
                          oc_tensor_bytes(&(oc_tensor){ value->dtype, value->shape, NULL })));
    }
    return OC_OK;
}

static bool node_live(const struct builder *b, const struct node *n)
{
    for (int i = 0; i < n->n_out; i++)
        if (b->live[n->out.id + i])
            return true;
    return false;
}

/* Prologue first, order kept otherwise; then the steps that write and last read each slot. */
static oc_status order_steps(struct plan *p)
{
    struct plan_step *ordered = oc__alloc((size_t)p->steps, sizeof *ordered);
    if (!ordered)
        return OC_ELIMIT;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < p->steps; i++)
            if (p->step[i].prologue == !pass)
                ordered[n++] = p->step[i];
        p->prologue = pass ? p->prologue : n;
    }
    oc__free(p->step);
    p->step = ordered;
    for (int i = 0; i < p->steps; i++) {
        const struct plan_step *s = &p->step[i];
        for (int k = 0; k < s->request.n_in; k++)
            if (s->x[k] >= 0)
                p->slot[p->slot[s->x[k]].root].last = i;
        for (int k = 0; k < s->request.n_out; k++)
            if (s->y[k] >= 0)
                p->slot[s->y[k]].first = p->slot[s->y[k]].last = i;
    }
    for (int i = 0; i < p->slots; i++)
        if (p->slot[i].keep)
            p->slot[i].last = p->steps;
    return OC_OK;
}

static oc_status build(struct builder *b, const oc_value *want, int wanted)
{
    struct plan *p = b->plan;
    const oc_session_options *o = b->options->session;
    mark_live(b, want, wanted);
    for (int k = 0; k < b->graph->nodes; k++)
        if (node_live(b, &b->graph->node[k])) {
            TRY(check_sizes(b->graph, &b->graph->node[k]));
            TRY(plan_node(b, &b->graph->node[k]));
        }
    TRY(take_outputs(b, want));
    TRY(take_effects(b));
    for (int i = 0; i < o->gradients && p->stage.n + p->stage.controls == 0; i++) {
        const oc_value *pair = &want[o->outputs + 2 * i];
        if (pair[1].id > 0)
            TRY(take_gradient(b, pair[0], pair[1]));
    }
    TRY(order_steps(p));
    return oc__plan_place(p);
}

/* What the session wants of its graph, in one list: outputs, then pairs of parameter and
 * gradient. */
static int wanted_values(const oc_session_options *o, oc_value *want)
{
    int n = 0;
    for (int i = 0; i < o->outputs; i++)
        want[n++] = o->output[i];
    for (int i = 0; i < o->gradients; i++) {
        want[n++] = o->parameter[i];
        want[n++] = o->gradient[i];
    }
    return n;
}

/* What the plan was made for beside the shapes of inputs. */
static oc_status keep_given(struct plan *p, const struct plan_options *o)
{
    p->n_given = o->n_given;
    p->given = oc__pool_alloc(&p->pool, (size_t)(o->n_given + 1) * sizeof *p->given);
    if (!p->given)
        return OC_ELIMIT;
    for (int i = 0; i < o->n_given; i++) {
        const oc_tensor *const from = &o->given[i].tensor;
        p->given[i] = o->given[i];
        p->given[i].tensor.data = NULL;
        if (!o->given[i].constant)
            continue;
        void *const data = oc__pool_alloc(&p->pool, oc_tensor_bytes(from) + 1);
        if (!data)
            return OC_ELIMIT;
        memcpy(data, from->data, oc_tensor_bytes(from));
        p->given[i].tensor.data = data;
    }
    return OC_OK;
}

static oc_status start(struct builder *b, const oc_graph *g)
{
    struct plan *p = b->plan;
    const oc_session_options *o = b->options->session;
    const int given = b->options->n_given;
    p->inputs = g->inputs + given;
    p->outputs = p->stage.n + p->stage.controls ? p->stage.n : o->outputs;
    p->input = oc__pool_alloc(&p->pool, (size_t)(p->inputs + 1) * sizeof *p->input);
    p->input_shape = oc__pool_alloc(&p->pool, (size_t)(p->inputs + 1) * sizeof *p->input_shape);
    p->output = oc__pool_alloc(&p->pool, (size_t)(p->outputs + 1) * sizeof *p->output);
    p->effect = oc__pool_alloc(&p->pool, (size_t)(g->effects + 1) * sizeof *p->effect);
    p->gradient = oc__pool_alloc(&p->pool, (size_t)(o->gradients + 1) * sizeof *p->gradient);
    /* Gradients may add one copying node each, of one value. */
    const size_t values = (size_t)(b->graph->values + o->gradients) + 1;
    b->slot_of = oc__alloc(values, sizeof *b->slot_of);
    b->live = oc__alloc(values, sizeof *b->live);
    if (!p->input || !p->input_shape || !p->output || !p->effect || !p->gradient || !b->slot_of
        || !b->live)
        return OC_ELIMIT;
    for (size_t i = 0; i < values; i++)
        b->slot_of[i] = -1;
    for (int i = 0; i < p->inputs; i++) {
        p->input[i] = -1;
        p->input_shape[i] = i < g->inputs ? b->options->inputs[i]
                                          : b->options->given[i - g->inputs].tensor.shape;
    }
    return OC_OK;
}

oc_status oc__plan_new(struct plan **out, oc_graph *g, const struct plan_options *o)
{
    *out = NULL;
    const oc_session_options *s = o->session;
    struct plan *p = oc__alloc(1, sizeof *p);
    oc_value *want = oc__alloc((size_t)(s->outputs + 2 * s->gradients) + 1, sizeof *want);
    oc_status status = p && want ? keep_given(p, o) : OC_ELIMIT;
    struct builder b = { .plan = p, .options = o };
    if (!status) {
        const int n = wanted_values(s, want);
        const struct bind_options bind = {
            s->mode, s->precision, o->inputs, n, want, false, p->n_given, p->given,
            s->mode == OC_INFER ? &p->stage : NULL
        };
        status = oc__bind(&p->graph, g, &bind, want);   /* which points to what is given */
        b.graph = p->graph;
        if (!status)
            status = start(&b, g);
        if (!status && p->stage.n + p->stage.controls)
            status = build(&b, p->stage.to, p->stage.n);
        else if (!status)
            status = build(&b, want, n);
    }
    oc__free(want);
    oc__free(b.slot_of);
    oc__free(b.live);
    if (status)
        oc__plan_free(p);
    else
        *out = p;
    return status;
}

void oc__plan_free(struct plan *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->steps; i++) {
        const struct kernel *k = p->step[i].kernel;
        if (k && k->close)
            k->close(p->step[i].state);
    }
    oc_graph_free(p->graph);
    oc__free(p->slot);
    oc__free(p->step);
    oc__pool_free(&p->pool);
    oc__free(p);
}
