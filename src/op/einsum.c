/* einsum.c — Einsum: sums of products over named dimensions, "bij,bjk->bik".
 *
 * Each operand has a letter per dimension, "..." standing for those that are left over; a letter
 * that is not in the result is summed over, one that an operand has twice means its diagonal.
 * Without "->" the result has the letters that come once, in alphabetical order.  The gradient of
 * an operand runs over the same products, with dy in place of it. */
#include <ctype.h>
#include <string.h>

#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR(struct einsum, TEXT, equation, "", "letters of the operands, -> letters of the result"),
    { 0 }
};
static const struct attr grad_attrs[] = {
    ATTR(struct einsum, TEXT, equation, "", "as of Einsum"),
    ATTR_RANGE(struct einsum, INT, operand, "0", "whose gradient it is", 0, OP_MAX_INPUTS - 1),
    { 0 }
};

/* Labels 0 to 51 are letters, those from 52 on dimensions under "...", the last one first. */
enum { LETTERS = 52, LABELS = LETTERS + OC_MAX_RANK, TERMS_MAX = OP_MAX_INPUTS + 1 };

struct term { int rank, label[OC_MAX_RANK]; };
struct equation {
    int         operands;
    struct term term[TERMS_MAX];                        /* the operands, then the result */
    int64_t     size[LABELS];                           /* 0: not there */
};

static int label_of(char c)
{
    return islower((unsigned char)c) ? c - 'a' : isupper((unsigned char)c) ? c - 'A' + 26 : -1;
}

/* Reads one term, whose "..." stands for `rest` dimensions; *text moves on to what ends it. */
static oc_status read_term(const char **text, int rest, struct term *t)
{
    *t = (struct term){ 0 };
    for (; **text && **text != ',' && **text != '-'; ++*text) {
        const bool dots = !strncmp(*text, "...", 3);
        if (**text == ' ')
            continue;
        for (int i = 0; i < (dots ? rest : 1); i++) {
            if (t->rank == OC_MAX_RANK || (!dots && label_of(**text) < 0))
                return oc__fail(OC_EUSAGE, "equation: %s", oc__quote_z(*text));
            t->label[t->rank++] = dots ? LETTERS + rest - 1 - i : label_of(**text);
        }
        *text += dots ? 2 : 0;
    }
    return OC_OK;
}

/* How many letters a term has; what of a rank is left is under "...". */
static int letters_in(const char *text)
{
    int n = 0;
    for (; *text && *text != ',' && *text != '-'; text++)
        n += label_of(*text) >= 0;
    return n;
}

/* The result where it is not written: dimensions under "...", then letters that come once. */
static void imply_result(struct equation *e, int rest)
{
    struct term *const y = &e->term[e->operands];
    for (int i = 0; i < rest && y->rank < OC_MAX_RANK; i++)
        y->label[y->rank++] = LETTERS + rest - 1 - i;
    for (int k = 0; k < LETTERS; k++) {
        const int label = k < 26 ? k + 26 : k - 26;     /* capitals come first */
        int uses = 0;
        for (int i = 0; i < e->operands; i++)
            for (int d = 0; d < e->term[i].rank; d++)
                uses += e->term[i].label[d] == label;
        if (uses == 1 && y->rank < OC_MAX_RANK)
            y->label[y->rank++] = label;
    }
}

/* Takes up the sizes of an operand's labels; 1 stretches under "...". */
static oc_status learn_sizes(struct equation *e, const struct term *t, const oc_shape *x)
{
    if (x->rank != t->rank)
        return oc__fail(OC_EUSAGE, "equation: %d letters for rank %d", t->rank, x->rank);
    for (int d = 0; d < t->rank; d++) {
        int64_t *const size = &e->size[t->label[d]];
        if (*size == 0 || *size == 1 || *size == OC_UNKNOWN)
            *size = x->dim[d] == 1 && *size ? *size : x->dim[d];
        else if (x->dim[d] != 1 && !oc__dim_fits(*size, x->dim[d]))
            return oc__fail(OC_EUSAGE, "equation: sizes %lld and %lld of one letter differ",
                            (long long)*size, (long long)x->dim[d]);
    }
    return OC_OK;
}

static oc_status parse(const char *text, int n, const oc_shape *const *x, struct equation *e)
{
    int most = 0;
    *e = (struct equation){ .operands = n };
    for (int i = 0; i < n; i++) {
        const int rest = x[i]->rank - letters_in(text);
        TRY(read_term(&text, rest > 0 ? rest : 0, &e->term[i]));
        TRY(learn_sizes(e, &e->term[i], x[i]));
        most = rest > most ? rest : most;
        if (*text != (i < n - 1 ? ',' : *text) || (i == n - 1 && *text == ','))
            return oc__fail(OC_EUSAGE, "equation: its operands are not %d", n);
        text += *text == ',';
    }
    if (!*text) {
        imply_result(e, most);
        return OC_OK;
    }
    if (strncmp(text, "->", 2) != 0)
        return oc__fail(OC_EUSAGE, "equation: %s", oc__quote_z(text));
    text += 2;
    return read_term(&text, most, &e->term[n]);
}

