/* quantize.c — QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
 *
 *     q = saturate(round(x / scale) + zero_point),  x = (q - zero_point) scale
 *
 * Scales are one for all, one per place of an axis, or one per block of block_size places along
 * it; zero points have their shape. */
#include <math.h>

#include "op/attributes.h"
#include "op/op.h"

#define AXIS ATTR(struct quantize, INT, axis, "1", "which axis the scales are of")
#define BLOCK                                                                                  \
    ATTR_RANGE(struct quantize, INT, block_size, "0", "places that share a scale; 0: no blocks", \
               0, INT32_MAX)

static const struct attr quantize_attrs[] = {
    AXIS, BLOCK,
    ATTR_WORDS(struct quantize, output_dtype, "u8", "the result's type, without zero points",
               oc__type_words),
    ATTR_WORDS(struct quantize, precision, "f32", "without effect: division is in double",
               oc__type_words),
    ATTR(struct quantize, BOOL, saturate, "true", "concerns types of 8 bits that are not there"),
    { 0 }
};
static const struct attr dequantize_attrs[] = {
    AXIS, BLOCK,
    ATTR_WORDS(struct quantize, output_dtype, "same", "the result's type, or that of the scales",
               oc__type_words_or_same),
    { 0 }
};

/* ---- scales ------------------------------------------------------------------------------- */

static oc_status check_scales(const struct quantize *a, const oc_shape *x, const oc_shape *scale)
{
    int axis;
    if (oc_shape_count(scale) == 1)
        return OC_OK;
    TRY(oc__axis(a->axis, x->rank, &axis));
    oc_shape expected = OC_SHAPE(x->dim[axis]);
    if (a->block_size) {
        expected = *x;
        if (x->dim[axis] >= 0)
            expected.dim[axis] = (x->dim[axis] + a->block_size - 1) / a->block_size;
    }
    return oc__shape_match("scale", &expected, scale);
}

/* The number of the scale of element i. */
static int64_t scale_of(const struct quantize *a, const oc_shape *x, const oc_shape *scale,
                        int64_t i)
{
    if (oc_shape_count(scale) == 1)
        return 0;
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    int64_t inner = 1;
    for (int k = axis + 1; k < x->rank; k++)
        inner *= x->dim[k];
    const int64_t at = i / inner % x->dim[axis];
    if (!a->block_size)
        return at;
    return (i / inner / x->dim[axis] * scale->dim[axis] + at / a->block_size) * inner + i % inner;
}

static oc_status check_zero(const struct infer *s, int zero)
{
    if (s->n_in > zero && s->x[zero])
        return oc__shape_match("zero_point", s->x[zero - 1], s->x[zero]);
    return OC_OK;
}

/* ---- QuantizeLinear ----------------------------------------------------------------------- */

static oc_status quantize_shape(const struct infer *s)
{
    const struct quantize *const a = s->attr;
    TRY(check_scales(a, s->x[0], s->x[1]));
    TRY(check_zero(s, 2));
    s->yt[0] = s->n_in > 2 && s->x[2] ? s->xt[2] : (oc_dtype)a->output_dtype;
    if (oc__is_float(s->yt[0]))
        return oc__fail(OC_EUSAGE, "%s is not a type of whole numbers", oc_dtype_name(s->yt[0]));
    return oc__shape_same(s);
}

static void quantize_run(const struct call *c)
{
    const double *const zero = c->n_in > 2 ? c->x[2] : NULL;
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const int64_t k = scale_of(c->attr, c->xs[0], c->xs[1], i);
        const float quotient = (float)(c->x[0][i] / c->x[1][k]);    /* ties are those of f32 */
        c->y[0][i] = rint((double)quotient) + (zero ? zero[k] : 0);
    }
}

static const char *const quantize_cases[] = {
    "w:2x3x4 c:()", "w:2x3x4 c:3 output_dtype=i8", "w:4x6 c:2x6 axis=0 block_size=2", NULL
};

const struct op oc__op_quantize_linear = {
    .entry = { "QuantizeLinear", "y = round(x / scale) + zero_point, saturated", quantize_attrs,
               sizeof(struct quantize) },
    .inputs = "x scale zero_point?", .outputs = "y",
    .shape = quantize_shape, .run = quantize_run, .cases = quantize_cases,
};

/* ---- DequantizeLinear --------------------------------------------------------------------- */

