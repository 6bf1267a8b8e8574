/* top_k.c — TopK: the k largest or least elements along an axis, in order, and their indices.
 *
 * Of equal elements the one with the lower index comes first; NaN counts as the largest. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct top_k, INT, axis, "-1", "along which axis"),
    ATTR(struct top_k, BOOL, largest, "true", "the largest, else the least"),
    ATTR(struct top_k, BOOL, sorted, "true", "without effect: they come in order"),
    ATTR_RANGE(struct top_k, INT, k, "1", "how many", 0, INT32_MAX),
    { 0 }
};

static oc_status take(void *attr, const struct infer *s)
{
    return oc__take_int(s, 1, &((struct top_k *)attr)->k);
}

static oc_status pending(const struct infer *s)
{
    int axis;
    TRY(oc__axis(((const struct top_k *)s->attr)->axis, s->x[0]->rank, &axis));
    s->y[0] = *s->x[0];
    s->y[0].dim[axis] = OC_UNKNOWN;
    s->y[1] = s->y[0];
    s->yt[1] = OC_I64;
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct top_k *const a = s->attr;
    const int axis = (int)(a->axis < 0 ? a->axis + s->x[0]->rank : a->axis);
    TRY(pending(s));
    if (a->k < 0 || (s->x[0]->dim[axis] >= 0 && a->k > s->x[0]->dim[axis]))
        return oc__fail(OC_EUSAGE, "%lld of %lld elements", (long long)a->k,
                        (long long)s->x[0]->dim[axis]);
    s->y[0].dim[axis] = s->y[1].dim[axis] = a->k;
    return OC_OK;
}

/* Whether a comes before b. */
static bool before(double a, double b, bool largest)
{
    if (isnan(a) || isnan(b))
        return largest ? isnan(a) && !isnan(b) : isnan(b) && !isnan(a);
    return largest ? a > b : a < b;
}

/* The best element of a lane after number `last`, in order; -1: any. */
static int64_t next(const double *x, const struct lanes *l, int64_t last, bool largest)
{
    int64_t best = -1;
    for (int64_t j = 0; j < l->n; j++) {
        const double v = x[j * l->inner];
        if (last >= 0) {
            const double w = x[last * l->inner];
            if (before(v, w, largest) || (!before(w, v, largest) && j <= last))
                continue;
        }
        if (best < 0 || before(v, x[best * l->inner], largest))
            best = j;
    }
    return best;
}

static void run(const struct call *c)
{
    const struct top_k *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->xs[0], a->axis);
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const double *const x = c->x[0] + i / l.inner * l.n * l.inner + i % l.inner;
        int64_t last = -1;
        for (int64_t k = 0; k < a->k; k++) {
            const int64_t to = (i / l.inner * a->k + k) * l.inner + i % l.inner;
            last = next(x, &l, last, a->largest);
            c->y[0][to] = x[last * l.inner];
            c->y[1][to] = (double)last;
        }
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const struct scatter at = { .axis = ((const struct top_k *)n->attr)->axis };
    if (want[0] && !oc__is_none(dy[0]))
        dx[0] = oc__apply(g, &oc__op_gather_elements_grad, &at,
                          OC_IN(dy[0], oc_output(g, n->out, 1), n->in[0]));
}

static double flops(const struct infer *s)
{
    return (double)((const struct top_k *)s->attr)->k * (double)oc_shape_count(s->x[0]);
}

static const char *const cases[] = {
    "3x7 k=2", "2x5x3 axis=1 k=5 largest=false", "i3:2x6 k=4", "4 k=0", NULL
};

const struct op oc__op_top_k = {
    .entry = { "TopK", "y = the k largest x, in order; indices: where they are", attrs,
               sizeof(struct top_k) },
    .inputs = "x k?", .outputs = "y indices", .by_value = 1 << 1, .take = take,
    .pending = pending, .detached = 1 << 1, .flops = flops,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};
