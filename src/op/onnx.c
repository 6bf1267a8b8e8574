/* onnx.c — nodes of ONNX by the tables of operators and forms. */
#include "op/onnx.h"

#include <stdio.h>
#include <string.h>

enum { FOLD_NOW = 4096 };                               /* elements of a constant made at once */

#define FORM(name) &oc__onnx_##name,
static const struct onnx_form *const forms[] = {
#include "op/onnx_list.h"
    NULL
};
#undef FORM

/* ---- types -------------------------------------------------------------------------------- */

static const struct { const char *name; int dtype; } types[] = {
    { NULL, -1 },           { "FLOAT", OC_F32 },    { "UINT8", OC_U8 },     { "INT8", OC_I8 },
    { "UINT16", OC_U16 },   { "INT16", OC_I16 },    { "INT32", OC_I32 },    { "INT64", OC_I64 },
    { "STRING", -1 },       { "BOOL", OC_BOOL },    { "FLOAT16", OC_F16 },  { "DOUBLE", OC_F64 },
    { "UINT32", OC_U32 },   { "UINT64", OC_U64 },   { "COMPLEX64", -1 },    { "COMPLEX128", -1 },
    { "BFLOAT16", OC_BF16 }, { "FLOAT8E4M3FN", -1 }, { "FLOAT8E4M3FNUZ", -1 },
    { "FLOAT8E5M2", -1 },   { "FLOAT8E5M2FNUZ", -1 }, { "UINT4", -1 },      { "INT4", -1 },
    { "FLOAT4E2M1", -1 },   { "FLOAT8E8M0", -1 },   { "UINT2", -1 },        { "INT2", -1 },
};
enum { TYPES = sizeof types / sizeof *types };

int oc__onnx_dtype(int64_t t) { return t < 0 || t >= TYPES ? -1 : types[t].dtype; }
const char *oc__onnx_type_name(int64_t t) { return t < 0 || t >= TYPES ? NULL : types[t].name; }

int64_t oc__onnx_data_type(oc_dtype t)
{
    int64_t i = 0;
    while (types[i].dtype != (int)t)
        i++;
    return i;
}

/* ---- finding ------------------------------------------------------------------------------ */

/* Whether a list of words holds this one. */
static bool is_listed(const char *words, const char *word)
{
    const size_t n = strlen(word);
    for (const char *p = words; p && (p = strstr(p, word)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static const struct onnx_form *find_form(const char *domain, const char *op, int64_t opset)
{
    for (const struct onnx_form *const *f = forms; *f; f++)
        if (!strcmp((*f)->op, op) && !strcmp((*f)->domain ? (*f)->domain : "", domain) &&
            opset >= (*f)->since && (!(*f)->until || opset <= (*f)->until))
            return *f;
    return NULL;
}

/* Gradients and fused operators are ours alone. */
static const struct op *find_op(const char *domain, const char *op)
{
    static const char own[] = "AttentionBias BatchNormalizationInference Bundle DropoutSeeded "
                              "ExpandTo FloorMod FusedConv FusedGemm Larger OnesLike Remainder "
                              "ReshapeTo Smaller SumTo ZerosLike";
    const bool ours = *domain || is_listed(own, op) || strstr(op, "Grad");
    const struct op *const found = ours ? NULL : oc__op_find(op);
    return found && !found->control ? found : NULL;     /* those want their forms */
}

bool oc__onnx_knows(const char *domain, const char *op, int64_t opset)
{
    return find_form(domain, op, opset) || find_op(domain, op);
}

/* ---- attributes --------------------------------------------------------------------------- */

static const char *type_text(int type)
{
    static const char *const names[] = { "", "a float", "an int", "a string", "a tensor",
                                         "a graph", "floats", "ints", "strings" };
    return type >= 1 && type <= ONNX_STRINGS ? names[type] : "of an unknown type";
}

const struct onnx_attr *oc__onnx_attr(struct onnx_node *n, const char *name, int type)
{
    for (int i = 0; i < n->attrs; i++)
        if (!strcmp(n->attr[i].name, name)) {
            n->attr[i].used = true;
            if (n->attr[i].type == type)
                return &n->attr[i];
            oc__graph_fail(n->g, OC_EINPUT, "attribute %s: is %s and must be %s",
                           oc__quote_z(name), type_text(n->attr[i].type), type_text(type));
        }
    return NULL;
}

int64_t oc__onnx_int(struct onnx_node *n, const char *name, int64_t otherwise)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, name, ONNX_INT);
    return a ? a->i : otherwise;
}

double oc__onnx_float(struct onnx_node *n, const char *name, double otherwise)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, name, ONNX_FLOAT);
    return a ? a->f : otherwise;
}

