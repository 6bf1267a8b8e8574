/* concat.c — Concat and Split: joining along an axis, and parting again.
 *
 * ConcatGrad(dy, x0 … xk) is the part of dy that belongs to the last x; of the x only shapes are
 * read, so it works while dimensions are unknown.  The gradient of Split is Concat. */
#include <string.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr concat_attrs[] = {
    ATTR(struct concat, INT, axis, "0", "where they are joined"), { 0 }
};
static const struct attr split_attrs[] = {
    ATTR(struct split, INT, axis, "0", "where it is parted"),
    ATTR(struct split, INTS, split, "",
         "size of each part; none: equal parts, the last may be less"),
    ATTR_RANGE(struct split, INT, num_outputs, "2", "parts, where no sizes are given", 1,
               OP_MAX_OUTPUTS),
    { 0 }
};

/* Copies n positions along the axis, from position `from` of x to position `to` of y. */
static void copy_part(const double *x, struct lanes lx, int64_t from, double *y, struct lanes ly,
                      int64_t to, int64_t n)
{
    for (int64_t o = 0; n * lx.inner > 0 && o < lx.outer; o++)
        memcpy(y + (o * ly.n + to) * ly.inner, x + (o * lx.n + from) * lx.inner,
               (size_t)(n * lx.inner) * sizeof *y);
}

/* All dimensions but `axis` agree; `whole` learns those it does not know. */
static oc_status agree(oc_shape *whole, const oc_shape *part, int axis)
{
    oc_shape expected = *whole;
    if (part->rank == whole->rank)
        expected.dim[axis] = part->dim[axis];
    TRY(oc__shape_match("a part", &expected, part));
    for (int i = 0; i < whole->rank; i++)
        if (i != axis && whole->dim[i] < 0 && part->dim[i] >= 0)
            whole->dim[i] = part->dim[i];
    return OC_OK;
}

/* Sum of the parts along the axis; unknown if any is, or on overflow. */
static int64_t total(const oc_shape *const *part, int n, int axis)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++)
        if (part[i]->dim[axis] < 0 || __builtin_add_overflow(sum, part[i]->dim[axis], &sum))
            return OC_UNKNOWN;
    return sum;
}

static oc_status concat_shape(const struct infer *s)
{
    const struct concat *const a = s->attr;
    int axis;
    if (s->n_in == OP_MAX_INPUTS)
        return oc__fail(OC_EUSAGE, "more than %d inputs", OP_MAX_INPUTS - 1);
    TRY(oc__axis(a->axis, s->x[0]->rank, &axis));
    TRY(oc__same_dtype(s, 0));
    oc_shape y = *s->x[0];
    for (int i = 1; i < s->n_in; i++)
        TRY(agree(&y, s->x[i], axis));
    y.dim[axis] = total(s->x, s->n_in, axis);
    s->y[0] = y;
    return OC_OK;
}

static oc_status concat_grad_shape(const struct infer *s)
{
    const struct concat *const a = s->attr;
    oc_shape dy = *s->x[0];
    int axis;
    if (s->n_in < 2)
        return oc__fail(OC_EUSAGE, "no part is given");
    TRY(oc__axis(a->axis, dy.rank, &axis));
    for (int i = 1; i < s->n_in; i++)
        TRY(agree(&dy, s->x[i], axis));
    const int64_t sum = total(s->x + 1, s->n_in - 1, axis);
    if (dy.dim[axis] >= 0 && sum > dy.dim[axis])
        return oc__fail(OC_EUSAGE, "parts of %lld do not fit into %lld", (long long)sum,
                        (long long)dy.dim[axis]);
    s->y[0] = *s->x[s->n_in - 1];
    return OC_OK;
}

static void concat_run(const struct call *c)
{
    const struct concat *const a = c->attr;
    const struct lanes ly = oc__lanes_of(c->ys[0], a->axis);
    int64_t at = 0;
    for (int i = 0; i < c->n_in; i++) {
        const struct lanes lx = oc__lanes_of(c->xs[i], a->axis);
        copy_part(c->x[i], lx, 0, c->y[0], ly, at, lx.n);
        at += lx.n;
    }
}

static void concat_grad_run(const struct call *c)
{
    const struct concat *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->ys[0], a->axis);
    int64_t at = 0;
    for (int i = 1; i < c->n_in - 1; i++)
        at += oc__lanes_of(c->xs[i], a->axis).n;
    copy_part(c->x[0], oc__lanes_of(c->xs[0], a->axis), at, c->y[0], l, 0, l.n);
}

