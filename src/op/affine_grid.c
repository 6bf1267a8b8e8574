/* affine_grid.c — AffineGrid: the places that GridSample reads for an affine map.
 *
 * theta [n, k, k + 1] maps places of the result, from -1 to 1 along each of k dimensions and with a
 * 1 after them, to places of the input.  The size is that of the result, [n, c, d…]. */
#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR(struct affine_grid, INTS, size, "", "of the result: n, c, and two or three more"),
    ATTR(struct affine_grid, BOOL, align_corners, "false", "1 is the middle of the last element"),
    { 0 }
};

static oc_status take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct affine_grid *)attr)->size);
}

static oc_status shape(const struct infer *s)
{
    const struct affine_grid *const a = s->attr;
    const int k = a->size.n - 2;
    if (k < 2 || k > 3)
        return oc__fail(OC_EUSAGE, "a size of %d numbers, 4 or 5 are possible", a->size.n);
    TRY(oc__shape_match("theta", &OC_SHAPE(a->size.v[0], k, k + 1), s->x[0]));
    s->y[0] = (oc_shape){ .rank = k + 2 };
    s->y[0].dim[0] = a->size.v[0];
    s->y[0].dim[k + 1] = k;
    for (int i = 0; i < k; i++) {
        s->y[0].dim[1 + i] = a->size.v[2 + i];
        if (a->size.v[2 + i] < 1)
            return oc__fail(OC_EUSAGE, "size: dimension %d is %lld", 2 + i,
                            (long long)a->size.v[2 + i]);
    }
    return OC_OK;
}

static oc_status pending(const struct infer *s)
{
    s->y[0] = (oc_shape){ .rank = 4 };
    if (s->x[0]->rank == 3 && s->x[0]->dim[1] == 3)
        s->y[0].rank = 5;
    for (int i = 0; i < s->y[0].rank; i++)
        s->y[0].dim[i] = OC_UNKNOWN;
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    const oc_shape *const dy = s->x[0];
    const int k = dy->rank - 2;
    if (k < 2)
        return oc__fail(OC_EUSAGE, "dy has rank %d", dy->rank);
    s->y[0] = OC_SHAPE(dy->dim[0], k, k + 1);
    return OC_OK;
}

/* The place of element i of a grid, last dimension first, and a 1: k + 1 numbers. */
static void place_of(const oc_shape *grid, bool align_corners, int64_t i, double *place)
{
    const int k = grid->rank - 2;
    for (int d = 0; d < k; d++) {
        const int64_t n = grid->dim[k - d], at = i % n;
        const double size = (double)n;
        i /= n;
        place[d] = !align_corners ? (2 * (double)at + 1) / size - 1
                   : n > 1 ? 2 * (double)at / (size - 1) - 1 : -1;
    }
    place[k] = 1;
}

static void run(const struct call *c)
{
    const struct affine_grid *const a = c->attr;
    const int k = c->ys[0]->rank - 2;
    const int64_t places = c->ys[0]->dim[0] ? oc_shape_count(c->ys[0]) / c->ys[0]->dim[0] / k : 0;
    double place[4];
    for (int64_t i = 0; i < c->ys[0]->dim[0] * places; i++) {
        const double *const theta = c->x[0] + i / places * k * (k + 1);
        place_of(c->ys[0], a->align_corners, i % places, place);
        for (int r = 0; r < k; r++) {
            c->y[0][i * k + r] = 0;
            for (int d = 0; d <= k; d++)
                c->y[0][i * k + r] += theta[r * (k + 1) + d] * place[d];
        }
    }
}

static void run_grad(const struct call *c)
{
    const struct affine_grid *const a = c->attr;
    const int k = c->xs[0]->rank - 2;
    const int64_t places = c->xs[0]->dim[0] ? oc_shape_count(c->xs[0]) / c->xs[0]->dim[0] / k : 0;
    double place[4];
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = 0;
    for (int64_t i = 0; i < c->xs[0]->dim[0] * places; i++) {
        double *const dtheta = c->y[0] + i / places * k * (k + 1);
        place_of(c->xs[0], a->align_corners, i % places, place);
        for (int r = 0; r < k; r++)
            for (int d = 0; d <= k; d++)
                dtheta[r * (k + 1) + d] += c->x[0][i * k + r] * place[d];
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_affine_grid_grad, n->attr, OC_IN(dy[0]));
}

static const char *const cases[] = {
    "2x2x3 size=2,1,3,4", "1x3x4 size=1,1,2,3,2 align_corners=true", NULL
};

const struct op oc__op_affine_grid = {
    .entry = { "AffineGrid", "y = theta applied to the places of a grid", attrs,
               sizeof(struct affine_grid) },
    .inputs = "theta size?", .outputs = "y", .by_value = 1 << 1, .take = take,
    .pending = pending, .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_affine_grid_grad = {
    .entry = { "AffineGridGrad", "dtheta = the sum of dy times places", attrs,
               sizeof(struct affine_grid) },
    .inputs = "dy", .outputs = "dtheta", .shape = grad_shape, .run = run_grad,
};
