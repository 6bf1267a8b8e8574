/* onnx_wording.c — a graph in plain operators, and its nodes as ONNX has them, by the tables. */
#include "op/onnx_wording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDING(name) &oc__wording_##name,
static const struct onnx_wording *const wordings[] = {
#include "op/onnx_wording_list.h"
    NULL
};
#undef WORDING

#define WORD(name, opset) { .op = &oc__op_##name, .since = opset },
static const struct onnx_wording words[] = {
#include "op/onnx_words.h"
    { 0 }
};
#undef WORD

static const struct onnx_wording *find_wording(const struct op *op)
{
    for (const struct onnx_wording *const *w = wordings; *w; w++)
        if ((*w)->op == op)
            return *w;
    for (const struct onnx_wording *w = words; w->op; w++)
        if (w->op == op)
            return w;
    return NULL;
}

/* Whether a list of words holds this one. */
static bool is_listed(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = list; p && (p = strstr(p, word)); p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static oc_status refuse(const struct node *n, int64_t opset, const char *why)
{
    return oc__fail(OC_EUSAGE, "node %s (%s): opset %lld %s", oc__quote_z(n->name),
                    n->op->entry.name, (long long)opset, why);
}

/* ---- plain graphs ------------------------------------------------------------------------- */

struct copying {
    oc_graph       *g;
    const oc_graph *from;
    oc_value       *map;                                /* by value of `from` */
    bool           *needed;                             /* by value of `from` */
    int64_t         opset;
};

static void mark(struct copying *c, int n, const oc_value *want)
{
    for (int i = 0; i < n; i++)
        c->needed[want[i].id - 1] = true;
    for (int k = c->from->nodes - 1; k >= 0; k--) {
        const struct node *const node = &c->from->node[k];
        bool used = false;
        for (int i = 0; i < node->n_out; i++)
            used |= c->needed[node->out.id - 1 + i];
        for (int i = 0; used && i < node->n_in; i++)
            if (!oc__is_none(node->in[i]))
                c->needed[node->in[i].id - 1] = true;
    }
}

static oc_value copy_source(struct copying *c, const struct value *v)
{
    oc_shape shape = v->shape;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] < OC_UNKNOWN)
            shape.dim[i] = oc_symbol(c->g, c->from->symbol[-2 - shape.dim[i]]);
    return v->kind == VALUE_INPUT
        ? oc_input(c->g, v->name, v->dtype, shape)
        : oc__graph_source(c->g, v->kind, v->name, v->dtype, &shape, v->index, v->data);
}

static void find_inputs(const struct copying *c, const struct node *n, struct onnx_lowering *l)
{
    for (int i = 0; i < n->n_in; i++)
        l->in[i] = oc__is_none(n->in[i]) ? OC_NONE : c->map[n->in[i].id - 1];
}

/* The node itself, unless it is made of others; values keep their names. */
static oc_status copy_node(struct copying *c, const struct node *n)
{
    const struct onnx_wording *const w = find_wording(n->op);
    _Alignas(16) char attr[1024];
    struct onnx_lowering l = { c->g, c->from, n, c->opset, attr, { { 0 } }, { { 0 } } };
    if (!w)
        return refuse(n, c->opset, "has no such operator, nor what it is made of");
    if (n->op->entry.size > sizeof attr)
        return oc__fail(OC_EBUG, "attributes of %zu bytes", n->op->entry.size);
    memcpy(attr, n->attr, n->op->entry.size);
    find_inputs(c, n, &l);
    snprintf(c->g->scope, sizeof c->g->scope, "%.250s", n->name);
    if (w->lower)
        TRY(w->lower(&l));
    c->g->scope[0] = '\0';
    const bool made = !oc__is_none(l.y[0]);
    if (!made && (w->since == 0 || w->since > c->opset))
        return refuse(n, c->opset, "lacks it");
    const oc_value y = made ? OC_NONE : oc__apply(c->g, n->op, attr, n->n_in, l.in);
    TRY(oc_graph_check(c->g));
    if (!made)
        oc__maker(c->g, y)->name = n->name;
    for (int k = 0; k < n->n_out; k++) {
        const oc_value to = made ? l.y[k] : (oc_value){ y.id + k };
        const oc_value from = { n->out.id + k };
        c->map[from.id - 1] = to;
        if (!oc__is_none(to) && oc__value(c->g, to)->kind == VALUE_RESULT)
            oc__value(c->g, to)->name = oc__value(c->from, from)->name;
    }
    return OC_OK;
}

