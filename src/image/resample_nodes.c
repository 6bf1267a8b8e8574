/* resample_nodes.c — resizing as nodes: the same bytes as resample.c.
 *
 * Each pass is a product with a matrix W of weights, [in, out] along rows and [out, in] along
 * columns, that depends on both sizes alone.  The distance of input i from output o in units of
 * the kernel is a fraction of whole numbers,
 *
 *     (i + 1/2 - (o + 1/2) in / out) / max(1, in / out)
 *         = ((2 i + 1) out - (2 o + 1) in) / (2 max(in, out)),
 *
 * so W is built from the sizes by a few nodes in f64, and is a constant where these are known.
 *
 * Weights are whole numbers of 22 bits as there, W = 2048 high + low, and the products x high and
 * x low are sums of whole numbers that f32 holds exactly (low ones for up to 64 taps, images up to
 * 32 times as large; beyond, a last bit of 22 may be lost).  The rounded result is
 *
 *     floor((2048 x high + x low + 2^21) / 2^22)
 *         = floor((x high + floor(x low / 2048) + 1024) / 2048). */
#include "image/nodes.h"
#include "op/op.h"

/* One of the two passes. */
struct pass { int axis; oc_value in, out; };

/* ---- kernels, of distances ------------------------------------------------------------------ */

static oc_value triangle(struct nodes *n, oc_value d)
{
    return oc__node_of(n, "Relu", oc__node_by(n, "Add", oc__node_of(n, "Neg", d), 1));
}

/* (a x + b) x + c */
static oc_value square(struct nodes *n, oc_value x, double a, double b, double c)
{
    const oc_value line = oc__node_by(n, "Add", oc__node_by(n, "Mul", x, a), b);
    return oc__node_by(n, "Add", oc__node_with(n, "Mul", line, x), c);
}

static oc_value cubic(struct nodes *n, oc_value d)
{
    const oc_value x = oc__node_by(n, "Smaller", d, 2);
    const oc_value near = oc__node_with(n, "Mul", square(n, x, 1.5, -2.5, 0), x);
    const oc_value far = oc__node_with(n, "Mul", square(n, x, -0.5, 2.5, -4), x);
    return oc__node(n, "Where", NULL, OC_IN(oc__node_by(n, "Less", x, 1),
                                            oc__node_by(n, "Add", near, 1),
                                            oc__node_by(n, "Add", far, 2)));
}

static oc_value sinc(struct nodes *n, oc_value x)
{
    const oc_value angle = oc__node_by(n, "Mul", x, 3.14159265358979323846);
    return oc__node_with(n, "Div", oc__node_of(n, "Sin", angle), angle);
}

/* In f64 sinc is 1 at the distance that stands for 0. */
static oc_value lanczos(struct nodes *n, oc_value d)
{
    const oc_value x = oc__node_by(n, "Larger", d, 1e-9);
    const oc_value wave = oc__node_with(n, "Mul", sinc(n, x),
                                        sinc(n, oc__node_by(n, "Div", x, 3)));
    const oc_value inside = oc__node(n, "Cast", "to=f64", OC_IN(oc__node_by(n, "Less", d, 3)));
    return oc__node_with(n, "Mul", wave, inside);
}

static const struct kernel {
    oc_value (*at)(struct nodes *n, oc_value d);
    bool       overshoots;                              /* it has weights below zero */
} kernels[] = {
    [FILTER_BILINEAR] = { triangle, false }, [FILTER_BICUBIC] = { cubic, true },
    [FILTER_LANCZOS] = { lanczos, true },
};

/* ---- weights ------------------------------------------------------------------------------ */

/* 0, 1 … */
static oc_value places(struct nodes *n, oc_value side)
{
    return oc__node(n, "Range", NULL, OC_IN(oc__node_side(n, 0), side, oc__node_side(n, 1)));
}

/* (2 i + 1) times a factor. */
static oc_value centres(struct nodes *n, oc_value side, oc_value factor)
{
    const oc_value odd = oc__node_by(n, "Add", oc__node_by(n, "Mul", places(n, side), 2), 1);
    return oc__node_with(n, "Mul", odd, factor);
}

