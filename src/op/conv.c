/* conv.c — Conv, its gradients as operators, and the fused form of inference.
 *
 *     y[n, o, p] = b[o] + sum over c, k of  w[o, c, k] x[n, c, p stride - pad + k dilation]
 *
 * (cross-correlation, as everybody means by convolution), with channels in `group` independent
 * groups.  All three functions are bilinear over the same triples of elements, so one walk serves
 * them. */
#include "op/conv.h"
#include "op/op.h"

#include <string.h>

static oc_status check_channels(const char *what, int64_t have, int64_t want)
{
    if (have >= 0 && want >= 0 && have != want)
        return oc__fail(OC_EUSAGE, "%s: %lld channels, the weights need %lld", what,
                        (long long)have, (long long)want);
    return OC_OK;
}

oc_status oc__conv_dims(struct conv_dims *d, const struct conv *a, const oc_shape *x,
                        const oc_shape *w)
{
    *d = (struct conv_dims){ .group = a->group };
    TRY(oc__window(&d->window, &a->window, x, w));
    d->n = x->dim[0];
    d->in = w->dim[1];
    d->out = w->dim[0] < 0 ? OC_UNKNOWN : w->dim[0] / a->group;
    if (w->dim[0] >= 0 && w->dim[0] % a->group != 0)
        return oc__fail(OC_EUSAGE, "%lld output channels in %lld groups", (long long)w->dim[0],
                        (long long)a->group);
    return check_channels("the input", x->dim[1], d->in < 0 ? OC_UNKNOWN : d->in * a->group);
}

/* ---- all products ----------------------------------------------------------- */

struct products {
    const struct window *window;
    int                  a, b, sum;                 /* places of the factors and of the result */
    const double        *pa, *pb;
    double              *to;
};

/* All outputs of one tap between one plane of x and one of y; at[] are the planes' and the weight's
 * places. */
static void add_tap(const struct products *k, const int64_t at[3], const int64_t tap[WINDOW_DIMS])
{
    const struct window *w = k->window;
    const int64_t rows = w->y[0] * w->y[1];
    for (int64_t row = 0; row < rows; row++) {
        const int64_t id = oc__window_at(w, 0, row / w->y[1], tap[0]);
        const int64_t ih = oc__window_at(w, 1, row % w->y[1], tap[1]);
        if (id < 0 || ih < 0)
            continue;
        for (int64_t ow = 0; ow < w->y[2]; ow++) {
            const int64_t iw = oc__window_at(w, 2, ow, tap[2]);
            if (iw < 0)
                continue;
            const int64_t i[3] = { at[CONV_X] + (id * w->x[1] + ih) * w->x[2] + iw, at[CONV_W],
                                   at[CONV_Y] + row * w->y[2] + ow };
            k->to[i[k->sum]] += k->pa[i[k->a]] * k->pb[i[k->b]];
        }
    }
}

static void add_planes(const struct products *k, int64_t x, int64_t w, int64_t y)
{
    const int64_t *kernel = k->window->kernel;
    for (int64_t t = 0; t < oc__window_count(kernel); t++) {
        const int64_t tap[WINDOW_DIMS] = { t / (kernel[1] * kernel[2]), t / kernel[2] % kernel[1],
                                           t % kernel[2] };
        add_tap(k, (int64_t[]){ x, w + t, y }, tap);
    }
}

void oc__conv_products(const struct conv_dims *d, enum conv_place sum, const double *const from[3],
                       double *to)
{
    const int a = sum == CONV_X ? (int)CONV_W : CONV_X, b = sum == CONV_Y ? (int)CONV_W : CONV_Y;
    const struct products k = { &d->window, a, b, (int)sum, from[a], from[b], to };
    const int64_t x_plane = oc__window_count(d->window.x), y_plane = oc__window_count(d->window.y);
    const int64_t taps = oc__window_count(d->window.kernel), outs = d->group * d->out;
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t pair = 0; pair < outs * d->in; pair++) {
            const int64_t o = pair / d->in, c = o / d->out * d->in + pair % d->in;
            add_planes(&k, (n * d->group * d->in + c) * x_plane, pair * taps,
                        (n * outs + o) * y_plane);
        }
}

double oc__conv_flops(const struct conv_dims *d)
{
    return 2.0 * (double)d->n * (double)(d->group * d->out) * (double)d->in *
           (double)oc__window_count(d->window.y) * (double)oc__window_count(d->window.kernel);
}

static void clear(double *p, const oc_shape *s)
{
    memset(p, 0, (size_t)oc_shape_count(s) * sizeof *p);
}

/* ---- Conv and FusedConv ------------------------------------------------------------------- */

