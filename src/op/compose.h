/* compose.h — small words for operators that are composed of others.
 *
 * Each applies one operator with its attributes written out.  After a failure they pass it on, and
 * oc__shape_of() gives a shape of rank 0, so that a composition need not look. */
#ifndef OC_OP_COMPOSE_H
#define OC_OP_COMPOSE_H

#include "op/attributes.h"
#include "op/op.h"

oc_shape oc__shape_of(const oc_graph *g, oc_value v);
oc_dtype oc__type_of(const oc_graph *g, oc_value v);

/* Lists of numbers: oc__reshaped(g, x, INTS(0, -1)). */
#define INTS(...)                                                                              \
    ((struct ints){ (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } })

oc_value oc__reshaped(oc_graph *g, oc_value x, struct ints shape);
oc_value oc__permuted(oc_graph *g, oc_value x, struct ints perm);
oc_value oc__unsqueezed(oc_graph *g, oc_value x, struct ints axes);
oc_value oc__squeezed(oc_graph *g, oc_value x, struct ints axes);
/* Elements first … end - 1 along an axis; both may count from the end. */
oc_value oc__sliced(oc_graph *g, oc_value x, int64_t axis, int64_t first, int64_t end);
oc_value oc__joined(oc_graph *g, oc_value a, oc_value b, int64_t axis);
oc_value oc__scaled(oc_graph *g, oc_value x, double by);
oc_value oc__as_type(oc_graph *g, oc_value x, oc_dtype type);
/* By ReduceSum, ReduceMean and the like; the axes stay as 1. */
oc_value oc__reduced(oc_graph *g, const struct op *op, oc_value x, struct ints axes);

#endif
