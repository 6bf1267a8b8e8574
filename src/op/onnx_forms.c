/* onnx_forms.c — operators of ONNX that are several of ours, and what older opsets meant.
 *
 * Forms that belong to one operator alone may stand in its file; here is what concerns many. */
#include <stdio.h>
#include <string.h>

#include "op/attributes.h"
#include "op/onnx.h"

/* ---- constants ---------------------------------------------------------------------------- */

/* One number or a list of them; the data is copied. */
static void set_constant(struct onnx_node *n, oc_dtype t, int count, const void *data)
{
    const oc_shape shape = count < 0 ? (oc_shape){ 0 } : OC_SHAPE(count);
    n->out[0] = oc_constant(n->g, &(oc_tensor){ t, shape, (void *)(uintptr_t)data });
}

static oc_status build_constant(struct onnx_node *n)
{
    const struct onnx_attr *a = oc__onnx_attr(n, "value", ONNX_TENSOR);
    if (a)
        n->out[0] = oc__graph_source(n->g, VALUE_CONSTANT, n->name, a->tensor.dtype,
                                     &a->tensor.shape, 0, a->tensor.data);
    else if ((a = oc__onnx_attr(n, "value_float", ONNX_FLOAT)))
        set_constant(n, OC_F32, -1, &(float){ (float)a->f });
    else if ((a = oc__onnx_attr(n, "value_int", ONNX_INT)))
        set_constant(n, OC_I64, -1, &a->i);
    else if ((a = oc__onnx_attr(n, "value_floats", ONNX_FLOATS)))
        set_constant(n, OC_F32, a->n, a->floats);
    else if ((a = oc__onnx_attr(n, "value_ints", ONNX_INTS)))
        set_constant(n, OC_I64, a->n, a->ints);
    else
        return oc__fail(OC_EINPUT, "none of its attributes is a value of numbers");
    return OC_OK;
}

static oc_status build_constant_of_shape(struct onnx_node *n)
{
    const struct onnx_attr *const a = oc__onnx_attr(n, "value", ONNX_TENSOR);
    struct constant_of_shape attr = { .type = OC_F32 };
    if (a && oc_shape_count(&a->tensor.shape) != 1)
        return oc__fail(OC_EINPUT, "attribute value: has %lld elements and must have one",
                        (long long)oc_shape_count(&a->tensor.shape));
    if (a) {
        attr.type = (int)a->tensor.dtype;
        attr.value = oc_tensor_get(&a->tensor, 0);
    }
    n->out[0] = oc__onnx_make(n, &oc__op_constant_of_shape, &attr, n->n_in, n->in);
    return OC_OK;
}

static oc_status build_cast(struct onnx_node *n)
{
    const int64_t to = oc__onnx_int(n, "to", 0);
    const int type = oc__onnx_dtype(to);
    const char *const name = oc__onnx_type_name(to);
    oc__onnx_int(n, "saturate", 1);
    oc__onnx_text(n, "round_mode", "up");               /* both are about types we do not have */
    if (type < 0)
        return oc__fail(OC_EINPUT, "attribute to: type %lld%s%s is not one of ours", (long long)to,
                        name ? ", " : "", name ? name : "");
    n->out[0] = oc__onnx_make(n, &oc__op_cast, &(struct cast){ .to = type }, n->n_in, n->in);
    return OC_OK;
}

/* ---- two inputs, before opset 7 ----------------------------------------------------------- */

/* The second operand was stretched only with broadcast=1, and from `axis` on. */
static oc_status build_aligned(struct onnx_node *n, const struct op *op)
{
    const bool stretch = oc__onnx_int(n, "broadcast", 0) != 0;
    const int64_t from = oc__onnx_int(n, "axis", INT64_MAX);
    if (n->n_in != 2)
        return oc__fail(OC_EINPUT, "%d inputs where 2 are wanted", n->n_in);
    const oc_shape a = oc_value_shape(n->g, n->in[0]), b = oc_value_shape(n->g, n->in[1]);
    oc_value second = n->in[1];
    struct squeeze attr = { { 0 } };
    const int64_t first = from < 0 ? from + a.rank : from;
    for (int i = b.rank; stretch && from != INT64_MAX && i < a.rank - first; i++)
        attr.axes.v[attr.axes.n++] = i;
    if (attr.axes.n)
        second = oc__onnx_make(n, &oc__op_unsqueeze, &attr, 1, &second);
    n->out[0] = oc__onnx_make(n, op, NULL, OC_IN(n->in[0], second));
    return OC_OK;
}