static oc_status shape(const struct infer *s)
{
    struct conv_dims d;
    TRY(oc__conv_dims(&d, s->attr, s->x[0], s->x[1]));
    if (s->n_in > 2 && s->x[2]) {
        if (s->x[2]->rank != 1)
            return oc__fail(OC_EUSAGE, "the bias has %d dimensions, not 1", s->x[2]->rank);
        TRY(check_channels("the bias", s->x[2]->dim[0], s->x[1]->dim[0]));
    }
    s->y[0] = oc__window_shape(&d.window, d.n, s->x[1]->dim[0], d.window.y);
    return OC_OK;
}

static void run(const struct call *c)
{
    struct conv_dims d;
    oc__conv_dims(&d, c->attr, c->xs[0], c->xs[1]);
    const int64_t plane = oc__window_count(d.window.y), planes = d.n * d.group * d.out;
    const double *bias = c->n_in > 2 ? c->x[2] : NULL;
    for (int64_t i = 0; i < planes; i++)
        for (int64_t k = 0; k < plane; k++)
            c->y[0][i * plane + k] = bias ? bias[i % (d.group * d.out)] : 0;
    oc__conv_products(&d, CONV_Y, (const double *[3]){ c->x[0], c->x[1], NULL }, c->y[0]);
}

static void run_fused(const struct call *c)
{
    const struct conv *a = c->attr;
    const double *z = c->n_in > 3 ? c->x[3] : NULL;
    run(c);
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = oc__activate(&a->activation, c->y[0][i] + (z ? z[i] : 0));
}

static oc_status shape_fused(const struct infer *s)
{
    TRY(shape(s));
    if (s->n_in > 3 && s->x[3] && s->x[3]->rank != s->y[0].rank)
        return oc__fail(OC_EUSAGE, "the summand has %d dimensions, not %d", s->x[3]->rank,
                        s->y[0].rank);
    return OC_OK;
}

static double flops(const struct infer *s)
{
    struct conv_dims d;
    return oc__conv_dims(&d, s->attr, s->x[0], s->x[1]) < 0 ? 0 : oc__conv_flops(&d);
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const oc_value x = n->in[0], w = n->in[1];
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_conv_grad_input, n->attr, OC_IN(dy[0], w, x));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_conv_grad_weight, n->attr, OC_IN(x, dy[0], w));
    if (n->n_in > 2 && want[2])
        dx[2] = oc__apply(g, &oc__op_conv_grad_bias, NULL, OC_IN(dy[0]));
}

static const struct attr attrs[] = { CONV_ATTRS, { 0 } };

static const char *const cases[] = {
    "2x3x5x6 4x3x3x3 4",
    "2x3x5x6 4x3x3x2 -",
    "1x2x7x7 3x2x3x3 3 strides=2 pads=1",
    "2x4x6x5 6x2x3x3 6 group=2 pads=1,0,2,1",
    "1x3x8x8 3x1x3x3 3 group=3 strides=2,1 pads=1",
    "1x2x9x8 2x2x3x2 2 dilations=2,3 strides=2",
    "1x2x7x6 2x2x3x4 2 auto_pad=SAME_UPPER strides=2",
    "1x2x7x6 2x2x2x2 - auto_pad=SAME_LOWER",
    "1x2x7x6 2x2x2x2 - auto_pad=VALID strides=2",
    "2x3x5x5 4x3x1x1 4",
    "2x3x9 4x3x3 4 strides=2 pads=1,2 dilations=2",
    "1x2x4x5x4 3x2x2x3x2 3 pads=1 strides=1,2,2",
    "3x1x12x12 8x1x5x5 8",
    "2x16x9x9 32x16x3x3 32 pads=1",
    NULL
};

const struct op oc__op_conv = {
    .entry = { "Conv", "y = x * w + b, cross-correlation over the last dimensions", attrs,
               sizeof(struct conv) },
    .inputs = "x w b?", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .flops = flops, .cases = cases,
};

static const struct attr fused_attrs[] = { CONV_ATTRS, ACTIVATION_ATTRS(struct conv), { 0 } };

static const char *const fused_cases[] = {
    "2x3x5x6 4x3x3x3 4 2x4x3x4 activation=Relu",
    "2x3x5x6 4x3x3x3 - 2x4x5x6 pads=1 activation=LeakyRelu activation_alpha=0.1",
    "2x3x5x6 4x3x3x3 4 - activation=Clip activation_alpha=-0.5 activation_beta=1",
    "2x4x5x6 4x2x3x3 4 - group=2 activation=Sigmoid",
    "2x3x5x6 4x3x1x1 4 2x4x5x6 activation=HardSwish",
    "2x3x5x6 4x3x1x1 4 - activation=Tanh",
    "2x3x5x6 4x3x3x3 - - strides=2",
    NULL
};

const struct op oc__op_fused_conv = {
    .entry = { "FusedConv", "y = activation(x * w + b + z)", fused_attrs, sizeof(struct conv) },
    .inputs = "x w b? z?", .outputs = "y",
    .shape = shape_fused, .run = run_fused, .flops = flops, .cases = fused_cases,
};