static oc_status dequantize_shape(const struct infer *s)
{
    const struct quantize *const a = s->attr;
    TRY(check_scales(a, s->x[0], s->x[1]));
    TRY(check_zero(s, 2));
    s->yt[0] = a->output_dtype == OC_DTYPES ? s->xt[1] : (oc_dtype)a->output_dtype;
    return oc__shape_same(s);
}

static void dequantize_run(const struct call *c)
{
    const double *const zero = c->n_in > 2 ? c->x[2] : NULL;
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const int64_t k = scale_of(c->attr, c->xs[0], c->xs[1], i);
        c->y[0][i] = (c->x[0][i] - (zero ? zero[k] : 0)) * c->x[1][k];
    }
}

static oc_status dequantize_grad_shape(const struct infer *s)
{
    TRY(check_scales(s->attr, s->x[1], s->x[2]));
    TRY(check_zero(s, 3));
    s->y[0] = *s->x[2];
    s->yt[0] = s->xt[2];
    return oc__shape_match("dy", s->x[1], s->x[0]);
}

static void dequantize_grad_run(const struct call *c)
{
    const double *const zero = c->n_in > 3 ? c->x[3] : NULL;
    for (int64_t k = 0; k < oc_shape_count(c->ys[0]); k++)
        c->y[0][k] = 0;
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        const int64_t k = scale_of(c->attr, c->xs[1], c->xs[2], i);
        c->y[0][k] += c->x[0][i] * (c->x[1][i] - (zero ? zero[k] : 0));
    }
}

/* x and zero points are whole numbers; the scale is what has a slope. */
static void dequantize_grad(oc_graph *g, const struct node *n, const oc_value *dy,
                            const bool *want, oc_value *dx)
{
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_dequantize_linear_grad, n->attr,
                          OC_IN(dy[0], n->in[0], n->in[1], n->n_in > 2 ? n->in[2] : OC_NONE));
}

static const char *const dequantize_cases[] = {
    "i9:2x3x4 ()", "i9:2x3x4 3 i5:3", "i9:4x6 2x6 i4:2x6 axis=0 block_size=2", NULL
};

const struct op oc__op_dequantize_linear = {
    .entry = { "DequantizeLinear", "y = (x - zero_point) * scale", dequantize_attrs,
               sizeof(struct quantize) },
    .inputs = "x scale zero_point?", .outputs = "y",
    .shape = dequantize_shape, .grad = dequantize_grad, .run = dequantize_run,
    .cases = dequantize_cases,
};

const struct op oc__op_dequantize_linear_grad = {
    .entry = { "DequantizeLinearGrad", "dscale = the sum of dy * (x - zero_point)",
               dequantize_attrs, sizeof(struct quantize) },
    .inputs = "dy x scale zero_point?", .outputs = "dscale",
    .shape = dequantize_grad_shape, .run = dequantize_grad_run,
};

/* ---- DynamicQuantizeLinear ---------------------------------------------------------------- */

static oc_status dynamic_shape(const struct infer *s)
{
    s->y[0] = *s->x[0];
    s->y[1] = s->y[2] = (oc_shape){ 0 };
    s->yt[0] = s->yt[2] = OC_U8;
    return OC_OK;
}

/* v as the type of scales holds it: bytes follow from what is stored. */
static double stored(double v, oc_dtype t) { return t == OC_F32 ? (double)(float)v : v; }

/* The range of x, which must hold 0, is spread over all bytes. */
static void dynamic_run(const struct call *c)
{
    const int64_t n = oc_shape_count(c->xs[0]);
    double low = 0, high = 0;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, c->x[0][i]);
        high = fmax(high, c->x[0][i]);
    }
    const double scale = stored((high > low ? high - low : 1) / 255, c->yt[1]);
    const double zero = rint(fmin(fmax(stored(-low / scale, c->yt[1]), 0), 255));
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = rint(stored(c->x[0][i] / scale, c->yt[1])) + zero;
    c->y[1][0] = scale;
    c->y[2][0] = zero;
}

static const char *const dynamic_cases[] = { "w:2x7", "p:5", NULL };

const struct op oc__op_dynamic_quantize_linear = {
    .entry = { "DynamicQuantizeLinear", "y = x as bytes, with the scale and zero point that fit",
               NULL, 0 },
    .inputs = "x", .outputs = "y scale zero_point",
    .shape = dynamic_shape, .run = dynamic_run, .cases = dynamic_cases,
};
