/* scatter.c — GatherElements, GatherND, ScatterElements, Scatter and ScatterND.
 *
 * All of them pair the elements of a list (the result of a gather, the updates of a scatter) with
 * places in a tensor x:
 *
 *     Elements   element i of the list belongs to its own place in x, but for one axis, where
 *                indices[i] says which;
 *     ND         a tuple of indices[i] names a slice of x; the list is made of such slices.
 *
 * A negative index counts from the end; one that is out of range reads as 0 and writes nothing.
 * Scattered elements replace what is there, or are added to it, multiplied with it, or compared
 * with it; where several replace the same place, the last one does.  In a gradient the largest and
 * the least go to x if it is one of them, else to the first update that is. */
#include <math.h>
#include <string.h>

#include "op/attributes.h"
#include "op/walk.h"

static const char *const reductions[] = { "none", "add", "mul", "max", "min", NULL };

#define AXIS ATTR(struct scatter, INT, axis, "0", "which axis the indices are of")
#define BATCH ATTR(struct scatter, INT, batch_dims, "0", "leading dimensions that go in step")
#define REDUCTION                                                                              \
    ATTR_WORDS(struct scatter, reduction, "none", "what becomes of what is there", reductions)

static const struct attr gather_elements_attrs[] = { AXIS, { 0 } };
static const struct attr gather_nd_attrs[] = { BATCH, { 0 } };
static const struct attr scatter_elements_attrs[] = { AXIS, REDUCTION, { 0 } };
static const struct attr scatter_nd_attrs[] = { REDUCTION, { 0 } };

/* ---- places ------------------------------------------------------------------------------- */

/* Where list and tensor meet. */
struct meeting {
    const struct scatter *a;
    const oc_shape       *x, *list, *indices;           /* shapes */
    const double         *index;
};

/* The place in x of element i of the list; -1: none. */
typedef int64_t place_function(const struct meeting *m, int64_t i);

static int64_t place_elements(const struct meeting *m, int64_t i)
{
    const int axis = (int)(m->a->axis < 0 ? m->a->axis + m->x->rank : m->a->axis);
    int64_t stride[OC_MAX_RANK], at = 0, rest = i;
    oc__strides(m->x, stride);
    for (int k = m->x->rank - 1; k >= 0; k--) {
        const int64_t own = rest % m->list->dim[k];
        const int64_t here = k == axis ? oc__position(m->index[i], m->x->dim[k]) : own;
        rest /= m->list->dim[k];
        if (here < 0)
            return -1;
        at += here * stride[k];
    }
    return at;
}

static int64_t place_nd(const struct meeting *m, int64_t i)
{
    const int length = (int)m->indices->dim[m->indices->rank - 1], batch = (int)m->a->batch_dims;
    int64_t stride[OC_MAX_RANK] = { 0 }, slice = 1, batches = 1;
    oc__strides(m->x, stride);
    for (int k = batch + length; k < m->x->rank; k++)
        slice *= m->x->dim[k];
    for (int k = 0; k < batch; k++)
        batches *= m->x->dim[k];
    const int64_t tuple = i / slice, tuples = oc_shape_count(m->indices) / length;
    int64_t at = i % slice;
    if (batch)
        at += tuple / (tuples / batches) * stride[batch - 1];
    for (int k = 0; k < length; k++) {
        const int64_t here = oc__position(m->index[tuple * length + k], m->x->dim[batch + k]);
        if (here < 0)
            return -1;
        at += here * stride[batch + k];
    }
    return at;
}

/* ---- shapes ------------------------------------------------------------------------------- */

static oc_status check_indices(oc_dtype t)
{
    if (t == OC_I64 || t == OC_I32)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "indices are %s and must be i64 or i32", oc_dtype_name(t));
}

/* The shape of the list, given x and the indices. */
typedef oc_status list_function(const struct scatter *a, const oc_shape *x,
                                const oc_shape *indices, oc_shape *list);

static oc_status list_elements(const struct scatter *a, const oc_shape *x, const oc_shape *indices,
                               oc_shape *list)
{
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    if (indices->rank != x->rank)
        return oc__fail(OC_EUSAGE, "indices have rank %d, not %d", indices->rank, x->rank);
    for (int k = 0; k < x->rank; k++)
        if (k != axis && x->dim[k] >= 0 && indices->dim[k] > x->dim[k])
            return oc__fail(OC_EUSAGE, "dimension %d of the indices is larger than that of x", k);
    *list = *indices;
    return OC_OK;
}

