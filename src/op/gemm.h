/* gemm.h — attributes and sizes of matrix products. */
#ifndef OC_OP_GEMM_H
#define OC_OP_GEMM_H

#include "op/fused.h"
#include "ocellus.h"

/* Gemm and FusedGemm: y = activation(alpha op(a) op(b) + beta c). */
struct gemm {
    double            alpha, beta;
    bool              transA, transB;
    struct activation activation;
};

/* op(a) is [m, k], op(b) [k, n]. */
struct gemm_dims { int64_t m, n, k; };
void oc__gemm_dims(struct gemm_dims *d, const struct gemm *attr, const oc_shape *a,
                   const oc_shape *b);

/* A summand that is one row for all rows of y: [n], or [1, n]. */
static inline bool oc__gemm_is_row(const oc_shape *c, int64_t n)
{
    return oc_shape_count(c) == n && c->rank >= 1 && c->dim[c->rank - 1] == n;
}

/* MatMul; the flags swap the last two dimensions of an operand. */
struct matmul { bool transA, transB; };

/* A batched product: for each place in `batch`, [m, n] = [m, k] [k, n].  An operand of rank 1
 * counts as a matrix of one row (a) or one column (b). */
struct matmul_dims { oc_shape batch; int64_t m, n, k; };
void oc__matmul_dims(struct matmul_dims *d, const struct matmul *attr, const oc_shape *a,
                     const oc_shape *b, const oc_shape *y);
/* Which matrix of an operand of shape x takes part in product number i. */
int64_t oc__matmul_batch(const oc_shape *batch, const oc_shape *x, int64_t i);

#endif
