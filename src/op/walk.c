/* walk.c — see walk.h. */
#include "op/walk.h"

#include <assert.h>
#include <string.h>

void oc__walk(struct walk *w, const oc_shape *shape)
{
    memset(w, 0, sizeof *w);
    w->rank = shape->rank;
    w->count = oc_shape_count(shape);
    memcpy(w->dim, shape->dim, sizeof w->dim);
}

void oc__walk_follow(struct walk *w, const int64_t stride[OC_MAX_RANK], int64_t start)
{
    assert(w->operands < WALK_OPERANDS);
    for (int i = 0; i < w->rank; i++)
        w->stride[w->operands][i] = stride[i];
    w->at[w->operands++] = start;
}

void oc__walk_broadcast(struct walk *w, const oc_shape *x)
{
    int64_t dense[OC_MAX_RANK] = { 0 }, stride[OC_MAX_RANK] = { 0 };
    const int more = w->rank - x->rank;
    oc__strides(x, dense);
    for (int i = 0; i < x->rank; i++)
        stride[more + i] = x->dim[i] == 1 ? 0 : dense[i];
    oc__walk_follow(w, stride, 0);
}

void oc__walk_next(struct walk *w)
{
    for (int i = w->rank - 1; i >= 0; i--) {
        const bool wraps = ++w->index[i] == w->dim[i];
        for (int k = 0; k < w->operands; k++)
            w->at[k] += wraps ? -(w->dim[i] - 1) * w->stride[k][i] : w->stride[k][i];
        if (!wraps)
            return;
        w->index[i] = 0;
    }
}

void oc__zip(const struct call *c, double (*f)(const double *v))
{
    struct walk w;
    double v[WALK_OPERANDS] = { 0 };
    oc__walk(&w, c->ys[0]);
    for (int k = 0; k < c->n_in; k++)
        oc__walk_broadcast(&w, c->xs[k]);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w)) {
        for (int k = 0; k < c->n_in; k++)
            v[k] = c->x[k][w.at[k]];
        c->y[0][i] = f(v);
    }
}

struct lanes oc__lanes(const oc_shape *s, int axis)
{
    struct lanes l = { 1, s->dim[axis], 1 };
    for (int i = 0; i < axis; i++)
        l.outer *= s->dim[i];
    for (int i = axis + 1; i < s->rank; i++)
        l.inner *= s->dim[i];
    return l;
}

struct lanes oc__lanes_of(const oc_shape *s, int64_t axis)
{
    return oc__lanes(s, (int)(axis < 0 ? axis + s->rank : axis));
}

int64_t oc__position(double index, int64_t n)
{
    const double at = index < 0 ? index + (double)n : index;
    return at >= 0 && at < (double)n ? (int64_t)at : -1;
}

void oc__copy(const struct call *c)
{
    const int64_t n = oc_shape_count(c->ys[0]);
    if (n > 0)
        memcpy(c->y[0], c->x[0], (size_t)n * sizeof *c->y[0]);
}
