/* onnx_import.c — the graph of a model: what it needs, its inputs, its weights, its outputs. */
#include "format/onnx_import.h"

#include <string.h>

#include "base/status.h"
#include "base/str.h"
#include "op/onnx.h"
#include "param/store.h"

static const char *text(const char *t) { return t ? t : ""; }

/* ---- what is not known -------------------------------------------------------------------- */

enum { LISTED_MAX = 20 };
struct unknown { struct str list; int n; };

static void check_nodes(const struct onnx_import *im, const struct pb_list *nodes,
                        const struct pb_list *opsets, struct unknown *u);

static void check_node(const struct onnx_import *im, const struct onnx_node_proto *n,
                       const struct pb_list *opsets, struct unknown *u)
{
    const char *const domain = oc__onnx_domain(n->domain);
    const int64_t opset = oc__onnx_opset(opsets, domain);
    for (int i = 0; i < n->attribute.n; i++) {
        const struct onnx_attribute *const a = LIST_AT(struct onnx_attribute, n->attribute, i);
        if (a->g)
            check_nodes(im, &a->g->node, opsets, u);
    }
    if (oc__onnx_function(im->model, n) ||
        (opset && oc__onnx_knows(domain, text(n->op_type), opset)))
        return;
    if (u->n++ >= LISTED_MAX)
        return;
    oc__str_addf(&u->list, "%snode %s: %s%s%s", u->n > 1 ? "; " : "",
                 oc__quote_z(text(n->name)), *domain ? oc__quote_z(domain) : "",
                 *domain ? " " : "", oc__quote_z(text(n->op_type)));
    oc__str_addf(&u->list, opset ? " (opset %lld)" : " (no opset)", (long long)opset);
}

static void check_nodes(const struct onnx_import *im, const struct pb_list *nodes,
                        const struct pb_list *opsets, struct unknown *u)
{
    for (int i = 0; i < nodes->n; i++)
        check_node(im, LIST_AT(struct onnx_node_proto, *nodes, i), opsets, u);
}

static oc_status check_opsets(const struct onnx_import *im)
{
    for (int i = 0; i < im->model->opset_import.n; i++) {
        const struct onnx_opset *const o = LIST_AT(struct onnx_opset, im->model->opset_import, i);
        if (!*oc__onnx_domain(o->domain) && (o->version.v < 1 || o->version.v > ONNX_OPSET_MAX))
            return oc__fail(OC_EINPUT, "%s: opset_import[%d]: opset %lld is not in 1 to %d",
                            im->path, i, (long long)o->version.v, ONNX_OPSET_MAX);
    }
    return OC_OK;
}

oc_status oc__onnx_check_operators(const struct onnx_import *im)
{
    struct unknown u = { 0 };
    TRY(check_opsets(im));
    check_nodes(im, &im->model->graph->node, &im->model->opset_import, &u);
    for (int i = 0; i < im->model->functions.n; i++) {
        const struct onnx_function *const f = LIST_AT(struct onnx_function, im->model->functions,
                                                      i);
        check_nodes(im, &f->node, &f->opset_import, &u);
    }
    oc_status status = u.list.failed ? OC_ELIMIT : OC_OK;
    if (u.n > LISTED_MAX)
        oc__str_addf(&u.list, "; and %d more", u.n - LISTED_MAX);
    if (!status && u.n)
        status = oc__fail(OC_EINPUT, "%s: %d node%s of unknown operators: %s", im->path, u.n,
                          oc__plural(u.n), oc__str_text(&u.list));
    oc__str_free(&u.list);
    return status;
}

/* ---- initializers ------------------------------------------------------------------------- */

/* What initializers are for: numbers to be trained, statistics, or values that decide shapes and
 * are constants therefore. */
enum use { USE_TRAINABLE, USE_STATISTIC, USE_VALUE };

/* Upsample and the first Resize have their scales where Resize has a region. */
static enum use use_of(const struct onnx_node_proto *n, int i)
{
    const char *const name = text(n->op_type);
    const struct op *const op = oc__op_find(name);
    if (!strcmp(name, "BatchNormalization") && i >= 3)
        return USE_STATISTIC;
    if (!strcmp(name, "Upsample") || (op && i < 64 && op->by_value >> i & 1))
        return i > 0 || !op || op->by_value & 1 ? USE_VALUE : USE_TRAINABLE;
    return USE_TRAINABLE;
}