static oc_status list_nd(const struct scatter *a, const oc_shape *x, const oc_shape *indices,
                         oc_shape *list)
{
    const int64_t length = indices->rank ? indices->dim[indices->rank - 1] : 0;
    const int batch = (int)a->batch_dims;
    if (length < 0)
        return oc__fail(OC_EUSAGE, "the length of an index is not known");
    if (a->batch_dims < 0 || batch >= indices->rank || batch + length > x->rank || length < 1)
        return oc__fail(OC_EUSAGE, "indices of length %lld do not fit rank %d", (long long)length,
                        x->rank);
    const int rank = indices->rank - 1 + x->rank - batch - (int)length;
    if (rank > OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "rank %d is more than %d", rank, OC_MAX_RANK);
    *list = (oc_shape){ .rank = rank };
    for (int k = 0; k < batch; k++)
        if (!oc__dim_fits(x->dim[k], indices->dim[k]))
            return oc__fail(OC_EUSAGE, "dimension %d of x and of the indices differ", k);
    for (int k = 0; k < rank; k++)
        list->dim[k] = k < indices->rank - 1 ? indices->dim[k]
                                             : x->dim[x->rank - rank + k];
    return OC_OK;
}

static oc_status gather_shape(const struct infer *s, list_function *list)
{
    TRY(check_indices(s->xt[1]));
    return list(s->attr, s->x[0], s->x[1], &s->y[0]);
}

static oc_status gather_grad_shape(const struct infer *s, list_function *list)
{
    oc_shape y;
    TRY(check_indices(s->xt[1]));
    TRY(list(s->attr, s->x[2], s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[2];
    return OC_OK;
}

/* x, indices and updates begin at input `first`. */
static oc_status scatter_shape(const struct infer *s, int first, list_function *list)
{
    oc_shape updates;
    TRY(check_indices(s->xt[first + 1]));
    TRY(list(s->attr, s->x[first], s->x[first + 1], &updates));
    TRY(oc__shape_match("updates", &updates, s->x[first + 2]));
    s->y[0] = *s->x[first];
    s->yt[0] = s->xt[first];
    return OC_OK;
}

static oc_status scatter_grad_shape(const struct infer *s, list_function *list)
{
    TRY(scatter_shape(s, 1, list));
    s->y[1] = *s->x[3];
    s->yt[1] = s->xt[3];
    return oc__shape_match("dy", &s->y[0], s->x[0]);
}

/* ---- gathering ---------------------------------------------------------------------------- */

static void gather(const struct call *c, place_function *place)
{
    const struct meeting m = { c->attr, c->xs[0], c->ys[0], c->xs[1], c->x[1] };
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const int64_t at = place(&m, i);
        c->y[0][i] = at < 0 ? 0 : c->x[0][at];
    }
}

static void gather_grad(const struct call *c, place_function *place)
{
    const struct meeting m = { c->attr, c->ys[0], c->xs[0], c->xs[1], c->x[1] };
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = 0;
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        const int64_t at = place(&m, i);
        if (at >= 0)
            c->y[0][at] += c->x[0][i];
    }
}

/* ---- scattering --------------------------------------------------------------------------- */

static double combine(int reduction, double x, double update)
{
    switch ((enum scatter_reduction)reduction) {
    case SCATTER_ADD:  return x + update;
    case SCATTER_MUL:  return x * update;
    case SCATTER_MAX:  return x >= update ? x : update;
    case SCATTER_MIN:  return x <= update ? x : update;
    case SCATTER_NONE: break;
    }
    return update;
}

/* y = x with the updates of m's list; `from` begins with x, the indices, the updates. */
static void scatter_into(const struct meeting *m, place_function *place, const double *const *from,
                         double *y)
{
    memcpy(y, from[0], (size_t)oc_shape_count(m->x) * sizeof *y);
    for (int64_t i = 0; i < oc_shape_count(m->list); i++) {
        const int64_t at = place(m, i);
        if (at >= 0)
            y[at] = combine(m->a->reduction, y[at], from[2][i]);
    }
}

static void scatter(const struct call *c, place_function *place)
{
    const struct meeting m = { c->attr, c->xs[0], c->xs[2], c->xs[1], c->x[1] };
    scatter_into(&m, place, c->x, c->y[0]);
}