/* Sources and nodes in the order of their values. */
static oc_status copy_all(struct copying *c)
{
    for (int i = 0; i < c->from->values; i++) {
        const struct value *const v = &c->from->value[i];
        if (v->kind != VALUE_RESULT && (c->needed[i] || v->kind == VALUE_INPUT))
            c->map[i] = copy_source(c, v);
        else if (v->kind == VALUE_RESULT && v->output == 0) {
            const struct node *const n = &c->from->node[v->index];
            bool used = false;
            for (int k = 0; k < n->n_out; k++)
                used |= c->needed[i + k];
            if (used)
                TRY(copy_node(c, n));
        }
    }
    return oc_graph_check(c->g);
}

oc_status oc__onnx_plain(oc_graph **out, const oc_graph *from, int64_t opset, int n,
                         const oc_value *want, oc_value *map)
{
    struct copying c = { .from = from, .opset = opset };
    if (opset < WORDS_OPSET_MIN || opset > WORDS_OPSET_MAX)
        return oc__fail(OC_EUSAGE, "opset %lld: %d to %d are written", (long long)opset,
                        WORDS_OPSET_MIN, WORDS_OPSET_MAX);
    TRY(oc_graph_new(&c.g, from->store));
    c.map = oc__alloc((size_t)from->values + 1, sizeof *c.map);
    c.needed = oc__alloc((size_t)from->values + 1, sizeof *c.needed);
    oc_status status = c.map && c.needed ? OC_OK : OC_ELIMIT;
    if (!status) {
        mark(&c, n, want);
        status = copy_all(&c);
    }
    for (int i = 0; i < n && !status; i++)
        map[i] = c.map[want[i].id - 1];
    oc__free(c.map);
    oc__free(c.needed);
    if (status)
        oc_graph_free(c.g);
    else
        *out = c.g;
    return status;
}

/* ---- one node ----------------------------------------------------------------------------- */

/* What the attribute is by now: a place among the inputs, or -1. */
static int input_place(const struct onnx_wording *w, const struct attr *a, int64_t opset)
{
    for (int i = 0; i < WORDED_INPUTS && w->input[i].attr; i++)
        if (!strcmp(w->input[i].attr, a->name) && opset >= w->input[i].since)
            return w->input[i].at;
    return -1;
}

/* Whether it says what is so without it, too. */
static bool is_default(const struct onnx_wording *w, const struct attr *a, const char *attr)
{
    _Alignas(16) char preset[1024];
    struct str given = { 0 }, other = { 0 };
    const struct entry only = { .name = w->op->entry.name, .summary = "",
                                .attrs = (const struct attr[]){ *a, { 0 } },
                                .size = w->op->entry.size };
    memset(preset, 0, sizeof preset);
    oc__attr_defaults(&only, preset);
    oc__attr_print(&only, attr, true, &given);
    oc__attr_print(&only, preset, true, &other);
    const bool same = !strcmp(oc__str_text(&given), oc__str_text(&other));
    oc__str_free(&given);
    oc__str_free(&other);
    return same;
}

/* Numbers of a list, or one, as a constant; reals have the type of x. */
static oc_status make_constant(const struct attr *a, const char *field, oc_dtype real,
                               struct pool *pool, oc_tensor *out)
{
    double number[2 * OC_MAX_RANK];
    int64_t n = 1;
    const bool whole = a->type == ATTR_INTS || a->type == ATTR_INT;
    if (a->type == ATTR_INTS)
        n = ((const struct ints *)(const void *)field)->n;
    const char *text = field;
    for (n = a->type == ATTR_TEXT ? 0 : n; a->type == ATTR_TEXT && *text; n++) {
        char *end;
        number[n] = strtod(text, &end);
        text = end + (*end == ',');
    }
    const bool scalar = a->type == ATTR_FLOAT;
    *out = (oc_tensor){ whole ? OC_I64 : scalar ? real : OC_F32,
                        scalar ? (oc_shape){ 0 } : OC_SHAPE(n), NULL };
    out->data = oc__pool_alloc(pool, oc_tensor_bytes(out) + 1);
    if (!out->data)
        return OC_ELIMIT;
    if (whole)
        memcpy(out->data, a->type == ATTR_INT
                   ? field : (const char *)((const struct ints *)(const void *)field)->v,
               oc_tensor_bytes(out));
    for (int64_t i = 0; i < n && !whole; i++)
        oc_tensor_set(out, i, scalar ? *(const double *)(const void *)field : number[i]);
    return OC_OK;
}

