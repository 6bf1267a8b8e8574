/* prelu.c — PRelu: y = x where x > 0, else slope * x, with a learned slope that broadcasts to x (He
 * and others, "Delving Deep into Rectifiers", 2015). */
#include "op/walk.h"

static double prelu(const double *v) { return v[0] > 0 ? v[0] : v[1] * v[0]; }
static double prelu_by_x(const double *v) { return v[1] > 0 ? v[0] : v[2] * v[0]; }
static double prelu_by_slope(const double *v) { return v[1] > 0 ? 0 : v[0] * v[1]; }

/* The result has the shape of x, which is input `x`; all else must broadcast to it. */
static oc_status shape_of(const struct infer *s, int x)
{
    TRY(oc__same_dtype(s, 0));
    TRY(oc__shape_broadcast(s));
    TRY(oc__shape_match("the broadcast result", s->x[x], &s->y[0]));
    s->y[0] = *s->x[x];
    return OC_OK;
}

static oc_status prelu_shape(const struct infer *s) { return shape_of(s, 0); }
static oc_status prelu_grad_shape(const struct infer *s) { return shape_of(s, 1); }

static void prelu_run(const struct call *c) { oc__zip(c, prelu); }
static void prelu_grad_run(const struct call *c) { oc__zip(c, prelu_by_x); }
static void prelu_grad_slope_run(const struct call *c) { oc__zip(c, prelu_by_slope); }

static void prelu_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                       oc_value *dx)
{
    const oc_value x = n->in[0], slope = n->in[1];
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_prelu_grad, NULL, OC_IN(dy[0], x, slope));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_prelu_grad_slope, NULL, OC_IN(dy[0], x));
}

static const char *const cases[] = { "2x3x5x5 3x1x1", "2x6 6", "7 1", "2x3 2x3", NULL };

const struct op oc__op_prelu = {
    .entry = { "PRelu", "y = x where x > 0, else slope * x", NULL, 0 },
    .inputs = "x slope", .outputs = "y", .broadcasts = true,
    .shape = prelu_shape, .grad = prelu_grad, .run = prelu_run, .cases = cases,
};

const struct op oc__op_prelu_grad = {
    .entry = { "PReluGrad", "dx = dy where x > 0, else slope * dy", NULL, 0 },
    .inputs = "dy x slope", .outputs = "dx",
    .shape = prelu_grad_shape, .run = prelu_grad_run,
};

const struct op oc__op_prelu_grad_slope = {
    .entry = { "PReluGradSlope", "dslope = 0 where x > 0, else dy * x, before it is summed down",
               NULL, 0 },
    .inputs = "dy x", .outputs = "dslope", .elementwise = true,
    .shape = oc__shape_alike, .run = prelu_grad_slope_run,
};
