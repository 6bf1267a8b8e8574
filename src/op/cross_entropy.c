/* cross_entropy.c — SoftmaxCrossEntropyLoss of scores [n, c, d…] against class indices [n, d…], and
 * NegativeLogLikelihoodLoss of logarithms of probabilities, which ln p then stands for.
 *
 * With p = softmax(scores) over c, t the label, w the class weights (1 where absent), e the
 * smoothing:
 *
 *     loss_i = -(1 - e) * w[t] * ln p[t] - e / c * sum_k w[k] * ln p[k]
 *
 * A label equal to ignore_index gives loss 0.  `mean` divides the sum by the sum of w[t] over
 * labels that count, which is what PyTorch does; where none counts it is not a number, as is the
 * loss of a label outside of [0, c).  The second output, ln p, is all that the gradient needs
 * besides the labels.  Class weights are settings and have no gradient. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const char *const reductions[] = { "mean", "sum", "none", NULL };
static const struct attr attrs[] = {
    ATTR_WORDS(struct cross_entropy, reduction, "mean", "what becomes of the losses", reductions),
    ATTR(struct cross_entropy, INT, ignore_index, "-100", "label that does not count"),
    ATTR_RANGE(struct cross_entropy, FLOAT, label_smoothing, "0", "share spread over all classes",
               0, 1),
    { 0 }
};

/* Checks scores, labels and weights, and gives the shape of the loss. */
static oc_status check(const struct infer *s, int scores, oc_shape *loss)
{
    const struct cross_entropy *const a = s->attr;
    const oc_shape *const x = s->x[scores];
    const oc_dtype labels = s->xt[scores + 1];
    if (x->rank < 2)
        return oc__fail(OC_EUSAGE, "scores have rank %d, at least [n, c] is expected", x->rank);
    if (labels != OC_I64 && labels != OC_I32)
        return oc__fail(OC_EUSAGE, "labels are %s and must be i64 or i32", oc_dtype_name(labels));
    oc_shape each = { .rank = x->rank - 1, .dim = { x->dim[0] } };
    for (int i = 2; i < x->rank; i++)
        each.dim[i - 1] = x->dim[i];
    TRY(oc__shape_match("labels", &each, s->x[scores + 1]));
    if (s->n_in > scores + 2 && s->x[scores + 2])
        TRY(oc__shape_match("weights", &OC_SHAPE(x->dim[1]), s->x[scores + 2]));
    *loss = a->reduction == REDUCTION_NONE ? each : (oc_shape){ 0 };
    return OC_OK;
}

static oc_status loss_shape(const struct infer *s)
{
    TRY(check(s, 0, &s->y[0]));
    s->y[1] = *s->x[0];
    s->yt[0] = s->yt[1] = s->xt[0];
    return OC_OK;
}

