/* pointwise.c — formulas of one variable, and softmax along an axis.
 *
 * A row of the table is an operator and the library's word for its formula; its gradient, the
 * operator of that name with "Grad", is the same primitive backwards, which reads x or y as the
 * operator does.  Left out are Relu and Clip, which here make a number of NaN and so would
 * hide what went wrong before them, and Log and LogSoftmax, whose logarithm is off by 1.4e-6
 * near 1.  Operands stay as they lie. */
#include <string.h>

#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"
#include "op/attributes.h"

/* As in the portable back end: waking a thread costs as much as some thousands of elements. */
enum { GRAIN = 8192 };

/* ---- formulas ----------------------------------------------------------------------------- */

/* The kinds are for an operator whose gradient reads x, or y: the other is undefined. */
static const struct row {
    const char     *op;
    dnnl_alg_kind_t kind, kind_by_y;
} rows[] = {
    { "Abs", dnnl_eltwise_abs, dnnl_alg_kind_undef },
    { "Elu", dnnl_eltwise_elu, dnnl_alg_kind_undef },
    { "Exp", dnnl_eltwise_exp, dnnl_eltwise_exp_use_dst_for_bwd },
    { "Gelu", dnnl_eltwise_gelu_erf, dnnl_alg_kind_undef },
    { "HardSwish", dnnl_eltwise_hardswish, dnnl_alg_kind_undef },
    { "LeakyRelu", dnnl_eltwise_relu, dnnl_alg_kind_undef },
    { "Mish", dnnl_eltwise_mish, dnnl_alg_kind_undef },
    { "Sigmoid", dnnl_eltwise_logistic, dnnl_eltwise_logistic_use_dst_for_bwd },
    { "Sqrt", dnnl_eltwise_sqrt, dnnl_eltwise_sqrt_use_dst_for_bwd },
    { "Tanh", dnnl_eltwise_tanh, dnnl_eltwise_tanh_use_dst_for_bwd },
};

static const struct row *find(const struct op *op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t n = strlen(rows[i].op);
        const char *const rest = op->entry.name + n;
        if (!strncmp(op->entry.name, rows[i].op, n) && (!*rest || !strcmp(rest, "Grad")))
            return &rows[i];
    }
    return NULL;
}

static struct dnn_formula formula_of(const struct row *row, const struct request *r)
{
    const bool by_y = r->n_in == 2 && row->kind_by_y != dnnl_alg_kind_undef;
    struct dnn_formula f = { .kind = by_y ? row->kind_by_y : row->kind };
    if (f.kind == dnnl_eltwise_relu)
        f.alpha = (float)((const struct leaky_relu *)r->attr)->alpha;
    if (f.kind == dnnl_eltwise_elu)
        f.alpha = (float)((const struct elu *)r->attr)->alpha;
    if (f.kind == dnnl_eltwise_gelu_erf && ((const struct gelu *)r->attr)->approximate == GELU_TANH)
        f.kind = dnnl_eltwise_gelu_tanh;
    return f;
}

/* All operands and the result in one layout: that of the last input. */
static bool describe(struct desc *d, const struct request *r, struct offer *o)
{
    const struct operand *const x = &r->x[r->n_in - 1];
    if (!oc__all_f32(r) || oc_shape_count(x->shape) == 0 || !oc__dnn_engine())
        return false;
    const struct operand own = { OC_F32, x->shape, x->layout, false };
    if (!oc__dnn_operand(d, &own))
        return false;
    o->x[0] = o->x[r->n_in - 1] = o->y[0] = x->layout;
    return true;
}

/* Forwards: x to y.  Backwards: dy and what the gradient reads to dx. */
static bool offer(const struct request *r, struct offer *o, dnnl_primitive_desc_t pd, int read)
{
    const struct slot forward[] = {
        { DNNL_ARG_SRC, SIDE_X, 0, NULL, 0 }, { DNNL_ARG_DST, SIDE_Y, 0, NULL, 0 },
    };
    const struct slot backward[] = {
        { DNNL_ARG_DIFF_DST, SIDE_X, 0, NULL, 0 }, { read, SIDE_X, 1, NULL, 0 },
        { DNNL_ARG_DIFF_SRC, SIDE_Y, 0, NULL, 0 },
    };
    const bool alone = oc_shape_count(r->y[0].shape) <= GRAIN;
    const struct fit fit = { pd, r->n_in == 1 ? forward : backward, r->n_in + 1, -1, alone };
    if (!oc__prim_offer(&fit, r, o))
        return false;
    o->in_place = 0;
    return true;
}

static dnnl_primitive_desc_t make_formula(enum pass pass, const void *f, const struct setting *s)
{
    return oc__dnn_eltwise(pass, f, s);
}

static enum pass pass_of(const struct request *r)
{
    return r->n_in == 2 ? PASS_DATA : r->mode == OC_TRAIN ? PASS_TRAINING : PASS_INFERENCE;
}

static bool accept(const struct request *r, struct offer *o)
{
    const struct row *const row = find(r->op);
    struct desc d;
    if (!row || !describe(&d, r, o))
        return false;
    struct dnn_formula f = formula_of(row, r);
    f.x = &d;
    const bool by_y = row->kind_by_y != dnnl_alg_kind_undef;
    return offer(r, o, oc__prim_make(pass_of(r), make_formula, &f, NULL),
                 by_y ? DNNL_ARG_DST : DNNL_ARG_SRC);
}

const struct kernel oc__dnn_pointwise = PRIM_KERNEL(NULL, "eltwise", accept);

/* ---- softmax ------------------------------------------------------------------------------ */

static dnnl_primitive_desc_t make_softmax(enum pass pass, const void *f, const struct setting *s)
{
    return oc__dnn_softmax_along(pass, f, s);
}

static bool accept_softmax(const struct request *r, struct offer *o)
{
    struct desc d;
    struct dnn_softmax f = { .x = &d };
    if (!describe(&d, r, o) || oc__axis(((const struct softmax *)r->attr)->axis,
                                        r->y[0].shape->rank, &f.axis) < 0)
        return false;
    return offer(r, o, oc__prim_make(pass_of(r), make_softmax, &f, NULL), DNNL_ARG_DST);
}

const struct kernel oc__dnn_softmax = PRIM_KERNEL("Softmax", "softmax", accept_softmax);
const struct kernel oc__dnn_softmax_grad = PRIM_KERNEL("SoftmaxGrad", "softmax", accept_softmax);
