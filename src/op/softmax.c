/* softmax.c — Softmax and its logarithm along an axis.
 *
 *     y = exp(x - m) / S,   log y = x - m - ln S,   m = max x,   S = sum exp(x - m)
 *
 * Taking m out keeps exp from overflowing.  The gradients read dy and y alone:
 * dx = y * (dy - sum(dy * y)), and for the logarithm dx = dy - exp(y) * sum(dy). */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct softmax, INT, axis, "-1", "along which axis"), { 0 }
};

static oc_status shape(const struct infer *s)
{
    const struct softmax *const a = s->attr;
    int axis;
    TRY(oc__axis(a->axis, s->x[0]->rank, &axis));
    return oc__shape_alike(s);
}

/* The formula of one lane: n elements at distance `step`; b is the second operand of a gradient. */
typedef void lane_formula(const double *a, const double *b, double *y, int64_t n, int64_t step);

static void each_lane(const struct call *c, lane_formula *f)
{
    const struct softmax *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->ys[0], a->axis);
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t i = 0; i < l.inner; i++) {
            const int64_t at = o * l.n * l.inner + i;
            f(c->x[0] + at, c->n_in > 1 ? c->x[1] + at : NULL, c->y[0] + at, l.n, l.inner);
        }
}

static void log_lane(const double *x, const double *unused, double *y, int64_t n, int64_t step)
{
    double m = -INFINITY, sum = 0;
    (void)unused;
    for (int64_t j = 0; j < n; j++)
        m = fmax(m, x[j * step]);
    for (int64_t j = 0; j < n; j++)
        sum += exp(x[j * step] - m);
    for (int64_t j = 0; j < n; j++)
        y[j * step] = x[j * step] - m - log(sum);
}

static void lane(const double *x, const double *unused, double *y, int64_t n, int64_t step)
{
    log_lane(x, unused, y, n, step);
    for (int64_t j = 0; j < n; j++)
        y[j * step] = exp(y[j * step]);
}

static void grad_lane(const double *dy, const double *y, double *dx, int64_t n, int64_t step)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
        sum += dy[j * step] * y[j * step];
    for (int64_t j = 0; j < n; j++)
        dx[j * step] = y[j * step] * (dy[j * step] - sum);
}

static void log_grad_lane(const double *dy, const double *y, double *dx, int64_t n, int64_t step)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++)
        sum += dy[j * step];
    for (int64_t j = 0; j < n; j++)
        dx[j * step] = dy[j * step] - exp(y[j * step]) * sum;
}

static void run(const struct call *c) { each_lane(c, lane); }
static void log_run(const struct call *c) { each_lane(c, log_lane); }
static void grad_run(const struct call *c) { each_lane(c, grad_lane); }
static void log_grad_run(const struct call *c) { each_lane(c, log_grad_lane); }

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_softmax_grad, n->attr, OC_IN(dy[0], n->out));
}

static void log_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                     oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_log_softmax_grad, n->attr, OC_IN(dy[0], n->out));
}

/* A few operations per element: the largest, exp, the sum, the quotient. */
static double flops(const struct infer *s) { return 4 * oc__flops_input(s); }

static const char *const cases[] = { "3x7", "w:2x5x3 axis=1", "4x2 axis=0", "1x1", NULL };

const struct op oc__op_softmax = {
    .entry = { "Softmax", "y = exp(x) / sum(exp(x))", attrs, sizeof(struct softmax) },
    .inputs = "x", .outputs = "y", .flops = flops,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_softmax_grad = {
    .entry = { "SoftmaxGrad", "dx = y * (dy - sum(dy * y))", attrs, sizeof(struct softmax) },
    .inputs = "dy y", .outputs = "dx", .flops = flops,
    .shape = shape, .run = grad_run,
};

const struct op oc__op_log_softmax = {
    .entry = { "LogSoftmax", "y = x - ln(sum(exp(x)))", attrs, sizeof(struct softmax) },
    .inputs = "x", .outputs = "y", .flops = flops,
    .shape = shape, .grad = log_grad, .run = log_run, .cases = cases,
};

const struct op oc__op_log_softmax_grad = {
    .entry = { "LogSoftmaxGrad", "dx = dy - exp(y) * sum(dy)", attrs, sizeof(struct softmax) },
    .inputs = "dy y", .outputs = "dx", .flops = flops,
    .shape = shape, .run = log_grad_run,
};