const char *oc__onnx_text(struct onnx_node *n, const char *name, const char *otherwise)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, name, ONNX_STRING);
    return a ? a->s : otherwise;
}

struct ints oc__onnx_ints(struct onnx_node *n, const char *name)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, name, ONNX_INTS);
    struct ints list = { 0 };
    if (a && a->n > ATTR_INTS_MAX)
        oc__graph_fail(n->g, OC_ELIMIT, "attribute %s: %d numbers, at most %d are possible",
                       oc__quote_z(name), a->n, ATTR_INTS_MAX);
    else if (a)
        for (list.n = 0; list.n < a->n; list.n++)
            list.v[list.n] = a->ints[list.n];
    return list;
}

/* Our attribute for theirs: "ratio p" renames. */
static const struct attr *find_attr(const struct op *op, const struct onnx_form *form,
                                    const char *name)
{
    char ours[ATTR_TEXT_MAX];
    snprintf(ours, sizeof ours, "%s", name);
    for (const char *p = form ? form->rename : NULL; p && *p;) {
        const size_t n = strcspn(p, " "), end = strcspn(p, ";");
        if (n == strlen(name) && !strncmp(p, name, n))
            snprintf(ours, sizeof ours, "%.*s", (int)(end - n - 1), p + n + 1);
        p += end;
        p += strspn(p, "; ");
    }
    for (const struct attr *a = op->entry.attrs; a && a->name; a++)
        if (!strcmp(a->name, ours))
            return a;
    return NULL;
}

static const int wanted_type[] = {
    [ATTR_INT] = ONNX_INT,   [ATTR_FLOAT] = ONNX_FLOAT,   [ATTR_BOOL] = ONNX_INT,
    [ATTR_INTS] = ONNX_INTS, [ATTR_CHOICE] = ONNX_STRING, [ATTR_TEXT] = ONNX_STRING,
};

/* Their value as the text that our tables read; floats are what was meant, 0.1 and not what lies
 * next to it, unless they are to be exact. */
static void attr_text(const struct attr *to, const struct onnx_attr *a, bool exact,
                      struct str *out)
{
    char number[32];
    if (oc__is_type(to) && a->type == ONNX_INT)
        oc__str_addz(out, oc__type_words[oc__onnx_dtype(a->i)]);
    else if (to->type == ATTR_BOOL)
        oc__str_addz(out, a->i ? "true" : "false");
    else if (a->type == ONNX_INT)
        oc__str_addf(out, "%lld", (long long)a->i);
    else if (a->type == ONNX_FLOAT)
        oc__str_addz(out, oc__double_text(exact ? a->f : oc__decimal(a->f), number));
    else if (a->type == ONNX_STRING)
        oc__str_addz(out, a->s);
    for (int i = 0; a->type == ONNX_INTS && i < a->n; i++)
        oc__str_addf(out, "%s%lld", i ? "," : "", (long long)a->ints[i]);
}

static oc_status set_attr(const struct op *op, const struct onnx_form *form, struct onnx_attr *a,
                          void *object)
{
    const struct attr *const to = find_attr(op, form, a->name);
    struct str text = { 0 };
    if (!to)
        return OC_OK;                                   /* left unused, which is noticed */
    a->used = true;
    const bool is_type = oc__is_type(to) && a->type == ONNX_INT;
    if (is_type && a->i == 0)
        return OC_OK;                                   /* no type is named */
    if (is_type && oc__onnx_dtype(a->i) < 0)
        return oc__fail(OC_EINPUT, "attribute %s: type %lld is not one of ours",
                        oc__quote_z(a->name), (long long)a->i);
    if (!is_type && a->type != wanted_type[to->type])
        return oc__fail(OC_EINPUT, "attribute %s: is %s and must be %s", oc__quote_z(a->name),
                        type_text(a->type), type_text(wanted_type[to->type]));
    attr_text(to, a, form && is_listed(form->exact, a->name), &text);
    oc_status status = text.failed ? OC_ELIMIT : OC_OK;
    if (!status)
        status = oc__attr_set(&op->entry, object, "attribute", to->name, oc__str_text(&text));
    oc__str_free(&text);
    return status;
}

