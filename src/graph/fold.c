/* fold.c — binding: the copy of a graph in which shapes are known and rewrites are applied.
 *
 * Nodes are copied in order.  For each, the rewrites of the table are tried on its already copied
 * inputs; the first that fits says what the node's outputs become, else the node itself is copied.
 * What a rewrite leaves behind without a consumer is not planned.  An If whose condition is known
 * by now is replaced by its branch, copied likewise. */
#include "graph/fold.h"

#include <string.h>
#include "graph/rewrite.h"
#include "op/attributes.h"
#include "op/control.h"
#include "op/op.h"

static bool mark(bool *needed, oc_value v)
{
    if (v.id <= 0)
        return v.id == 0;
    needed[v.id] = true;
    return true;
}

/* Walks back from what is wanted; counts the consumers of each value on the way. */
static bool find_needed(struct binding *b)
{
    const oc_graph *g = b->from;
    bool ok = true;
    for (int i = 0; i < b->options->wanted; i++) {
        ok &= mark(b->needed, b->options->want[i]);
        b->uses[b->options->want[i].id > 0 ? b->options->want[i].id : 0]++;
    }
    for (int i = 0; b->options->mode == OC_TRAIN && i < g->effects; i++) {
        mark(b->needed, g->effect[i].value);
        mark(b->needed, g->effect[i].parameter);
        b->uses[g->effect[i].value.id]++;
    }
    for (int k = g->nodes - 1; k >= 0; k--) {
        const struct node *n = &g->node[k];
        bool any = false;
        for (int i = 0; i < n->n_out; i++)
            any |= b->needed[n->out.id + i] && !b->given[n->out.id + i];
        for (int i = 0; any && i < n->n_in; i++) {
            mark(b->needed, n->in[i]);
            b->uses[n->in[i].id]++;
        }
    }
    return ok;
}

/* Holds an input's shape against its declaration and learns what symbols stand for. */
static oc_status bind_shape(const oc_graph *g, const struct value *v, const oc_shape *shape,
                            int64_t *symbol)
{
    if (v->shape.rank < 0)
        return OC_OK;
    if (shape->rank != v->shape.rank)
        return oc__fail(OC_EUSAGE, "input %s: rank %d given, %d declared", v->name, shape->rank,
                        v->shape.rank);
    for (int i = 0; i < shape->rank; i++) {
        const int64_t declared = v->shape.dim[i], given = shape->dim[i];
        int64_t expected = declared;
        if (declared <= -2) {
            int64_t *known = &symbol[-2 - declared];
            *known = *known < 0 ? given : *known;
            expected = *known;
        }
        if (given < 0 || (declared != OC_UNKNOWN && given != expected))
            return oc__fail(OC_EUSAGE, "input %s: dimension %d (%s) is %lld, expected %lld",
                            v->name, i, declared <= -2 ? g->symbol[-2 - declared] : "fixed",
                            (long long)given, (long long)expected);
    }
    return OC_OK;
}

static oc_dtype bound_type(const struct binding *b, oc_dtype t)
{
    return t == OC_F32 ? b->options->precision : t;
}

static oc_value copy_constant(struct binding *b, const struct value *v)
{
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    if (bound_type(b, v->dtype) == v->dtype)            /* `from`, which has the data, stays */
        return oc__graph_source(b->to, VALUE_CONSTANT, v->name, v->dtype, &v->shape, 0, v->data);
    const int64_t n = oc_shape_count(&v->shape);
    double *data = oc__pool_alloc(&b->to->pool, (size_t)(n ? n : 1) * sizeof *data);
    for (int64_t i = 0; data && i < n; i++)
        data[i] = oc_tensor_get(&t, i);
    return oc__graph_source(b->to, VALUE_CONSTANT, v->name, OC_F64, &v->shape, 0, data);
}

