/* gemm.c — matrix products by the library's matmul.
 *
 * A transposed operand is a matter of strides, so nothing is moved before the product, and weights
 * stay as the store has them.  In inference, where weights are static, the library may choose their
 * layout: packing them happens once per version of the parameters and makes small batches twice as
 * fast.  A summand must be a row that the library takes as a bias; others are declined. */
#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"
#include "op/gemm.h"

static const char letters[] = "abcdefgh";

/* A product y = x w + b of (batches of) matrices; bias has as many dimensions as y, all but the
 * last of size 1, or there is none. */
struct product {
    struct desc x, w, b, y;
    bool        has_bias, packed;                       /* the library may choose how w lies */
    int         rank;
    bool        w_transposed;
};

/* An operand as `rank` dimensions of which the last two are a matrix to be read across. */
static bool describe_matrix(struct desc *d, const oc_shape *s, int rank, bool transposed)
{
    int64_t dim[DNNL_MAX_NDIMS], stride[DNNL_MAX_NDIMS], dense = 1;
    if (rank > DNNL_MAX_NDIMS || rank < s->rank)
        return false;
    for (int i = rank - 1; i >= 0; i--) {
        const int k = i - (rank - s->rank);
        dim[i] = k < 0 ? 1 : s->dim[k];
        stride[i] = dense;
        dense *= dim[i];
    }
    if (transposed) {
        const int64_t rows = dim[rank - 2];
        dim[rank - 2] = dim[rank - 1];
        dim[rank - 1] = rows;
        stride[rank - 2] = 1;
        stride[rank - 1] = dim[rank - 2];
    }
    return oc__desc_strided(d, rank, dim, stride);
}

/* Weights whose layout is the library's choice: same dimensions, any strides. */
static bool describe_packed(struct desc *d)
{
    int64_t dim[DNNL_MAX_NDIMS];
    const int rank = oc__desc_dims(d, dim);
    return oc__desc_any(d, rank, dim);
}

static bool offer_product(struct product *p, const struct post *post, const struct request *r,
                          struct offer *o)
{
    const dnnl_primitive_attr_t attr = oc__dnn_attr(post);
    if (!attr || (p->packed && !describe_packed(&p->w))) {
        dnnl_primitive_attr_destroy(attr);
        return false;
    }
    const struct setting setting = { oc__dnn_engine(), attr, NULL };
    const struct slot slots[] = {
        { DNNL_ARG_DST, SIDE_Y, 0, NULL, 0 },
        { DNNL_ARG_SRC, SIDE_X, 0, NULL, 0 },
        { DNNL_ARG_WEIGHTS, SIDE_X, 1, p->packed ? letters : NULL,
          p->w_transposed ? p->rank - 1 : 0 },
        { DNNL_ARG_BIAS, SIDE_X, 2, NULL, 0 },
    };
    const dnnl_primitive_desc_t pd =
        oc__dnn_product(&p->x, &p->w, p->has_bias ? &p->b : NULL, &p->y, &setting);
    dnnl_primitive_attr_destroy(attr);
    return oc__prim_offer(&(struct fit){ pd, slots, p->has_bias ? 4 : 3, -1, false }, r, o);
}

static bool accept_gemm(const struct request *r, struct offer *o)
{
    const struct gemm *a = r->attr;
    const oc_shape *c = r->n_in > 2 && a->beta != 0 ? r->x[2].shape : NULL;
    const oc_shape *y = r->y[0].shape;
    struct product p = { .has_bias = c != NULL, .packed = r->x[1].is_static, .rank = 2,
                         .w_transposed = a->transB };
    struct post post;
    if (!oc__all_f32(r) || a->alpha != 1 ||
        (c && (a->beta != 1 || !oc__gemm_is_row(c, y->dim[1]))) ||
        oc_shape_count(r->x[0].shape) == 0 || oc_shape_count(y) == 0 || !oc__dnn_engine() ||
        !oc__dnn_activation(&post, &a->activation))
        return false;
    return describe_matrix(&p.x, r->x[0].shape, 2, a->transA) &&
           describe_matrix(&p.w, r->x[1].shape, 2, a->transB) &&
           describe_matrix(&p.y, y, 2, false) &&
           (!c || oc__desc_plain(&p.b, 2, (int64_t[]){ 1, y->dim[1] })) &&
           offer_product(&p, &post, r, o);
}

static bool accept_matmul(const struct request *r, struct offer *o)
{
    const struct matmul *a = r->attr;
    const oc_shape *x = r->x[0].shape, *w = r->x[1].shape, *y = r->y[0].shape;
    /* A packed layout is stated in the operand's dimensions, which must be the primitive's. */
    struct product p = { .packed = r->x[1].is_static && w->rank == y->rank, .rank = y->rank,
                         .w_transposed = a->transB };
    if (!oc__all_f32(r) || x->rank < 2 || w->rank < 2 || oc_shape_count(x) == 0 ||
        oc_shape_count(y) == 0 || !oc__dnn_engine())
        return false;
    return describe_matrix(&p.x, x, y->rank, a->transA) &&
           describe_matrix(&p.w, w, y->rank, a->transB) &&
           describe_matrix(&p.y, y, y->rank, false) && offer_product(&p, NULL, r, o);
}

const struct kernel oc__dnn_gemm = PRIM_KERNEL("Gemm", "matmul", accept_gemm);
const struct kernel oc__dnn_fused_gemm = PRIM_KERNEL("FusedGemm", "matmul", accept_gemm);
const struct kernel oc__dnn_matmul = PRIM_KERNEL("MatMul", "matmul", accept_matmul);
