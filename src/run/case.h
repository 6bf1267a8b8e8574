/* case.h — the cases of an operator, made into tensors.
 *
 * A case is text, as op.h describes it: a token per input, then attributes.  Values follow from the
 * case alone, so a check is the same every time.  The floating values of one case are all different
 * from each other by far more than a finite difference, and from 0: where the largest is taken or a
 * slope has a kink, a small step never crosses it. */
#ifndef OC_RUN_CASE_H
#define OC_RUN_CASE_H

#include "op/op.h"

enum case_kind {
    CASE_ANY, CASE_WIDE, CASE_POSITIVE, CASE_UNIT, CASE_ABOVE, CASE_CONSTANT,
    CASE_INDEX, CASE_BOOL, CASE_ABSENT
};

struct case_input {
    enum case_kind kind;
    int64_t        below;                               /* of CASE_INDEX */
    bool           fixed;                               /* a constant of the graph, not an input */
    oc_shape       shape;
};

struct op_case {
    const struct op  *op;
    int               n;
    struct case_input in[OP_MAX_INPUTS];
    _Alignas(16) char attr[1024];
};

oc_status oc__case_parse(const struct op *op, const char *text, struct op_case *out);

/* i64, bool, or `real` for the kinds that are floating. */
oc_dtype oc__case_dtype(const struct case_input *in, oc_dtype real);

/* Tensors of f64, i64 and bool for all inputs that are present; free each with oc__block_free(). */
oc_status oc__case_fill(const struct op_case *c, uint64_t seed, oc_tensor *in);

#endif