static bool note_uses(struct onnx_import *im, const struct onnx_graph *g)
{
    bool ok = true;
    for (int i = 0; i < g->node.n; i++) {
        const struct onnx_node_proto *const n = LIST_AT(struct onnx_node_proto, g->node, i);
        for (int k = 0; k < n->input.n; k++) {
            const enum use use = use_of(n, k);
            const char *const name = *LIST_AT(const char *, n->input, k);
            if (use > (enum use)oc__map_get(&im->uses, name, USE_TRAINABLE))
                ok &= oc__map_put(&im->uses, name, use);
        }
    }
    return ok;
}

static oc_status put_name(const struct onnx_import *im, struct onnx_scope *s, const char *what,
                          const char *name, oc_value v)
{
    if (!*name)
        return oc__fail(OC_EINPUT, "%s: %s without a name", im->path, what);
    if (oc__map_get(&s->by_name, name, -1) >= 0)
        return oc__fail(OC_EINPUT, "%s: %s %s: there is a value of that name", im->path, what,
                        oc__quote_z(name));
    TRY(oc_graph_check(s->g));
    const char *const own = oc__value(s->g, v)->name;   /* equal, and lives as long as the graph */
    return oc__map_put(&s->by_name, own, v.id) ? OC_OK : OC_ELIMIT;
}

/* Numbers that a network has learnt: they go to the store, read later all at once. */
static bool is_parameter(const struct onnx_import *im, const struct onnx_tensor *t, oc_dtype type,
                         const oc_shape *shape)
{
    return type == OC_F32 && shape->rank > 0 && oc_shape_count(shape) > 0 &&
           oc__map_get(&im->uses, text(t->name), USE_TRAINABLE) != USE_VALUE;
}

static oc_status add_parameter(struct onnx_import *im, struct onnx_scope *s,
                               const struct onnx_tensor *t, const oc_shape *shape)
{
    int index;
    const bool statistic = oc__map_get(&im->uses, t->name, USE_TRAINABLE) == USE_STATISTIC;
    if (oc_store_find(im->store, t->name) >= 0)
        return oc__fail(OC_EINPUT, "%s: initializer %s: there is another of that name", im->path,
                        oc__quote_z(t->name));
    TRY(oc__store_declare(im->store, t->name, shape, statistic ? OC_STATISTIC : OC_TRAINABLE,
                          "zeros", &index));
    return put_name(im, s, "initializer", t->name,
                    oc__graph_source(s->g, VALUE_PARAMETER, im->store->parameter[index].name,
                                     OC_F32, shape, index, NULL));
}

static oc_status add_constant(struct onnx_import *im, struct onnx_scope *s,
                              const struct onnx_tensor *t, oc_tensor *to)
{
    to->data = oc__pool_alloc(&s->g->pool, oc_tensor_bytes(to) + 1);
    const char *const name = oc__pool_strdup(&s->g->pool, text(t->name));
    if (!to->data || !name)
        return OC_ELIMIT;
    TRY(oc__onnx_tensor_read(im->source, t, "initializer", to));
    return put_name(im, s, "initializer", name,
                    oc__graph_source(s->g, VALUE_CONSTANT, name, to->dtype, &to->shape, 0,
                                     to->data));
}

static oc_status add_initializers(struct onnx_import *im, struct onnx_scope *s,
                                  const struct onnx_graph *g)
{
    for (int i = 0; i < g->initializer.n; i++) {
        const struct onnx_tensor *const t = LIST_AT(struct onnx_tensor, g->initializer, i);
        oc_tensor to = { 0 };
        TRY(oc__onnx_tensor_check(im->source, t, "initializer", &to.dtype, &to.shape));
        if (!s->outer && is_parameter(im, t, to.dtype, &to.shape) && *text(t->name))
            TRY(add_parameter(im, s, t, &to.shape));
        else
            TRY(add_constant(im, s, t, &to));
    }
    return OC_OK;
}

/* The parameter that an initializer is for, by name and shape; -1: none. */
static oc_status find_parameter(const struct onnx_source *source, const struct onnx_tensor *t,
                                const oc_store *to, oc_tensor *into, int *index)
{
    *index = oc_store_find(to, text(t->name));
    if (*index < 0)
        return OC_OK;
    TRY(oc__onnx_tensor_check(source, t, "initializer", &into->dtype, &into->shape));
    if (into->dtype != OC_F32 || !oc_shape_equal(&into->shape, &to->parameter[*index].shape))
        *index = -1;
    return OC_OK;
}