#define ALIGNED(id, onnx)                                                                      \
    static oc_status build_##id(struct onnx_node *n) { return build_aligned(n, &oc__op_##id); } \
    const struct onnx_form oc__onnx_##id##_before_7 = {                                        \
        .op = onnx, .until = 6, .build = build_##id                                            \
    };
ALIGNED(add, "Add")
ALIGNED(sub, "Sub")
ALIGNED(mul, "Mul")
ALIGNED(div, "Div")
ALIGNED(pow, "Pow")
ALIGNED(and, "And")
ALIGNED(or, "Or")
ALIGNED(xor, "Xor")
ALIGNED(equal, "Equal")
ALIGNED(greater, "Greater")
ALIGNED(less, "Less")

/* ---- Softmax, LogSoftmax before opset 13 -------------------------------------------------- */

/* What lies before `axis` was made one dimension, and the rest another. */
static oc_status build_flat(struct onnx_node *n, const struct op *op)
{
    const struct flatten flat = { .axis = oc__onnx_int(n, "axis", 1) };
    const struct softmax over = { .axis = 1 };
    if (n->n_in != 1)
        return oc__fail(OC_EINPUT, "%d inputs where one is wanted", n->n_in);
    const oc_shape x = oc_value_shape(n->g, n->in[0]);
    if (x.rank >= 0 && (flat.axis == x.rank - 1 || flat.axis == -1)) {
        const struct softmax last = { .axis = -1 };
        n->out[0] = oc__onnx_make(n, op, &last, 1, n->in);
        return OC_OK;
    }
    const oc_value matrix = oc__onnx_make(n, &oc__op_flatten, &flat, 1, n->in);
    const oc_value y = oc__onnx_make(n, op, &over, 1, &matrix);
    n->out[0] = oc__onnx_make(n, &oc__op_reshape_to, NULL, OC_IN(y, n->in[0]));
    return OC_OK;
}

static oc_status build_softmax(struct onnx_node *n) { return build_flat(n, &oc__op_softmax); }
static oc_status build_log_softmax(struct onnx_node *n)
{
    return build_flat(n, &oc__op_log_softmax);
}

/* ---- others ------------------------------------------------------------------------------- */

/* As many parts as there are outputs, where nothing else says. */
static oc_status build_split(struct onnx_node *n)
{
    char text[32];
    snprintf(text, sizeof text, "num_outputs=%d", n->n_out);
    const struct onnx_form form = { .preset = text };
    return oc__onnx_apply(n, &oc__op_split, &form);
}

/* Whether a third input says, or may say when it is known, that it is in training. */
static bool may_train(const struct onnx_node *n)
{
    if (n->n_in < 3 || oc__is_none(n->in[2]))
        return false;
    const struct value *const v = oc__value(n->g, n->in[2]);
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    return v->kind != VALUE_CONSTANT || (oc_shape_count(&t.shape) > 0 && oc_tensor_get(&t, 0) != 0);
}

/* In inference nothing is dropped, and the mask says so. */
static oc_status build_dropout(struct onnx_node *n)
{
    static const struct onnx_form form = { .rename = "ratio p", .ignore = "seed is_test" };
    const bool want_mask = n->n_out > 1 && n->want[1];
    if (may_train(n))
        return oc__onnx_apply(n, &oc__op_dropout_seeded, NULL);
    n->n_out = 1;
    TRY(oc__onnx_apply(n, &oc__op_dropout, &form));
    n->n_out = want_mask ? 2 : 1;
    if (want_mask) {
        const oc_value ones = oc__onnx_make(n, &oc__op_ones_like, NULL, 1, n->in);
        n->out[1] = oc__onnx_make(n, &oc__op_cast, &(struct cast){ .to = OC_BOOL }, 1, &ones);
    }
    return OC_OK;
}

/* Resize as it was called before, and its first version: scales are the second input. */
static oc_status build_resize(struct onnx_node *n)
{
    static const struct onnx_form form = {
        .preset = "coordinate_transformation_mode=asymmetric nearest_mode=floor",
        .ignore = "scales",
    };
    const struct onnx_attr *const a = oc__onnx_attr(n, "scales", ONNX_FLOATS);
    n->in[2] = n->n_in > 1 ? n->in[1] : OC_NONE;
    n->in[1] = OC_NONE;
    if (a)
        n->in[2] = oc_constant(n->g, &(oc_tensor){ OC_F32, OC_SHAPE(a->n),
                                                   (void *)(uintptr_t)a->floats });
    n->n_in = 3;
    return oc__onnx_apply(n, &oc__op_resize, &form);
}