static oc_value distances(struct nodes *n, const struct pass *p)
{
    oc_value i = centres(n, p->in, p->out), o = centres(n, p->out, p->in);
    oc_value *const down = p->axis == 2 ? &o : &i;
    *down = oc__node(n, "Unsqueeze", "axes=1", OC_IN(*down));
    const oc_value unit = oc__node_by(n, "Mul", oc__node_with(n, "Larger", p->in, p->out), 2);
    return oc__node_of(n, "Abs", oc__node_with(n, "Div", oc__node_with(n, "Sub", i, o), unit));
}

/* As whole numbers of 22 bits. */
static oc_value weights(struct nodes *n, const struct pass *p, enum filter filter)
{
    const oc_value k = kernels[filter].at(n, distances(n, p));
    const oc_value sum = oc__node(n, "ReduceSum", p->axis == 2 ? "axes=1" : "axes=0", OC_IN(k));
    const oc_value scaled = oc__node_by(n, "Mul", oc__node_with(n, "Div", k, sum), 1 << 22);
    return oc__node_of(n, "Floor", oc__node_by(n, "Add", scaled, 0.5));
}

/* ---- passes ------------------------------------------------------------------------------- */

static oc_value product(struct nodes *n, const struct pass *p, oc_value part)
{
    const oc_value w = oc__node(n, "Cast", "to=f32", OC_IN(part));
    return p->axis == 2 ? oc__node_with(n, "MatMul", w, n->x)
                        : oc__node_with(n, "MatMul", n->x, w);
}

static oc_value weigh(struct nodes *n, const struct pass *p, enum filter filter)
{
    const oc_value w = weights(n, p, filter);
    const oc_value half = oc__node_by(n, "Add", oc__node_by(n, "Mul", w, 1.0 / 2048), 0.5);
    const oc_value high = oc__node_of(n, "Floor", half);
    const oc_value low = oc__node_with(n, "Sub", w, oc__node_by(n, "Mul", high, 2048));
    const oc_value fine = oc__node_by(n, "Mul", product(n, p, low), 1.0 / 2048);
    const oc_value sum = oc__node_with(n, "Add", product(n, p, high),
                                       oc__node_of(n, "Floor", fine));
    const oc_value mean = oc__node_by(n, "Mul", oc__node_by(n, "Add", sum, 1024), 1.0 / 2048);
    const oc_value whole = oc__node_of(n, "Floor", mean);
    return kernels[filter].overshoots
        ? oc__node_by(n, "Smaller", oc__node_by(n, "Larger", whole, 0), 255) : whole;
}

/* The pixel under each centre; positions are summed up as there. */
static oc_value pick(struct nodes *n, const struct pass *p)
{
    const oc_value half = oc__node_by(n, "Add", places(n, p->out), 0.5);
    const oc_value steps = oc__node_with(n, "Mul", oc__node_by(n, "Smaller", half, 1),
                                         oc__node_with(n, "Div", p->in, p->out));
    const int64_t  first = 0;
    const oc_value axis = oc_constant(n->g, &(oc_tensor){ OC_I64, { 0 },
                                                          (void *)(uintptr_t)&first });
    const oc_value at = oc__node_of(n, "Floor", oc__node_with(n, "CumSum", steps, axis));
    const oc_value last = oc__node_by(n, "Sub", p->in, 1);
    const oc_value index = oc__node(n, "Cast", "to=i64",
                                    OC_IN(oc__node_with(n, "Smaller", at, last)));
    return oc__node(n, "Gather", p->axis == 2 ? "axis=2" : "axis=3", OC_IN(n->x, index));
}

static void run_pass(struct nodes *n, struct pass p, enum filter filter)
{
    double in, out;
    if (oc__node_known(n, p.in, &in) && oc__node_known(n, p.out, &out) && in == out)
        return;
    n->x = filter == FILTER_NEAREST ? pick(n, &p) : weigh(n, &p, filter);
}

void oc__nodes_resize(struct nodes *n, oc_value height, oc_value width, enum filter filter)
{
    run_pass(n, (struct pass){ 3, n->width, width }, filter);
    run_pass(n, (struct pass){ 2, n->height, height }, filter);
    n->height = height;
    n->width = width;
}
