/* conv_transpose.c — ConvTranspose: the gradient of a convolution by its input, used forwards.
 *
 * With x [n, group * out, …] and w [group * out, in, kernel…], y [n, group * in, …] is what the
 * convolution by w would have to be given for x to be its gradient; so run is ConvGradInput's, and
 * the gradients are Conv (by x) and ConvGradWeight (by w). */
#include "op/conv.h"
#include "op/op.h"

oc_status oc__conv_transpose_dims(struct conv_dims *d, const struct conv *a, const oc_shape *x,
                                  const oc_shape *w)
{
    *d = (struct conv_dims){ .n = x->dim[0], .group = a->group, .in = w->dim[1] };
    TRY(oc__window_transposed(&d->window, &a->window, &a->output_padding, x, w));
    if (w->dim[0] >= 0 && (w->dim[0] % a->group != 0 || (x->dim[1] >= 0 && x->dim[1] != w->dim[0])))
        return oc__fail(OC_EUSAGE, "%lld input channels in %lld groups, the weights have %lld",
                        (long long)x->dim[1], (long long)a->group, (long long)w->dim[0]);
    d->out = w->dim[0] < 0 ? OC_UNKNOWN : w->dim[0] / a->group;
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const struct conv *a = s->attr;
    struct conv_dims d;
    TRY(oc__conv_transpose_dims(&d, a, s->x[0], s->x[1]));
    const int64_t channels = d.in < 0 ? OC_UNKNOWN : d.in * a->group;
    if (s->n_in > 2 && s->x[2] &&
        (s->x[2]->rank != 1 ||
         (s->x[2]->dim[0] >= 0 && channels >= 0 && s->x[2]->dim[0] != channels)))
        return oc__fail(OC_EUSAGE, "the bias is not one number for each output channel");
    s->y[0] = oc__window_shape(&d.window, d.n, channels, d.window.x);
    return OC_OK;
}

static void run(const struct call *c)
{
    struct conv_dims d;
    oc__conv_transpose_dims(&d, c->attr, c->xs[0], c->xs[1]);
    const int64_t plane = oc__window_count(d.window.x), channels = d.group * d.in;
    const double *bias = c->n_in > 2 ? c->x[2] : NULL;
    for (int64_t i = 0; i < d.n * channels * plane; i++)
        c->y[0][i] = bias ? bias[i / plane % channels] : 0;
    oc__conv_products(&d, CONV_X, (const double *[3]){ NULL, c->x[1], c->x[0] }, c->y[0]);
}

static double flops(const struct infer *s)
{
    struct conv_dims d;
    return oc__conv_transpose_dims(&d, s->attr, s->x[0], s->x[1]) < 0 ? 0 : oc__conv_flops(&d);
}

/* The attributes of the convolution back, with the padding as plain numbers. */
static struct conv backwards(const struct conv *a, const struct window *w)
{
    struct conv b = *a;
    b.output_padding.n = 0;
    b.window.auto_pad = AUTO_PAD_NOTSET;
    b.window.pads.n = 2 * w->dims;
    for (int k = 0; k < w->dims; k++) {
        b.window.pads.v[k] = w->pad[WINDOW_DIMS - w->dims + k];
        b.window.pads.v[w->dims + k] = w->pad_end[WINDOW_DIMS - w->dims + k];
    }
    return b;
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    const oc_shape x = oc_value_shape(g, n->in[0]), w = oc_value_shape(g, n->in[1]);
    struct conv_dims d;
    if (oc__conv_transpose_dims(&d, n->attr, &x, &w) < 0) {
        oc__graph_fail(g, OC_EUSAGE, NULL);
        return;
    }
    const struct conv back = backwards(n->attr, &d.window);
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_conv, &back, OC_IN(dy[0], n->in[1]));
    if (want[1])
        dx[1] = oc__apply(g, &oc__op_conv_grad_weight, &back, OC_IN(dy[0], n->in[0], n->in[1]));
    if (n->n_in > 2 && want[2])
        dx[2] = oc__apply(g, &oc__op_conv_grad_bias, NULL, OC_IN(dy[0]));
}

static const struct attr attrs[] = {
    CONV_ATTRS,
    ATTR(struct conv, INTS, output_padding, NULL, "added to the size of the output, at the end"),
    { 0 }
};

static const char *const cases[] = {
    "2x3x4x5 3x2x3x3 2",
    "1x4x4x3 4x3x2x3 - strides=2 pads=1",
    "1x4x4x3 4x3x3x3 6 group=2 strides=2,3 pads=1,0,0,1 output_padding=1",
    "1x2x4x3 2x3x3x2 3 dilations=2 strides=2",
    "1x2x4x3 2x3x3x4 3 strides=2 auto_pad=SAME_UPPER",
    "2x3x5 3x2x4 2 strides=2 pads=1",
    "1x2x3x2x3 2x3x2x2x3 3 strides=2",
    NULL
};

const struct op oc__op_conv_transpose = {
    .entry = { "ConvTranspose", "y with x = ConvGradInput's dy: a convolution's input gradient",
               attrs, sizeof(struct conv) },
    .inputs = "x w b?", .outputs = "y",
    .shape = shape, .grad = grad, .run = run, .flops = flops, .cases = cases,
};
