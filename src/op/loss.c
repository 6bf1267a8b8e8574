/* loss.c — losses that compare two tensors of one shape element by element, as rows.
 *
 * A row is the loss f(x, t) of one element and its slopes by x and by t.  The result is the mean or
 * the sum over all elements, or each one. */
#include <math.h>

#include "op/attributes.h"
#include "op/op.h"

static const char *const reductions[] = { "mean", "sum", "none", NULL };
static const struct attr attrs[] = {
    ATTR_WORDS(struct element_loss, reduction, "mean", "what becomes of the losses", reductions),
    { 0 }
};

static oc_status shape(const struct infer *s)
{
    const struct element_loss *const a = s->attr;
    TRY(oc__same_dtype(s, 0));
    TRY(oc__shape_match("the target", s->x[0], s->x[1]));
    s->y[0] = a->reduction == REDUCTION_NONE ? *s->x[0] : (oc_shape){ 0 };
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    const struct element_loss *const a = s->attr;
    TRY(oc__shape_match("the target", s->x[1], s->x[2]));
    TRY(oc__shape_match("dy", a->reduction == REDUCTION_NONE ? s->x[1] : &(oc_shape){ 0 },
                        s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

static void forward(const struct call *c, double (*f)(double x, double t))
{
    const struct element_loss *const a = c->attr;
    const int64_t n = oc_shape_count(c->xs[0]);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = f(c->x[0][i], c->x[1][i]);
        if (a->reduction == REDUCTION_NONE)
            c->y[0][i] = v;
        sum += v;
    }
    if (a->reduction != REDUCTION_NONE)
        c->y[0][0] = a->reduction == REDUCTION_MEAN ? sum / (double)n : sum;
}

static void backward(const struct call *c, double (*slope)(double x, double t))
{
    const struct element_loss *const a = c->attr;
    const int64_t n = oc_shape_count(c->ys[0]);
    const double scale = a->reduction == REDUCTION_MEAN ? 1 / (double)n : 1;
    for (int64_t i = 0; i < n; i++) {
        const double dy = c->x[0][a->reduction == REDUCTION_NONE ? i : 0];
        c->y[0][i] = dy * scale * slope(c->x[1][i], c->x[2][i]);
    }
}

static double flops(const struct infer *s) { return 4 * (double)oc_shape_count(s->x[s->n_in - 1]); }

static const char *const cases[] = {
    "3x4 3x4", "7 7 reduction=sum", "2x3 2x3 reduction=none", NULL
};

#define PART(id, name, summary_, slope_)                                                       \
    static double id##_slope(double x, double t)                                               \
    {                                                                                          \
        (void)x, (void)t;                                                                      \
        return slope_;                                                                         \
    }                                                                                          \
    static void id##_run(const struct call *c) { backward(c, id##_slope); }                    \
    const struct op oc__op_##id = {                                                            \
        .entry = { name, summary_, attrs, sizeof(struct element_loss) },                       \
        .inputs = "dy x target", .outputs = "dx", .flops = flops,                              \
        .shape = grad_shape, .run = id##_run,                                                  \
    };

#define ROW(id, name, summary_, f, slope_x, slope_t)                                           \
    static double id##_f(double x, double t) { return f; }                                     \
    static void id##_run(const struct call *c) { forward(c, id##_f); }                         \
    PART(id##_grad, name "Grad", "dx = dy * (" #slope_x "), over n for the mean", slope_x)     \
    PART(id##_grad_target, name "GradTarget",                                                  \
         "dtarget = dy * (" #slope_t "), over n for the mean", slope_t)                        \
    static void id##_gradient(oc_graph *g, const struct node *n, const oc_value *dy,           \
                              const bool *want, oc_value *dx)                                  \
    {                                                                                          \
        if (want[0])                                                                           \
            dx[0] = oc__apply(g, &oc__op_##id##_grad, n->attr,                                 \
                              OC_IN(dy[0], n->in[0], n->in[1]));                               \
        if (want[1])                                                                           \
            dx[1] = oc__apply(g, &oc__op_##id##_grad_target, n->attr,                          \
                              OC_IN(dy[0], n->in[0], n->in[1]));                               \
    }                                                                                          \
    const struct op oc__op_##id = {                                                            \
        .entry = { name, summary_, attrs, sizeof(struct element_loss) },                       \
        .inputs = "x target", .outputs = "loss", .flops = flops,                               \
        .shape = shape, .grad = id##_gradient, .run = id##_run, .cases = cases,                \
    };

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* clang-format off */
ROW(mean_squared_error, "MeanSquaredError", "loss = (x - target)^2",
    (x - t) * (x - t), 2 * (x - t), -2 * (x - t))
ROW(sigmoid_cross_entropy, "SigmoidCrossEntropy",
    "loss = -target * ln sigmoid(x) - (1 - target) * ln(1 - sigmoid(x))",
    fmax(x, 0) - x * t + log1p(exp(-fabs(x))), sigmoid(x) - t, -x)
/* clang-format on */
