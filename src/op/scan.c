/* scan.c — CumSum and CumProd: y[i] = what x[0] … x[i] add or multiply up to, along an axis.
 *
 * `exclusive` leaves x[i] out, `reverse` begins at the end.  The axis is an input, a single whole
 * number.  The gradient of a running sum is the running sum from the other end; that of a product
 * takes for each x[k] every product that it is part of. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct scan, BOOL, exclusive, "false", "leave the element itself out"),
    ATTR(struct scan, BOOL, reverse, "false", "from the end to the start"),
    { 0 }
};

static oc_status check_axis(const struct infer *s, int i)
{
    if (s->x[i]->rank > 1 || !oc__dim_fits(oc_shape_count(s->x[i]), 1) || oc__is_float(s->xt[i]))
        return oc__fail(OC_EUSAGE, "the axis must be one whole number");
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    TRY(check_axis(s, 1));
    return oc__shape_same(s);
}

static oc_status grad_shape(const struct infer *s)
{
    TRY(oc__shape_match("dy", s->x[1], s->x[0]));
    TRY(check_axis(s, 2));
    return oc__shape_same(s);
}

/* The lanes along the axis that an input holds; one that does not fit leaves none. */
static struct lanes lanes_along(const oc_shape *x, double axis)
{
    const double at = axis < 0 ? axis + x->rank : axis;
    return at >= 0 && at < x->rank ? oc__lanes(x, (int)at) : (struct lanes){ 0 };
}

/* Scans one lane, whose elements are `step` apart. */
static void scan_lane(const struct scan *a, const double *x, double *y, int64_t n, int64_t step,
                      bool multiply)
{
    double sum = multiply ? 1 : 0;
    for (int64_t k = 0; k < n; k++) {
        const int64_t at = (a->reverse ? n - 1 - k : k) * step;
        const double before = sum;
        sum = multiply ? sum * x[at] : sum + x[at];
        y[at] = a->exclusive ? before : sum;
    }
}

static void scan(const struct call *c, bool multiply)
{
    const struct lanes l = lanes_along(c->xs[0], *c->x[1]);
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const int64_t at = i / l.inner * l.n * l.inner + i % l.inner;
        scan_lane(c->attr, c->x[0] + at, c->y[0] + at, l.n, l.inner, multiply);
    }
}

static void sum_run(const struct call *c) { scan(c, false); }
static void prod_run(const struct call *c) { scan(c, true); }

/* The product of the lane's elements `from` … `to`, without number k. */
static double product_without(const double *x, int64_t step, int64_t from, int64_t to, int64_t k)
{
    double product = 1;
    for (int64_t j = from; j <= to; j++)
        product *= j == k ? 1 : x[j * step];
    return product;
}

/* dx[k] = sum of dy[i] times the rest of product i, over the products that x[k] is part of. */
static double prod_slope(const struct scan *a, const double *dy, const double *x,
                         const struct lanes *l, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t shift = a->exclusive ? (a->reverse ? 1 : -1) : 0;
        const int64_t from = a->reverse ? i + shift : 0, to = a->reverse ? l->n - 1 : i + shift;
        if (k >= from && k <= to)
            sum += dy[i * l->inner] * product_without(x, l->inner, from, to, k);
    }
    return sum;
}

static void prod_grad_run(const struct call *c)
{
    const struct lanes l = lanes_along(c->xs[1], *c->x[2]);
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const int64_t at = i / l.inner * l.n * l.inner + i % l.inner;
        for (int64_t k = 0; k < l.n; k++)
            c->y[0][at + k * l.inner] = prod_slope(c->attr, c->x[0] + at, c->x[1] + at, &l, k);
    }
}

static void sum_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                     oc_value *dx)
{
    struct scan a = *(const struct scan *)n->attr;
    a.reverse = !a.reverse;
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_cum_sum, &a, OC_IN(dy[0], n->in[1]));
}

static void prod_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_cum_prod_grad, n->attr, OC_IN(dy[0], n->in[0], n->in[1]));
}

static const char *const cases[] = {
    "7 i1:()", "2x3x4 i3:()", "3x5 i2:1 exclusive=true", "3x5 i2:() reverse=true",
    "4x3 i2:() exclusive=true reverse=true", NULL
};

const struct op oc__op_cum_sum = {
    .entry = { "CumSum", "y[i] = the sum of x up to i", attrs, sizeof(struct scan) },
    .inputs = "x axis", .outputs = "y",
    .shape = shape, .grad = sum_grad, .run = sum_run, .cases = cases,
};

const struct op oc__op_cum_prod = {
    .entry = { "CumProd", "y[i] = the product of x up to i", attrs, sizeof(struct scan) },
    .inputs = "x axis", .outputs = "y",
    .shape = shape, .grad = prod_grad, .run = prod_run, .cases = cases,
};

const struct op oc__op_cum_prod_grad = {
    .entry = { "CumProdGrad", "dx = the gradient of CumProd", attrs, sizeof(struct scan) },
    .inputs = "dy x axis", .outputs = "dx", .shape = grad_shape, .run = prod_grad_run,
};
