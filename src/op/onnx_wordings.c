/* onnx_wordings.c — what there is to say in ONNX beyond an operator's name and attributes: which
 * attributes are inputs, or came later, and what operators are made of that ONNX lacks, or lacked
 * before an opset. */
#include "op/onnx_wording.h"

#include <string.h>

#include "op/attributes.h"
#include "op/conv.h"
#include "op/gemm.h"
#include "op/norm.h"
#include "op/pool.h"
#include "op/resize.h"

static const oc_shape *shape_of(const struct onnx_lowering *l, int i)
{
    return &oc__value(l->from, l->node->in[i])->shape;
}

/* ---- windows ------------------------------------------------------------------------------ */

void oc__onnx_spread(struct ints *list, int n)
{
    for (; list->n >= 1 && list->n < n; list->n++)
        list->v[list->n] = list->v[0];
}

static oc_status spread(struct onnx_lowering *l, struct window_attr *w)
{
    const int n = shape_of(l, 0)->rank - 2;
    oc__onnx_spread(&w->kernel_shape, n);
    oc__onnx_spread(&w->strides, n);
    oc__onnx_spread(&w->dilations, n);
    oc__onnx_spread(&w->pads, 2 * n);
    if (w->auto_pad != AUTO_PAD_NOTSET)
        w->pads.n = 0;
    return OC_OK;
}

static oc_status lower_conv(struct onnx_lowering *l)
{
    struct conv *const a = l->attr;
    oc__onnx_spread(&a->output_padding, shape_of(l, 0)->rank - 2);
    return spread(l, &a->window);
}

/* Dilations of 1 are none, and are not said: they came late. */
static oc_status lower_pool(struct onnx_lowering *l)
{
    struct window_attr *const w = &((struct pool_attr *)l->attr)->window;
    TRY(spread(l, w));
    bool dilated = false;
    for (int i = 0; i < w->dilations.n; i++)
        dilated |= w->dilations.v[i] != 1;
    w->dilations.n = dilated ? w->dilations.n : 0;
    return OC_OK;
}

const struct onnx_wording oc__wording_conv = {
    .op = &oc__op_conv, .since = 1, .lower = lower_conv
};
const struct onnx_wording oc__wording_conv_transpose = {
    .op = &oc__op_conv_transpose, .since = 1, .lower = lower_conv
};
const struct onnx_wording oc__wording_max_pool = {
    .op = &oc__op_max_pool, .since = 8, .lower = lower_pool,
    .later = { { "ceil_mode", 10 }, { "dilations", 10 } }
};
const struct onnx_wording oc__wording_average_pool = {
    .op = &oc__op_average_pool, .since = 7, .lower = lower_pool,
    .later = { { "ceil_mode", 10 }, { "dilations", 19 } }
};

/* ---- norms, dropout ----------------------------------------------------------------------- */

/* ONNX's momentum is the share of what was, ours that of the batch. */
static oc_status lower_batch_norm(struct onnx_lowering *l)
{
    struct batch_norm *const a = l->attr;
    if (a->convention == NORM_PYTORCH)
        a->momentum = 1 - a->momentum;
    a->convention = NORM_ONNX;
    return OC_OK;
}

const struct onnx_wording oc__wording_batch_normalization = {
    .op = &oc__op_batch_normalization, .since = 9, .required = "momentum",
    .without = "convention", .lower = lower_batch_norm
};
const struct onnx_wording oc__wording_batch_normalization_inference = {
    .op = &oc__op_batch_normalization_inference, .since = 9, .as = "BatchNormalization",
    .required = "momentum", .without = "convention", .lower = lower_batch_norm
};
const struct onnx_wording oc__wording_layer_normalization = {
    .op = &oc__op_layer_normalization, .since = 17
};
const struct onnx_wording oc__wording_group_normalization = {
    .op = &oc__op_group_normalization, .since = 21
};
const struct onnx_wording oc__wording_dropout = {
    .op = &oc__op_dropout, .since = 7, .rename = "p ratio", .without = "key",
    .input = { { "p", 1, 12 } }
};

/* ---- activations -------------------------------------------------------------------------- */

static oc_status lower_swish(struct onnx_lowering *l)
{
    const double alpha = ((const struct swish *)l->attr)->alpha;
    const oc_value x = l->in[0];
    const oc_value inner = alpha == 1 ? x : oc_mul(l->g, x, oc__scalar_like(l->g, alpha, x));
    l->y[0] = oc_mul(l->g, x, oc_sigmoid(l->g, inner));
    return OC_OK;
}

