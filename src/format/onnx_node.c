/* onnx_node.c — nodes of ONNX: their inputs and attributes are found, forms build them (op/onnx.h),
 * and their outputs get names. */
#include <string.h>

#include "base/status.h"
#include "format/onnx_import.h"
#include "op/control.h"
#include "op/onnx.h"

static const char *text(const char *t) { return t ? t : ""; }

const char *oc__onnx_domain(const char *domain)
{
    return !domain || !strcmp(domain, "ai.onnx") ? "" : domain;
}

int64_t oc__onnx_opset(const struct pb_list *opsets, const char *domain)
{
    for (int i = 0; i < opsets->n; i++) {
        const struct onnx_opset *const o = LIST_AT(struct onnx_opset, *opsets, i);
        if (!strcmp(oc__onnx_domain(o->domain), domain))
            return o->version.v;
    }
    return 0;
}

const struct onnx_function *oc__onnx_function(const struct onnx_model *m,
                                              const struct onnx_node_proto *n)
{
    for (int i = 0; i < m->functions.n; i++) {
        const struct onnx_function *const f = LIST_AT(struct onnx_function, m->functions, i);
        if (!strcmp(text(f->name), text(n->op_type)) &&
            !strcmp(oc__onnx_domain(f->domain), oc__onnx_domain(n->domain)) &&
            !strcmp(text(f->overload), text(n->overload)))
            return f;
    }
    return NULL;
}

/* What a node is called in messages: its name, or that of its first output. */
static const char *node_name(const struct onnx_node_proto *n)
{
    if (*text(n->name))
        return n->name;
    return n->output.n ? *LIST_AT(const char *, n->output, 0) : "";
}

/* Puts file, node and operator before the message, unless a node inside this one has; shapes that
 * do not fit are the file's fault. */
static oc_status node_failed(const struct onnx_import *im, const struct onnx_node_proto *n,
                             oc_status status)
{
    const char *message = oc_error();                   /* may begin with the operator's name */
    const size_t known = strlen(text(n->op_type)), path = strlen(im->path);
    if (!strncmp(message, im->path, path) && !strncmp(message + path, ": node ", 7))
        return status == OC_EUSAGE ? OC_EINPUT : status;
    if (known && !strncmp(message, n->op_type, known)) {
        const size_t number = strspn(message + known, "0123456789");
        if (!strncmp(message + known + number, ": ", 2))
            message += known + number + 2;
    }
    char *const why = oc__strdup(message);
    if (!why)
        return OC_ELIMIT;
    status = status == OC_EUSAGE ? OC_EINPUT : status;
    oc__fail(status, "%s: node %s (%s): %s", im->path, oc__quote_z(node_name(n)),
             oc__quote_z(text(n->op_type)), why);
    oc__free(why);
    return status;
}

/* ---- attributes --------------------------------------------------------------------------- */

/* Files of the first version do not say what type an attribute has. */
static int guess_type(const struct onnx_attribute *a)
{
    return a->i.set ? ONNX_INT : a->s ? ONNX_STRING : a->t ? ONNX_TENSOR : a->g ? ONNX_GRAPH
         : a->floats.n ? ONNX_FLOATS : a->ints.n ? ONNX_INTS : a->strings.n ? ONNX_STRINGS
         : ONNX_FLOAT;
}

static oc_status take_tensor(struct onnx_import *im, oc_graph *g, const struct onnx_attribute *a,
                             oc_tensor *out)
{
    if (!a->t)
        return oc__fail(OC_EINPUT, "attribute %s: has no tensor", oc__quote_z(text(a->name)));
    TRY(oc__onnx_tensor_check(im->source, a->t, "attribute", &out->dtype, &out->shape));
    out->data = oc__pool_alloc(&g->pool, oc_tensor_bytes(out) + 1);
    if (!out->data)
        return OC_ELIMIT;
    return oc__onnx_tensor_read(im->source, a->t, "attribute", out);
}

static oc_status take_attribute(struct onnx_import *im, oc_graph *g,
                                const struct onnx_attribute *a, struct onnx_attr *to)
{
    to->type = a->type.v ? (int)a->type.v : guess_type(a);
    to->i = a->i.v;
    to->f = (double)a->f;
    to->s = text(a->s);
    const struct pb_list *const list = to->type == ONNX_INTS     ? &a->ints
                                       : to->type == ONNX_FLOATS ? &a->floats
                                                                 : &a->strings;
    to->n = list->n;
    to->graph = a->g;
    to->ints = a->ints.item;
    to->floats = a->floats.item;
    to->strings = a->strings.item;
    return to->type == ONNX_TENSOR ? take_tensor(im, g, a, &to->tensor) : OC_OK;
}

