/* transpose.c — Transpose: y[i_perm[0], i_perm[1], …] = x[i_0, i_1, …]. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct transpose, INTS, perm, "", "dimension of x behind each of y; none: reversed"), { 0 }
};

/* perm as a plain array: from[i] is the dimension of x behind dimension i of y. */
static oc_status resolve(const struct transpose *a, int rank, int from[OC_MAX_RANK])
{
    bool seen[OC_MAX_RANK];
    if (a->perm.n != 0 && a->perm.n != rank)
        return oc__fail(OC_EUSAGE, "perm names %d dimensions of %d", a->perm.n, rank);
    TRY(oc__axes(&a->perm, rank, seen));
    for (int i = 0; i < rank; i++) {
        from[i] = rank - 1 - i;
        if (a->perm.n)
            TRY(oc__axis(a->perm.v[i], rank, &from[i]));
    }
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    int from[OC_MAX_RANK];
    TRY(resolve(s->attr, s->x[0]->rank, from));
    oc_shape y = { .rank = s->x[0]->rank };
    for (int i = 0; i < y.rank; i++)
        y.dim[i] = s->x[0]->dim[from[i]];
    s->y[0] = y;
    return OC_OK;
}

static void run(const struct call *c)
{
    int from[OC_MAX_RANK] = { 0 };
    int64_t dense[OC_MAX_RANK], stride[OC_MAX_RANK] = { 0 };
    struct walk w;
    if (resolve(c->attr, c->xs[0]->rank, from))
        return;
    oc__strides(c->xs[0], dense);
    for (int i = 0; i < c->ys[0]->rank; i++)
        stride[i] = dense[from[i]];
    oc__walk(&w, c->ys[0]);
    oc__walk_follow(&w, stride, 0);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][i] = c->x[0][w.at[0]];
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    int from[OC_MAX_RANK];
    struct transpose back = { { 0 } };
    const int rank = oc__value(g, n->in[0])->shape.rank;
    (void)want;
    if (resolve(n->attr, rank, from))
        return;
    back.perm.n = rank;
    for (int i = 0; i < rank; i++)
        back.perm.v[from[i]] = i;
    dx[0] = oc__apply(g, &oc__op_transpose, &back, OC_IN(dy[0]));
}

static const char *const cases[] = {
    "2x3", "2x3x4", "2x3x4 perm=1,2,0", "2x3x4x5 perm=0,2,3,1", "2x3 perm=0,1", "()", NULL
};

const struct op oc__op_transpose = {
    .entry = { "Transpose", "y = x with its dimensions in another order", attrs,
               sizeof(struct transpose) },
    .inputs = "x", .outputs = "y", .flops = oc__flops_none,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};
