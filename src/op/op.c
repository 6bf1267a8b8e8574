/* op.c — the table of operators, and the shape rules that they share.
 *
 * A dimension that is negative is unknown until the graph is prepared; every rule here lets it pass
 * where the result does not depend on it, and refuses only what no number could make right.  Shapes
 * are inferred again with everything known before anything runs, so what passes then is checked. */
#include <stdio.h>
#include <string.h>

#include "op/op.h"

#define OP(name) &oc__op_##name.entry,
const struct entry *const oc__op_list[] = {
#include "op/list.h"
    NULL
};
#undef OP

const struct op *oc__op_find(const char *name)
{
    for (const struct entry *const *p = oc__op_list; *p; p++)
        if (!strcmp((*p)->name, name))
            return (const struct op *)(const void *)*p;
    return NULL;
}

int oc__op_count_names(const char *names, bool *variadic, int *required)
{
    int n = 0;
    *variadic = false;
    *required = 0;
    for (const char *p = names; *p;) {
        const size_t length = strcspn(p, " ");
        const char last = p[length - 1];
        n++;
        *variadic |= last == '*';
        *required += last != '?';
        p += length;
        p += strspn(p, " ");
    }
    return n;
}

/* As named; a variadic last one is as many as the attributes say. */
int oc__op_count_outputs(const struct op *op, const void *attr)
{
    bool variadic;
    int required;
    const int n = oc__op_count_names(op->outputs, &variadic, &required);
    return variadic && op->output_count ? op->output_count(attr) : n;
}

const char *oc__shape_text(const oc_shape *s, char buffer[OC_SHAPE_TEXT])
{
    char *to = buffer;
    *to++ = '[';
    for (int i = 0; i < s->rank; i++) {
        char number[24] = "?";
        if (s->dim[i] >= 0)
            snprintf(number, sizeof number, "%lld", (long long)s->dim[i]);
        to += sprintf(to, "%s%s", i ? ", " : "", number);
    }
    strcpy(to, "]");
    return buffer;
}

bool oc__dim_fits(int64_t a, int64_t b) { return a < 0 || b < 0 || a == b; }

oc_status oc__shape_match(const char *what, const oc_shape *expected, const oc_shape *found)
{
    bool fits = expected->rank == found->rank;
    for (int i = 0; fits && i < found->rank; i++)
        fits = oc__dim_fits(expected->dim[i], found->dim[i]);
    if (fits)
        return OC_OK;
    char a[OC_SHAPE_TEXT], b[OC_SHAPE_TEXT];
    return oc__fail(OC_EUSAGE, "%s has shape %s where %s is expected", what,
                    oc__shape_text(found, a), oc__shape_text(expected, b));
}

oc_status oc__shape_same(const struct infer *s)
{
    for (int i = 0; i < s->n_out; i++)
        s->y[i] = *s->x[0];
    return OC_OK;
}

oc_status oc__shape_alike(const struct infer *s)
{
    for (int i = 1; i < s->n_in; i++)
        if (s->x[i])
            TRY(oc__shape_match("an operand", s->x[0], s->x[i]));
    return oc__shape_same(s);
}

/* The dimension that two broadcast to: 1 stretches; an unknown one must turn out to fit. */
static bool broadcast_dim(int64_t a, int64_t b, int64_t *out)
{
    if (a == b || b == 1)
        *out = a;
    else if (a == 1)
        *out = b;
    else if (a < 0 || b < 0)
        *out = a < 0 ? (b < 0 ? OC_UNKNOWN : b) : a;
    else
        return false;
    return true;
}

oc_status oc__broadcast(const oc_shape *a, const oc_shape *b, oc_shape *out)
{
    oc_shape y = { .rank = a->rank > b->rank ? a->rank : b->rank };
    for (int i = 1; i <= y.rank; i++) {
        const int64_t da = i <= a->rank ? a->dim[a->rank - i] : 1;
        const int64_t db = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (!broadcast_dim(da, db, &y.dim[y.rank - i])) {
            char ta[OC_SHAPE_TEXT], tb[OC_SHAPE_TEXT];
            return oc__fail(OC_EUSAGE, "shapes %s and %s do not broadcast",
                            oc__shape_text(a, ta), oc__shape_text(b, tb));
        }
    }
    *out = y;
    return OC_OK;
}

oc_status oc__shape_broadcast(const struct infer *s)
{
    s->y[0] = *s->x[0];
    for (int i = 1; i < s->n_in; i++)
        if (s->x[i])
            TRY(oc__broadcast(&s->y[0], s->x[i], &s->y[0]));
    for (int i = 1; i < s->n_out; i++)
        s->y[i] = s->y[0];
    return OC_OK;
}

oc_status oc__axis(int64_t axis, int rank, int *out)
{
    const int64_t a = axis < 0 ? axis + rank : axis;
    if (a < 0 || a >= rank)
        return oc__fail(OC_EUSAGE, "axis %lld is outside rank %d", (long long)axis, rank);
    *out = (int)a;
    return OC_OK;
}

oc_status oc__axes(const struct ints *axes, int rank, bool chosen[OC_MAX_RANK])
{
    for (int i = 0; i < OC_MAX_RANK; i++)
        chosen[i] = false;
    for (int i = 0; i < axes->n; i++) {
        int a;
        TRY(oc__axis(axes->v[i], rank, &a));
        if (chosen[a])
            return oc__fail(OC_EUSAGE, "axis %lld is named twice", (long long)axes->v[i]);
        chosen[a] = true;
    }
    return OC_OK;
}

