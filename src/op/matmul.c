/* matmul.c — MatMul: products of matrices in the last two dimensions, the others broadcasting.
 *
 * Numpy's rules: an operand of rank 1 counts as a row (a) or a column (b), and that dimension is
 * dropped from the result.  transA and transB are ours: they swap an operand's last two dimensions,
 * so that gradients need no Transpose: da = dy op(b)^T or its transpose, summed to a's shape. */
#include "op/gemm.h"
#include "op/op.h"

static bool trans(const oc_shape *x, bool flag) { return x->rank > 1 && flag; }

void oc__matmul_dims(struct matmul_dims *d, const struct matmul *attr, const oc_shape *a,
                     const oc_shape *b, const oc_shape *y)
{
    const bool ta = trans(a, attr->transA), tb = trans(b, attr->transB);
    d->m = a->rank > 1 ? a->dim[a->rank - (ta ? 1 : 2)] : 1;
    d->k = a->dim[a->rank - (ta ? 2 : 1)];
    d->n = b->rank > 1 ? b->dim[b->rank - (tb ? 2 : 1)] : 1;
    d->batch = *y;
    d->batch.rank -= (a->rank > 1) + (b->rank > 1);
}

int64_t oc__matmul_batch(const oc_shape *batch, const oc_shape *x, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int k = batch->rank - 1, j = x->rank - 3; j >= 0; k--, j--) {
        if (x->dim[j] > 1)
            at += i % batch->dim[k] * stride;
        i /= batch->dim[k];
        stride *= x->dim[j];
    }
    return at;
}

/* Broadcasts the dimensions before the matrices'. */
static oc_status shape_batch(const oc_shape *a, const oc_shape *b, oc_shape *y)
{
    const int ra = a->rank > 2 ? a->rank - 2 : 0, rb = b->rank > 2 ? b->rank - 2 : 0;
    y->rank = ra > rb ? ra : rb;
    for (int i = 0; i < y->rank; i++) {
        const int ia = i - (y->rank - ra), ib = i - (y->rank - rb);
        const int64_t p = ia < 0 ? 1 : a->dim[ia], q = ib < 0 ? 1 : b->dim[ib];
        if (p > 1 && q > 1 && p != q)
            return oc__fail(OC_EUSAGE, "%lld and %lld matrices do not broadcast", (long long)p,
                            (long long)q);
        y->dim[i] = p == 1 ? q : q == 1 || p == q ? p : p > 1 ? p : q > 1 ? q : OC_UNKNOWN;
    }
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct matmul *attr = s->attr;
    const oc_shape *a = s->x[0], *b = s->x[1];
    struct matmul_dims d;
    if (a->rank < 1 || b->rank < 1)
        return oc__fail(OC_EUSAGE, "an operand of rank 0");
    oc_shape y;
    TRY(shape_batch(a, b, &y));
    oc__matmul_dims(&d, attr, a, b, &y);
    const int64_t k = b->dim[b->rank - (b->rank == 1 || trans(b, attr->transB) ? 1 : 2)];
    if (d.k >= 0 && k >= 0 && d.k != k)
        return oc__fail(OC_EUSAGE, "a has %lld columns, b %lld rows", (long long)d.k, (long long)k);
    if (a->rank > 1)
        y.dim[y.rank++] = d.m;
    if (b->rank > 1)
        y.dim[y.rank++] = d.n;
    s->y[0] = y;
    return OC_OK;
}

static void run(const struct call *c)
{
    const struct matmul *attr = c->attr;
    struct matmul_dims d;
    oc__matmul_dims(&d, attr, c->xs[0], c->xs[1], c->ys[0]);
    const bool ta = trans(c->xs[0], attr->transA), tb = trans(c->xs[1], attr->transB);
    const int64_t ai = ta ? 1 : d.k, ak = ta ? d.m : 1, bk = tb ? 1 : d.n, bj = tb ? d.k : 1;
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t p = 0; p < n; p++) {
        const int64_t batch = p / (d.m * d.n), i = p / d.n % d.m, j = p % d.n;
        const double *a = c->x[0] + oc__matmul_batch(&d.batch, c->xs[0], batch) * d.m * d.k;
        const double *b = c->x[1] + oc__matmul_batch(&d.batch, c->xs[1], batch) * d.k * d.n;
        double sum = 0;
        for (int64_t k = 0; k < d.k; k++)
            sum += a[i * ai + k * ak] * b[k * bk + j * bj];
        c->y[0][p] = sum;
    }
}

