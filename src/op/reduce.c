/* reduce.c — reductions over axes, as rows.
 *
 * A row says how the elements of one result are taken up: state s = (a, b) starts as given, `step`
 * takes x into it, `result` is y, for n elements.  The gradient operator takes the elements up
 * again and then hands out dy * slope to each, so it reads dy and x, or of x only the shape.  The
 * least, the largest: the first of several equal ones has the gradient to itself. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct reduce, INTS, axes, "", "which axes; none: all"),
    ATTR(struct reduce, BOOL, keepdims, "true", "leave reduced axes in the shape as 1"),
    ATTR(struct reduce, BOOL, noop_with_empty_axes, "false", "no axes: none of them"),
    { 0 }
};

struct state { double a, b, n; };

struct formula {
    struct state start;
    void       (*step)(struct state *s, double x);
    double     (*result)(const struct state *s);
    double     (*slope)(struct state *s, double x);
};

/* Which axes are reduced. */
static oc_status resolve(const struct reduce *a, int rank, bool reduced[OC_MAX_RANK])
{
    TRY(oc__axes(&a->axes, rank, reduced));
    for (int i = 0; i < rank; i++)
        reduced[i] |= a->axes.n == 0 && !a->noop_with_empty_axes;
    return OC_OK;
}

static oc_status take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct reduce *)attr)->axes);
}

static oc_status reduced_shape(const struct reduce *a, const oc_shape *x, oc_shape *out)
{
    bool reduced[OC_MAX_RANK];
    oc_shape y = { 0 };
    TRY(resolve(a, x->rank, reduced));
    for (int i = 0; i < x->rank; i++)
        if (!reduced[i] || a->keepdims)
            y.dim[y.rank++] = reduced[i] ? 1 : x->dim[i];
    *out = y;
    return OC_OK;
}

static oc_status shape(const struct infer *s) { return reduced_shape(s->attr, s->x[0], &s->y[0]); }