oc_status oc__onnx_read_parameters(struct onnx_source *source, const struct onnx_graph *g,
                                   oc_store *to)
{
    oc_tensor into;
    int index;
    for (int i = 0; i < g->initializer.n; i++) {
        const struct onnx_tensor *const t = LIST_AT(struct onnx_tensor, g->initializer, i);
        TRY(find_parameter(source, t, to, &into, &index));
        if (index >= 0)
            to->parameter[index].ready = true;          /* needs no initialiser */
    }
    TRY(oc__store_ready(to, ROLE_VALUE));
    for (int i = 0; i < g->initializer.n; i++) {
        const struct onnx_tensor *const t = LIST_AT(struct onnx_tensor, g->initializer, i);
        TRY(find_parameter(source, t, to, &into, &index));
        if (index < 0)
            continue;
        into.data = oc__store_place(to, ROLE_VALUE, index);
        TRY(oc__onnx_tensor_read(source, t, "initializer", &into));
    }
    oc_store_touch(to);
    return OC_OK;
}

/* ---- inputs ------------------------------------------------------------------------------- */

static oc_status input_failed(const struct onnx_import *im, const char *name, const char *what)
{
    return oc__fail(OC_EINPUT, "%s: input %s: %s", im->path, oc__quote_z(name), what);
}

/* The declared shape; a dimension with a name is a symbol, one without value is not known. */
static oc_status declared_shape(const struct onnx_import *im, oc_graph *g, const char *name,
                                const struct onnx_shape *from, oc_shape *out)
{
    *out = (oc_shape){ .rank = from ? from->dim.n : OC_UNKNOWN };
    if (out->rank > OC_MAX_RANK)
        return input_failed(im, name, "more than 8 dimensions");
    for (int i = 0; i < out->rank; i++) {
        const struct onnx_dimension *const d = LIST_AT(struct onnx_dimension, from->dim, i);
        out->dim[i] = d->dim_value.set && d->dim_value.v >= 0 ? d->dim_value.v
                      : *text(d->dim_param)                   ? oc_symbol(g, d->dim_param)
                                                              : OC_UNKNOWN;
    }
    return oc_graph_check(g);
}

/* The shape that the caller gives in its place, if there is one that fits, or what closes it. */
static oc_status given_shape(const struct onnx_import *im, const char *name, oc_shape *shape)
{
    for (int i = 0; im->options && i < im->options->inputs; i++) {
        if (strcmp(im->options->name[i], name) != 0)
            continue;
        if (shape->rank >= 0)
            TRY(oc__shape_match(name, shape, &im->options->shape[i]));
        *shape = im->options->shape[i];
        return OC_OK;
    }
    for (int i = 0; im->options && i < shape->rank; i++) {
        const oc_shape *const sample = &im->options->sample;
        const int64_t given = i == 0 ? im->options->batch
                              : sample->rank == shape->rank - 1 ? sample->dim[i - 1] : 0;
        if (shape->dim[i] < 0 && given > 0)
            shape->dim[i] = given;
    }
    return OC_OK;
}

static oc_status add_input(struct onnx_import *im, struct onnx_scope *s,
                           const struct onnx_value_info *v)
{
    const struct onnx_tensor_type *const t = v->type ? v->type->tensor_type : NULL;
    const char *const name = text(v->name);
    oc_shape shape;
    if (!t)
        return input_failed(im, name, "is not a tensor");
    const int type = oc__onnx_dtype(t->elem_type.v);
    const char *const type_name = oc__onnx_type_name(t->elem_type.v);
    if (type < 0)
        return oc__fail(OC_EINPUT, "%s: input %s: type %lld%s%s is not one of ours", im->path,
                        oc__quote_z(name), (long long)t->elem_type.v, type_name ? ", " : "",
                        text(type_name));
    TRY(declared_shape(im, s->g, name, t->shape, &shape));
    TRY(given_shape(im, name, &shape));
    return put_name(im, s, "input", name, oc_input(s->g, name, (oc_dtype)type, shape));
}

oc_status oc__onnx_import_graph(struct onnx_import *im, const struct onnx_graph *graph,
                                struct onnx_scope *scope)
{
    if (graph->sparse_initializer.n)
        return oc__fail(OC_EINPUT, "%s: sparse initializers are not read", im->path);
    if (!note_uses(im, graph))
        return OC_ELIMIT;
    TRY(add_initializers(im, scope, graph));
    for (int i = 0; i < graph->input.n; i++) {          /* old files list weights here as well */
        const struct onnx_value_info *const v = LIST_AT(struct onnx_value_info, graph->input, i);
        const int64_t id = oc__map_get(&scope->by_name, text(v->name), 0);
        if (!id || oc__value(scope->g, (oc_value){ (int32_t)id })->kind == VALUE_INPUT)
            TRY(add_input(im, scope, v));
    }
    return oc__onnx_import_nodes(im, scope, &graph->node);
}
