/* trilu.c — Trilu: the upper or lower triangle of matrices; the rest is 0.
 *
 * k moves the diagonal that is kept: up where positive, down where negative. */
#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR(struct trilu, BOOL, upper, "true", "the upper triangle, else the lower"), { 0 }
};

static oc_status shape(const struct infer *s)
{
    if (s->x[0]->rank < 2)
        return oc__fail(OC_EUSAGE, "rank %d is not that of matrices", s->x[0]->rank);
    return oc__shape_same(s);
}

static void run(const struct call *c)
{
    const struct trilu *const a = c->attr;
    const oc_shape *const x = c->xs[0];
    const int64_t columns = x->dim[x->rank - 1], rows = x->dim[x->rank - 2];
    const double k = c->n_in > 1 && c->x[1] ? *c->x[1] : 0;
    for (int64_t i = 0; i < oc_shape_count(x); i++) {
        const double right = (double)(i % columns - i / columns % rows) - k;
        c->y[0][i] = (a->upper ? right >= 0 : right <= 0) ? c->x[0][i] : 0;
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_trilu, n->attr,
                          OC_IN(dy[0], n->n_in > 1 ? n->in[1] : OC_NONE));
}

static const char *const cases[] = { "4x5", "2x3x3 upper=false", "4x3 i3:()", NULL };

const struct op oc__op_trilu = {
    .entry = { "Trilu", "y = x on one side of a diagonal, else 0", attrs, sizeof(struct trilu) },
    .inputs = "x k?", .outputs = "y", .flops = oc__flops_none,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};