/* The attribute that a function's body means by a name: of the call, or the function's own. */
static const struct onnx_attribute *referred(const struct onnx_scope *s, const char *name)
{
    const struct pb_list *const lists[] = { s->call ? &s->call->attribute : NULL,
                                            s->function ? &s->function->attribute_proto : NULL };
    for (size_t k = 0; k < 2; k++)
        for (int i = 0; lists[k] && i < lists[k]->n; i++) {
            const struct onnx_attribute *const a = LIST_AT(struct onnx_attribute, *lists[k], i);
            if (!strcmp(text(a->name), name))
                return a;
        }
    return NULL;
}

static oc_status take_attributes(struct onnx_import *im, struct onnx_scope *s,
                                 const struct onnx_node_proto *n, struct onnx_node *to)
{
    to->attr = oc__pool_alloc(im->pool, (size_t)(n->attribute.n + 1) * sizeof *to->attr);
    if (!to->attr)
        return OC_ELIMIT;
    for (int i = 0; i < n->attribute.n; i++) {
        const struct onnx_attribute *const own = LIST_AT(struct onnx_attribute, n->attribute, i);
        const struct onnx_attribute *const a =
            *text(own->ref_attr_name) ? referred(s, own->ref_attr_name) : own;
        if (!a)
            continue;
        for (int k = 0; k < to->attrs; k++)
            if (!strcmp(to->attr[k].name, text(own->name)))
                return oc__fail(OC_EINPUT, "attribute %s: given twice", oc__quote_z(own->name));
        to->attr[to->attrs].name = text(own->name);
        TRY(take_attribute(im, s->g, a, &to->attr[to->attrs++]));
    }
    return OC_OK;
}

/* ---- inputs and outputs ------------------------------------------------------------------- */

/* A value of the graph around a body: numbers that are known are there too, all else is one more
 * input. */
static int64_t capture(struct onnx_scope *s, const char *name, oc_value from)
{
    struct value v = *oc__value(s->outer->g, from);
    for (int i = 0; i < v.shape.rank; i++)
        v.shape.dim[i] = v.shape.dim[i] < 0 ? OC_UNKNOWN : v.shape.dim[i];
    const bool fed = v.kind == VALUE_RESULT || v.kind == VALUE_INPUT;
    const oc_value to = fed ? oc_input(s->g, name, v.dtype, v.shape)
                            : oc__graph_source(s->g, v.kind, v.name, v.dtype, &v.shape, v.index,
                                               v.data);
    oc_value *const grown = fed ? oc__grow(s->capture, (size_t)s->captures,
                                           (size_t)s->captures + 1, sizeof *grown) : NULL;
    if (fed && grown) {
        s->capture = grown;
        grown[s->captures++] = from;
    }
    return to.id > 0 && (!fed || grown) && oc__map_put(&s->by_name, name, to.id) ? to.id : -1;
}

/* Looks a name up in a scope and those around it; -1: nothing has it. */
static int64_t look_up(struct onnx_scope *s, const char *name)
{
    const int64_t id = oc__map_get(&s->by_name, name, -1);
    if (id >= 0 || !s->outer)
        return id;
    const int64_t from = look_up(s->outer, name);
    return from <= 0 || s->g == s->outer->g ? from
                                            : capture(s, name, (oc_value){ (int32_t)from });
}

static oc_status find_value(struct onnx_scope *s, const char *name, int i, oc_value *out)
{
    const int64_t id = *name ? look_up(s, name) : 0;
    if (id < 0)
        return oc__fail(OC_EINPUT, "input %d: nothing before it makes %s", i, oc__quote_z(name));
    *out = (oc_value){ (int32_t)id };
    return OC_OK;
}

/* Under a copy of the name, which lives as long as the graph: *own. */
static oc_status name_value(struct onnx_scope *s, const char *name, oc_value v, const char **own)
{
    if (oc__map_get(&s->by_name, name, -1) >= 0)
        return oc__fail(OC_EINPUT, "output %s: there is a value of that name", oc__quote_z(name));
    *own = oc__pool_strdup(&s->g->pool, name);
    return *own && oc__map_put(&s->by_name, *own, v.id) ? OC_OK : OC_ELIMIT;
}

