/* compose.c — see compose.h. */
#include "op/compose.h"

oc_shape oc__shape_of(const oc_graph *g, oc_value v)
{
    return g->status || v.id <= 0 ? (oc_shape){ 0 } : oc__value(g, v)->shape;
}

oc_dtype oc__type_of(const oc_graph *g, oc_value v)
{
    return g->status || v.id <= 0 ? OC_F32 : oc__value(g, v)->dtype;
}

oc_value oc__reshaped(oc_graph *g, oc_value x, struct ints shape)
{
    return oc__apply(g, &oc__op_reshape, &(struct reshape){ .shape = shape }, OC_IN(x));
}

oc_value oc__permuted(oc_graph *g, oc_value x, struct ints perm)
{
    return oc__apply(g, &oc__op_transpose, &(struct transpose){ perm }, OC_IN(x));
}

oc_value oc__unsqueezed(oc_graph *g, oc_value x, struct ints axes)
{
    return oc__apply(g, &oc__op_unsqueeze, &(struct squeeze){ axes }, OC_IN(x));
}

oc_value oc__squeezed(oc_graph *g, oc_value x, struct ints axes)
{
    return oc__apply(g, &oc__op_squeeze, &(struct squeeze){ axes }, OC_IN(x));
}

oc_value oc__sliced(oc_graph *g, oc_value x, int64_t axis, int64_t first, int64_t end)
{
    const struct slice a = { .starts = INTS(first), .ends = INTS(end), .axes = INTS(axis) };
    return oc__apply(g, &oc__op_slice, &a, OC_IN(x));
}

oc_value oc__joined(oc_graph *g, oc_value a, oc_value b, int64_t axis)
{
    return oc__apply(g, &oc__op_concat, &(struct concat){ axis }, OC_IN(a, b));
}

oc_value oc__scaled(oc_graph *g, oc_value x, double by)
{
    return by == 1 ? x : oc_mul(g, x, oc__scalar_like(g, by, x));
}

oc_value oc__as_type(oc_graph *g, oc_value x, oc_dtype type)
{
    if (oc__type_of(g, x) == type)
        return x;
    return oc__apply(g, &oc__op_cast, &(struct cast){ (int)type }, OC_IN(x));
}

oc_value oc__reduced(oc_graph *g, const struct op *op, oc_value x, struct ints axes)
{
    return oc__apply(g, op, &(struct reduce){ .axes = axes, .keepdims = true }, OC_IN(x));
}