/* Places in a plane of x counted with the first dimension innermost. */
static oc_value by_columns(struct onnx_node *n, oc_value index)
{
    const oc_shape x = oc_value_shape(n->g, n->in[0]);
    oc_value rest = index, sum = OC_NONE;
    for (int i = x.rank - 1; i >= 2; i--) {
        int64_t stride = 1;
        for (int k = 2; k < i; k++)
            stride *= x.dim[k];
        const oc_value size = oc__onnx_constant_ints(n->g, -1, &x.dim[i]);
        const oc_value place = oc__onnx_make(n, &oc__op_floor_mod, NULL, OC_IN(rest, size));
        const oc_value by = oc__onnx_constant_ints(n->g, -1, &stride);
        const oc_value part = oc__onnx_make(n, &oc__op_mul, NULL, OC_IN(place, by));
        sum = oc__is_none(sum) ? part : oc__onnx_make(n, &oc__op_add, NULL, OC_IN(sum, part));
        rest = oc__onnx_make(n, &oc__op_div, NULL, OC_IN(rest, size));
    }
    return sum;
}

/* Places count through the whole tensor and not through a plane, as 64-bit numbers. */
static oc_value whole_index(struct onnx_node *n, oc_value index, bool columns)
{
    const oc_shape x = oc_value_shape(n->g, n->in[0]);
    oc_shape each = x;
    int64_t plane = 1;
    for (int i = 2; i < x.rank; i++) {
        plane = oc__dim_mul(plane, x.dim[i]);
        each.dim[i] = 1;
    }
    const int64_t planes = oc_shape_count(&each);
    if (plane < 0 || planes < 0)
        return oc__graph_fail(n->g, OC_EINPUT, "the second output wants an input of known shape");
    int64_t *const offset = oc__pool_alloc(&n->g->pool, (size_t)(planes + 1) * sizeof *offset);
    if (!offset)
        return oc__graph_fail(n->g, OC_ELIMIT, NULL);
    for (int64_t i = 0; i < planes; i++)
        offset[i] = i * plane;
    const oc_value first = oc__graph_source(n->g, VALUE_CONSTANT, n->name, OC_I64, &each, 0,
                                            offset);
    const oc_value wide = oc__onnx_make(n, &oc__op_cast, &(struct cast){ .to = OC_I64 }, 1,
                                        &index);
    return oc__onnx_make(n, &oc__op_add, NULL,
                         OC_IN(columns ? by_columns(n, wide) : wide, first));
}

static oc_status build_max_pool(struct onnx_node *n)
{
    static const struct onnx_form form = { 0 };
    const bool columns = oc__onnx_int(n, "storage_order", 0) != 0;
    const bool want_index = n->n_out > 1 && n->want[1];
    TRY(oc__onnx_apply(n, &oc__op_max_pool, &form));
    if (want_index)
        n->out[1] = whole_index(n, n->out[1], columns);
    return OC_OK;
}

const struct onnx_form oc__onnx_constant = { .op = "Constant", .build = build_constant };
const struct onnx_form oc__onnx_constant_of_shape = {
    .op = "ConstantOfShape", .build = build_constant_of_shape
};
const struct onnx_form oc__onnx_cast = { .op = "Cast", .build = build_cast };
const struct onnx_form oc__onnx_softmax_before_13 = {
    .op = "Softmax", .until = 12, .build = build_softmax
};
const struct onnx_form oc__onnx_log_softmax_before_13 = {
    .op = "LogSoftmax", .until = 12, .build = build_log_softmax
};
const struct onnx_form oc__onnx_split = { .op = "Split", .build = build_split };
const struct onnx_form oc__onnx_dropout = { .op = "Dropout", .build = build_dropout };
const struct onnx_form oc__onnx_upsample = { .op = "Upsample", .build = build_resize };
const struct onnx_form oc__onnx_resize_before_11 = {
    .op = "Resize", .until = 10, .build = build_resize
};
const struct onnx_form oc__onnx_max_pool = { .op = "MaxPool", .build = build_max_pool };
const struct onnx_form oc__onnx_pad_before_2 = {
    .op = "Pad", .until = 1, .rename = "paddings pads"
};
const struct onnx_form oc__onnx_concat_before_4 = {
    .op = "Concat", .until = 3, .preset = "axis=1"
};
const struct onnx_form oc__onnx_layer_normalization = {
    .op = "LayerNormalization", .ignore = "stash_type"
};
const struct onnx_form oc__onnx_shrink = { .op = "Shrink", .exact = "lambd" };
const struct onnx_form oc__onnx_thresholded_relu = { .op = "ThresholdedRelu", .exact = "alpha" };
