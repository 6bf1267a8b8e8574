/* tile.c — Tile: x repeated along each axis.  TileGrad sums dy over the repetitions. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct tile, INTS, repeats, "", "how often, per axis"), { 0 }
};

static oc_status tiled(const struct tile *a, const oc_shape *x, oc_shape *y)
{
    if (a->repeats.n != x->rank)
        return oc__fail(OC_EUSAGE, "repeats has %d numbers for rank %d", a->repeats.n, x->rank);
    *y = *x;
    for (int i = 0; i < x->rank; i++) {
        if (a->repeats.v[i] < 0)
            return oc__fail(OC_EUSAGE, "repeats: %lld is below 0", (long long)a->repeats.v[i]);
        y->dim[i] = oc__dim_mul(x->dim[i], a->repeats.v[i]);
    }
    return OC_OK;
}

static oc_status shape(const struct infer *s) { return tiled(s->attr, s->x[0], &s->y[0]); }

static oc_status take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct tile *)attr)->repeats);
}

static oc_status grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(tiled(s->attr, s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* The offset in x (of this shape) of the element behind the walk's index in y. */
static int64_t source(const struct walk *w, const oc_shape *x)
{
    int64_t offset = 0;
    for (int i = 0; i < x->rank; i++)
        offset = offset * x->dim[i] + w->index[i] % x->dim[i];
    return offset;
}

static void run(const struct call *c)
{
    struct walk w;
    oc__walk(&w, c->ys[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][i] = c->x[0][source(&w, c->xs[0])];
}

static void grad_run(const struct call *c)
{
    struct walk w;
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = 0;
    oc__walk(&w, c->xs[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][source(&w, c->ys[0])] += c->x[0][i];
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_tile_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = { "2x3 repeats=2,1", "2x1x3 repeats=1,3,2", "4 repeats=0",
                                     NULL };

const struct op oc__op_tile = {
    .entry = { "Tile", "y = x repeated along each axis", attrs, sizeof(struct tile) },
    .inputs = "x repeats?", .outputs = "y", .flops = oc__flops_none,
    .by_value = 1 << 1, .take = take, .pending = oc__pending_like,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_tile_grad = {
    .entry = { "TileGrad", "dx = the sum of dy over the repetitions", attrs, sizeof(struct tile) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1, .flops = oc__flops_input,
    .shape = grad_shape, .run = grad_run,
};