/* ---- gradients ---------------------------------------------------------------------------- */

/* The result is like input 2; x, w and dy must fit each other as in Conv. */
static oc_status shape_grad(const struct infer *s, const oc_shape *x, const oc_shape *w,
                            const oc_shape *dy)
{
    struct conv_dims d;
    TRY(oc__conv_dims(&d, s->attr, x, w));
    const oc_shape y = oc__window_shape(&d.window, d.n, w->dim[0], d.window.y);
    TRY(oc__shape_match("dy", &y, dy));
    s->y[0] = *s->x[2];
    s->yt[0] = s->xt[0];
    return OC_OK;
}

static oc_status shape_grad_input(const struct infer *s)
{
    return shape_grad(s, s->x[2], s->x[1], s->x[0]);
}

static oc_status shape_grad_weight(const struct infer *s)
{
    return shape_grad(s, s->x[0], s->x[2], s->x[1]);
}

static void run_grad_input(const struct call *c)
{
    struct conv_dims d;
    oc__conv_dims(&d, c->attr, c->xs[2], c->xs[1]);
    clear(c->y[0], c->ys[0]);
    oc__conv_products(&d, CONV_X, (const double *[3]){ NULL, c->x[1], c->x[0] }, c->y[0]);
}

static double flops_grad_input(const struct infer *s)
{
    struct conv_dims d;
    return oc__conv_dims(&d, s->attr, s->x[2], s->x[1]) < 0 ? 0 : oc__conv_flops(&d);
}

/* Linear in dy and in w: its own gradients are the other two functions of the family. */
static void grad_grad_input(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                            oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_conv, n->attr, OC_IN(dy[0], n->in[1]));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_conv_grad_weight, n->attr, OC_IN(dy[0], n->in[0], n->in[1]));
}

static const char *const grad_input_cases[] = {
    "2x4x3x4 4x3x3x3 2x3x5x6",
    "1x3x4x4 3x2x3x3 1x2x7x7 strides=2 pads=1",
    "2x6x7x4 6x2x3x3 2x4x6x5 group=2 pads=1,0,2,1",
    "1x2x3x3 2x2x3x2 1x2x9x8 dilations=2,3 strides=2",
    "2x4x4 4x3x3 2x3x9 strides=2 pads=1,2 dilations=2",
    "2x32x9x9 32x16x3x3 2x16x9x9 pads=1",
    NULL
};

const struct op oc__op_conv_grad_input = {
    .entry = { "ConvGradInput", "dx of Conv, from dy and w", attrs, sizeof(struct conv) },
    .inputs = "dy w x", .outputs = "dx", .shape_only = 1u << 2,
    .shape = shape_grad_input, .grad = grad_grad_input, .run = run_grad_input,
    .flops = flops_grad_input, .cases = grad_input_cases,
};

static void run_grad_weight(const struct call *c)
{
    struct conv_dims d;
    oc__conv_dims(&d, c->attr, c->xs[0], c->xs[2]);
    clear(c->y[0], c->ys[0]);
    oc__conv_products(&d, CONV_W, (const double *[3]){ c->x[0], NULL, c->x[1] }, c->y[0]);
}

static double flops_grad_weight(const struct infer *s)
{
    struct conv_dims d;
    return oc__conv_dims(&d, s->attr, s->x[0], s->x[2]) < 0 ? 0 : oc__conv_flops(&d);
}

static void grad_grad_weight(oc_graph *g, const struct node *n, const oc_value *dy,
                             const bool *want, oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_conv_grad_input, n->attr, OC_IN(n->in[1], dy[0], n->in[0]));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_conv, n->attr, OC_IN(n->in[0], dy[0]));
}

static const char *const grad_weight_cases[] = {
    "2x3x5x6 2x4x3x4 4x3x3x3",
    "1x2x7x7 1x3x4x4 3x2x3x3 strides=2 pads=1",
    "2x4x6x5 2x6x7x4 6x2x3x3 group=2 pads=1,0,2,1",
    "1x2x9x8 1x2x3x3 2x2x3x2 dilations=2,3 strides=2",
    "2x3x9 2x4x4 4x3x3 strides=2 pads=1,2 dilations=2",
    "2x16x9x9 2x32x9x9 32x16x3x3 pads=1",
    NULL
};

const struct op oc__op_conv_grad_weight = {
    .entry = { "ConvGradWeight", "dw of Conv, from x and dy", attrs, sizeof(struct conv) },
    .inputs = "x dy w", .outputs = "dw", .shape_only = 1u << 2,
    .shape = shape_grad_weight, .grad = grad_grad_weight, .run = run_grad_weight,
    .flops = flops_grad_weight, .cases = grad_weight_cases,
};