static double flops(const struct infer *s)
{
    struct matmul_dims d;
    oc__matmul_dims(&d, s->attr, s->x[0], s->x[1], &s->y[0]);
    return 2.0 * (double)d.k * (double)oc_shape_count(&s->y[0]);
}

static oc_value product(oc_graph *g, oc_value a, bool transA, oc_value b, bool transB,
                        oc_value like)
{
    const struct matmul attr = { transA, transB };
    const oc_value y = oc__apply(g, &oc__op_matmul, &attr, OC_IN(a, b));
    return oc__apply(g, &oc__op_sum_to, NULL, OC_IN(y, like));
}

static oc_value unsqueeze(oc_graph *g, oc_value x, int axis)
{
    return oc_apply(g, "Unsqueeze", 1, &x, "axes=%d", axis);
}

/* Where an operand is a vector: outer products, and products by rows. */
static void grad_vector(oc_graph *g, const struct node *n, oc_value dy, const bool *want,
                        oc_value *dx)
{
    const struct matmul *attr = n->attr;
    const oc_value a = n->in[0], b = n->in[1];
    const bool row = oc_value_shape(g, a).rank == 1, column = oc_value_shape(g, b).rank == 1;
    if (row && column) {
        dx[0] = want[0] ? oc_mul(g, dy, b) : OC_NONE;
        dx[1] = want[1] ? oc_mul(g, dy, a) : OC_NONE;
    } else if (row) {
        const oc_value d = unsqueeze(g, dy, -2);        /* [..., 1, n] */
        if (want[0])
            dx[0] = product(g, d, false, b, !attr->transB, a);
        if (want[1])
            dx[1] = attr->transB ? product(g, d, true, unsqueeze(g, a, 0), false, b)
                                 : product(g, unsqueeze(g, a, 1), false, d, false, b);
    } else {
        if (want[0])
            dx[0] = attr->transA
                        ? product(g, unsqueeze(g, b, 1), false, unsqueeze(g, dy, -2), false, a)
                        : product(g, unsqueeze(g, dy, -1), false, unsqueeze(g, b, 0), false, a);
        if (want[1])
            dx[1] = product(g, unsqueeze(g, dy, -2), false, a, attr->transA, b);
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const struct matmul *attr = n->attr;
    const oc_value a = n->in[0], b = n->in[1];
    if (oc_value_shape(g, a).rank == 1 || oc_value_shape(g, b).rank == 1) {
        grad_vector(g, n, dy[0], want, dx);
        return;
    }
    if (want[0])
        dx[0] = attr->transA ? product(g, b, attr->transB, dy[0], true, a)
                             : product(g, dy[0], false, b, !attr->transB, a);
    if (want[1])
        dx[1] = attr->transB ? product(g, dy[0], true, a, attr->transA, b)
                             : product(g, a, !attr->transA, dy[0], false, b);
}

static const struct attr attrs[] = {
    ATTR(struct matmul, BOOL, transA, "false", "swap the last two dimensions of a"),
    ATTR(struct matmul, BOOL, transB, "false", "swap the last two dimensions of b"),
    { 0 }
};

static const char *const cases[] = {
    "3x4 4x5",
    "2x3x4 2x4x5",
    "2x1x3x4 5x4x2",
    "3x4 2x4x5",
    "2x3x4 4x5",
    "4 4",
    "4 2x4x3",
    "2x3x4 4",
    "4x3 5x4 transA=true transB=true",
    "2x4x3 2x4x5 transA=true",
    "3x4 2x5x4 transB=true",
    "4 2x3x4 transB=true",
    "2x4x3 4 transA=true",
    "3x18x33 33x20",
    NULL
};

const struct op oc__op_matmul = {
    .entry = { "MatMul", "y = a b over the last two dimensions, the others broadcast", attrs,
               sizeof(struct matmul) },
    .inputs = "a b", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .flops = flops, .cases = cases,
};