static oc_status lower_hard_swish(struct onnx_lowering *l)
{
    static const struct hard_sigmoid gate = { 1.0 / 6, 0.5 };
    if (l->opset < 14)
        l->y[0] = oc_mul(l->g, l->in[0], oc__apply(l->g, &oc__op_hard_sigmoid, &gate, 1, l->in));
    return OC_OK;
}

static oc_status lower_mish(struct onnx_lowering *l)
{
    if (l->opset < 18)
        l->y[0] = oc_mul(l->g, l->in[0],
                         oc_apply(l->g, "Tanh", 1, (oc_value[]){
                             oc_apply(l->g, "Softplus", 1, l->in, NULL) }, NULL));
    return OC_OK;
}

/* x P(normal <= x), by erf or by its approximation (Hendrycks and Gimpel, 2016). */
static oc_status lower_gelu(struct onnx_lowering *l)
{
    oc_graph *const g = l->g;
    const oc_value x = l->in[0];
    const bool exact = ((const struct gelu *)l->attr)->approximate == GELU_NONE;
    oc_value inner = x;
    if (l->opset >= 20)
        return OC_OK;
    if (!exact) {
        const oc_value cube = oc_mul(g, oc_mul(g, x, x), x);
        inner = oc_add(g, x, oc_mul(g, cube, oc__scalar_like(g, 0.044715, x)));
    }
    const double root = exact ? 0.70710678118654752 : 0.79788456080286536;
    inner = oc_mul(g, inner, oc__scalar_like(g, root, x));
    const oc_value gate = oc_apply(g, exact ? "Erf" : "Tanh", 1, &inner, NULL);
    const oc_value half = oc_mul(g, x, oc__scalar_like(g, 0.5, x));
    l->y[0] = oc_mul(g, half, oc_add(g, gate, oc__scalar_like(g, 1, x)));
    return OC_OK;
}

const struct onnx_wording oc__wording_swish = { .op = &oc__op_swish, .lower = lower_swish };
const struct onnx_wording oc__wording_hard_swish = {
    .op = &oc__op_hard_swish, .since = 14, .lower = lower_hard_swish
};
const struct onnx_wording oc__wording_mish = {
    .op = &oc__op_mish, .since = 18, .lower = lower_mish
};
const struct onnx_wording oc__wording_gelu = {
    .op = &oc__op_gelu, .since = 20, .lower = lower_gelu
};
const struct onnx_wording oc__wording_clip = {
    .op = &oc__op_clip, .since = 6, .input = { { "min", 1, 11 }, { "max", 2, 11 } }
};

/* ---- products, sums, types ---------------------------------------------------------------- */

/* x with its last two dimensions swapped. */
static oc_value swapped(struct onnx_lowering *l, int i)
{
    const int rank = shape_of(l, i)->rank;
    struct transpose a = { { .n = rank } };
    for (int k = 0; k < rank; k++)
        a.perm.v[k] = k < rank - 2 ? k : 2 * rank - 3 - k;
    return oc__apply(l->g, &oc__op_transpose, &a, OC_IN(l->in[i]));
}

static oc_status lower_matmul(struct onnx_lowering *l)
{
    struct matmul *const a = l->attr;
    for (int i = 0; i < 2; i++)
        if (i ? a->transB : a->transA)
            l->in[i] = swapped(l, i);
    a->transA = a->transB = false;
    return OC_OK;
}

const struct onnx_wording oc__wording_matmul = {
    .op = &oc__op_matmul, .since = 9, .lower = lower_matmul
};
const struct onnx_wording oc__wording_larger = { .op = &oc__op_larger, .since = 8, .as = "Max" };
const struct onnx_wording oc__wording_smaller = { .op = &oc__op_smaller, .since = 8, .as = "Min" };
const struct onnx_wording oc__wording_floor_mod = {
    .op = &oc__op_floor_mod, .since = 10, .as = "Mod"
};
const struct onnx_wording oc__wording_cast = { .op = &oc__op_cast, .since = 9, .required = "to" };

#define REDUCTION(id, opset)                                                                   \
    const struct onnx_wording oc__wording_reduce_##id = {                                      \
        .op = &oc__op_reduce_##id, .since = 1, .input = { { "axes", 1, opset } },              \
        .later = { { "noop_with_empty_axes", opset } }                                         \
    };
