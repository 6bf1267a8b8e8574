/* softmax.c — Softmax, LogSoftmax, the cross-entropy loss and all their gradients, in f32.
 *
 * The formulas are those of op/softmax.c and op/cross_entropy.c.  Lanes (the elements along
 * the axis) are independent and shared out among threads; the losses are then summed in order,
 * in double. */
#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/vector.h"
#include "op/attributes.h"
#include "op/walk.h"

/* A lane of n elements, `step` apart; b is the second operand of a gradient. */
typedef void lane_loop(const float *a, const float *b, float *y, int64_t n, int64_t step);

static inline float largest(const float *x, int64_t n, int64_t step)
{
    float m = -INFINITY;
#pragma omp simd reduction(max : m)
    for (int64_t j = 0; j < n; j++)
        m = x[j * step] > m ? x[j * step] : m;
    return m;
}

enum { VECTOR = 16 };

static inline void fetch(float *to, const float *from, int64_t n, int64_t step, float pad)
{
    for (int64_t j = 0; j < VECTOR; j++)
        to[j] = j < n ? from[j * step] : pad;
}

/* Each loop is written once, for any step and length, and compiled three times: a short lane is one
 * vector, filled up with what changes nothing; elements side by side make vectors too. */
#define LANE(name, pad)                                                                        \
    WIDE static void name##_lane(const float *a, const float *b, float *y, int64_t n,          \
                                 int64_t step)                                                 \
    {                                                                                          \
        if (n <= VECTOR) {                                                                     \
            float u[VECTOR], v[VECTOR], w[VECTOR];                                             \
            fetch(u, a, n, step, pad);                                                         \
            fetch(v, b, n, step, 0);                                                           \
            name(u, v, w, VECTOR, 1);                                                          \
            for (int64_t j = 0; j < n; j++)                                                    \
                y[j * step] = w[j];                                                            \
        } else if (step == 1) {                                                                \
            name(a, b, y, n, 1);                                                               \
        } else {                                                                               \
            name(a, b, y, n, step);                                                            \
        }                                                                                      \
    }

static inline void softmax(const float *x, const float *unused, float *y, int64_t n,
                           int64_t step)
{
    const float m = largest(x, n, step);
    float sum = 0;
    (void)unused;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) {
        y[j * step] = oc__cpu_exp(x[j * step] - m);
        sum += y[j * step];
    }
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        y[j * step] /= sum;
}
LANE(softmax, -INFINITY)

static inline void log_softmax(const float *x, const float *unused, float *y, int64_t n,
                               int64_t step)
{
    const float m = largest(x, n, step);
    float sum = 0;
    (void)unused;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++)
        sum += oc__cpu_exp(x[j * step] - m);
    const float shift = logf(sum);
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        y[j * step] = x[j * step] - m - shift;
}
LANE(log_softmax, -INFINITY)

static inline void softmax_grad(const float *dy, const float *y, float *dx, int64_t n,
                                int64_t step)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++)
        sum += dy[j * step] * y[j * step];
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        dx[j * step] = y[j * step] * (dy[j * step] - sum);
}
LANE(softmax_grad, 0)

static inline void log_softmax_grad(const float *dy, const float *y, float *dx, int64_t n,
                                    int64_t step)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++)
        sum += dy[j * step];
#pragma omp simd
    for (int64_t j = 0; j < n; j++)
        dx[j * step] = dy[j * step] - oc__cpu_exp(y[j * step]) * sum;
}
LANE(log_softmax_grad, 0)

static const struct row { const char *name; lane_loop *run; } rows[] = {
    { "Softmax", softmax_lane }, { "SoftmaxGrad", softmax_grad_lane },
    { "LogSoftmax", log_softmax_lane }, { "LogSoftmaxGrad", log_softmax_grad_lane },
};

static lane_loop *find(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name))
            return rows[i].run;
    return NULL;
}

