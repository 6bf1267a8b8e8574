/* unique.c — Unique: each element, or each slice along an axis, once.
 *
 * With it come where each was first (indices), which of them each element is (inverse), and how
 * often there is each (counts).  They are in ascending order, or with sorted=false in the order in
 * which they come. */
#include <math.h>

#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct unique, INT, axis, "9223372036854775807", "whose slices are told apart; none: all "
         "elements are"),
    ATTR(struct unique, BOOL, sorted, "true", "in ascending order"),
    { 0 }
};

/* Slices: element e of slice j is at (e / inner * n + j) * inner + e % inner. */
struct slices {
    struct lanes l;
    int64_t      each;                                  /* elements of a slice */
    const oc_tensor *t;                                 /* the values, or x */
    const double    *x;
};

static oc_status slices_of(const struct unique *a, const oc_shape *x, struct slices *s)
{
    int axis;
    s->l = (struct lanes){ 1, oc_shape_count(x), 1 };
    if (a->axis != INT64_MAX) {
        TRY(oc__axis(a->axis, x->rank, &axis));
        s->l = oc__lanes(x, axis);
    }
    s->each = s->l.outer * s->l.inner;
    return OC_OK;
}

static double element(const struct slices *s, int64_t slice, int64_t e)
{
    const int64_t at = (e / s->l.inner * s->l.n + slice) * s->l.inner + e % s->l.inner;
    return s->x ? s->x[at] : oc_tensor_get(s->t, at);
}

/* Negative, 0 or positive, as slice a comes before b, is equal, or comes after; NaN is last. */
static int compare(const struct slices *s, int64_t a, int64_t b)
{
    for (int64_t e = 0; e < s->each; e++) {
        const double v = element(s, a, e), w = element(s, b, e);
        if (v != w && !(isnan(v) && isnan(w)))
            return v < w || isnan(w) ? -1 : 1;
    }
    return 0;
}

static bool is_first(const struct slices *s, int64_t slice)
{
    for (int64_t j = 0; j < slice; j++)
        if (!compare(s, j, slice))
            return false;
    return true;
}

/* How many different slices come before this one. */
static int64_t rank_of(const struct slices *s, int64_t slice, bool sorted)
{
    int64_t n = 0;
    for (int64_t j = 0; j < s->l.n; j++)
        if ((sorted ? compare(s, j, slice) < 0 : j < slice) && is_first(s, j))
            n++;
    return n;
}

static oc_status set_outputs(const struct infer *s, int64_t n, int64_t slices)
{
    const struct unique *const a = s->attr;
    int axis;
    s->y[0] = OC_SHAPE(n);
    if (a->axis != INT64_MAX) {
        TRY(oc__axis(a->axis, s->x[0]->rank, &axis));
        s->y[0] = *s->x[0];
        s->y[0].dim[axis] = n;
    }
    s->y[1] = s->y[3] = OC_SHAPE(n);
    s->y[2] = OC_SHAPE(slices);
    s->yt[1] = s->yt[2] = s->yt[3] = OC_I64;
    return OC_OK;
}

static oc_status pending(const struct infer *s) { return set_outputs(s, OC_UNKNOWN, OC_UNKNOWN); }

static oc_status shape(const struct infer *s)
{
    struct slices slices = { .t = oc__known(s, 0) };
    int64_t n = 0;
    TRY(slices_of(s->attr, s->x[0], &slices));
    if (!slices.t)
        return pending(s);
    for (int64_t j = 0; j < slices.l.n; j++)
        n += is_first(&slices, j);
    return set_outputs(s, n, slices.l.n);
}

static void run(const struct call *c)
{
    const struct unique *const a = c->attr;
    const int64_t n = c->ys[1]->dim[0];
    struct slices s = { .x = c->x[0] };
    if (slices_of(a, c->xs[0], &s))
        return;
    for (int64_t k = 0; k < n; k++)
        c->y[3][k] = 0;
    for (int64_t j = 0; j < s.l.n; j++) {
        int64_t first = 0;
        while (compare(&s, first, j))
            first++;
        const int64_t k = rank_of(&s, first, a->sorted);
        c->y[2][j] = (double)k;
        c->y[3][k]++;
        if (first != j)
            continue;
        c->y[1][k] = (double)j;
        for (int64_t e = 0; e < s.each; e++)
            c->y[0][(e / s.l.inner * n + k) * s.l.inner + e % s.l.inner] = element(&s, j, e);
    }
}

static const char *const cases[] = {
    "=i4:9", "=i4:9 sorted=false", "=i2:5x2 axis=0", "=i2:2x6 axis=-1", NULL
};

const struct op oc__op_unique = {
    .entry = { "Unique", "y = each x once", attrs, sizeof(struct unique) },
    .inputs = "x", .outputs = "y indices inverse counts", .by_value = 1, .pending = pending,
    .shape = shape, .run = run, .cases = cases,
};
