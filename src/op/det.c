/* det.c — Det: determinants of matrices.  The gradient is dy times the matrix of cofactors. */
#include <math.h>
#include <stddef.h>

#include "op/op.h"

enum { SIDE_MAX = 64 };

static oc_status check(const oc_shape *x)
{
    const int rank = x->rank;
    if (rank < 2 || !oc__dim_fits(x->dim[rank - 1], x->dim[rank - 2]))
        return oc__fail(OC_EUSAGE, "matrices must be square");
    if (x->dim[rank - 1] > SIDE_MAX)
        return oc__fail(OC_EUSAGE, "matrices of %lld rows, at most %d are possible",
                        (long long)x->dim[rank - 1], SIDE_MAX);
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    TRY(check(s->x[0]));
    s->y[0] = *s->x[0];
    s->y[0].rank -= 2;
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    TRY(check(s->x[1]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* The determinant of x [n, n] without a row and a column (-1: with all), by elimination with the
 * largest pivot. */
static double determinant(const double *x, int64_t n, int64_t row, int64_t column)
{
    double a[SIDE_MAX][SIDE_MAX], det = 1;
    const int64_t m = row < 0 ? n : n - 1;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++)
            a[i][j] = x[(i + (row >= 0 && i >= row)) * n + j + (column >= 0 && j >= column)];
    for (int64_t k = 0; k < m; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < m; i++)
            best = fabs(a[i][k]) > fabs(a[best][k]) ? i : best;
        const double pivot = a[best][k];
        if (pivot == 0)
            return 0;
        det *= best == k ? pivot : -pivot;
        for (int64_t j = k; j < m; j++) {
            const double swapped = a[best][j];
            a[best][j] = a[k][j];
            a[k][j] = swapped;
        }
        for (int64_t i = k + 1; i < m; i++) {
            const double factor = a[i][k] / pivot;
            for (int64_t j = k; j < m; j++)
                a[i][j] -= factor * a[k][j];
        }
    }
    return det;
}

static void run(const struct call *c)
{
    const int64_t n = c->xs[0]->dim[c->xs[0]->rank - 1];
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = determinant(c->x[0] + i * n * n, n, -1, -1);
}

static void run_grad(const struct call *c)
{
    const int64_t n = c->ys[0]->dim[c->ys[0]->rank - 1];
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const int64_t row = i / n % n, column = i % n;
        const double minor = determinant(c->x[1] + i / n / n * n * n, n, row, column);
        c->y[0][i] = c->x[0][i / n / n] * ((row + column) % 2 ? -minor : minor);
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_det_grad, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = { "3x3", "2x4x4", "1x1", NULL };

const struct op oc__op_det = {
    .entry = { "Det", "y = the determinant of each matrix", NULL, 0 },
    .inputs = "x", .outputs = "y", .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_det_grad = {
    .entry = { "DetGrad", "dx = dy times the cofactors of x", NULL, 0 },
    .inputs = "dy x", .outputs = "dx", .shape = grad_shape, .run = run_grad,
};