static void concat_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                        oc_value *dx)
{
    oc_value in[OP_MAX_INPUTS] = { dy[0] };
    for (int i = 0; i < n->n_in; i++) {
        in[i + 1] = n->in[i];
        if (want[i])
            dx[i] = oc__apply(g, &oc__op_concat_grad, n->attr, i + 2, in);
    }
}

static int split_count(const void *attr)
{
    const struct split *const a = attr;
    return a->split.n ? a->split.n : (int)a->num_outputs;
}

static oc_status split_shape(const struct infer *s)
{
    const struct split *const a = s->attr;
    int axis;
    TRY(oc__axis(a->axis, s->x[0]->rank, &axis));
    const int64_t n = s->x[0]->dim[axis], equal = n < 0 ? n : (n + s->n_out - 1) / s->n_out;
    int64_t left = n;
    for (int k = 0; k < s->n_out; k++) {
        const int64_t fair = n < 0 ? OC_UNKNOWN : equal < left ? equal : left;
        const int64_t part = a->split.n ? a->split.v[k] : fair;
        if (a->split.n && (part < 0 || (n >= 0 && part > left)))
            return oc__fail(OC_EUSAGE, "split: part %d is %lld of %lld", k, (long long)part,
                            (long long)left);
        left -= n < 0 ? 0 : part;
        s->y[k] = *s->x[0];
        s->y[k].dim[axis] = part;
        s->yt[k] = s->xt[0];
    }
    if (n >= 0 && left != 0)
        return oc__fail(OC_EUSAGE, "split: the parts leave %lld of %lld", (long long)left,
                        (long long)n);
    return OC_OK;
}

static oc_status split_take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct split *)attr)->split);
}

static void split_run(const struct call *c)
{
    const struct split *const a = c->attr;
    const struct lanes lx = oc__lanes_of(c->xs[0], a->axis);
    int64_t at = 0;
    for (int k = 0; k < c->n_out; k++) {
        const struct lanes ly = oc__lanes_of(c->ys[k], a->axis);
        copy_part(c->x[0], lx, at, c->y[k], ly, 0, ly.n);
        at += ly.n;
    }
}

static void split_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                       oc_value *dx)
{
    const struct split *const a = n->attr;
    const struct concat join = { .axis = a->axis };
    oc_value part[OP_MAX_OUTPUTS];
    (void)want;
    for (int k = 0; k < n->n_out; k++)
        part[k] = oc__is_none(dy[k])
            ? oc__apply(g, &oc__op_zeros_like, NULL, OC_IN((oc_value){ n->out.id + k })) : dy[k];
    dx[0] = oc__apply(g, &oc__op_concat, &join, n->n_out, part);
}

static const char *const concat_cases[] = {
    "2x3 4x3", "2x3x4 2x1x4 2x2x4 axis=1", "2x3 axis=-1", "2x16x1x3 2x32x1x3 axis=1",
    "1x16x1x2 1x5x1x2 axis=1", NULL
};
static const char *const split_cases[] = {
    "4x3", "2x6x2 axis=1 split=1,3,2", "2x7 axis=-1 num_outputs=3", "3 num_outputs=1",
    "2x48x1x2 axis=1 split=16,32", "1x21x1x2 axis=1 split=16,5", NULL
};

const struct op oc__op_concat = {
    .entry = { "Concat", "y = the inputs joined along an axis", concat_attrs,
               sizeof(struct concat) },
    .inputs = "x*", .outputs = "y", .flops = oc__flops_none,
    .shape = concat_shape, .grad = concat_grad, .run = concat_run, .cases = concat_cases,
};

const struct op oc__op_concat_grad = {
    .entry = { "ConcatGrad", "dx = the part of dy that the last x had in Concat", concat_attrs,
               sizeof(struct concat) },
    .inputs = "dy x*", .outputs = "dx", .shape_only = ~UINT64_C(1), .flops = oc__flops_none,
    .shape = concat_grad_shape, .run = concat_grad_run,
};

const struct op oc__op_split = {
    .entry = { "Split", "y = x parted along an axis", split_attrs, sizeof(struct split) },
    .inputs = "x split?", .outputs = "y*", .by_value = 1 << 1, .take = split_take,
    .pending = oc__pending_like, .output_count = split_count, .flops = oc__flops_none,
    .shape = split_shape, .grad = split_grad, .run = split_run, .cases = split_cases,
};
