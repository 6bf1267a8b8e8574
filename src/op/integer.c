/* integer.c — products of quantised numbers: MatMulInteger, ConvInteger, QLinearMatMul and
 * QLinearConv.
 *
 * They are composed: zero points are taken off in i32, the product is that of MatMul or Conv, and
 * its scale a QuantizeLinear.  Zero points and scales are one for all, one per row of a or column
 * of b, or one per output channel of w. */
#include "op/compose.h"
#include "op/conv.h"

/* Numbers per row of a matrix as a column; all others as they are. */
static oc_value per_row(oc_graph *g, oc_value v)
{
    const oc_shape s = oc__shape_of(g, v);
    return s.rank == 1 && s.dim[0] != 1 ? oc__unsqueezed(g, v, INTS(1)) : v;
}

/* Numbers per channel, laid out so that they stretch over [channels, …] or, from `axis` 1 on, over
 * [n, channels, …]. */
static oc_value per_channel(oc_graph *g, oc_value v, int axis, int rank)
{
    struct ints shape = { .n = rank };
    if (rank < 1 || oc__shape_of(g, v).rank != 1)
        return v;
    for (int i = 0; i < rank; i++)
        shape.v[i] = i == axis ? -1 : 1;
    return oc__reshaped(g, v, shape);
}

static oc_value centred(oc_graph *g, oc_value x, oc_value zero)
{
    const oc_value wide = oc__as_type(g, x, OC_I32);
    return oc__is_none(zero) ? wide : oc_sub(g, wide, oc__as_type(g, zero, OC_I32));
}

/* The type of results: half precision scales are taken as f32. */
static oc_value as_scale(oc_graph *g, oc_value v) { return oc__as_type(g, v, OC_F32); }

/* A product in i32, quantised: scaled by `by`, the scale of the result taken out. */
static oc_value requantise(oc_graph *g, oc_value product, oc_value by, oc_value scale,
                           oc_value zero)
{
    const oc_value y = oc_mul(g, oc__as_type(g, product, OC_F32), by);
    return oc__apply(g, &oc__op_quantize_linear, NULL, OC_IN(y, as_scale(g, scale), zero));
}

static void compose_matmul_integer(oc_graph *g, const struct composition *c)
{
    const oc_value zero_a = oc__is_none(c->in[2]) ? c->in[2] : per_row(g, c->in[2]);
    c->y[0] = oc_matmul(g, centred(g, c->in[0], zero_a), centred(g, c->in[1], c->in[3]));
}

/* a, its scale and zero point, b, the same, the same of y. */
static void compose_qlinear_matmul(oc_graph *g, const struct composition *c)
{
    const oc_value a = centred(g, c->in[0], per_row(g, c->in[2]));
    const oc_value b = centred(g, c->in[3], c->in[5]);
    const oc_value by = oc_mul(g, as_scale(g, per_row(g, c->in[1])), as_scale(g, c->in[4]));
    c->y[0] = requantise(g, oc_matmul(g, a, b), by, c->in[6], c->in[7]);
}

static void compose_conv_integer(oc_graph *g, const struct composition *c)
{
    const int rank = oc__shape_of(g, c->in[1]).rank;
    const oc_value zero_w = oc__is_none(c->in[3]) ? c->in[3] : per_channel(g, c->in[3], 0, rank);
    c->y[0] = oc__apply(g, &oc__op_conv, c->attr,
                        OC_IN(centred(g, c->in[0], c->in[2]), centred(g, c->in[1], zero_w)));
}

/* x, its scale and zero point, w, the same, the same of y, bias in i32. */
static void compose_qlinear_conv(oc_graph *g, const struct composition *c)
{
    const int rank = oc__shape_of(g, c->in[3]).rank;
    const oc_value x = centred(g, c->in[0], c->in[2]);
    const oc_value w = centred(g, c->in[3], per_channel(g, c->in[5], 0, rank));
    const oc_value product = oc__apply(g, &oc__op_conv, c->attr, OC_IN(x, w, c->in[8]));
    const oc_value scale_w = per_channel(g, c->in[4], 1, rank);
    const oc_value by = oc_mul(g, as_scale(g, c->in[1]), as_scale(g, scale_w));
    c->y[0] = requantise(g, product, by, c->in[6], c->in[7]);
}

static const struct attr conv_attrs[] = { CONV_ATTRS, { 0 } };

static const char *const matmul_cases[] = { "i9:3x4 i9:4x5", "i9:2x3x4 i9:4x5 i3:3 i4:5", NULL };
static const char *const qlinear_matmul_cases[] = {
    "i9:3x4 c:() i3:() i9:4x5 c:() i3:() c:() i9:()",
    "i9:2x3x4 c:3 i3:3 i9:4x5 c:5 i3:5 c:() i9:()", NULL
};
static const char *const conv_cases[] = {
    "i9:1x2x5x5 i9:3x2x3x3 i4:()", "i9:1x2x5x5 i9:3x2x3x3 i4:() i3:3 pads=1,1,1,1", NULL
};
static const char *const qlinear_conv_cases[] = {
    "i9:1x2x5x5 c:() i4:() i9:3x2x3x3 c:() i4:() c:() i5:()",
    "i9:1x2x5x5 c:() i4:() i9:3x2x3x3 c:3 i4:3 c:() i5:() i9:3 strides=2", NULL
};

const struct op oc__op_matmul_integer = {
    .entry = { "MatMulInteger", "y = (a - a_zero_point) @ (b - b_zero_point), in i32", NULL, 0 },
    .inputs = "a b a_zero_point? b_zero_point?", .outputs = "y",
    .compose = compose_matmul_integer, .cases = matmul_cases,
};

const struct op oc__op_qlinear_matmul = {
    .entry = { "QLinearMatMul", "y = a @ b, all of them quantised", NULL, 0 },
    .inputs = "a a_scale a_zero_point b b_scale b_zero_point y_scale y_zero_point",
    .outputs = "y", .compose = compose_qlinear_matmul, .cases = qlinear_matmul_cases,
};

const struct op oc__op_conv_integer = {
    .entry = { "ConvInteger", "y = (x - x_zero_point) * (w - w_zero_point), in i32", conv_attrs,
               sizeof(struct conv) },
    .inputs = "x w x_zero_point? w_zero_point?", .outputs = "y",
    .compose = compose_conv_integer, .cases = conv_cases,
};

const struct op oc__op_qlinear_conv = {
    .entry = { "QLinearConv", "y = x * w + bias, all of them quantised", conv_attrs,
               sizeof(struct conv) },
    .inputs = "x x_scale x_zero_point w w_scale w_zero_point y_scale y_zero_point bias?",
    .outputs = "y", .compose = compose_qlinear_conv, .cases = qlinear_conv_cases,
};
