/* slice.c — Slice: every step-th element from start up to (not including) end, per axis.
 *
 * Negative starts and ends count from the end of the axis; both are held within it, as in ONNX and
 * numpy; a negative step walks backwards.  SliceGrad puts dy back into zeros. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct slice, INTS, starts, "", "first element per axis"),
    ATTR(struct slice, INTS, ends, "", "where to stop per axis"),
    ATTR(struct slice, INTS, axes, "", "which axes; none: the first ones"),
    ATTR(struct slice, INTS, steps, "", "from one element to the next; none: 1"),
    { 0 }
};

struct range { int64_t start, step, n; };

static int64_t hold(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* The range of one axis with n elements, n unknown included. */
static struct range range_of(int64_t start, int64_t end, int64_t step, int64_t n)
{
    if (n < 0) {
        const bool all = start == 0 && end == INT64_MAX && step == 1;
        return (struct range){ 0, 1, all ? n : OC_UNKNOWN };
    }
    if (n == 0)
        return (struct range){ 0, 1, 0 };
    const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    start = hold(start < 0 ? start + n : start, step < 0 ? 0 : low, high);
    end = hold(end < 0 ? end + n : end, low, high);
    const int64_t span = step < 0 ? start - end : end - start, stride = step < 0 ? -step : step;
    return (struct range){ start, step, span > 0 ? (span - 1) / stride + 1 : 0 };
}

static oc_status resolve(const struct slice *a, const oc_shape *x, struct range range[OC_MAX_RANK])
{
    bool seen[OC_MAX_RANK];
    const int n = a->starts.n;
    if (a->ends.n != n || (a->axes.n && a->axes.n != n) || (a->steps.n && a->steps.n != n))
        return oc__fail(OC_EUSAGE, "starts, ends, axes and steps differ in number");
    TRY(oc__axes(&a->axes, x->rank, seen));
    for (int i = 0; i < x->rank; i++)
        range[i] = (struct range){ 0, 1, x->dim[i] };
    for (int i = 0; i < n; i++) {
        const int64_t step = a->steps.n ? a->steps.v[i] : 1;
        int axis;
        TRY(oc__axis(a->axes.n ? a->axes.v[i] : i, x->rank, &axis));
        if (step == 0 || step == INT64_MIN)
            return oc__fail(OC_EUSAGE, "steps: %lld is no step", (long long)step);
        range[axis] = range_of(a->starts.v[i], a->ends.v[i], step, x->dim[axis]);
    }
    return OC_OK;
}

static oc_status sliced(const void *attr, const oc_shape *x, oc_shape *y)
{
    struct range range[OC_MAX_RANK];
    TRY(resolve(attr, x, range));
    *y = (oc_shape){ .rank = x->rank };
    for (int i = 0; i < x->rank; i++)
        y->dim[i] = range[i].n;
    return OC_OK;
}

static oc_status slice_shape(const struct infer *s) { return sliced(s->attr, s->x[0], &s->y[0]); }

static oc_status take(void *attr, const struct infer *s)
{
    struct slice *const a = attr;
    TRY(oc__take_ints(s, 1, &a->starts));
    TRY(oc__take_ints(s, 2, &a->ends));
    TRY(oc__take_ints(s, 3, &a->axes));
    return oc__take_ints(s, 4, &a->steps);
}

static oc_status slice_grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(sliced(s->attr, s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* A walk over the slice that follows the whole. */
static void walk_slice(struct walk *w, const void *attr, const oc_shape *whole,
                       const oc_shape *part)
{
    struct range range[OC_MAX_RANK];
    int64_t dense[OC_MAX_RANK], stride[OC_MAX_RANK] = { 0 }, start = 0;
    oc__walk(w, part);
    if (resolve(attr, whole, range))
        return;
    oc__strides(whole, dense);
    for (int i = 0; i < whole->rank; i++) {
        stride[i] = range[i].n > 1 ? range[i].step * dense[i] : 0;
        start += range[i].start * dense[i];
    }
    oc__walk_follow(w, stride, start);
}

static void slice_run(const struct call *c)
{
    struct walk w;
    walk_slice(&w, c->attr, c->xs[0], c->ys[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][i] = c->x[0][w.at[0]];
}

static void slice_grad_run(const struct call *c)
{
    struct walk w;
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = 0;
    walk_slice(&w, c->attr, c->ys[0], c->xs[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w))
        c->y[0][w.at[0]] = c->x[0][i];
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_slice_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = {
    "5x4 starts=1 ends=4", "5x4 starts=0,-3 ends=5,-1 steps=2,1",
    "5x4 starts=-1 ends=-99 axes=1 steps=-2", "5 starts=4 ends=1 steps=-1", "5x2 starts=3 ends=3",
    NULL
};

const struct op oc__op_slice = {
    .entry = { "Slice", "y = part of x", attrs, sizeof(struct slice) },
    .inputs = "x starts? ends? axes? steps?", .outputs = "y", .flops = oc__flops_none,
    .by_value = 0x1e, .take = take, .pending = oc__pending_like,
    .shape = slice_shape, .grad = grad, .run = slice_run, .cases = cases,
};

const struct op oc__op_slice_grad = {
    .entry = { "SliceGrad", "dx = dy where Slice took x, else 0", attrs, sizeof(struct slice) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1, .flops = oc__flops_none,
    .shape = slice_grad_shape, .run = slice_grad_run,
};