int64_t oc__dim_mul(int64_t a, int64_t b)
{
    int64_t product;
    if (a == 1 || b == 0)
        return b;
    if (b == 1 || a == 0)
        return a;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product))
        return OC_UNKNOWN;
    return product;
}

void oc__strides(const oc_shape *s, int64_t stride[OC_MAX_RANK])
{
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= s->dim[i];
    }
}

#define TYPE_WORDS                                                                             \
    "f32", "f64", "f16", "bf16", "u8", "i8", "i32", "i64", "bool", "u16", "u32", "u64", "i16"

const char *const oc__type_words[] = { TYPE_WORDS, NULL };
const char *const oc__type_words_or_same[] = { TYPE_WORDS, "same", NULL };

bool oc__is_type(const struct attr *a)
{
    return a->choices && (a->choices == oc__type_words || a->choices == oc__type_words_or_same);
}

bool oc__is_float(oc_dtype t) { return t == OC_F32 || t == OC_F64 || t == OC_F16 || t == OC_BF16; }

oc_status oc__same_dtype(const struct infer *s, int first)
{
    for (int i = first + 1; i < s->n_in; i++)
        if (s->x[i] && s->xt[i] != s->xt[first])
            return oc__fail(OC_EUSAGE, "operands of types %s and %s do not mix",
                            oc_dtype_name(s->xt[first]), oc_dtype_name(s->xt[i]));
    return OC_OK;
}

const oc_tensor *oc__known(const struct infer *s, int i)
{
    return i < s->n_in && s->value && s->value[i].data ? &s->value[i] : NULL;
}

oc_status oc__take_ints(const struct infer *s, int i, struct ints *out)
{
    const oc_tensor *const t = oc__known(s, i);
    if (!t)
        return OC_OK;
    const int64_t n = oc_shape_count(&t->shape);
    if (n > ATTR_INTS_MAX)
        return oc__fail(OC_EUSAGE, "input %d: %lld numbers, at most %d are possible", i,
                        (long long)n, ATTR_INTS_MAX);
    *out = (struct ints){ .n = (int)n };
    for (int k = 0; k < out->n; k++) {
        const double v = oc_tensor_get(t, k);           /* 2^63 - 1 reads as 2^63 */
        out->v[k] = v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
    }
    return OC_OK;
}

oc_status oc__take_int(const struct infer *s, int i, int64_t *out)
{
    struct ints list = { .n = 1, .v = { *out } };
    TRY(oc__take_ints(s, i, &list));
    if (list.n != 1)
        return oc__fail(OC_EUSAGE, "input %d: %d numbers where one is wanted", i, list.n);
    *out = list.v[0];
    return OC_OK;
}

oc_status oc__take_float(const struct infer *s, int i, double *out)
{
    const oc_tensor *const t = oc__known(s, i);
    if (t && oc_shape_count(&t->shape) != 1)
        return oc__fail(OC_EUSAGE, "input %d: %lld numbers where one is wanted", i,
                        (long long)oc_shape_count(&t->shape));
    *out = t ? oc_tensor_get(t, 0) : *out;
    return OC_OK;
}

oc_status oc__pending_like(const struct infer *s)
{
    for (int k = 0; k < s->n_out; k++) {
        s->y[k] = *s->x[0];
        for (int i = 0; i < s->y[k].rank; i++)
            s->y[k].dim[i] = OC_UNKNOWN;
    }
    return OC_OK;
}

double oc__flops_none(const struct infer *s)
{
    (void)s;
    return 0;
}

double oc__flops_input(const struct infer *s) { return (double)oc_shape_count(s->x[0]); }

oc_value oc__scalar_like(oc_graph *g, double v, oc_value like)
{
    double bits = 0;                                    /* room for an element of any type */
    if (g->status || like.id <= 0)
        return OC_FAILED;
    const oc_tensor t = { oc_value_dtype(g, like), { 0 }, &bits };
    oc_tensor_set(&t, 0, v);
    return oc_constant(g, &t);
}

double oc__node_flops(const oc_graph *g, const struct node *n)
{
    const oc_shape *x[OP_MAX_INPUTS];
    oc_dtype xt[OP_MAX_INPUTS], yt[OP_MAX_OUTPUTS];
    oc_shape y[OP_MAX_OUTPUTS];
    bool known = true;
    for (int i = 0; i < n->n_in; i++) {
        const struct value *const v = oc__is_none(n->in[i]) ? NULL : oc__value(g, n->in[i]);
        x[i] = v ? &v->shape : NULL;
        xt[i] = v ? v->dtype : OC_F32;
        known &= !v || oc_shape_count(&v->shape) >= 0;
    }
    for (int k = 0; k < n->n_out; k++) {
        const struct value *const v = oc__value(g, (oc_value){ n->out.id + k });
        y[k] = v->shape;
        yt[k] = v->dtype;
        known &= oc_shape_count(&y[k]) >= 0;
    }
    const struct infer s = { n->attr, n->n_in, n->n_out, x, xt, y, yt, NULL };
    if (!known)
        return 0;
    return n->op->flops ? n->op->flops(&s) : (double)oc_shape_count(&y[0]);
}