static oc_status loss_grad_shape(const struct infer *s)
{
    oc_shape loss;
    TRY(check(s, 1, &loss));
    TRY(oc__shape_match("dy", &loss, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* What both directions read; the log-probability of class k at place (o, i) is
 * log_p[(o * c + k) * inner + i]. */
struct problem {
    const struct cross_entropy *a;
    struct lanes                l;
    const double               *log_p, *label, *weight;
    double                      weight_sum;
};

static struct problem problem_of(const struct call *c, int scores, const double *log_p)
{
    struct problem p = { .a = c->attr, .l = oc__lanes(c->xs[scores], 1), .log_p = log_p };
    p.label = c->x[scores + 1];
    p.weight = c->n_in > scores + 2 ? c->x[scores + 2] : NULL;
    for (int64_t k = 0; k < p.l.n; k++)
        p.weight_sum += p.weight ? p.weight[k] : 1;
    return p;
}

static double weight(const struct problem *p, int64_t k) { return p->weight ? p->weight[k] : 1; }
static bool ignored(const struct problem *p, int64_t i)
{
    return p->label[i] == (double)p->a->ignore_index;
}

/* The label of place i; -1 where it is outside of [0, c). */
static int64_t label_of(const struct problem *p, int64_t i)
{
    const double t = p->label[i];
    return t >= 0 && t < (double)p->l.n ? (int64_t)t : -1;
}

/* The sum of w[t] over labels that count: what the mean divides by. */
static double counted(const struct problem *p)
{
    double sum = 0;
    for (int64_t i = 0; i < p->l.outer * p->l.inner; i++)
        if (!ignored(p, i) && label_of(p, i) >= 0)
            sum += weight(p, label_of(p, i));
    return sum;
}

static double loss_at(const struct problem *p, int64_t i)
{
    const double *const log_p = p->log_p + i / p->l.inner * p->l.n * p->l.inner + i % p->l.inner;
    const double e = p->a->label_smoothing;
    const int64_t t = label_of(p, i);
    double all = 0;
    if (ignored(p, i))
        return 0;
    if (t < 0)
        return NAN;
    for (int64_t k = 0; e > 0 && k < p->l.n; k++)
        all -= weight(p, k) * log_p[k * p->l.inner];
    return e / (double)p->l.n * all - (1 - e) * weight(p, t) * log_p[t * p->l.inner];
}

/* The losses from ln p, each or reduced. */
static void add_losses(const struct call *c, const double *log_p)
{
    const struct problem p = problem_of(c, 0, log_p);
    const int64_t n = p.l.outer * p.l.inner;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double loss = loss_at(&p, i);
        if (p.a->reduction == REDUCTION_NONE)
            c->y[0][i] = loss;
        sum += loss;
    }
    if (p.a->reduction != REDUCTION_NONE)
        c->y[0][0] = p.a->reduction == REDUCTION_MEAN ? sum / counted(&p) : sum;
}

static void loss_run(const struct call *c)
{
    const struct softmax over_classes = { .axis = 1 };
    struct call inner = { .attr = &over_classes, .n_in = 1, .n_out = 1, .x = c->x, .xs = c->xs };
    inner.y = c->y + 1;
    inner.ys = c->ys + 1;
    inner.yt = c->yt + 1;
    oc__op_log_softmax.run(&inner);
    add_losses(c, c->y[1]);
}

/* d loss_i / d score_k = W p[k] - (1 - e) w[t] [k = t] - e / c * w[k], W the sum of these two. */
static void loss_grad_run(const struct call *c)
{
    const struct problem p = problem_of(c, 1, c->x[1]);
    const double e = p.a->label_smoothing, spread = e / (double)p.l.n;
    const bool each = p.a->reduction == REDUCTION_NONE;
    const double divisor = p.a->reduction == REDUCTION_MEAN ? counted(&p) : 1;
    for (int64_t i = 0; i < p.l.outer * p.l.inner; i++) {
        const int64_t at = i / p.l.inner * p.l.n * p.l.inner + i % p.l.inner, t = label_of(&p, i);
        const double dy = c->x[0][each ? i : 0] / divisor;
        const double own = t < 0 ? NAN : (1 - e) * weight(&p, t);
        for (int64_t k = 0; k < p.l.n; k++) {
            const int64_t j = at + k * p.l.inner;
            const double target = spread * weight(&p, k) + (k == t ? own : 0);
            const double slope = (own + spread * p.weight_sum) * exp(p.log_p[j]) - target;
            c->y[0][j] = ignored(&p, i) ? 0 : dy * slope;
        }
    }
}

static void loss_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                      oc_value *dx)
{
    const oc_value log_p = { n->out.id + 1 };
    const struct softmax over_classes = { .axis = 1 };
    if (!want[0])
        return;
    if (!oc__is_none(dy[0]))
        dx[0] = oc__apply(g, &oc__op_softmax_cross_entropy_loss_grad, n->attr,
                          OC_IN(dy[0], log_p, n->in[1], n->n_in > 2 ? n->in[2] : OC_NONE));
    if (!oc__is_none(dy[1])) {
        const oc_value more =
            oc__apply(g, &oc__op_log_softmax_grad, &over_classes, OC_IN(dy[1], log_p));
        dx[0] = oc__is_none(dx[0]) ? more : oc_add(g, dx[0], more);
    }
}

static double flops(const struct infer *s)
{
    return 5 * (double)oc_shape_count(&s->y[s->n_out - 1]);
}

static const char *const cases[] = {
    "6x5 i5:6", "6x5 i5:6 reduction=sum", "6x5 i5:6 reduction=none", "3x4x2 i4:3x2 ignore_index=2",
    "6x5 i5:6 c:5", "6x5 i5:6 c:5 label_smoothing=0.1",
    "6x5 i5:6 c:5 reduction=none ignore_index=1", "6x5 i5:6 - label_smoothing=0.3 ignore_index=0",
    "2x3x2x2 i3:2x2x2 c:3 reduction=sum", NULL
};

const struct op oc__op_softmax_cross_entropy_loss = {
    .entry = { "SoftmaxCrossEntropyLoss", "loss = -ln softmax(scores)[labels]", attrs,
               sizeof(struct cross_entropy) },
    .inputs = "scores labels weights?", .outputs = "loss log_prob", .flops = flops,
    .shape = loss_shape, .grad = loss_grad, .run = loss_run, .cases = cases,
};

const struct op oc__op_softmax_cross_entropy_loss_grad = {
    .entry = { "SoftmaxCrossEntropyLossGrad", "dscores = dy * (softmax(scores) - one_hot(labels))",
               attrs, sizeof(struct cross_entropy) },
    .inputs = "dy log_prob labels weights?", .outputs = "dscores", .flops = flops,
    .shape = loss_grad_shape, .run = loss_grad_run,
};

/* ---- NegativeLogLikelihoodLoss ------------------------------------------------------------ */

static const struct attr nll_attrs[] = {
    ATTR_WORDS(struct cross_entropy, reduction, "mean", "what becomes of the losses", reductions),
    ATTR(struct cross_entropy, INT, ignore_index, "-100", "label that does not count"),
    { 0 }
};

static oc_status nll_shape(const struct infer *s) { return check(s, 0, &s->y[0]); }

static void nll_run(const struct call *c) { add_losses(c, c->x[0]); }

/* d loss_i / d ln p_k = -w[t] [k = t]. */
static void nll_grad_run(const struct call *c)
{
    const struct problem p = problem_of(c, 1, NULL);
    const bool each = p.a->reduction == REDUCTION_NONE;
    const double divisor = p.a->reduction == REDUCTION_MEAN ? counted(&p) : 1;
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = 0;
    for (int64_t i = 0; i < p.l.outer * p.l.inner; i++) {
        const int64_t at = i / p.l.inner * p.l.n * p.l.inner + i % p.l.inner, t = label_of(&p, i);
        if (t >= 0 && !ignored(&p, i))
            c->y[0][at + t * p.l.inner] = -c->x[0][each ? i : 0] * weight(&p, t) / divisor;
    }
}

static void nll_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                     oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_negative_log_likelihood_loss_grad, n->attr,
                          OC_IN(dy[0], n->in[0], n->in[1], n->n_in > 2 ? n->in[2] : OC_NONE));
}

static const char *const nll_cases[] = {
    "6x5 i5:6", "6x5 i5:6 c:5 reduction=sum", "3x4x2 i4:3x2 ignore_index=2",
    "2x3x2x2 i3:2x2x2 c:3 reduction=none ignore_index=1", NULL
};

const struct op oc__op_negative_log_likelihood_loss = {
    .entry = { "NegativeLogLikelihoodLoss", "loss = -log_p[labels]", nll_attrs,
               sizeof(struct cross_entropy) },
    .inputs = "log_p labels weights?", .outputs = "loss", .flops = oc__flops_input,
    .shape = nll_shape, .grad = nll_grad, .run = nll_run, .cases = nll_cases,
};

const struct op oc__op_negative_log_likelihood_loss_grad = {
    .entry = { "NegativeLogLikelihoodLossGrad", "dlog_p = -dy * one_hot(labels)", nll_attrs,
               sizeof(struct cross_entropy) },
    .inputs = "dy log_p labels weights?", .outputs = "dlog_p", .shape_only = 1 << 1,
    .shape = loss_grad_shape, .run = nll_grad_run,
};
