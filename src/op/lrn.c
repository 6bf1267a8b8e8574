/* lrn.c — LRN: x over a power of the squares of the channels around it (Krizhevsky and others,
 * 2012).
 *
 *     y[c] = x[c] / s[c]^beta,  s[c] = bias + alpha / size * sum of x[j]^2
 *
 * over the size channels j around c: (size - 1) / 2 before it, what remains after it. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR_RANGE(struct lrn, INT, size, "5", "channels that are summed over", 1, 65536),
    ATTR(struct lrn, FLOAT, alpha, "0.0001", "of the squares"),
    ATTR(struct lrn, FLOAT, beta, "0.75", "exponent"),
    ATTR(struct lrn, FLOAT, bias, "1", "added to the squares"),
    { 0 }
};

static oc_status shape(const struct infer *s)
{
    if (s->x[0]->rank < 3)
        return oc__fail(OC_EUSAGE, "rank %d, at least [n, c, d] is expected", s->x[0]->rank);
    return oc__shape_alike(s);
}

/* s of channel c in a lane of channels. */
static double sum_around(const struct lrn *a, const double *x, const struct lanes *l, int64_t c)
{
    const int64_t before = (a->size - 1) / 2;
    double sum = 0;
    for (int64_t j = c - before; j < c - before + a->size; j++)
        if (j >= 0 && j < l->n)
            sum += x[j * l->inner] * x[j * l->inner];
    return a->bias + a->alpha / (double)a->size * sum;
}

static void run(const struct call *c)
{
    const struct lrn *const a = c->attr;
    const struct lanes l = oc__lanes(c->xs[0], 1);
    for (int64_t i = 0; i < l.outer * l.n * l.inner; i++) {
        const int64_t k = i / l.inner % l.n;
        const double s = sum_around(a, c->x[0] + i - k * l.inner, &l, k);
        c->y[0][i] = c->x[0][i] * pow(s, -a->beta);
    }
}

/* dx[c] = dy[c] s[c]^-beta - 2 alpha beta / size x[c] sum of dy[j] x[j] s[j]^(-beta - 1), over the
 * channels j that have c around them. */
static void run_grad(const struct call *c)
{
    const struct lrn *const a = c->attr;
    const struct lanes l = oc__lanes(c->xs[1], 1);
    const int64_t after = a->size - 1 - (a->size - 1) / 2;
    for (int64_t i = 0; i < l.outer * l.n * l.inner; i++) {
        const int64_t k = i / l.inner % l.n, lane = i - k * l.inner;
        const double *const dy = c->x[0] + lane, *const x = c->x[1] + lane;
        double sum = 0;
        for (int64_t j = k - after; j < k - after + a->size; j++)
            if (j >= 0 && j < l.n)
                sum += dy[j * l.inner] * x[j * l.inner] *
                       pow(sum_around(a, x, &l, j), -a->beta - 1);
        c->y[0][i] = dy[k * l.inner] * pow(sum_around(a, x, &l, k), -a->beta) -
                     2 * a->alpha * a->beta / (double)a->size * x[k * l.inner] * sum;
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_lrn_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = {
    "2x5x3x2 size=3", "1x6x2x2 size=4 alpha=0.5 beta=0.6 bias=2", "2x3x5 size=1", NULL
};

const struct op oc__op_lrn = {
    .entry = { "LRN", "y = x / (bias + alpha / size * the sum of squares around)^beta", attrs,
               sizeof(struct lrn) },
    .inputs = "x", .outputs = "y", .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_lrn_grad = {
    .entry = { "LRNGrad", "dx = the gradient of LRN", attrs, sizeof(struct lrn) },
    .inputs = "dy x", .outputs = "dx", .shape = shape, .run = run_grad,
};