/* Parameters stay f32 in their store; in another precision the plan converts them as a step. */
static oc_value copy_parameter(struct binding *b, const struct value *v)
{
    const oc_value p =
        oc__graph_source(b->to, VALUE_PARAMETER, v->name, OC_F32, &v->shape, v->index, NULL);
    if (bound_type(b, OC_F32) == OC_F32)
        return p;
    return oc_apply(b->to, "Cast", 1, &p, "to=%s", oc_dtype_name(b->options->precision));
}

static oc_status copy_given(struct binding *b)
{
    for (int i = 0; i < b->options->n_given; i++) {
        const struct given *const v = &b->options->given[i];
        b->map[v->value.id] =
            oc__graph_source(b->to, v->constant ? VALUE_CONSTANT : VALUE_INPUT,
                             oc__value(b->from, v->value)->name, v->tensor.dtype,
                             &v->tensor.shape, v->constant ? 0 : b->from->inputs + i,
                             v->constant ? v->tensor.data : NULL);
    }
    return oc_graph_check(b->to);
}

/* Numbers that the graph has itself. */
static oc_value copy_number(struct binding *b, const struct value *v)
{
    return v->kind == VALUE_CONSTANT ? copy_constant(b, v) : copy_parameter(b, v);
}

static oc_status copy_sources(struct binding *b)
{
    const oc_graph *g = b->from;
    int64_t *symbol = oc__alloc((size_t)g->symbols + 1, sizeof *symbol);
    if (!symbol)
        return OC_ELIMIT;
    for (int i = 0; i < g->symbols; i++)
        symbol[i] = OC_UNKNOWN;
    oc_status status = OC_OK;
    for (int i = 0; i < g->values && !status; i++) {
        const struct value *v = &g->value[i];
        oc_value *to = &b->map[i + 1];
        if (v->kind == VALUE_INPUT) {
            const oc_shape *shape = &b->options->inputs[v->index];
            if (b->needed[i + 1])
                status = bind_shape(g, v, shape, symbol);
            *to = oc__graph_source(b->to, VALUE_INPUT, v->name, bound_type(b, v->dtype), shape,
                                   v->index, NULL);
            b->to->inputs++;
        } else if (v->kind != VALUE_RESULT && b->needed[i + 1]) {
            *to = copy_number(b, v);
        }
    }
    oc__free(symbol);
    return status ? status : copy_given(b);
}

/* Attributes that are types, in the precision of the session. */
static void bind_types(const struct binding *b, const struct op *op, void *attr)
{
    for (const struct attr *a = op->entry.attrs; a && a->name; a++) {
        int *const type = (int *)(void *)((char *)attr + a->offset);
        if (oc__is_type(a))
            *type = (int)bound_type(b, (oc_dtype)*type);
    }
}

oc_value oc__bind_copy(struct binding *b, const struct node *n, const oc_value *in)
{
    _Alignas(16) char attr[1024];
    if (n->op->entry.size > sizeof attr)
        return oc__graph_fail(b->to, OC_EBUG, "%s: attributes of %zu bytes", n->name,
                              n->op->entry.size);
    memcpy(attr, n->attr, n->op->entry.size);
    bind_types(b, n->op, attr);
    const oc_value y = oc__apply(b->to, n->op, attr, n->n_in, in);
    if (y.id > 0 && oc__maker(b->to, y)->n_out != n->n_out)
        return oc__graph_fail(b->to, OC_EUSAGE, "%s: %d outputs where %d were built", n->name,
                              oc__maker(b->to, y)->n_out, n->n_out);
    return y;
}

/* The node as rewrites are to see it: with the attributes that inputs by value bring, and without
 * these inputs; `in` are the copies of its inputs and follow. */