static oc_status result_shape(const struct equation *e, oc_shape *y)
{
    const struct term *const t = &e->term[e->operands];
    *y = (oc_shape){ .rank = t->rank };
    for (int d = 0; d < t->rank; d++) {
        bool found = false;
        for (int i = 0; i < e->operands; i++)
            for (int k = 0; k < e->term[i].rank; k++)
                found |= e->term[i].label[k] == t->label[d];
        if (!found)
            return oc__fail(OC_EUSAGE, "equation: the result has a letter that no operand has");
        y->dim[d] = e->size[t->label[d]];
    }
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    struct equation e;
    TRY(oc__same_dtype(s, 0));
    TRY(parse(((const struct einsum *)s->attr)->equation, s->n_in, s->x, &e));
    return result_shape(&e, &s->y[0]);
}

static oc_status grad_shape(const struct infer *s)
{
    const struct einsum *const a = s->attr;
    struct equation e;
    oc_shape y;
    TRY(parse(a->equation, s->n_in - 1, s->x + 1, &e));
    TRY(result_shape(&e, &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    if (a->operand >= s->n_in - 1)
        return oc__fail(OC_EUSAGE, "there is no operand %lld", (long long)a->operand);
    s->y[0] = *s->x[1 + a->operand];
    return OC_OK;
}

/* A walk over all labels, with the place in each term. */
struct tour {
    int64_t size[LABELS], index[LABELS], stride[TERMS_MAX][LABELS], at[TERMS_MAX], count;
    int     terms;
};

static void begin(struct tour *t, const struct equation *e, const oc_shape *const *x,
                  const oc_shape *y)
{
    memset(t, 0, sizeof *t);
    t->terms = e->operands + 1;
    t->count = 1;
    for (int l = 0; l < LABELS; l++)
        t->size[l] = 1;
    for (int i = 0; i < t->terms; i++) {
        const oc_shape *const s = i < e->operands ? x[i] : y;
        int64_t stride[OC_MAX_RANK];
        oc__strides(s, stride);
        for (int d = 0; d < s->rank; d++) {
            t->size[e->term[i].label[d]] = e->size[e->term[i].label[d]];
            t->stride[i][e->term[i].label[d]] += s->dim[d] == 1 ? 0 : stride[d];
        }
    }
    for (int l = 0; l < LABELS; l++)
        t->count = oc__dim_mul(t->count, t->size[l]);
}

static void step(struct tour *t)
{
    for (int l = LABELS - 1; l >= 0; l--) {
        const bool wraps = ++t->index[l] == t->size[l];
        for (int i = 0; i < t->terms; i++)
            t->at[i] += wraps ? -(t->size[l] - 1) * t->stride[i][l] : t->stride[i][l];
        if (!wraps)
            return;
        t->index[l] = 0;
    }
}

static void clear(double *y, const oc_shape *s)
{
    for (int64_t i = 0; i < oc_shape_count(s); i++)
        y[i] = 0;
}

static void run(const struct call *c)
{
    struct equation e;
    struct tour t;
    clear(c->y[0], c->ys[0]);
    if (parse(((const struct einsum *)c->attr)->equation, c->n_in, c->xs, &e))
        return;
    begin(&t, &e, c->xs, c->ys[0]);
    for (int64_t k = 0; k < t.count; k++, step(&t)) {
        double product = 1;
        for (int i = 0; i < c->n_in; i++)
            product *= c->x[i][t.at[i]];
        c->y[0][t.at[c->n_in]] += product;
    }
}

static void run_grad(const struct call *c)
{
    const struct einsum *const a = c->attr;
    const int n = c->n_in - 1;
    struct equation e;
    struct tour t;
    clear(c->y[0], c->ys[0]);
    if (parse(a->equation, n, c->xs + 1, &e))
        return;
    begin(&t, &e, c->xs + 1, c->xs[0]);
    for (int64_t k = 0; k < t.count; k++, step(&t)) {
        double product = c->x[0][t.at[n]];
        for (int i = 0; i < n; i++)
            product *= i == a->operand ? 1 : c->x[1 + i][t.at[i]];
        c->y[0][t.at[a->operand]] += product;
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    oc_value in[OP_MAX_INPUTS] = { dy[0] };
    struct einsum a = *(const struct einsum *)n->attr;
    if (n->n_in + 1 > OP_MAX_INPUTS) {
        oc__graph_fail(g, OC_EUSAGE, "%s: too many operands for a gradient", n->name);
        return;
    }
    for (int i = 0; i < n->n_in; i++)
        in[1 + i] = n->in[i];
    for (int i = 0; i < n->n_in; i++) {
        a.operand = i;
        if (want[i])
            dx[i] = oc__apply(g, &oc__op_einsum_grad, &a, n->n_in + 1, in);
    }
}

static const char *const cases[] = {
    "2x3x4 2x4x5 equation=bij,bjk->bik", "3x4 equation=ij->ji", "3x4 equation=ij->i",
    "4x4 equation=ii->i", "2x3x4 4x5 equation=...j,jk->...k", "3 4 equation=i,j",
    "2x3 3x4 4x2 equation=ij,jk,kl->il", NULL
};

const struct op oc__op_einsum = {
    .entry = { "Einsum", "y = sums of products over named dimensions", attrs,
               sizeof(struct einsum) },
    .inputs = "x*", .outputs = "y", .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_einsum_grad = {
    .entry = { "EinsumGrad", "dx = the gradient of one operand of Einsum", grad_attrs,
               sizeof(struct einsum) },
    .inputs = "dy x*", .outputs = "dx", .shape = grad_shape, .run = run_grad,
};