REDUCTION(l1, 18)
REDUCTION(l2, 18)
REDUCTION(log_sum, 18)
REDUCTION(log_sum_exp, 18)
REDUCTION(max, 18)
REDUCTION(mean, 18)
REDUCTION(min, 18)
REDUCTION(prod, 18)
REDUCTION(sum, 13)
REDUCTION(sum_square, 18)

/* ---- places ------------------------------------------------------------------------------- */

/* Paddings of all dimensions, where axes cannot be named. */
static oc_status lower_pad(struct onnx_lowering *l)
{
    struct pad *const a = l->attr;
    const int rank = shape_of(l, 0)->rank, n = a->axes.n;
    struct ints all = { .n = 2 * rank };
    if (n == 0 || l->opset >= 18)
        return OC_OK;
    if (all.n > ATTR_INTS_MAX)
        return oc__fail(OC_EUSAGE, "more than %d dimensions want opset 18", ATTR_INTS_MAX / 2);
    for (int k = 0; k < n; k++) {
        const int64_t axis = a->axes.v[k] + (a->axes.v[k] < 0 ? rank : 0);
        all.v[axis] = a->pads.v[k];
        all.v[axis + rank] = a->pads.v[k + n];
    }
    a->pads = all;
    a->axes.n = 0;
    return OC_OK;
}

/* Parts are said by their sizes, where these are known. */
static oc_status lower_split(struct onnx_lowering *l)
{
    struct split *const a = l->attr;
    int axis;
    const oc_shape *const x = shape_of(l, 0);
    TRY(oc__axis(a->axis, x->rank, &axis));
    if (a->split.n == 0 && x->dim[axis] >= 0)
        for (; a->split.n < l->node->n_out; a->split.n++)
            a->split.v[a->split.n] =
                oc__value(l->from, (oc_value){ l->node->out.id + a->split.n })->shape.dim[axis];
    return OC_OK;
}

/* The node's first input under, or broadcast to, the shape of another: by an input that is a
 * shape. */
static oc_status lower_to_shape(struct onnx_lowering *l, const struct op *op)
{
    const oc_value shape = oc_apply(l->g, "Shape", 1, &l->in[1], NULL);
    l->y[0] = oc__apply(l->g, op, NULL, OC_IN(l->in[0], shape));
    return OC_OK;
}

static oc_status lower_reshape_to(struct onnx_lowering *l)
{
    return lower_to_shape(l, &oc__op_reshape);
}

static oc_status lower_expand_to(struct onnx_lowering *l)
{
    return lower_to_shape(l, &oc__op_expand);
}

static oc_status lower_bundle(struct onnx_lowering *l)
{
    memcpy(l->y, l->in, (size_t)l->node->n_out * sizeof *l->y);
    return OC_OK;
}

const struct onnx_wording oc__wording_pad = {
    .op = &oc__op_pad, .since = 2, .lower = lower_pad,
    .input = { { "pads", 1, 11 }, { "value", 2, 11 }, { "axes", 3, 18 } },
    .later = { { "axes", 18 } }
};
const struct onnx_wording oc__wording_slice = {
    .op = &oc__op_slice, .since = 1,
    .input = { { "starts", 1, 10 }, { "ends", 2, 10 }, { "axes", 3, 10 }, { "steps", 4, 10 } },
    .later = { { "steps", 10 } }
};
const struct onnx_wording oc__wording_split = {
    .op = &oc__op_split, .since = 2, .without = "num_outputs", .input = { { "split", 1, 13 } },
    .lower = lower_split
};
const struct onnx_wording oc__wording_squeeze = {
    .op = &oc__op_squeeze, .since = 1, .input = { { "axes", 1, 13 } }
};
const struct onnx_wording oc__wording_unsqueeze = {
    .op = &oc__op_unsqueeze, .since = 1, .input = { { "axes", 1, 13 } }
};
const struct onnx_wording oc__wording_reshape = {
    .op = &oc__op_reshape, .since = 5, .required = "shape", .input = { { "shape", 1, 5 } },
    .later = { { "allowzero", 14 } }
};
const struct onnx_wording oc__wording_expand = {
    .op = &oc__op_expand, .since = 8, .required = "shape", .input = { { "shape", 1, 8 } }
};
const struct onnx_wording oc__wording_tile = {
    .op = &oc__op_tile, .since = 6, .input = { { "repeats", 1, 6 } }
};
const struct onnx_wording oc__wording_top_k = {
    .op = &oc__op_top_k, .since = 11, .input = { { "k", 1, 11 } }
};
const struct onnx_wording oc__wording_center_crop_pad = {
    .op = &oc__op_center_crop_pad, .since = 18, .input = { { "shape", 1, 18 } }
};
const struct onnx_wording oc__wording_shape = {
    .op = &oc__op_shape, .since = 1, .later = { { "start", 15 }, { "end", 15 } }
};
const struct onnx_wording oc__wording_concat = {
    .op = &oc__op_concat, .since = 4, .required = "axis"
};
const struct onnx_wording oc__wording_reshape_to = {
    .op = &oc__op_reshape_to, .lower = lower_reshape_to
};
const struct onnx_wording oc__wording_expand_to = {
    .op = &oc__op_expand_to, .lower = lower_expand_to
};
const struct onnx_wording oc__wording_bundle = { .op = &oc__op_bundle, .lower = lower_bundle };