/* The product of x and the updates at a place, without update number `without`. */
static double product_at(const struct meeting *m, place_function *place, const struct call *c,
                         int64_t at, int64_t without)
{
    double product = without < 0 ? 1 : c->x[1][at];
    for (int64_t i = 0; i < oc_shape_count(m->list); i++)
        if (i != without && place(m, i) == at)
            product *= c->x[3][i];
    return product;
}

/* Hands dy on to the updates, last one first; what is left of it at the end is that of x.  `left`
 * begins as dy. */
static void hand_out(const struct call *c, const struct meeting *m, place_function *place,
                     double *left, double *dupdates)
{
    const int reduction = m->a->reduction;
    for (int64_t i = oc_shape_count(m->list) - 1; i >= 0; i--) {
        const int64_t at = place(m, i);
        dupdates[i] = 0;
        if (at < 0)
            continue;
        if (reduction == SCATTER_MUL) {
            dupdates[i] = c->x[0][at] * product_at(m, place, c, at, i);
            continue;
        }
        dupdates[i] = left[at];
        left[at] = reduction == SCATTER_ADD ? left[at] : 0;
    }
}

/* Of the largest or least: dy goes to x, or to the first update, that equals the result. */
static void hand_to_best(const struct call *c, const struct meeting *m, place_function *place,
                         double *dx, double *dupdates)
{
    const int64_t n = oc_shape_count(m->x);
    const double sign = m->a->reduction == SCATTER_MAX ? 1 : -1;
    scatter_into(m, place, c->x + 1, dx);
    for (int64_t i = 0; i < oc_shape_count(m->list); i++) {
        const int64_t at = place(m, i);
        const bool best = at >= 0 && c->x[3][i] == dx[at] && sign * c->x[3][i] > sign * c->x[1][at];
        dupdates[i] = best ? c->x[0][at] : 0;
        if (best)
            dx[at] = sign * INFINITY;                   /* no later one equals it */
    }
    for (int64_t at = 0; at < n; at++)
        dx[at] = c->x[1][at] == dx[at] ? c->x[0][at] : 0;
}

static void scatter_grad(const struct call *c, place_function *place)
{
    const struct meeting m = { c->attr, c->xs[1], c->xs[3], c->xs[2], c->x[2] };
    const int reduction = m.a->reduction;
    if (reduction == SCATTER_MAX || reduction == SCATTER_MIN) {
        hand_to_best(c, &m, place, c->y[0], c->y[1]);
        return;
    }
    memcpy(c->y[0], c->x[0], (size_t)oc_shape_count(c->xs[0]) * sizeof(double));
    hand_out(c, &m, place, c->y[0], c->y[1]);
    for (int64_t at = 0; reduction == SCATTER_MUL && at < oc_shape_count(m.x); at++)
        c->y[0][at] *= product_at(&m, place, c, at, -1);
}

/* ---- the operators ------------------------------------------------------------------------ */

/* A gather and its gradient: id, name, attributes, how places and lists are found. */
#define GATHER(id, name, summary, attrs_, by, cases_)                                          \
    static oc_status id##_shape(const struct infer *s) { return gather_shape(s, list_##by); }  \
    static oc_status id##_grad_shape(const struct infer *s)                                    \
    {                                                                                          \
        return gather_grad_shape(s, list_##by);                                                \
    }                                                                                          \
    static void id##_run(const struct call *c) { gather(c, place_##by); }                      \
    static void id##_grad_run(const struct call *c) { gather_grad(c, place_##by); }            \
    static void id##_grad(oc_graph *g, const struct node *n, const oc_value *dy,               \
                          const bool *want, oc_value *dx)                                      \
    {                                                                                          \
        if (want[0])                                                                           \
            dx[0] = oc__apply(g, &oc__op_##id##_grad, n->attr,                                 \
                              OC_IN(dy[0], n->in[1], n->in[0]));                               \
    }                                                                                          \
    const struct op oc__op_##id = {                                                            \
        .entry = { name, summary, attrs_, sizeof(struct scatter) },                            \
        .inputs = "x indices", .outputs = "y", .flops = oc__flops_none,                        \
        .shape = id##_shape, .grad = id##_grad, .run = id##_run, .cases = cases_,              \
    };                                                                                         \
    const struct op oc__op_##id##_grad = {                                                     \
        .entry = { name "Grad", "dx = the sum of dy over where " name " read x", attrs_,       \
                   sizeof(struct scatter) },                                                   \
        .inputs = "dy indices x", .outputs = "dx", .shape_only = 1 << 2,                       \
        .shape = id##_grad_shape, .run = id##_grad_run,                                        \
    };