static oc_status settle(struct binding *b, struct node *n, oc_value *in, oc_value *was,
                        bool *pending)
{
    struct node bound = *n;
    *pending = false;
    if (!n->op->by_value)
        return OC_OK;
    bound.in = in;
    bound.attr = oc__pool_alloc(&b->to->pool, n->op->entry.size ? n->op->entry.size : 1);
    if (!bound.attr)
        return OC_ELIMIT;
    if (n->op->entry.size)
        memcpy(bound.attr, n->attr, n->op->entry.size);
    const oc_status status = oc__take_values(b->to, &bound, pending);
    if (status)
        return oc__fail(status, "%s: %s", n->name, oc_error());
    for (int i = 0; i < bound.n_in && !*pending; i++)
        was[i] = oc__is_none(in[i]) ? OC_NONE : n->in[i];
    n->attr = bound.attr;
    n->in = was;
    n->n_in = bound.n_in;
    return OC_OK;
}

/* A node that depends on what is not known is left out, and so are those that depend on it. */
static void leave_dark(struct binding *b, const struct node *n)
{
    for (int k = 0; k < n->n_out; k++)
        if (!b->given[n->out.id + k])
            b->map[n->out.id + k] = OC_DARK;
    if (!b->options->stage)
        oc__graph_fail(b->to, OC_EUSAGE, "%s: its shape follows from a value that is known only "
                                         "when it is run, which training does not do", n->name);
}

static bool make_tables(struct binding *b)
{
    const size_t n = (size_t)b->from->values + 1;
    b->map = oc__alloc(n, sizeof *b->map);
    b->needed = oc__alloc(n, sizeof *b->needed);
    b->uses = oc__alloc(n, sizeof *b->uses);
    b->given = oc__alloc(n, sizeof *b->given);
    return b->map && b->needed && b->uses && b->given;
}

static void free_tables(struct binding *b)
{
    oc__free(b->map);
    oc__free(b->needed);
    oc__free(b->uses);
    oc__free(b->given);
}

static void copy_nodes(struct binding *b);

/* The body of a branch on the copies of what it takes from outside, whose other consumers are not
 * known here. */
static bool copy_branch(struct binding *b, const oc_value *capture)
{
    const oc_graph *const g = b->from;
    if (!make_tables(b) || !find_needed(b)) {
        oc__graph_fail(b->to, OC_ELIMIT, "the graph is out of memory");
        return false;
    }
    for (int i = 0; i < g->values; i++) {
        const struct value *const v = &g->value[i];
        if (v->kind == VALUE_INPUT) {
            b->map[i + 1] = capture[v->index];
            b->uses[i + 1] += 2;
        } else if (v->kind != VALUE_RESULT && b->needed[i + 1]) {
            b->map[i + 1] = copy_number(b, v);
        }
    }
    copy_nodes(b);
    return !b->to->status;
}

/* An If whose condition is known now becomes what its branch computes; false where it does not,
 * or where only a run knows something in the branch, so that the session has to run it. */
static bool take_branch(struct binding *b, const struct node *n, const oc_value *in, oc_value *out)
{
    const struct control *const a = n->attr;
    if (n->op != &oc__op_if || n->n_in < 1 || in[0].id <= 0)
        return false;
    const struct value *const c = oc__value(b->to, in[0]);
    if (c->kind != VALUE_CONSTANT || oc_shape_count(&c->shape) != 1)
        return false;
    const oc_tensor condition = { c->dtype, c->shape, (void *)(uintptr_t)c->data };
    const int which = oc_tensor_get(&condition, 0) != 0 ? 0 : 1;
    const struct control_body *const body = &a->body[which];
    struct bind_options options = *b->options;
    options.wanted = n->n_out;
    options.want = body->output;
    options.n_given = 0;
    struct binding inner = { .from = body->g, .to = b->to, .options = &options };
    bool known = copy_branch(&inner, in + 1 + (which ? a->body[0].captures : 0));
    for (int k = 0; k < n->n_out && known; k++) {
        out[k] = inner.map[body->output[k].id];
        known &= out[k].id > 0;
    }
    free_tables(&inner);
    return known;
}