/* ---- resizing ----------------------------------------------------------------------------- */

/* Sizes of all dimensions as an input: what is not known is taken from x at run time. */
static oc_value all_sizes(struct onnx_lowering *l, const oc_shape *y)
{
    const oc_value have = oc_apply(l->g, "Shape", 1, l->in, NULL);
    oc_value part[OC_MAX_RANK];
    for (int i = 0; i < y->rank; i++)
        part[i] = y->dim[i] >= 0
            ? oc_constant(l->g, &(oc_tensor){ OC_I64, OC_SHAPE(1), (int64_t[]){ y->dim[i] } })
            : oc_apply(l->g, "Slice", 1, &have, "starts=%d ends=%d", i, i + 1);
    return oc_apply(l->g, "Concat", y->rank, part, "axis=0");
}

/* Factors of all dimensions, where those of images alone were given. */
static oc_status all_scales(struct resize *a, int rank)
{
    struct str text = { 0 };
    int n = 1;
    for (const char *p = a->scales; *p; p++)
        n += *p == ',';
    if (n == rank || a->axes.n || rank < 3 || !*a->scales)
        return OC_OK;
    oc__str_addf(&text, "1,1,%s", a->scales);
    for (int i = n; i < rank - 2; i++)
        oc__str_addf(&text, ",%s", a->scales);
    const bool fits = !text.failed && text.n < sizeof a->scales;
    if (fits)
        memcpy(a->scales, text.text, text.n + 1);
    oc__str_free(&text);
    return fits ? OC_OK : oc__fail(OC_ELIMIT, "its factors take too many letters");
}

/* Before opset 18 no axes could be named: numbers are for all dimensions.  Sizes are preferred to
 * factors, which are rounded. */
static oc_status lower_resize(struct onnx_lowering *l)
{
    struct resize *const a = l->attr;
    const oc_shape *const x = shape_of(l, 0), *const y = &oc__value(l->from, l->node->out)->shape;
    const int rank = x->rank, images = rank - 2;
    const bool kept = a->keep_aspect_ratio_policy != RESIZE_STRETCH;
    TRY(all_scales(a, rank));
    if (l->node->n_in > 1 || !a->sizes.n || a->sizes.n == rank || (l->opset >= 18 && a->axes.n))
        return OC_OK;
    if (l->opset >= 18) {
        oc__onnx_spread(&a->sizes, images);
        for (; a->axes.n < images; a->axes.n++)
            a->axes.v[a->axes.n] = a->axes.n + 2;
        return OC_OK;
    }
    if (kept)
        return OC_OK;                                   /* the policy is refused by its opset */
    a->axes.n = a->sizes.n = 0;
    if (oc_shape_count(y) >= 0) {
        a->sizes.n = rank;
        memcpy(a->sizes.v, y->dim, (size_t)rank * sizeof *y->dim);
        return OC_OK;
    }
    const oc_value sizes = all_sizes(l, y);
    l->y[0] = oc__apply(l->g, &oc__op_resize, a, OC_IN(l->in[0], OC_NONE, OC_NONE, sizes));
    return OC_OK;
}

const struct onnx_wording oc__wording_resize = {
    .op = &oc__op_resize, .since = 13, .lower = lower_resize,
    .input = { { "roi", 1, 1 }, { "scales", 2, 1 }, { "sizes", 3, 1 } },
    .later = { { "axes", 18 }, { "antialias", 18 }, { "keep_aspect_ratio_policy", 18 } }
};
