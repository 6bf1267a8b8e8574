/* product.c — Gemm, FusedGemm and MatMul by the packed product. */
#include "op/gemm.h"

#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/gemm.h"

static struct cpu_matrix matrix(const float *data, bool transposed, int64_t rows, int64_t columns)
{
    return transposed ? (struct cpu_matrix){ data, 1, rows }
                      : (struct cpu_matrix){ data, columns, 1 };
}

/* ---- Gemm --------------------------------------------------------------------------------- */

static bool accept_gemm(const struct request *r, struct offer *o)
{
    struct gemm_dims d;
    oc__gemm_dims(&d, r->attr, r->x[0].shape, r->x[1].shape);
    o->scratch = oc__cpu_gemm_scratch(d.m, d.n, d.k, r->threads);
    return oc__cpu_all_f32(r);
}

/* c of any shape that broadcasts to [m, n]. */
static struct cpu_matrix summand(const float *data, const oc_shape *s)
{
    const int64_t columns = s->rank > 0 ? s->dim[s->rank - 1] : 1;
    const bool by_row = s->rank == 2 && s->dim[0] > 1;
    return (struct cpu_matrix){ data, by_row ? columns : 0, columns > 1 ? 1 : 0 };
}

static void run_gemm(const struct execution *e)
{
    const struct request *r = e->request;
    const struct gemm *attr = r->attr;
    struct gemm_dims d;
    oc__gemm_dims(&d, attr, r->x[0].shape, r->x[1].shape);
    const struct cpu_matrix b = matrix(e->x[1], attr->transB, d.k, d.n);
    struct cpu_gemm g = {
        .m = d.m, .n = d.n, .k = d.k, .a = matrix(e->x[0], attr->transA, d.m, d.k),
        .b = { oc__cpu_pack_matrix, &b }, .alpha = (float)attr->alpha, .c = e->y[0], .c_row = d.n,
    };
    if (r->n_in > 2 && r->x[2].shape) {
        g.epilogue.z = summand(e->x[2], r->x[2].shape);
        g.epilogue.factor = (float)attr->beta;
    }
    if (attr->activation.kind != ACTIVATION_NONE)
        g.epilogue.activation = &attr->activation;
    oc__cpu_gemm(&g, e->threads, e->scratch);
}

const struct kernel oc__cpu_gemm_op = {
    .op = "Gemm", .name = "packed_gemm", .accept = accept_gemm, .run = run_gemm,
};
const struct kernel oc__cpu_fused_gemm = {
    .op = "FusedGemm", .name = "packed_gemm", .accept = accept_gemm, .run = run_gemm,
};

/* ---- MatMul ------------------------------------------------------------------------------- */

static bool accept_matmul(const struct request *r, struct offer *o)
{
    struct matmul_dims d;
    oc__matmul_dims(&d, r->attr, r->x[0].shape, r->x[1].shape, r->y[0].shape);
    o->scratch = oc__cpu_gemm_scratch(d.m, d.n, d.k, r->threads);
    return oc__cpu_all_f32(r);
}

static void run_matmul(const struct execution *e)
{
    const struct request *r = e->request;
    const struct matmul *attr = r->attr;
    const oc_shape *as = r->x[0].shape, *bs = r->x[1].shape;
    struct matmul_dims d;
    oc__matmul_dims(&d, attr, as, bs, r->y[0].shape);
    const int64_t batches = oc_shape_count(&d.batch);
    for (int64_t i = 0; i < batches; i++) {
        const float *a = (const float *)e->x[0] + oc__matmul_batch(&d.batch, as, i) * d.m * d.k;
        const float *b = (const float *)e->x[1] + oc__matmul_batch(&d.batch, bs, i) * d.k * d.n;
        const struct cpu_matrix right = matrix(b, attr->transB && bs->rank > 1, d.k, d.n);
        const struct cpu_gemm g = {
            .m = d.m, .n = d.n, .k = d.k, .a = matrix(a, attr->transA && as->rank > 1, d.m, d.k),
            .b = { oc__cpu_pack_matrix, &right }, .alpha = 1,
            .c = (float *)e->y[0] + i * d.m * d.n, .c_row = d.n,
        };
        oc__cpu_gemm(&g, e->threads, e->scratch);
    }
}

const struct kernel oc__cpu_matmul = {
    .op = "MatMul", .name = "packed_gemm", .accept = accept_matmul, .run = run_matmul,
};