/* What the node's outputs become. */
static void set_outputs(struct binding *b, const struct node *n, const oc_value *out)
{
    for (int k = 0; k < n->n_out; k++)
        if (!b->given[n->out.id + k])
            b->map[n->out.id + k] = out[k];
}

static void copy_node(struct binding *b, const struct node *from)
{
    oc_value in[OP_MAX_INPUTS], was[OP_MAX_INPUTS], out[OP_MAX_OUTPUTS];
    struct node bound = *from;
    const struct node *const n = &bound;
    bool pending, dark = n->op->control;
    in[0] = OC_NONE;
    for (int i = 0; i < n->n_in; i++) {
        in[i] = b->map[n->in[i].id];
        dark |= oc__is_dark(in[i]);
    }
    if (n->op->control && take_branch(b, n, in, out)) {
        set_outputs(b, n, out);
        return;
    }
    const oc_status status = dark ? OC_OK : settle(b, &bound, in, was, &pending);
    if (status || dark || pending) {
        if (status)
            oc__graph_fail(b->to, status, NULL);
        else
            leave_dark(b, n);
        return;
    }
    bool rewritten = false;
    for (const struct rewrite *r = oc__rewrites; r->apply && !rewritten && !b->options->plain; r++)
        rewritten = (!r->op || !strcmp(r->op, n->op->entry.name)) && r->apply(b, n, in, out);
    if (!rewritten) {
        const oc_value first = oc__bind_copy(b, n, in);
        for (int k = 0; k < n->n_out; k++)
            out[k] = first.id > 0 ? (oc_value){ first.id + k } : OC_FAILED;
    }
    struct node *made = out[0].id > 0 ? oc__maker(b->to, out[0]) : NULL;
    if (made && made->out.id + made->n_out - 1 == b->to->values)
        made->name = n->name;
    set_outputs(b, n, out);
}

static void copy_nodes(struct binding *b)
{
    const oc_graph *const g = b->from;
    for (int k = 0; k < g->nodes && !b->to->status; k++) {
        const struct node *const n = &g->node[k];
        bool any = false;
        for (int i = 0; i < n->n_out; i++)
            any |= b->needed[n->out.id + i] && !b->given[n->out.id + i];
        if (any)
            copy_node(b, n);
    }
}

static oc_status copy_all(struct binding *b)
{
    const oc_graph *g = b->from;
    if (!find_needed(b))
        return oc__fail(OC_EUSAGE, "a wanted value is not a value of this graph");
    TRY(copy_sources(b));
    copy_nodes(b);
    for (int i = 0; b->options->mode == OC_TRAIN && i < g->effects; i++) {
        const int index = oc__value(g, g->effect[i].parameter)->index;
        for (int k = 0; k < b->to->values; k++)
            if (b->to->value[k].kind == VALUE_PARAMETER && b->to->value[k].index == index) {
                oc_effect(b->to, (oc_value){ k + 1 }, b->map[g->effect[i].value.id]);
                break;
            }
    }
    TRY(oc_graph_check(b->to));
    return b->options->stage ? oc__stage_find(b) : OC_OK;
}

oc_status oc__bind(oc_graph **out, const oc_graph *g, const struct bind_options *o, oc_value *map)
{
    *out = NULL;
    TRY(oc_graph_check(g));
    struct binding b = { .from = g, .options = o };
    TRY(oc_graph_new(&b.to, g->store));
    oc_status status = make_tables(&b) ? OC_OK : OC_ELIMIT;
    for (int i = 0; !status && i < o->n_given; i++)
        b.given[o->given[i].value.id] = i + 1;
    if (!status)
        status = copy_all(&b);
    for (int i = 0; i < o->wanted && !status && !(o->stage && o->stage->n); i++)
        map[i] = b.map[o->want[i].id];
    free_tables(&b);
    if (status)
        oc_graph_free(b.to);
    else
        *out = b.to;
    return status;
}
