/* graph.c — building: sources, operators, scopes, and the sticky error. */
#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "op/attributes.h"
#include "op/op.h"
#include "param/store.h"

oc_status oc_graph_new(oc_graph **out, oc_store *store)
{
    oc_graph *g = oc__alloc(1, sizeof *g);
    *out = g;
    if (!g)
        return OC_ELIMIT;
    g->store = store;
    return OC_OK;
}

void oc_graph_free(oc_graph *g)
{
    if (!g)
        return;
    while (g->bodies) {
        oc_graph *const body = g->bodies;
        g->bodies = body->next_body;
        oc_graph_free(body);
    }
    oc__free(g->node);
    oc__free(g->value);
    oc__free(g->effect);
    oc__free(g->symbol);
    oc__map_free(&g->counter);
    oc__pool_free(&g->pool);
    oc__free(g);
}

oc_status oc_graph_check(const oc_graph *g)
{
    return g->status ? oc__fail(g->status, "%s", g->message) : OC_OK;
}

oc_value oc__graph_fail(oc_graph *g, oc_status status, const char *format, ...)
{
    if (g->status)
        return OC_FAILED;
    g->status = status;
    if (!format) {
        snprintf(g->message, sizeof g->message, "%s", oc_error());
        return OC_FAILED;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(g->message, sizeof g->message, format, arguments);
    va_end(arguments);
    return OC_FAILED;
}

/* ---- names -------------------------------------------------------------------------------- */

void oc_scope(oc_graph *g, const char *name)
{
    const size_t n = strlen(g->scope), more = strlen(name) + 2;
    if (n + more > sizeof g->scope) {
        oc__graph_fail(g, OC_EUSAGE, "scope %s: names nest deeper than %zu letters", name,
                       sizeof g->scope);
        return;
    }
    snprintf(g->scope + n, sizeof g->scope - n, n ? ".%s" : "%s", name);
}

void oc_scope_end(oc_graph *g)
{
    char *dot = strrchr(g->scope, '.');
    *(dot ? dot : g->scope) = '\0';
}

/* "scope.name" in the pool; NULL: no memory. */
static const char *scoped(oc_graph *g, const char *name)
{
    if (!*g->scope)
        return oc__pool_strdup(&g->pool, name);
    char text[512];
    snprintf(text, sizeof text, "%s.%s", g->scope, name);
    return oc__pool_strdup(&g->pool, text);
}

/* The name of a new node: "conv1.Conv", then "conv1.Conv2", … */
static const char *node_name(oc_graph *g, const char *op)
{
    char name[128];
    const char *base = scoped(g, op);
    if (!base)
        return NULL;
    const int64_t nth = oc__map_get(&g->counter, base, 0) + 1;
    if (!oc__map_put(&g->counter, base, nth))
        return NULL;
    if (nth == 1)
        return base;
    snprintf(name, sizeof name, "%s%lld", op, (long long)nth);
    return scoped(g, name);
}

int64_t oc_symbol(oc_graph *g, const char *name)
{
    for (int i = 0; i < g->symbols; i++)
        if (!strcmp(g->symbol[i], name))
            return -2 - i;
    const char **grown =
        oc__grow(g->symbol, (size_t)g->symbols, (size_t)g->symbols + 1, sizeof *grown);
    if (!grown) {
        oc__graph_fail(g, OC_ELIMIT, NULL);
        return OC_UNKNOWN;
    }
    g->symbol = grown;
    g->symbol[g->symbols] = oc__pool_strdup(&g->pool, name);
    if (!g->symbol[g->symbols]) {
        oc__graph_fail(g, OC_ELIMIT, NULL);
        return OC_UNKNOWN;
    }
    return -1 - ++g->symbols;
}

/* ---- values and nodes --------------------------------------------------------------------- */

/* Makes room for `more` elements in a growing array. */
static bool reserve(void **array, int n, int more, int *capacity, size_t size)
{
    if (n + more <= *capacity)
        return true;
    const int wanted = 2 * (n + more);
    void *grown = oc__grow(*array, (size_t)*capacity, (size_t)wanted, size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

static oc_value add_value(oc_graph *g, struct value v)
{
    void *array = g->value;
    const bool room = reserve(&array, g->values, 1, &g->value_capacity, sizeof v);
    g->value = array;
    if (!room || !v.name)
        return oc__graph_fail(g, OC_ELIMIT, "the graph is out of memory");
    g->value[g->values++] = v;
    return (oc_value){ g->values };
}

oc_value oc__graph_source(oc_graph *g, enum value_kind kind, const char *name, oc_dtype t,
                          const oc_shape *shape, int index, const void *data)
{
    if (g->status)
        return OC_FAILED;
    return add_value(g, (struct value){ kind, t, *shape, name, index, 0, data });
}

oc_value oc_input(oc_graph *g, const char *name, oc_dtype t, oc_shape shape)
{
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] < -1 - g->symbols)
            return oc__graph_fail(g, OC_EUSAGE, "input %s: dimension %d is %lld", name, i,
                                  (long long)shape.dim[i]);
    return oc__graph_source(g, VALUE_INPUT, scoped(g, name), t, &shape, g->inputs++, NULL);
}

oc_value oc_constant(oc_graph *g, const oc_tensor *t)
{
    const size_t bytes = oc_tensor_bytes(t);
    void *data = oc__pool_alloc(&g->pool, bytes ? bytes : 1);
    if (!data)
        return oc__graph_fail(g, OC_ELIMIT, NULL);
    if (bytes)
        memcpy(data, t->data, bytes);
    return oc__graph_source(g, VALUE_CONSTANT, node_name(g, "Constant"), t->dtype, &t->shape, 0,
                            data);
}

oc_value oc_scalar(oc_graph *g, double v)
{
    const float f = (float)v;
    return oc_constant(g, &(oc_tensor){ OC_F32, { 0 }, (void *)(uintptr_t)&f });
}

oc_value oc_parameter_value(oc_graph *g, const char *name, oc_shape shape, oc_parameter_kind kind,
                            const char *init)
{
    int index;
    const char *full = scoped(g, name);
    if (g->status)
        return OC_FAILED;
    if (!full)
        return oc__graph_fail(g, OC_ELIMIT, NULL);
    if (!g->store)
        return oc__graph_fail(g, OC_EUSAGE, "parameter %s: the graph has no store", full);
    const oc_status status = oc__store_declare(g->store, full, &shape, kind, init, &index);
    if (status < 0)
        return oc__graph_fail(g, status, NULL);
    for (int i = 0; i < g->values; i++)
        if (g->value[i].kind == VALUE_PARAMETER && g->value[i].index == index)
            return (oc_value){ i + 1 };
    return oc__graph_source(g, VALUE_PARAMETER, full, OC_F32, &shape, index, NULL);
}

void oc_effect(oc_graph *g, oc_value parameter, oc_value value)
{
    if (g->status || parameter.id < 0 || value.id < 0)
        return;
    if (parameter.id == 0 || oc__value(g, parameter)->kind != VALUE_PARAMETER) {
        oc__graph_fail(g, OC_EUSAGE, "an effect names something that is not a parameter");
        return;
    }
    void *array = g->effect;
    const bool room = reserve(&array, g->effects, 1, &g->effect_capacity, sizeof *g->effect);
    g->effect = array;
    if (room)
        g->effect[g->effects++] = (struct effect){ parameter, value };
    else
        oc__graph_fail(g, OC_ELIMIT, NULL);
}

/* Checks the number of inputs and that required ones are present. */
static bool inputs_fit(oc_graph *g, const struct op *op, int n, const oc_value *in)
{
    bool variadic;
    int required;
    const int most = oc__op_count_names(op->inputs, &variadic, &required);
    if (n < required || (n > most && !variadic) || n > OP_MAX_INPUTS) {
        oc__graph_fail(g, OC_EUSAGE, "%s: %d inputs given, its inputs are: %s", op->entry.name, n,
                       op->inputs);
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (in[i].id < 0 || in[i].id > g->values)
            return false;
        if (oc__is_none(in[i]) && i < required) {
            oc__graph_fail(g, OC_EUSAGE, "%s: input %d is absent, its inputs are: %s",
                           op->entry.name, i, op->inputs);
            return false;
        }
    }
    return true;
}

int64_t oc__random_key(const char *name) { return (int64_t)(oc__hash(name) >> 2) | 1; }

/* Random operators are told apart by a key made from the node's name, unless they were given
 * one. */
static void set_random_key(const struct op *op, void *attr, const char *name)
{
    if (!op->random)
        return;
    for (const struct attr *a = op->entry.attrs; a && a->name; a++) {
        int64_t *key = (int64_t *)(void *)((char *)attr + a->offset);
        if (!strcmp(a->name, "key") && *key == 0)
            *key = oc__random_key(name);
    }
}

/* What an operator may look at while a node is made: its operands as they are known now. */
struct operands {
    const oc_shape *x[OP_MAX_INPUTS];
    oc_dtype        xt[OP_MAX_INPUTS], yt[OP_MAX_OUTPUTS];
    oc_shape        y[OP_MAX_OUTPUTS];
    oc_tensor       value[OP_MAX_INPUTS];               /* of constants that are used by value */
    bool            pending;                     /* an input by value is there and is no constant */
    bool            ranks;                              /* the rank of every input is known */
};

static void find_operands(const oc_graph *g, const struct node *n, struct operands *o)
{
    o->pending = false;
    o->ranks = true;
    for (int i = 0; i < n->n_in; i++) {
        const struct value *const v = oc__is_none(n->in[i]) ? NULL : oc__value(g, n->in[i]);
        const bool by_value = v && n->op->by_value >> i & 1;
        const bool known = by_value && v->kind == VALUE_CONSTANT;
        o->x[i] = v ? &v->shape : NULL;
        o->xt[i] = v ? v->dtype : OC_F32;
        o->value[i] = known ? (oc_tensor){ v->dtype, v->shape, (void *)(uintptr_t)v->data }
                            : (oc_tensor){ 0 };
        o->pending |= by_value && !known;
        o->ranks &= !v || v->shape.rank >= 0;
    }
    for (int k = 0; k < OP_MAX_OUTPUTS; k++)
        o->yt[k] = n->n_in ? o->xt[0] : OC_F32;
}

static struct infer infer_of(const struct node *n, struct operands *o)
{
    return (struct infer){ n->attr, n->n_in, n->n_out, o->x, o->xt, o->y, o->yt, o->value };
}

/* Values that are known become attributes, and the inputs that brought them are dropped. */
static oc_status take_values(struct node *n, struct operands *o)
{
    const struct infer s = infer_of(n, o);
    bool any = false;
    for (int i = 0; i < n->n_in; i++)
        any |= o->value[i].data != NULL;
    if (!any || o->pending || !n->op->take)
        return OC_OK;
    TRY(n->op->take(n->attr, &s));
    for (int i = 0; i < n->n_in; i++)
        if (n->op->by_value >> i & 1) {
            n->in[i] = OC_NONE;
            o->x[i] = NULL;
        }
    while (n->n_in > 0 && oc__is_none(n->in[n->n_in - 1]))
        n->n_in--;
    return OC_OK;
}

oc_status oc__take_values(const oc_graph *g, struct node *n, bool *pending)
{
    struct operands o;
    find_operands(g, n, &o);
    *pending = o.pending;
    return take_values(n, &o);
}

/* Types follow even where shapes do not: the rule is asked with some shapes, and only what it says
 * of types is believed. */
static void infer_types(const struct node *n, struct operands *o)
{
    static const oc_shape any = { 4, { OC_UNKNOWN, OC_UNKNOWN, OC_UNKNOWN, OC_UNKNOWN } };
    const oc_shape *x[OP_MAX_INPUTS];
    struct infer s = infer_of(n, o);
    for (int i = 0; i < n->n_in; i++)
        x[i] = o->x[i] && o->x[i]->rank < 0 ? &any : o->x[i];
    s.x = x;
    (void)n->op->shape(&s);
}

/* Shapes and types of the outputs, as far as they follow from what is known. */
static oc_status infer_outputs(const struct node *n, struct operands *o)
{
    const struct infer s = infer_of(n, o);
    if (o->ranks && !o->pending)
        return n->op->shape(&s);
    infer_types(n, o);
    for (int k = 0; k < n->n_out; k++)
        o->y[k] = (oc_shape){ .rank = OC_UNKNOWN };
    return o->ranks && n->op->pending ? n->op->pending(&s) : OC_OK;
}

/* Adds the outputs of a node as values. */
static oc_value add_outputs(oc_graph *g, const struct node *n, const struct operands *o)
{
    oc_value first = OC_FAILED;
    for (int k = 0; k < n->n_out; k++) {
        const struct value v = { VALUE_RESULT, o->yt[k], o->y[k], n->name, g->nodes, k, NULL };
        const oc_value added = add_value(g, v);
        first = k ? first : added;
    }
    return first;
}

/* Composes a node's operator from others, in a scope of its name.  Several outputs are bundled, so
 * that they are those of one node, and so is one that was there before. */
static oc_value compose(oc_graph *g, const struct node *n, const oc_value *given)
{
    oc_value in[OP_MAX_INPUTS] = { { 0 } }, y[OP_MAX_OUTPUTS] = { { 0 } };
    const int values = g->values;
    char scope[sizeof g->scope];
    memcpy(scope, g->scope, sizeof scope);
    snprintf(g->scope, sizeof g->scope, "%.250s", n->name);
    for (int i = 0; i < n->n_in; i++)
        in[i] = given[i];
    n->op->compose(g, &(struct composition){ n->attr, n->n_in, n->n_out, in, y });
    const struct bundle bundle = { n->n_out };
    oc_value out = y[0];
    if (n->n_out > 1 || out.id <= values)
        out = oc__apply(g, &oc__op_bundle, &bundle, n->n_out, y);
    memcpy(g->scope, scope, sizeof scope);
    return g->status ? OC_FAILED : out;
}

/* Settles what follows from a node's inputs, and adds it with its outputs. */
static oc_value add_node(oc_graph *g, struct node *n)
{
    struct operands o = { 0 };
    find_operands(g, n, &o);
    oc_status status = take_values(n, &o);
    n->n_out = oc__op_count_outputs(n->op, n->attr);
    if (!status && (n->n_out < 1 || n->n_out > OP_MAX_OUTPUTS))
        status = oc__fail(OC_EUSAGE, "%d outputs, at most %d are possible", n->n_out,
                          OP_MAX_OUTPUTS);
    if (!status && !n->op->compose)
        status = infer_outputs(n, &o);
    if (status)
        return oc__graph_fail(g, status, "%s: %s", n->name, oc_error());
    if (n->op->compose)
        return compose(g, n, n->in);
    n->out = add_outputs(g, n, &o);
    if (n->out.id > 0)
        g->node[g->nodes++] = *n;
    return n->out;
}

oc_value oc__apply(oc_graph *g, const struct op *op, const void *attr, int n, const oc_value *in)
{
    if (g->status || !inputs_fit(g, op, n, in))
        return OC_FAILED;
    const struct entry *e = &op->entry;
    struct node node = { .op = op, .n_in = n, .name = node_name(g, e->name) };
    node.attr = oc__pool_alloc(&g->pool, e->size ? e->size : 1);
    node.in = oc__pool_alloc(&g->pool, (size_t)(n ? n : 1) * sizeof *in);
    void *array = g->node;
    const bool room = reserve(&array, g->nodes, 1, &g->node_capacity, sizeof node);
    g->node = array;
    if (!room || !node.name || !node.attr || !node.in)
        return oc__graph_fail(g, OC_ELIMIT, "the graph is out of memory");
    if (n)
        memcpy(node.in, in, (size_t)n * sizeof *in);
    if (attr && e->size)
        memcpy(node.attr, attr, e->size);
    else
        oc__attr_defaults(e, node.attr);
    set_random_key(op, node.attr, node.name);
    return add_node(g, &node);
}

oc_value oc_apply(oc_graph *g, const char *name, int n, const oc_value *in, const char *attributes,
                  ...)
{
    _Alignas(16) char object[1024];
    struct str text = { 0 };
    va_list arguments;
    const struct entry *e;
    if (g->status)
        return OC_FAILED;
    if (oc__entry_find(oc__op_list, "operator", name, &e) < 0)
        return oc__graph_fail(g, OC_EUSAGE, NULL);
    if (e->size > sizeof object)
        return oc__graph_fail(g, OC_EBUG, "%s: attributes of %zu bytes", name, e->size);
    oc__attr_defaults(e, object);
    va_start(arguments, attributes);
    if (attributes)
        oc__str_addv(&text, attributes, arguments);
    va_end(arguments);
    const oc_status status
        = text.failed ? OC_ELIMIT : oc__attr_parse(e, object, name, oc__str_text(&text));
    oc__str_free(&text);
    if (status)
        return oc__graph_fail(g, status, NULL);
    return oc__apply(g, (const struct op *)e, object, n, in);
}

oc_value oc_output(oc_graph *g, oc_value v, int i)
{
    if (g->status || v.id <= 0)
        return OC_FAILED;
    const struct node *n = oc__maker(g, v);
    if (!n || i < 0 || i >= n->n_out)
        return oc__graph_fail(g, OC_EUSAGE, "%s has no output %d", oc__value(g, v)->name, i);
    return (oc_value){ n->out.id + i };
}

oc_dtype    oc_value_dtype(const oc_graph *g, oc_value v) { return oc__value(g, v)->dtype; }
oc_shape    oc_value_shape(const oc_graph *g, oc_value v) { return oc__value(g, v)->shape; }
const char *oc_value_name(const oc_graph *g, oc_value v)  { return oc__value(g, v)->name; }

oc_value oc_value_find(const oc_graph *g, const char *name)
{
    for (int i = 0; i < g->values; i++)
        if (g->value[i].name && !strcmp(g->value[i].name, name))
            return (oc_value){ i + 1 };
    return OC_NONE;
}

/* ---- the commonest operators -------------------------------------------------------------- */

oc_value oc_add(oc_graph *g, oc_value a, oc_value b)
{
    return oc__apply(g, &oc__op_add, NULL, OC_IN(a, b));
}
oc_value oc_sub(oc_graph *g, oc_value a, oc_value b)
{
    return oc__apply(g, &oc__op_sub, NULL, OC_IN(a, b));
}
oc_value oc_mul(oc_graph *g, oc_value a, oc_value b)
{
    return oc__apply(g, &oc__op_mul, NULL, OC_IN(a, b));
}
oc_value oc_div(oc_graph *g, oc_value a, oc_value b)
{
    return oc__apply(g, &oc__op_div, NULL, OC_IN(a, b));
}
oc_value oc_matmul(oc_graph *g, oc_value a, oc_value b)
{
    return oc__apply(g, &oc__op_matmul, NULL, OC_IN(a, b));
}
oc_value oc_transpose(oc_graph *g, oc_value x)
{
    return oc__apply(g, &oc__op_transpose, NULL, OC_IN(x));
}
oc_value oc_relu(oc_graph *g, oc_value x) { return oc__apply(g, &oc__op_relu, NULL, OC_IN(x)); }
oc_value oc_sigmoid(oc_graph *g, oc_value x)
{
    return oc__apply(g, &oc__op_sigmoid, NULL, OC_IN(x));
}
oc_value oc_softmax(oc_graph *g, oc_value x)
{
    return oc__apply(g, &oc__op_softmax, NULL, OC_IN(x));
}
oc_value oc_sum(oc_graph *g, oc_value x)
{
    return oc_apply(g, "ReduceSum", 1, &x, "keepdims=false");
}
oc_value oc_mean(oc_graph *g, oc_value x)
{
    return oc_apply(g, "ReduceMean", 1, &x, "keepdims=false");
}

oc_value oc_softmax_cross_entropy(oc_graph *g, oc_value logits, oc_value target)
{
    return oc__apply(g, &oc__op_softmax_cross_entropy_loss, NULL, OC_IN(logits, target));
}
