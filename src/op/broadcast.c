/* broadcast.c — stretching to a shape and summing back down, and constants in the shape of another.
 *
 * SumTo undoes numpy's broadcasting: the gradient of whatever was stretched.  ExpandTo is its
 * inverse, and each is the other's gradient.  Expand is ONNX's, with the shape as an attribute. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr expand_attrs[] = {
    ATTR(struct expand, INTS, shape, "", "what x is broadcast against"), { 0 }
};

static oc_status expand_shape(const struct infer *s)
{
    const struct expand *const a = s->attr;
    oc_shape target = { .rank = a->shape.n };
    for (int i = 0; i < target.rank; i++) {
        target.dim[i] = a->shape.v[i];
        if (target.dim[i] < 0)
            return oc__fail(OC_EUSAGE, "shape: dimension %d is %lld", i, (long long)target.dim[i]);
    }
    return oc__broadcast(s->x[0], &target, &s->y[0]);
}

static oc_status expand_take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct expand *)attr)->shape);
}

static oc_status expand_to_shape(const struct infer *s)
{
    oc_shape stretched;
    TRY(oc__broadcast(s->x[0], s->x[1], &stretched));
    TRY(oc__shape_match("the stretched x", s->x[1], &stretched));
    s->y[0] = *s->x[1];
    return OC_OK;
}

static oc_status sum_to_shape(const struct infer *s)
{
    oc_shape stretched;
    TRY(oc__broadcast(s->x[0], s->x[1], &stretched));
    TRY(oc__shape_match("the stretched x", s->x[0], &stretched));
    s->y[0] = *s->x[1];
    return OC_OK;
}

static double first(const double *v) { return v[0]; }

static void expand_run(const struct call *c)
{
    struct call one = *c;
    one.n_in = 1;
    oc__zip(&one, first);
}

static void sum_to_run(const struct call *c)
{
    struct walk w;
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = 0;
    oc__walk(&w, c->xs[0]);
    oc__walk_broadcast(&w, c->ys[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][w.at[0]] += c->x[0][i];
}

static void fill(const struct call *c, double v)
{
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = v;
}

static void ones_run(const struct call *c) { fill(c, 1); }
static void zeros_run(const struct call *c) { fill(c, 0); }

static void expand_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                        oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_sum_to, NULL, OC_IN(dy[0], n->in[0]));
}

static void sum_to_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                        oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_expand_to, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const expand_cases[] = {
    "3x1 shape=2,1,4", "2x3 shape=1", "() shape=2,2", NULL
};
static const char *const expand_to_cases[] = { "3x1 2x3x4", "4 2x3x4", "() 3", "2x3 2x3", NULL };
static const char *const sum_to_cases[] = { "2x3x4 3x1", "2x3x4 4", "3 ()", "2x3 2x3", NULL };
static const char *const like_cases[] = { "2x3x4", "()", NULL };

const struct op oc__op_expand = {
    .entry = { "Expand", "y = x broadcast against a shape", expand_attrs, sizeof(struct expand) },
    .inputs = "x shape?", .outputs = "y", .flops = oc__flops_none,
    .by_value = 1 << 1, .take = expand_take,
    .shape = expand_shape, .grad = expand_grad, .run = expand_run, .cases = expand_cases,
};

const struct op oc__op_expand_to = {
    .entry = { "ExpandTo", "y = x broadcast to the shape of `like`", NULL, 0 },
    .inputs = "x like", .outputs = "y", .shape_only = 1 << 1, .flops = oc__flops_none,
    .shape = expand_to_shape, .grad = expand_grad, .run = expand_run, .cases = expand_to_cases,
};

const struct op oc__op_sum_to = {
    .entry = { "SumTo", "y = x summed over what broadcasting `like` to its shape would stretch",
               NULL, 0 },
    .inputs = "x like", .outputs = "y", .shape_only = 1 << 1, .flops = oc__flops_input,
    .shape = sum_to_shape, .grad = sum_to_grad, .run = sum_to_run, .cases = sum_to_cases,
};

const struct op oc__op_ones_like = {
    .entry = { "OnesLike", "y = 1 in the shape of x", NULL, 0 },
    .inputs = "x", .outputs = "y", .shape_only = 1 << 0, .flops = oc__flops_none,
    .shape = oc__shape_same, .run = ones_run, .cases = like_cases,
};

const struct op oc__op_zeros_like = {
    .entry = { "ZerosLike", "y = 0 in the shape of x", NULL, 0 },
    .inputs = "x", .outputs = "y", .shape_only = 1 << 0, .flops = oc__flops_none,
    .shape = oc__shape_same, .run = zeros_run, .cases = like_cases,
};