static oc_status grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(reduced_shape(s->attr, s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* Splits the walk over x in two: over the results, and over the elements of one result. */
static void split_walk(struct walk *results, struct walk *elements, const void *attr,
                       const oc_shape *x)
{
    bool reduced[OC_MAX_RANK] = { false };
    int64_t stride[OC_MAX_RANK] = { 0 };
    oc_shape kept = *x, gone = *x;
    if (resolve(attr, x->rank, reduced))
        return;
    for (int i = 0; i < x->rank; i++)
        *(reduced[i] ? &kept.dim[i] : &gone.dim[i]) = 1;
    oc__strides(x, stride);
    oc__walk(results, &kept);
    oc__walk_follow(results, stride, 0);
    oc__walk(elements, &gone);
    oc__walk_follow(elements, stride, 0);
}

/* Takes up the elements of the result that begins at x; x may be NULL where only n matters. */
static struct state take_up(const struct formula *f, struct walk w, const double *x)
{
    struct state s = f->start;
    s.n = (double)w.count;
    for (int64_t i = 0; x && i < w.count; i++, oc__walk_next(&w))
        f->step(&s, x[w.at[0]]);
    return s;
}

static void reduce(const struct call *c, const struct formula *f)
{
    struct walk results = { 0 }, elements = { 0 };
    split_walk(&results, &elements, c->attr, c->xs[0]);
    for (int64_t k = 0; k < results.count; k++, oc__walk_next(&results)) {
        const struct state s = take_up(f, elements, c->x[0] + results.at[0]);
        c->y[0][k] = f->result(&s);
    }
}

static void reduce_grad(const struct call *c, const struct formula *f)
{
    struct walk results = { 0 }, elements = { 0 };
    split_walk(&results, &elements, c->attr, c->ys[0]);
    for (int64_t k = 0; k < results.count; k++, oc__walk_next(&results)) {
        const double *const x = c->x[1] ? c->x[1] + results.at[0] : NULL;
        struct state s = take_up(f, elements, x);
        struct walk w = elements;
        for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
            c->y[0][results.at[0] + w.at[0]] = c->x[0][k] * f->slope(&s, x ? x[w.at[0]] : 0);
    }
}

/* log(sum of exp) with the largest so far taken out: a is that, b the sum of exp(x - a). */
static void log_sum_exp_step(struct state *s, double x)
{
    if (x > s->a) {
        s->b = s->b * exp(s->a - x) + 1;
        s->a = x;
    } else {
        s->b += x == s->a ? 1 : exp(x - s->a);
    }
}

/* a is the product of what is not 0, b counts zeros. */
static void prod_step(struct state *s, double x)
{
    s->a *= x == 0 ? 1 : x;
    s->b += x == 0;
}

static double prod_slope(const struct state *s, double x)
{
    if (s->b == 0)
        return s->a / x;
    return s->b == 1 && x == 0 ? s->a : 0;
}

/* a is the best, b counts how often it was handed out. */
static void take_if(struct state *s, double x, bool better)
{
    s->a = better || isnan(x) ? x : s->a;
}

static double first_of(struct state *s, double x) { return x == s->a && s->b++ == 0 ? 1 : 0; }

static double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

#define GRADIENT(id)                                                                           \
    static void id##_grad(oc_graph *g, const struct node *n, const oc_value *dy,               \
                          const bool *want, oc_value *dx)                                      \
    {                                                                                          \
        (void)want;                                                                            \
        dx[0] = oc__apply(g, &oc__op_##id##_grad, n->attr, OC_IN(dy[0], n->in[0]));            \
    }

static const char *const cases[] = {
    "2x3x4", "2x3x4 axes=1", "2x3x4 axes=0,-1 keepdims=false", "5 keepdims=false",
    "() keepdims=false", "2x3 axes=0", NULL
};

static const char *const positive[] = { "p:2x3x4", "p:2x3x4 axes=0,-1 keepdims=false", NULL };

#define ONLY_SHAPE (1 << 1)
#define ITS_VALUES 0

#define ROW(...) OVER(cases, __VA_ARGS__)
#define OVER(cases_, id, onnx, summary, a0, step_, result_, reads, slope_)              \
    static void id##_step(struct state *s, double x) { step_; }                                \
    static double id##_result(const struct state *s) { return result_; }                       \
    static double id##_slope(struct state *s, double x)                                        \
    {                                                                                          \
        (void)s, (void)x;                                                                      \
        return slope_;                                                                         \
    }                                                                                          \
    static const struct formula id = { { a0, 0, 0 }, id##_step, id##_result, id##_slope };     \
    static void id##_run(const struct call *c) { reduce(c, &id); }                             \
    static void id##_grad_run(const struct call *c) { reduce_grad(c, &id); }                   \
    GRADIENT(id)                                                                               \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, attrs, sizeof(struct reduce) },                              \
        .inputs = "x axes?", .outputs = "y", .flops = oc__flops_input,                         \
        .by_value = 1 << 1, .take = take,                                                      \
        .shape = shape, .grad = id##_grad, .run = id##_run, .cases = cases_,                   \
    };                                                                                         \
    const struct op oc__op_##id##_grad = {                                                     \
        .entry = { onnx "Grad", "dx = the gradient of " onnx, attrs, sizeof(struct reduce) },  \
        .inputs = "dy x", .outputs = "dx", .shape_only = reads,                                \
        .shape = grad_shape, .run = id##_grad_run,                                             \
    };

/* clang-format off */
ROW(reduce_sum, "ReduceSum", "y = the sum of x",
    0, s->a += x, s->a, ONLY_SHAPE, 1)
ROW(reduce_mean, "ReduceMean", "y = the mean of x",
    0, s->a += x, s->a / s->n, ONLY_SHAPE, 1 / s->n)
ROW(reduce_max, "ReduceMax", "y = the largest x",
    -INFINITY, take_if(s, x, x > s->a), s->a, ITS_VALUES, first_of(s, x))
ROW(reduce_min, "ReduceMin", "y = the least x",
    INFINITY, take_if(s, x, x < s->a), s->a, ITS_VALUES, first_of(s, x))
ROW(reduce_prod, "ReduceProd", "y = the product of x",
    1, prod_step(s, x), s->b > 0 ? 0 : s->a, ITS_VALUES, prod_slope(s, x))
ROW(reduce_l1, "ReduceL1", "y = the sum of |x|",
    0, s->a += fabs(x), s->a, ITS_VALUES, sign(x))
ROW(reduce_l2, "ReduceL2", "y = the square root of the sum of x^2",
    0, s->a += x * x, sqrt(s->a), ITS_VALUES, s->a > 0 ? x / sqrt(s->a) : 0)
ROW(reduce_sum_square, "ReduceSumSquare", "y = the sum of x^2",
    0, s->a += x * x, s->a, ITS_VALUES, 2 * x)
OVER(positive, reduce_log_sum, "ReduceLogSum", "y = ln(the sum of x)",
    0, s->a += x, log(s->a), ITS_VALUES, 1 / s->a)
ROW(reduce_log_sum_exp, "ReduceLogSumExp", "y = ln(the sum of e^x)",
    -INFINITY, log_sum_exp_step(s, x), s->a + log(s->b), ITS_VALUES, exp(x - s->a) / s->b)
/* clang-format on */