static bool accept(const struct request *r, struct offer *o)
{
    (void)o;
    return find(r->op->entry.name) && oc__cpu_all_f32(r);
}

struct lane_run {
    lane_loop   *run;
    struct lanes lanes;
    const float *a, *b;
    float       *y;
};

static void run_lanes(const void *context, int64_t first, int64_t last)
{
    const struct lane_run *r = context;
    const struct lanes l = r->lanes;
    for (int64_t i = first; i < last; i++) {
        const int64_t at = i / l.inner * l.n * l.inner + i % l.inner;
        r->run(r->a + at, r->b + at, r->y + at, l.n, l.inner);
    }
}

static void run_all(const struct lane_run *r, int threads)
{
    oc__parallel(threads, r->lanes.outer * r->lanes.inner, CPU_GRAIN / 4 / (r->lanes.n + 1) + 1,
                 run_lanes, r);
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const struct softmax *attr = r->attr;
    const struct lane_run all = { find(r->op->entry.name),
                                  oc__lanes_of(r->y[0].shape, attr->axis), e->x[0],
                                  e->x[r->n_in - 1], e->y[0] };
    run_all(&all, e->threads);
}

const struct kernel oc__cpu_softmax = { .name = "lanes", .accept = accept, .run = run };

/* ---- SoftmaxCrossEntropyLoss -------------------------------------------------------------- */

struct problem {
    const struct cross_entropy *a;
    struct lanes                l;
    const float                *log_p, *weight;         /* weight NULL: all 1 */
    const void                 *labels;
    oc_dtype                    label_type;
    double                      weight_sum, counted;
};

static int64_t raw_label(const struct problem *p, int64_t i)
{
    return p->label_type == OC_I64 ? ((const int64_t *)p->labels)[i]
                                   : ((const int32_t *)p->labels)[i];
}

static bool is_class(const struct problem *p, int64_t t) { return t >= 0 && t < p->l.n; }
static double weight(const struct problem *p, int64_t k)
{
    return p->weight ? (double)p->weight[k] : 1;
}


/* Operand `labels` and the one behind it; `scores` has the classes as dimension 1. */
static struct problem problem_of(const struct execution *e, const oc_shape *scores, int labels)
{
    const struct request *r = e->request;
    struct problem p = { .a = r->attr, .l = oc__lanes(scores, 1), .labels = e->x[labels],
                         .label_type = r->x[labels].dtype };
    if (r->n_in > labels + 1 && r->x[labels + 1].shape)
        p.weight = e->x[labels + 1];
    for (int64_t k = 0; k < p.l.n; k++)
        p.weight_sum += weight(&p, k);
    for (int64_t i = 0; i < p.l.outer * p.l.inner; i++) {
        const int64_t t = raw_label(&p, i);
        if (t != p.a->ignore_index && is_class(&p, t))
            p.counted += weight(&p, t);
    }
    return p;
}

static double loss_at(const struct problem *p, int64_t i)
{
    const float *log_p = p->log_p + i / p->l.inner * p->l.n * p->l.inner + i % p->l.inner;
    const double smoothing = p->a->label_smoothing;
    const int64_t t = raw_label(p, i);
    double all = 0;
    if (t == p->a->ignore_index)
        return 0;
    if (!is_class(p, t))
        return NAN;
    for (int64_t k = 0; smoothing > 0 && k < p->l.n; k++)
        all -= weight(p, k) * (double)log_p[k * p->l.inner];
    return smoothing / (double)p->l.n * all -
           (1 - smoothing) * weight(p, t) * (double)log_p[t * p->l.inner];
}

/* The types of scores, weights and results are f32, and labels are whole. */
static bool accept_loss_at(const struct request *r, int labels)
{
    const oc_dtype t = r->x[labels].dtype;
    for (int i = 0; i < r->n_in; i++)
        if (i != labels && r->x[i].shape && r->x[i].dtype != OC_F32)
            return false;
    return (t == OC_I64 || t == OC_I32) && r->y[0].dtype == OC_F32;
}