static oc_status check_size(const oc_graph *g, oc_value v, int k)
{
    const oc_shape *const shape = &oc__value(g, v)->shape;
    const int64_t n = oc_shape_count(shape);
    if (n <= INT32_MAX)
        return OC_OK;
    return oc__fail(OC_ELIMIT, "output %d: %s%lld elements, at most %d are possible", k,
                    n == INT64_MAX ? "more than " : "", (long long)n, INT32_MAX);
}

/* New values take the names that the file gives them. */
static oc_status name_outputs(struct onnx_scope *s, const struct onnx_node_proto *n,
                              const struct onnx_node *made, int values)
{
    for (int k = 0; k < made->n_out; k++) {
        const char *const name = *LIST_AT(const char *, n->output, k), *own;
        if (!*name)
            continue;
        TRY(check_size(s->g, made->out[k], k));
        TRY(name_value(s, name, made->out[k], &own));
        if (made->out[k].id > values)
            oc__value(s->g, made->out[k])->name = own;
    }
    return OC_OK;
}

/* ---- graphs that are attributes ----------------------------------------------------------- */

/* What the forms of one node need of the importer. */
struct place { struct onnx_import *im; struct onnx_scope *scope; };

static oc_status import_inner(struct onnx_node *n, const struct onnx_attr *a,
                              struct onnx_scope *inner)
{
    const struct place *const at = n->importer;
    if (!a->graph)
        return oc__fail(OC_EINPUT, "attribute %s: has no graph", oc__quote_z(a->name));
    inner->outer = at->scope;
    inner->opsets = at->scope->opsets;
    inner->call = at->scope->call;
    inner->function = at->scope->function;
    inner->depth = at->scope->depth;
    return oc__onnx_import_graph(at->im, a->graph, inner);
}

/* The values that a graph hands out, in memory that lives with it. */
static oc_status inner_outputs(const struct onnx_graph *graph, struct onnx_scope *s,
                               oc_value **out)
{
    *out = oc__pool_alloc(&s->g->pool, (size_t)(graph->output.n + 1) * sizeof **out);
    if (!*out)
        return OC_ELIMIT;
    for (int k = 0; k < graph->output.n; k++)
        TRY(find_value(s, text(LIST_AT(struct onnx_value_info, graph->output, k)->name), k,
                       &(*out)[k]));
    return OC_OK;
}

static oc_status make_body(struct onnx_node *n, const struct onnx_attr *a,
                           struct control_body *out)
{
    const struct place *const at = n->importer;
    const struct onnx_graph *const graph = a->graph;
    struct onnx_scope inner = { 0 };
    oc_value *output = NULL, *capture = NULL;
    TRY(oc_graph_new(&inner.g, at->im->store));
    inner.g->next_body = n->g->bodies;
    n->g->bodies = inner.g;
    oc_status status = import_inner(n, a, &inner);
    if (!status)
        status = inner_outputs(graph, &inner, &output);
    if (!status)
        status = oc_graph_check(inner.g);
    capture = oc__pool_alloc(&inner.g->pool, (size_t)(inner.captures + 1) * sizeof *capture);
    if (capture && inner.captures)
        memcpy(capture, inner.capture, (size_t)inner.captures * sizeof *capture);
    if (!status)
        *out = (struct control_body){ inner.g, inner.g->inputs - inner.captures, inner.captures,
                                      capture, graph->output.n, output };
    oc__map_free(&inner.by_name);
    oc__free(inner.capture);
    return status || capture ? status : OC_ELIMIT;
}

static oc_status put_body(struct onnx_node *n, const struct onnx_attr *a)
{
    const struct onnx_graph *const graph = a->graph;
    struct onnx_scope inner = { .g = n->g };
    oc_value *output = NULL;
    oc_status status = import_inner(n, a, &inner);
    if (!status)
        status = inner_outputs(graph, &inner, &output);
    for (int k = 0; k < n->n_out && !status && k < graph->output.n; k++)
        n->out[k] = output[k];
    oc__map_free(&inner.by_name);
    return status;
}

static const struct onnx_bodies bodies = { make_body, put_body };

