/* gather.c — Gather: y[…, k, …] = x[…, indices[k], …] along an axis.
 *
 * The shape of `indices` takes the place of the axis.  Negative indices count from the end; one
 * that is out of range reads as 0 and takes no gradient.  GatherGrad adds up what was read twice.
 */
#include "op/attributes.h"
#include "op/onnx.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct gather, INT, axis, "0", "which axis is indexed"), { 0 }
};

static oc_status gathered(const struct gather *a, const oc_shape *x, const oc_shape *indices,
                          oc_shape *y)
{
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    const int rank = x->rank - 1 + indices->rank;
    if (rank > OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "rank %d is more than %d", rank, OC_MAX_RANK);
    *y = (oc_shape){ .rank = rank };
    for (int i = 0; i < rank; i++) {
        const int in = i - axis;
        y->dim[i] = in < 0 ? x->dim[i]
            : in < indices->rank ? indices->dim[in] : x->dim[i - indices->rank + 1];
    }
    return OC_OK;
}

static oc_status check_indices(oc_dtype t)
{
    if (t == OC_I64 || t == OC_I32)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "indices are %s and must be i64 or i32", oc_dtype_name(t));
}

static oc_status gather_shape(const struct infer *s)
{
    TRY(check_indices(s->xt[1]));
    return gathered(s->attr, s->x[0], s->x[1], &s->y[0]);
}

static oc_status gather_grad_shape(const struct infer *s)
{
    oc_shape y;
    TRY(check_indices(s->xt[1]));
    TRY(gathered(s->attr, s->x[2], s->x[1], &y));
    TRY(oc__shape_match("dy", &y, s->x[0]));
    s->y[0] = *s->x[2];
    return OC_OK;
}

static void gather_run(const struct call *c)
{
    const struct gather *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->xs[0], a->axis);
    const int64_t m = oc_shape_count(c->xs[1]);
    double *y = c->y[0];
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t k = 0; k < m; k++) {
            const int64_t at = oc__position(c->x[1][k], l.n);
            for (int64_t i = 0; i < l.inner; i++)
                *y++ = at < 0 ? 0 : c->x[0][(o * l.n + at) * l.inner + i];
        }
}

static void gather_grad_run(const struct call *c)
{
    const struct gather *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->ys[0], a->axis);
    const int64_t m = oc_shape_count(c->xs[1]), n = oc_shape_count(c->ys[0]);
    const double *dy = c->x[0];
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = 0;
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t k = 0; k < m; k++, dy += l.inner) {
            const int64_t at = oc__position(c->x[1][k], l.n);
            for (int64_t i = 0; at >= 0 && i < l.inner; i++)
                c->y[0][(o * l.n + at) * l.inner + i] += dy[i];
        }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_gather_grad, n->attr, OC_IN(dy[0], n->in[1], n->in[0]));
}

/* Indices that are known when a model is read must be in range. */
static oc_status build(struct onnx_node *n)
{
    if (n->n_in == 2 && n->in[0].id > 0 && n->in[1].id > 0) {
        const struct value *const x = oc__value(n->g, n->in[0]);
        const struct value *const v = oc__value(n->g, n->in[1]);
        const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
        const int64_t count = v->kind == VALUE_CONSTANT ? oc_shape_count(&v->shape) : 0;
        const struct onnx_attr *const a = oc__onnx_attr(n, "axis", ONNX_INT);
        int axis = 0;
        if (x->shape.rank > 0)
            TRY(oc__axis(a ? a->i : 0, x->shape.rank, &axis));
        const int64_t size = x->shape.rank > 0 ? x->shape.dim[axis] : OC_UNKNOWN;
        for (int64_t i = 0; size >= 0 && i < count; i++)
            if (oc__position(oc_tensor_get(&t, i), size) < 0)
                return oc__fail(OC_EINPUT, "indices[%lld]: %.17g is outside of %lld", (long long)i,
                                oc_tensor_get(&t, i), (long long)size);
    }
    for (int i = 0; i < n->attrs; i++)
        n->attr[i].used = false;
    return oc__onnx_apply(n, &oc__op_gather, NULL);
}

const struct onnx_form oc__onnx_gather = { .op = "Gather", .build = build };

static const char *const cases[] = {
    "5x3 i5:4", "5x3 i3:2x6 axis=1", "2x4x3 i4:() axis=-2", "3 i3:7", NULL
};

const struct op oc__op_gather = {
    .entry = { "Gather", "y = the elements of x at indices along an axis", attrs,
               sizeof(struct gather) },
    .inputs = "x indices", .outputs = "y", .flops = oc__flops_none,
    .shape = gather_shape, .grad = grad, .run = gather_run, .cases = cases,
};

const struct op oc__op_gather_grad = {
    .entry = { "GatherGrad", "dx = the sum of dy over where Gather read x", attrs,
               sizeof(struct gather) },
    .inputs = "dy indices x", .outputs = "dx", .shape_only = 1 << 2, .flops = oc__flops_input,
    .shape = gather_grad_shape, .run = gather_grad_run,
};