/* Their name for one of ours: "p ratio" renames. */
static const char *their_name(const struct onnx_wording *w, const struct attr *a)
{
    const size_t n = strlen(a->name);
    const bool renamed = w->rename && !strncmp(w->rename, a->name, n) && w->rename[n] == ' ';
    return renamed ? w->rename + n + 1 : a->name;
}

/* False where there is nothing to be said: an empty list or text. */
static bool make_attribute(const struct onnx_wording *w, const struct attr *a, const char *field,
                           struct onnx_attr *to)
{
    *to = (struct onnx_attr){ .name = their_name(w, a), .type = ONNX_INT };
    const struct ints *const list = (const void *)field;
    switch (a->type) {
    case ATTR_INT: to->i = *(const int64_t *)(const void *)field; break;
    case ATTR_BOOL: to->i = *(const bool *)(const void *)field; break;
    case ATTR_FLOAT:
        to->type = ONNX_FLOAT;
        to->f = *(const double *)(const void *)field;
        break;
    case ATTR_INTS:
        to->type = ONNX_INTS;
        to->n = list->n;
        to->ints = list->v;
        return list->n > 0;
    case ATTR_CHOICE:
        to->type = oc__is_type(a) ? ONNX_INT : ONNX_STRING;
        to->s = a->choices[*(const int *)(const void *)field];
        if (oc__is_type(a))
            to->i = oc__onnx_data_type((oc_dtype)*(const int *)(const void *)field);
        break;
    case ATTR_TEXT:
    case ATTR_LINE:
        to->type = ONNX_STRING;
        to->s = field;
        return *field;
    }
    return true;
}

static oc_status check_later(const struct onnx_wording *w, const struct node *n,
                             const struct attr *a, int64_t opset)
{
    char why[96];
    for (int i = 0; i < WORDED_INPUTS && w->later[i].attr; i++)
        if (!strcmp(w->later[i].attr, a->name) && opset < w->later[i].since) {
            snprintf(why, sizeof why, "lacks its attribute %s, which came with opset %d", a->name,
                     w->later[i].since);
            return refuse(n, opset, why);
        }
    return OC_OK;
}

static oc_status word_attribute(struct onnx_worded *out, const struct onnx_wording *w,
                                const oc_graph *g, const struct node *n, const struct attr *a,
                                int64_t opset, struct pool *pool)
{
    const char *const field = (const char *)n->attr + a->offset;
    const int at = input_place(w, a, opset);
    const oc_dtype x = n->n_in && !oc__is_none(n->in[0]) ? oc__value(g, n->in[0])->dtype : OC_F32;
    if (is_listed(w->without, a->name) ||
        (!is_listed(w->required, a->name) && is_default(w, a, n->attr)))
        return OC_OK;
    TRY(check_later(w, n, a, opset));
    if (at < 0) {
        out->attrs += make_attribute(w, a, field, &out->attr[out->attrs]);
        return OC_OK;
    }
    if (at < n->n_in && !oc__is_none(n->in[at]))
        return OC_OK;                                   /* it comes from another node */
    out->n_in = out->n_in > at ? out->n_in : at + 1;
    return make_constant(a, field, oc__is_float(x) ? x : OC_F32, pool, &out->constant[at]);
}

oc_status oc__onnx_word(struct onnx_worded *out, const oc_graph *g, const struct node *n,
                        int64_t opset, struct pool *pool)
{
    const struct onnx_wording *const w = find_wording(n->op);
    size_t attrs = 1;
    *out = (struct onnx_worded){ .n_in = n->n_in };
    if (!w || w->since == 0 || w->since > opset)
        return refuse(n, opset, "lacks it");
    out->op = w->as ? w->as : n->op->entry.name;
    for (const struct attr *a = n->op->entry.attrs; a && a->name; a++)
        attrs++;
    out->attr = oc__pool_alloc(pool, attrs * sizeof *out->attr);
    if (!out->attr)
        return OC_ELIMIT;
    for (const struct attr *a = n->op->entry.attrs; a && a->name; a++)
        TRY(word_attribute(out, w, g, n, a, opset, pool));
    return OC_OK;
}