/* ---- one node ----------------------------------------------------------------------------- */

static oc_status describe(struct onnx_import *im, struct onnx_scope *s,
                          const struct onnx_node_proto *n, struct onnx_node *to)
{
    if (n->input.n > OP_MAX_INPUTS || n->output.n > OP_MAX_OUTPUTS)
        return oc__fail(OC_ELIMIT, "%d inputs and %d outputs, at most %d and %d are possible",
                        n->input.n, n->output.n, OP_MAX_INPUTS, OP_MAX_OUTPUTS);
    *to = (struct onnx_node){ .g = s->g, .op = text(n->op_type), .name = node_name(n),
                              .domain = oc__onnx_domain(n->domain), .n_in = n->input.n,
                              .n_out = n->output.n, .bodies = &bodies };
    to->opset = oc__onnx_opset(s->opsets, to->domain);
    for (int i = 0; i < n->input.n; i++)
        TRY(find_value(s, *LIST_AT(const char *, n->input, i), i, &to->in[i]));
    for (int k = 0; k < n->output.n; k++)
        to->want[k] = **LIST_AT(const char *, n->output, k) != '\0';
    while (to->n_out > 0 && !to->want[to->n_out - 1])
        to->n_out--;
    while (to->n_in > 0 && oc__is_none(to->in[to->n_in - 1]))
        to->n_in--;
    return take_attributes(im, s, n, to);
}

static oc_status build(struct onnx_import *im, struct onnx_scope *s,
                       const struct onnx_node_proto *n)
{
    struct onnx_node node;
    const int nodes = s->g->nodes, values = s->g->values;
    struct place place = { im, s };
    TRY(describe(im, s, n, &node));
    node.importer = &place;
    TRY(oc__onnx_build(&node));
    const char *const name = oc__pool_strdup(&s->g->pool, node.name);
    if (!name)
        return OC_ELIMIT;
    for (int k = nodes; k < s->g->nodes; k++)
        s->g->node[k].name = name;
    return name_outputs(s, n, &node, values);
}

/* A call: the function's nodes in a scope of its own, where inputs have the function's names. */
static oc_status call(struct onnx_import *im, struct onnx_scope *s,
                      const struct onnx_node_proto *n, const struct onnx_function *f)
{
    struct onnx_scope inner = { .g = s->g, .opsets = &f->opset_import, .call = n, .function = f,
                                .depth = s->depth + 1 };
    oc_status status = inner.depth <= ONNX_CALLS_MAX
                           ? OC_OK : oc__fail(OC_ELIMIT, "functions call each other too deep");
    for (int i = 0; i < f->input.n && !status; i++) {
        oc_value v = OC_NONE;
        if (i < n->input.n)
            status = find_value(s, *LIST_AT(const char *, n->input, i), i, &v);
        if (!status && !oc__map_put(&inner.by_name, *LIST_AT(const char *, f->input, i), v.id))
            status = OC_ELIMIT;
    }
    if (!status)
        status = oc__onnx_import_nodes(im, &inner, &f->node);
    for (int k = 0; k < n->output.n && !status; k++) {
        const char *const name = *LIST_AT(const char *, n->output, k), *own;
        const int64_t id = k < f->output.n
            ? oc__map_get(&inner.by_name, *LIST_AT(const char *, f->output, k), -1) : -1;
        if (*name && id <= 0)
            status = oc__fail(OC_EINPUT, "output %d: the function does not make it", k);
        else if (*name)
            status = name_value(s, name, (oc_value){ (int32_t)id }, &own);
    }
    oc__map_free(&inner.by_name);
    return status;
}

oc_status oc__onnx_import_nodes(struct onnx_import *im, struct onnx_scope *scope,
                                const struct pb_list *nodes)
{
    for (int i = 0; i < nodes->n; i++) {
        const struct onnx_node_proto *const n = LIST_AT(struct onnx_node_proto, *nodes, i);
        const struct onnx_function *const f = oc__onnx_function(im->model, n);
        oc_status status = im->nodes++ < ONNX_NODES_MAX
                               ? OC_OK
                               : oc__fail(OC_ELIMIT, "more than %d nodes and calls",
                                          ONNX_NODES_MAX);
        if (!status)
            status = f ? call(im, scope, n, f) : build(im, scope, n);
        if (status)
            return node_failed(im, n, status);
    }
    return OC_OK;
}
