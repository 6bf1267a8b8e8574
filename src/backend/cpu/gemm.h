/* gemm.h — one packed matrix product for everything: Gemm, MatMul, convolution and its gradients.
 *
 *     C[m, n] = activation(alpha A[m, k] B[k, n] (+ C) + bias[m] + factor z[m, n])
 *
 * Blocked after Goto and van de Geijn ("Anatomy of high-performance matrix multiplication",
 * 2008): blocks of A and B are copied into panels that the micro kernel reads in order.  B is
 * not a matrix but a source of panels, so that a convolution copies its windows straight from
 * the image.  The order of additions over k depends on k alone, so any number of threads gives
 * the same bits. */
#ifndef OC_BACKEND_CPU_GEMM_H
#define OC_BACKEND_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "op/fused.h"

/* Element [i, j] is data[i * row + j * column]. */
struct cpu_matrix { const float *data; int64_t row, column; };

/* Columns first … first + count of B, rows k_first … k_first + k: to[p * width + j], zero from
 * count on up to width. */
struct cpu_panel {
    int64_t k_first, k, first;
    int     count, width;
    float  *to;
};

struct cpu_source {
    void      (*pack)(const void *context, const struct cpu_panel *p);
    const void *context;
};

/* What follows the product; all zero for nothing. */
struct cpu_epilogue {
    const float             *bias;                      /* [m]; NULL: none */
    struct cpu_matrix        z;                         /* data NULL: none */
    float                    factor;                    /* of z */
    const struct activation *activation;                /* NULL: none */
};

struct cpu_gemm {
    int64_t             m, n, k;
    struct cpu_matrix   a;
    const float        *packed;                         /* by oc__cpu_gemm_pack(); NULL: `a` */
    int64_t             packed_m, packed_first;         /* its rows, and our first of them */
    struct cpu_source   b;
    int64_t             b_first;                        /* the first column's number in it */
    float               alpha;
    float              *c;                              /* rows c_row apart, columns adjacent */
    int64_t             c_row;
    bool                add;
    struct cpu_epilogue epilogue;
};

/* The source that is a matrix (context: struct cpu_matrix). */
void oc__cpu_pack_matrix(const void *context, const struct cpu_panel *p);

/* to[p * width + i] = from[i * step + p] for i below count and p below k: lines become columns. */
void oc__cpu_pack_across(const float *from, int64_t step, int count, int64_t k, float *to,
                         int width);

/* Bytes of scratch that oc__cpu_gemm() needs. */
size_t oc__cpu_gemm_scratch(int64_t m, int64_t n, int64_t k, int threads);
void   oc__cpu_gemm(const struct cpu_gemm *g, int threads, void *scratch);

/* Packs all of A once for many products; room for oc__cpu_gemm_packed(m, k) floats. */
int64_t oc__cpu_gemm_packed(int64_t m, int64_t k);
void    oc__cpu_gemm_pack(const struct cpu_matrix *a, int64_t m, int64_t k, float *to);

/* How many threads a product is worth, and part `i` of it when it is cut for that many; false where
 * nothing is left for that part. */
int  oc__cpu_gemm_threads(int64_t m, int64_t n, int64_t k, int threads);
bool oc__cpu_gemm_part(const struct cpu_gemm *whole, int parts, int i, struct cpu_gemm *part);

#endif