static oc_status set_attrs(struct onnx_node *n, const struct op *op, const struct onnx_form *form,
                           void *object)
{
    oc__attr_defaults(&op->entry, object);
    if (form && form->preset)
        TRY(oc__attr_parse(&op->entry, object, op->entry.name, form->preset));
    for (int i = 0; i < n->attrs; i++) {
        if (!strcmp(n->attr[i].name, "consumed_inputs") ||    /* a hint of the first opsets */
            (form && is_listed(form->ignore, n->attr[i].name)))
            n->attr[i].used = true;
        else if (!n->attr[i].used)
            TRY(set_attr(op, form, &n->attr[i], object));
    }
    return OC_OK;
}

/* ---- building ----------------------------------------------------------------------------- */

oc_value oc__onnx_make(struct onnx_node *n, const struct op *op, const void *attr, int n_in,
                       const oc_value *in)
{
    oc_graph *const g = n->g;
    const int nodes = g->nodes;
    const oc_value y = oc__apply(g, op, attr, n_in, in);
    if (y.id <= 0 || g->nodes != nodes + 1)
        return y;
    const struct node *const made = &g->node[nodes];
    int64_t elements = 0;
    for (int k = 0; k < made->n_out; k++) {
        const int64_t count = oc_shape_count(&oc__value(g, (oc_value){ y.id + k })->shape);
        elements = count < 0 || elements < 0 ? OC_UNKNOWN : elements + count;
    }
    if (elements >= 0 && elements <= FOLD_NOW &&
        oc__is_constant(g, made->op, made->n_in, made->in) && !oc__evaluate(g))
        return oc__graph_fail(g, OC_ELIMIT, NULL);
    return y;
}

oc_status oc__onnx_apply(struct onnx_node *n, const struct op *op, const struct onnx_form *form)
{
    _Alignas(16) char object[1024];
    if (op->entry.size > sizeof object)
        return oc__fail(OC_EBUG, "attributes of %zu bytes", op->entry.size);
    TRY(set_attrs(n, op, form, object));
    const int values = n->g->values;
    const oc_value y = oc__onnx_make(n, op, object, n->n_in, n->in);
    if (y.id <= 0)
        return oc_graph_check(n->g);
    const struct node *const made = oc__maker(n->g, y);
    const int have = made ? made->n_out : n->g->values - values;
    for (int k = 0; k < n->n_out; k++)
        if (k < have)
            n->out[k] = (oc_value){ y.id + k };
    return OC_OK;
}

oc_value oc__onnx_constant_ints(oc_graph *g, int n, const int64_t *v)
{
    const oc_shape shape = n < 0 ? (oc_shape){ 0 } : OC_SHAPE(n);
    return oc_constant(g, &(oc_tensor){ OC_I64, shape, (void *)(uintptr_t)v });
}

oc_status oc__onnx_build(struct onnx_node *n)
{
    const struct onnx_form *const form = find_form(n->domain, n->op, n->opset);
    const struct op *const op = form && form->to ? form->to : find_op(n->domain, n->op);
    if (form && form->build)
        TRY(form->build(n));
    else if (op)
        TRY(oc__onnx_apply(n, op, form));
    else
        return oc__fail(OC_EINPUT, "there is no such operator");
    TRY(oc_graph_check(n->g));
    for (int i = 0; i < n->attrs; i++)
        if (!n->attr[i].used)
            return oc__fail(OC_EINPUT, "attribute %s: is not one of %s in opset %lld",
                            oc__quote_z(n->attr[i].name), n->op, (long long)n->opset);
    for (int k = 0; k < n->n_out; k++)
        if (n->want[k] && oc__is_none(n->out[k]))
            return oc__fail(OC_EINPUT, "output %d is not made", k);
    return OC_OK;
}
