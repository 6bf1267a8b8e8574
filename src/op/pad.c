/* pad.c — Pad: more elements (or, with negative pads, fewer) at both ends of axes.
 *
 * What lies outside of x is a constant, x mirrored about its first and last element, its nearest
 * element, or x again.  PadGrad adds each dy to the element of x that it was taken from. */
#include "op/attributes.h"
#include "op/walk.h"

static const char *const modes[] = { "constant", "reflect", "edge", "wrap", NULL };
static const struct attr attrs[] = {
    ATTR(struct pad, INTS, pads, "", "begin of each axis, then end of each axis"),
    ATTR_WORDS(struct pad, mode, "constant", "what lies outside", modes),
    ATTR(struct pad, FLOAT, value, "0", "the constant"),
    ATTR(struct pad, INTS, axes, "", "which axes; none: all"),
    { 0 }
};

static oc_status resolve(const struct pad *a, int rank, int64_t begin[OC_MAX_RANK],
                         int64_t end[OC_MAX_RANK])
{
    bool seen[OC_MAX_RANK];
    const int n = a->axes.n ? a->axes.n : rank;
    TRY(oc__axes(&a->axes, rank, seen));
    if (a->pads.n != 2 * n)
        return oc__fail(OC_EUSAGE, "pads has %d numbers, two per axis are %d", a->pads.n, 2 * n);
    for (int i = 0; i < rank; i++)
        begin[i] = end[i] = 0;
    for (int i = 0; i < n; i++) {
        int axis;
        TRY(oc__axis(a->axes.n ? a->axes.v[i] : i, rank, &axis));
        begin[axis] = a->pads.v[i];
        end[axis] = a->pads.v[n + i];
    }
    return OC_OK;
}

static oc_status padded(const struct pad *a, const oc_shape *x, oc_shape *y)
{
    int64_t begin[OC_MAX_RANK], end[OC_MAX_RANK];
    TRY(resolve(a, x->rank, begin, end));
    *y = *x;
    for (int i = 0; i < x->rank; i++) {
        if (begin[i] == 0 && end[i] == 0)
            continue;
        int64_t n;
        if (__builtin_add_overflow(begin[i], end[i], &n) ||
            __builtin_add_overflow(n, x->dim[i], &n))
            return oc__fail(OC_EUSAGE, "pads: axis %d becomes too large", i);
        if (x->dim[i] >= 0 && (n < 0 || (x->dim[i] == 0 && a->mode != PAD_CONSTANT)))
            return oc__fail(OC_EUSAGE, "pads: axis %d of %lld becomes %lld", i,
                            (long long)x->dim[i], (long long)n);
        y->dim[i] = x->dim[i] < 0 ? OC_UNKNOWN : n;
    }
    return OC_OK;
}

static oc_status pad_shape(const struct infer *s) { return padded(s->attr, s->x[0], &s->y[0]); }

static oc_status take(void *attr, const struct infer *s)
{
    struct pad *const a = attr;
    TRY(oc__take_ints(s, 1, &a->pads));
    TRY(oc__take_float(s, 2, &a->value));
    return oc__take_ints(s, 3, &a->axes);
}

static oc_status pad_grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(padded(s->attr, s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* Where position i of an axis with n elements is read; -1: nowhere. */
static int64_t source(int mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (mode == PAD_CONSTANT)
        return -1;
    if (mode == PAD_WRAP)
        return (i % n + n) % n;
    if (mode == PAD_EDGE || n == 1)
        return i < 0 ? 0 : n - 1;
    const int64_t period = 2 * (n - 1), at = (i % period + period) % period;
    return at < n ? at : period - at;
}

/* The offset in x (of this shape) of the element behind the walk's index in y; -1: a constant. */
static int64_t source_offset(const struct walk *w, const oc_shape *x, int mode,
                             const int64_t *begin)
{
    int64_t offset = 0;
    for (int i = 0; i < x->rank; i++) {
        const int64_t at = source(mode, w->index[i] - begin[i], x->dim[i]);
        if (at < 0)
            return -1;
        offset = offset * x->dim[i] + at;
    }
    return offset;
}

static void pad_run(const struct call *c)
{
    const struct pad *const a = c->attr;
    int64_t begin[OC_MAX_RANK], end[OC_MAX_RANK];
    struct walk w;
    if (resolve(a, c->xs[0]->rank, begin, end))
        return;
    oc__walk(&w, c->ys[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w)) {
        const int64_t at = source_offset(&w, c->xs[0], a->mode, begin);
        c->y[0][i] = at < 0 ? a->value : c->x[0][at];
    }
}

static void pad_grad_run(const struct call *c)
{
    const struct pad *const a = c->attr;
    const int64_t n = oc_shape_count(c->ys[0]);
    int64_t begin[OC_MAX_RANK], end[OC_MAX_RANK];
    struct walk w;
    if (resolve(a, c->ys[0]->rank, begin, end))
        return;
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = 0;
    oc__walk(&w, c->xs[0]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w)) {
        const int64_t at = source_offset(&w, c->ys[0], a->mode, begin);
        if (at >= 0)
            c->y[0][at] += c->x[0][i];
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_pad_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = {
    "3x4 pads=1,0,2,3 value=0.5", "3x4 pads=1,2,2,5 mode=reflect", "3x4 pads=1,2,0,1 mode=edge",
    "3x4 pads=-1,1,0,-2", "2x3 pads=0,2,1,4 mode=wrap", "2x3x4 pads=1,1 axes=-1",
    "1x2 pads=2,1,2,1 mode=reflect", NULL
};

const struct op oc__op_pad = {
    .entry = { "Pad", "y = x with more elements around it", attrs, sizeof(struct pad) },
    .inputs = "x pads? value? axes?", .outputs = "y", .flops = oc__flops_none,
    .by_value = 0xe, .take = take, .pending = oc__pending_like,
    .shape = pad_shape, .grad = grad, .run = pad_run, .cases = cases,
};

const struct op oc__op_pad_grad = {
    .entry = { "PadGrad", "dx = the sum of dy over where Pad put x", attrs, sizeof(struct pad) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1, .flops = oc__flops_input,
    .shape = pad_grad_shape, .run = pad_grad_run,
};
