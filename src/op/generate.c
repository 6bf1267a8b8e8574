/* generate.c — tensors made from little: Range, EyeLike and OneHot. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

/* ---- Range -------------------------------------------------------------------------------- */

enum { RANGE_MAX = 1 << 30 };

static const struct attr range_attrs[] = {
    ATTR_WORDS(struct number_range, stash_type, "f32", "without effect: numbers are made in double",
               oc__type_words),
    { 0 }
};

static oc_status range_pending(const struct infer *s)
{
    TRY(oc__same_dtype(s, 0));
    s->y[0] = OC_SHAPE(OC_UNKNOWN);
    return OC_OK;
}

static oc_status range_shape(const struct infer *s)
{
    double v[3];
    TRY(range_pending(s));
    for (int i = 0; i < 3; i++) {
        const oc_tensor *const t = oc__known(s, i);
        if (!t || oc_shape_count(&t->shape) != 1)
            return oc__fail(OC_EUSAGE, "input %d: one number is wanted", i);
        v[i] = oc_tensor_get(t, 0);
    }
    const double n = ceil((v[1] - v[0]) / v[2]);
    if (!(v[2] != 0) || !(n <= RANGE_MAX))
        return oc__fail(OC_EUSAGE, "from %g to %g by %g: at most %d elements are possible", v[0],
                        v[1], v[2], RANGE_MAX);
    s->y[0] = OC_SHAPE(n > 0 ? (int64_t)n : 0);
    return OC_OK;
}

static void range_run(const struct call *c)
{
    for (int64_t i = 0; i < c->ys[0]->dim[0]; i++)
        c->y[0][i] = *c->x[0] + (double)i * *c->x[2];
}

static const char *const range_cases[] = { "=c:() =p:() =c:()", "=u:() =w:() =a:()", NULL };

const struct op oc__op_range = {
    .entry = { "Range", "y[i] = start + i * delta, before limit", range_attrs,
               sizeof(struct number_range) },
    .inputs = "start limit delta", .outputs = "y", .by_value = 7, .pending = range_pending,
    .flops = oc__flops_none, .shape = range_shape, .run = range_run, .cases = range_cases,
};

/* ---- EyeLike ------------------------------------------------------------------------------ */

static const struct attr eye_attrs[] = {
    ATTR(struct eye_like, INT, k, "0", "which diagonal: above the main one, or below"),
    ATTR_WORDS(struct eye_like, dtype, "same", "the result's type", oc__type_words_or_same),
    { 0 }
};

static oc_status eye_shape(const struct infer *s)
{
    const struct eye_like *const a = s->attr;
    if (s->x[0]->rank != 2)
        return oc__fail(OC_EUSAGE, "rank %d, expected 2", s->x[0]->rank);
    if (a->dtype != OC_DTYPES)
        s->yt[0] = (oc_dtype)a->dtype;
    return oc__shape_same(s);
}

static void eye_run(const struct call *c)
{
    const int64_t columns = c->ys[0]->dim[1], k = ((const struct eye_like *)c->attr)->k;
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = i % columns - i / columns == k;
}

static const char *const eye_cases[] = { "3x4", "4x3 k=-1 dtype=i32", NULL };

const struct op oc__op_eye_like = {
    .entry = { "EyeLike", "y = 1 on a diagonal, else 0, in the shape of x", eye_attrs,
               sizeof(struct eye_like) },
    .inputs = "x", .outputs = "y", .shape_only = 1, .flops = oc__flops_none,
    .shape = eye_shape, .run = eye_run, .cases = eye_cases,
};

/* ---- OneHot ------------------------------------------------------------------------------- */

static const struct attr one_hot_attrs[] = {
    ATTR(struct one_hot, INT, axis, "-1", "where in y the new dimension is"),
    ATTR_RANGE(struct one_hot, INT, depth, "0", "its size", 0, INT32_MAX),
    { 0 }
};

static oc_status one_hot_take(void *attr, const struct infer *s)
{
    return oc__take_int(s, 1, &((struct one_hot *)attr)->depth);
}

static oc_status one_hot_shape(const struct infer *s)
{
    const struct one_hot *const a = s->attr;
    int axis;
    if (s->n_in < 3 || !s->x[2])
        return oc__fail(OC_EUSAGE, "the values for off and on are absent");
    if (s->x[0]->rank == OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "indices have the highest rank");
    TRY(oc__axis(a->axis, s->x[0]->rank + 1, &axis));
    TRY(oc__shape_match("values", &OC_SHAPE(2), s->x[2]));
    oc_shape y = { .rank = s->x[0]->rank + 1 };
    for (int i = 0; i < y.rank; i++)
        y.dim[i] = i == axis ? a->depth : s->x[0]->dim[i - (i > axis)];
    s->y[0] = y;
    s->yt[0] = s->xt[2];
    return OC_OK;
}

static void one_hot_run(const struct call *c)
{
    const struct lanes l = oc__lanes_of(c->ys[0], ((const struct one_hot *)c->attr)->axis);
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t i = 0; i < l.inner; i++) {
            const int64_t at = oc__position(c->x[0][o * l.inner + i], l.n);
            for (int64_t j = 0; j < l.n; j++)
                c->y[0][(o * l.n + j) * l.inner + i] = c->x[2][j == at];
        }
}

/* The values are summed up over the places that show them. */
static void one_hot_grad_run(const struct call *c)
{
    const struct lanes l = oc__lanes_of(c->xs[0], ((const struct one_hot *)c->attr)->axis);
    c->y[0][0] = c->y[0][1] = 0;
    for (int64_t k = 0; k < oc_shape_count(c->xs[0]); k++) {
        const int64_t o = k / l.inner / l.n, j = k / l.inner % l.n, i = k % l.inner;
        const int64_t at = oc__position(c->x[1][o * l.inner + i], l.n);
        c->y[0][j == at] += c->x[0][k];
    }
}

static oc_status one_hot_grad_shape(const struct infer *s)
{
    s->y[0] = OC_SHAPE(2);
    return OC_OK;
}

static void one_hot_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                         oc_value *dx)
{
    if (n->n_in > 2 && want[2])
        dx[2] = oc__apply(g, &oc__op_one_hot_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const one_hot_cases[] = {
    "i5:4 - 2 depth=5", "i5:2x3 - 2 axis=1 depth=3", "i4:2x3 =i7:() 2 axis=0", NULL
};

const struct op oc__op_one_hot = {
    .entry = { "OneHot", "y = values[1] at the indices, else values[0]", one_hot_attrs,
               sizeof(struct one_hot) },
    .inputs = "indices depth? values?", .outputs = "y", .by_value = 1 << 1,
    .take = one_hot_take, .flops = oc__flops_none,
    .shape = one_hot_shape, .grad = one_hot_grad, .run = one_hot_run, .cases = one_hot_cases,
};

const struct op oc__op_one_hot_grad = {
    .entry = { "OneHotGrad", "dvalues = the sums of dy off and on the indices", one_hot_attrs,
               sizeof(struct one_hot) },
    .inputs = "dy indices", .outputs = "dvalues",
    .shape = one_hot_grad_shape, .run = one_hot_grad_run,
};