#define SCATTER(id, name, summary, attrs_, by, cases_)                                         \
    static oc_status id##_shape(const struct infer *s)                                         \
    {                                                                                          \
        return scatter_shape(s, 0, list_##by);                                                 \
    }                                                                                          \
    static oc_status id##_grad_shape(const struct infer *s)                                    \
    {                                                                                          \
        return scatter_grad_shape(s, list_##by);                                               \
    }                                                                                          \
    static void id##_run(const struct call *c) { scatter(c, place_##by); }                     \
    static void id##_grad_run(const struct call *c) { scatter_grad(c, place_##by); }           \
    static void id##_grad(oc_graph *g, const struct node *n, const oc_value *dy,               \
                          const bool *want, oc_value *dx)                                      \
    {                                                                                          \
        const oc_value d = oc__apply(g, &oc__op_##id##_grad, n->attr,                          \
                                     OC_IN(dy[0], n->in[0], n->in[1], n->in[2]));              \
        dx[0] = d;                                                                             \
        if (want[2])                                                                           \
            dx[2] = oc_output(g, d, 1);                                                        \
    }                                                                                          \
    const struct op oc__op_##id = {                                                            \
        .entry = { name, summary, attrs_, sizeof(struct scatter) },                            \
        .inputs = "x indices updates", .outputs = "y",                                         \
        .shape = id##_shape, .grad = id##_grad, .run = id##_run, .cases = cases_,              \
    };                                                                                         \
    const struct op oc__op_##id##_grad = {                                                     \
        .entry = { name "Grad", "gradients of " name, attrs_, sizeof(struct scatter) },        \
        .inputs = "dy x indices updates", .outputs = "dx dupdates",                            \
        .shape = id##_grad_shape, .run = id##_grad_run,                                        \
    };

static const char *const gather_elements_cases[] = {
    "5x3 i5:4x3", "4x5 i5:4x2 axis=1", "2x3x4 i3:2x5x3 axis=-2", NULL
};
static const char *const gather_nd_cases[] = {
    "5x3 i3:4x1", "3x4 i3:2x2", "3x4x2 i3:3x2", "2x3x4 i3:2x1 batch_dims=1", NULL
};
static const char *const scatter_elements_cases[] = {
    "5x3 i5:4x3 4x3", "4x5 i5:4x2 4x2 axis=1", "4x5 i5:2x3 2x3 axis=-1 reduction=add",
    "4x2 i4:5x2 5x2 reduction=mul", "4x2 i4:5x2 5x2 reduction=max",
    "4x2 i4:5x2 5x2 reduction=min", NULL
};
static const char *const scatter_nd_cases[] = {
    "5x3 i5:2x1 2x3", "3x4 i3:2x2 2", "3x4 i3:5x2 5 reduction=add",
    "3x2 i3:5x1 5x2 reduction=mul", "3x2 i3:5x1 5x2 reduction=max",
    "3x2 i3:5x1 5x2 reduction=min", NULL
};

GATHER(gather_elements, "GatherElements", "y[i] = x at i, but indices[i] along the axis",
       gather_elements_attrs, elements, gather_elements_cases)
GATHER(gather_nd, "GatherND", "y = the slices of x that tuples of indices name", gather_nd_attrs,
       nd, gather_nd_cases)
SCATTER(scatter_elements, "ScatterElements", "y = x, updates[i] at indices[i] along the axis",
        scatter_elements_attrs, elements, scatter_elements_cases)
SCATTER(scatter_nd, "ScatterND", "y = x with new slices where tuples of indices name them",
        scatter_nd_attrs, nd, scatter_nd_cases)

static void compose_scatter(oc_graph *g, const struct composition *c)
{
    c->y[0] = oc__apply(g, &oc__op_scatter_elements, c->attr, c->n, c->in);
}

static const char *const old_cases[] = { "5x3 i5:4x3 4x3", "4x5 i5:4x2 4x2 axis=1", NULL };

const struct op oc__op_scatter = {
    .entry = { "Scatter", "ScatterElements by its former name", gather_elements_attrs,
               sizeof(struct scatter) },
    .inputs = "x indices updates", .outputs = "y", .compose = compose_scatter, .cases = old_cases,
};
