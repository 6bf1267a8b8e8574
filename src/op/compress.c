/* compress.c — what values choose: Compress and NonZero.  How much they choose is known only with
 * the values, so these are inputs by value. */
#include "op/attributes.h"
#include "op/walk.h"

static int64_t count(const oc_tensor *t)
{
    int64_t n = 0;
    for (int64_t i = 0; t && i < oc_shape_count(&t->shape); i++)
        n += oc_tensor_get(t, i) != 0;
    return n;
}

/* ---- Compress ----------------------------------------------------------------------------- */

static const struct attr attrs[] = {
    ATTR(struct compress, INT, axis, "9223372036854775807", "of what is chosen; none: elements"),
    { 0 }
};

/* The lanes along the axis; without one, all elements are one lane. */
static oc_status lanes(const struct compress *a, const oc_shape *x, struct lanes *l)
{
    int axis;
    *l = (struct lanes){ 1, oc_shape_count(x), 1 };
    if (a->axis == INT64_MAX)
        return OC_OK;
    TRY(oc__axis(a->axis, x->rank, &axis));
    *l = oc__lanes(x, axis);
    return OC_OK;
}

static oc_status pending(const struct infer *s)
{
    const struct compress *const a = s->attr;
    int axis;
    s->y[0] = OC_SHAPE(OC_UNKNOWN);
    if (a->axis == INT64_MAX)
        return OC_OK;
    TRY(oc__axis(a->axis, s->x[0]->rank, &axis));
    s->y[0] = *s->x[0];
    s->y[0].dim[axis] = OC_UNKNOWN;
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct compress *const a = s->attr;
    const int64_t chosen = count(oc__known(s, 1)), given = oc_shape_count(s->x[1]);
    struct lanes l;
    TRY(lanes(a, s->x[0], &l));
    if (s->xt[1] != OC_BOOL || s->x[1]->rank != 1 || (l.n >= 0 && given > l.n))
        return oc__fail(OC_EUSAGE, "the condition is not a list of at most %lld bool",
                        (long long)l.n);
    TRY(pending(s));
    s->y[0].dim[a->axis == INT64_MAX ? 0 : a->axis < 0 ? a->axis + s->x[0]->rank : a->axis]
        = chosen;
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    s->y[0] = *s->x[2];
    return OC_OK;
}

/* Copies what is chosen out of `whole`, or into it. */
static void copy(const struct compress *a, const oc_shape *x, const double *condition,
                 int64_t given, const double *from, double *to, bool out)
{
    struct lanes l;
    int64_t chosen = 0, at = 0;
    if (lanes(a, x, &l))
        return;
    for (int64_t j = 0; j < given; j++)
        chosen += condition[j] != 0;
    for (int64_t j = 0; j < given; j++) {
        for (int64_t k = 0; condition[j] != 0 && k < l.outer * l.inner; k++) {
            const int64_t o = k / l.inner, i = k % l.inner;
            const int64_t whole = (o * l.n + j) * l.inner + i;
            const int64_t part = (o * chosen + at) * l.inner + i;
            to[out ? part : whole] = from[out ? whole : part];
        }
        at += condition[j] != 0;
    }
}

static void run(const struct call *c)
{
    copy(c->attr, c->xs[0], c->x[1], c->xs[1]->dim[0], c->x[0], c->y[0], true);
}

static void grad_run(const struct call *c)
{
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = 0;
    copy(c->attr, c->ys[0], c->x[1], c->xs[1]->dim[0], c->x[0], c->y[0], false);
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_compress_grad, n->attr, OC_IN(dy[0], n->in[1], n->in[0]));
}

static const char *const cases[] = { "4x3 =b:4 axis=0", "2x5 =b:3 axis=-1", "2x3 =b:5", NULL };

const struct op oc__op_compress = {
    .entry = { "Compress", "y = the x for which the condition holds", attrs,
               sizeof(struct compress) },
    .inputs = "x condition", .outputs = "y", .by_value = 1 << 1, .pending = pending,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_compress_grad = {
    .entry = { "CompressGrad", "dx = dy where the condition holds, else 0", attrs,
               sizeof(struct compress) },
    .inputs = "dy condition x", .outputs = "dx", .shape_only = 1 << 2,
    .shape = grad_shape, .run = grad_run,
};

/* ---- NonZero ------------------------------------------------------------------------------ */

static oc_status non_zero_pending(const struct infer *s)
{
    s->y[0] = OC_SHAPE(s->x[0]->rank ? s->x[0]->rank : 1, OC_UNKNOWN);
    s->yt[0] = OC_I64;
    return OC_OK;
}

static oc_status non_zero_shape(const struct infer *s)
{
    TRY(non_zero_pending(s));
    s->y[0].dim[1] = count(oc__known(s, 0));
    return OC_OK;
}

static void non_zero_run(const struct call *c)
{
    const int64_t found = c->ys[0]->dim[1];
    struct walk w;
    int64_t at = 0;
    oc__walk(&w, c->xs[0]);
    for (int64_t i = 0; i < w.count && at < found; i++, oc__walk_next(&w)) {
        for (int k = 0; c->x[0][i] != 0 && k < c->ys[0]->dim[0]; k++)
            c->y[0][k * found + at] = (double)w.index[k];
        at += c->x[0][i] != 0;
    }
}

static const char *const non_zero_cases[] = { "=i2:3x4", "=b:5", NULL };

const struct op oc__op_non_zero = {
    .entry = { "NonZero", "y = the indices of the x that are not 0, a row per dimension", NULL, 0 },
    .inputs = "x", .outputs = "y", .by_value = 1, .pending = non_zero_pending,
    .shape = non_zero_shape, .run = non_zero_run, .cases = non_zero_cases,
};
