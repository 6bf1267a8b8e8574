/* gemm.c — Gemm: y = alpha op(a) op(b) + beta c, and FusedGemm with an activation behind it.
 *
 * op() transposes where the flag says so; c broadcasts to [m, n].  The gradients by a and b are
 * Gemms: da = alpha dy op(b)^T, or its transpose op(b) dy^T where a enters transposed; likewise db.
 */
#include "op/gemm.h"
#include "op/op.h"

void oc__gemm_dims(struct gemm_dims *d, const struct gemm *attr, const oc_shape *a,
                   const oc_shape *b)
{
    d->m = a->dim[attr->transA ? 1 : 0];
    d->k = a->dim[attr->transA ? 0 : 1];
    d->n = b->dim[attr->transB ? 0 : 1];
}

static bool broadcasts(int64_t from, int64_t to)
{
    return from < 0 || to < 0 || from == 1 || from == to;
}

static oc_status check_c(const oc_shape *c, const oc_shape *y)
{
    bool fits = c->rank <= 2;
    for (int i = 0; fits && i < c->rank; i++)
        fits = broadcasts(c->dim[i], y->dim[2 - c->rank + i]);
    return fits ? OC_OK : oc__fail(OC_EUSAGE, "c does not broadcast to the product");
}

static oc_status shape(const struct infer *s)
{
    const struct gemm *attr = s->attr;
    const oc_shape *a = s->x[0], *b = s->x[1];
    struct gemm_dims d;
    if (a->rank != 2 || b->rank != 2)
        return oc__fail(OC_EUSAGE, "operands of %d and %d dimensions, not 2", a->rank, b->rank);
    oc__gemm_dims(&d, attr, a, b);
    const int64_t k = b->dim[attr->transB ? 1 : 0];
    if (d.k >= 0 && k >= 0 && d.k != k)
        return oc__fail(OC_EUSAGE, "a has %lld columns, b %lld rows", (long long)d.k, (long long)k);
    s->y[0] = OC_SHAPE(d.m, d.n);
    return s->n_in > 2 && s->x[2] ? check_c(s->x[2], &s->y[0]) : OC_OK;
}

/* Element [i, j] of c as it broadcasts. */
static double c_at(const double *c, const oc_shape *s, int64_t i, int64_t j)
{
    const int64_t columns = s->rank > 0 ? s->dim[s->rank - 1] : 1;
    const int64_t row = s->rank > 1 && s->dim[0] > 1 ? i : 0, column = columns > 1 ? j : 0;
    return c[row * columns + column];
}

static void run(const struct call *c)
{
    const struct gemm *attr = c->attr;
    struct gemm_dims d;
    oc__gemm_dims(&d, attr, c->xs[0], c->xs[1]);
    const int64_t ai = attr->transA ? 1 : d.k, ak = attr->transA ? d.m : 1;
    const int64_t bk = attr->transB ? 1 : d.n, bj = attr->transB ? d.k : 1;
    for (int64_t i = 0; i < d.m; i++)
        for (int64_t j = 0; j < d.n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < d.k; k++)
                sum += c->x[0][i * ai + k * ak] * c->x[1][k * bk + j * bj];
            sum *= attr->alpha;
            if (c->n_in > 2 && c->x[2])
                sum += attr->beta * c_at(c->x[2], c->xs[2], i, j);
            c->y[0][i * d.n + j] = oc__activate(&attr->activation, sum);
        }
}

static double flops(const struct infer *s)
{
    struct gemm_dims d;
    oc__gemm_dims(&d, s->attr, s->x[0], s->x[1]);
    return 2.0 * (double)d.m * (double)d.n * (double)d.k;
}

static oc_value product(oc_graph *g, double alpha, oc_value a, bool transA, oc_value b, bool transB)
{
    const struct gemm attr = { .alpha = alpha, .beta = 1, .transA = transA, .transB = transB };
    return oc__apply(g, &oc__op_gemm, &attr, OC_IN(a, b));
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const struct gemm *attr = n->attr;
    const oc_value a = n->in[0], b = n->in[1];
    if (want[0])
        dx[0] = attr->transA ? product(g, attr->alpha, b, attr->transB, dy[0], true)
                             : product(g, attr->alpha, dy[0], false, b, !attr->transB);
    if (want[1])
        dx[1] = attr->transB ? product(g, attr->alpha, dy[0], true, a, attr->transA)
                             : product(g, attr->alpha, a, !attr->transA, dy[0], false);
    if (n->n_in > 2 && want[2]) {
        dx[2] = oc__apply(g, &oc__op_sum_to, NULL, OC_IN(dy[0], n->in[2]));
        if (attr->beta < 1 || attr->beta > 1)
            dx[2] = oc_mul(g, dx[2], oc__scalar_like(g, attr->beta, dx[2]));
    }
}

#define GEMM_ATTRS                                                                          \
    ATTR(struct gemm, FLOAT, alpha, "1", "factor of the product"),                          \
    ATTR(struct gemm, FLOAT, beta, "1", "factor of c"),                                     \
    ATTR(struct gemm, BOOL, transA, "false", "a enters transposed"),                        \
    ATTR(struct gemm, BOOL, transB, "false", "b enters transposed")

static const struct attr attrs[] = { GEMM_ATTRS, { 0 } };

static const char *const cases[] = {
    "3x4 4x5 5",
    "3x4 4x5 -",
    "4x3 4x5 3x5 transA=true alpha=0.5 beta=2",
    "3x4 5x4 3x1 transB=true",
    "4x3 5x4 () transA=true transB=true beta=-1",
    "1x7 7x1 1x1",
    "17x33 33x19 19",
    "70x65 65x40 40",
    "6x203 9x203 9 transB=true",
    "3x130 1x130 () transB=true",
    "65x70 40x65 - transA=true transB=true",
    NULL
};

const struct op oc__op_gemm = {
    .entry = { "Gemm", "y = alpha op(a) op(b) + beta c", attrs, sizeof(struct gemm) },
    .inputs = "a b c?", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .flops = flops, .cases = cases,
};

static const struct attr fused_attrs[] = { GEMM_ATTRS, ACTIVATION_ATTRS(struct gemm), { 0 } };

static const char *const fused_cases[] = {
    "3x4 4x5 5 activation=Relu",
    "3x4 5x4 5 transB=true activation=LeakyRelu activation_alpha=0.1",
    "40x20 20x33 33 activation=Sigmoid",
    "40x20 20x33 - activation=Tanh alpha=0.3",
    "7x144 8x144 1x8 transB=true activation=Relu",
    "3x4 4x5 5 activation=HardSwish",
    "3x4 4x5 5 activation=HardSigmoid activation_alpha=0.2 activation_beta=0.5",
    "3x4 4x5 5 activation=Elu activation_alpha=1.5",
    "3x4 4x5 5 activation=Clip activation_alpha=-0.3 activation_beta=0.4",
    "3x4 4x5 5",
    NULL
};

const struct op oc__op_fused_gemm = {
    .entry = { "FusedGemm", "y = activation(alpha op(a) op(b) + beta c)", fused_attrs,
               sizeof(struct gemm) },
    .inputs = "a b c?", .outputs = "y",
    .shape = shape, .run = run, .flops = flops, .cases = fused_cases,
};