static bool accept_loss(const struct request *r, struct offer *o)
{
    (void)o;
    return accept_loss_at(r, 1);
}

static void run_loss(const struct execution *e)
{
    const struct request *r = e->request;
    struct problem p = problem_of(e, r->x[0].shape, 1);
    const struct lane_run all = { log_softmax_lane, p.l, e->x[0], e->x[0], e->y[1] };
    float *loss = e->y[0];
    double sum = 0;
    run_all(&all, e->threads);
    p.log_p = e->y[1];
    for (int64_t i = 0; i < p.l.outer * p.l.inner; i++) {
        const double one = loss_at(&p, i);
        if (p.a->reduction == REDUCTION_NONE)
            loss[i] = (float)one;
        sum += one;
    }
    if (p.a->reduction != REDUCTION_NONE)
        *loss = (float)(p.a->reduction == REDUCTION_MEAN ? sum / p.counted : sum);
}

const struct kernel oc__cpu_cross_entropy = {
    .op = "SoftmaxCrossEntropyLoss", .name = "lanes", .accept = accept_loss, .run = run_loss,
};

static bool accept_loss_grad(const struct request *r, struct offer *o)
{
    (void)o;
    return accept_loss_at(r, 2);
}

struct loss_grad_run { struct problem p; const float *dy; float *dx; };

WIDE static void exp_span(const float *x, float *y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = oc__cpu_exp(x[i]);
}

static void run_probabilities(const void *context, int64_t first, int64_t last)
{
    const struct loss_grad_run *r = context;
    exp_span(r->p.log_p + first, r->dx + first, last - first);
}

/* scores' gradient of one lane, in which the probabilities lie: dy (W p - target), with target and
 * W as in op/cross_entropy.c. */

static void run_loss_grad_lanes(const void *context, int64_t first, int64_t last)
{
    const struct loss_grad_run *r = context;
    const struct problem *p = &r->p;
    const double e = p->a->label_smoothing, spread = e / (double)p->l.n;
    const double divisor = p->a->reduction == REDUCTION_MEAN ? p->counted : 1;
    for (int64_t i = first; i < last; i++) {
        const int64_t at = i / p->l.inner * p->l.n * p->l.inner + i % p->l.inner;
        const int64_t t = raw_label(p, i), step = p->l.inner;
        const bool counts = t != p->a->ignore_index, each = p->a->reduction == REDUCTION_NONE;
        const double dy = counts ? (double)r->dy[each ? i : 0] / divisor : 0;
        const double own = is_class(p, t) ? (1 - e) * weight(p, t) : counts ? NAN : 0;
        const float slope = (float)(dy * (own + spread * p->weight_sum));
        for (int64_t k = 0; k < p->l.n; k++)
            r->dx[at + k * step] *= slope;
        for (int64_t k = 0; spread > 0 && k < p->l.n; k++)
            r->dx[at + k * step] -= (float)(dy * spread * weight(p, k));
        if (is_class(p, t))
            r->dx[at + t * step] -= (float)(dy * own);
    }
}

static void run_loss_grad(const struct execution *e)
{
    const struct request *r = e->request;
    struct loss_grad_run all = { .dy = e->x[0], .dx = e->y[0] };
    all.p = problem_of(e, r->x[1].shape, 2);
    all.p.log_p = e->x[1];
    oc__parallel(e->threads, oc__cpu_count(&r->y[0]), CPU_GRAIN, run_probabilities, &all);
    oc__parallel(e->threads, all.p.l.outer * all.p.l.inner, CPU_GRAIN / 4 / (all.p.l.n + 1) + 1,
                 run_loss_grad_lanes, &all);
}

const struct kernel oc__cpu_cross_entropy_grad = {
    .op = "SoftmaxCrossEntropyLossGrad", .name = "lanes", .accept = accept_loss_grad,
    .run = run_loss_grad,
};
