/* conv.c — convolution, its gradients, the fused form of inference, and the transposed one.
 *
 * All of them let the library choose its layouts: [n, c / 16, h, w, 16] in training, channels last
 * in inference, and for pictures of one to three channels the plain layout that they come in.  A
 * transposed convolution is what the library calls a deconvolution; it wants the channels of the
 * weights in each other's place, which is a matter of their layout alone.
 *
 * A gradient is created with its forward convolution as a hint, which the library demands.
 *
 * In training, windows of 3x3 are computed by Winograd's minimal filtering F(4x4, 3x3) (Lavin and
 * Gray, "Fast algorithms for convolutional neural networks", 2016) where there are enough tiles:
 * it needs a quarter of the multiplications and rounds with a relative error of 1e-6. */
#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"
#include "op/conv.h"

/* The descriptors of x, w, b and y, and the geometry in the library's counting. */
struct geometry {
    struct desc     x, w, b, y;
    struct dnn_conv conv;
};

/* What the operands of a request are to the convolution. */
struct roles { const oc_shape *x, *w, *b, *y; };

/* Letters of the dimensions, by their number. */
static const char *const image_letters[] = { [3] = "ncw", [4] = "nchw", [5] = "ncdhw" };
static const char *const weight_letters[] = { [3] = "oiw", [4] = "oihw", [5] = "oidhw" };
static const char *const group_letters[] = { [3] = "goiw", [4] = "goihw", [5] = "goidhw" };

static const oc_shape *input_shape(const struct request *r, int i)
{
    return i < r->n_in ? r->x[i].shape : NULL;
}

/* Grouped weights have a dimension more to the library: [group, out, in, …]. */
static bool describe_weights(struct desc *d, const struct conv_dims *c, const oc_shape *w,
                             bool transposed)
{
    int64_t dim[DNNL_MAX_NDIMS] = { c->group, transposed ? c->in : c->out,
                                    transposed ? c->out : c->in };
    for (int i = 2; i < w->rank; i++)
        dim[i + 1] = w->dim[i];
    return c->group == 1 ? oc__desc_any(d, w->rank, dim + 1) : oc__desc_any(d, w->rank + 1, dim);
}

static void describe_window(struct dnn_conv *c, const struct window *w)
{
    const int skip = WINDOW_DIMS - w->dims;
    for (int i = 0; i < w->dims; i++) {
        c->stride[i] = w->stride[skip + i];
        c->dilation[i] = w->dilation[skip + i] - 1;
        c->begin[i] = w->pad[skip + i];
        c->end[i] = w->pad_end[skip + i];
    }
}

/* Tiles of 4x4 from which on the transforms pay for themselves, with 16 channels and with 512. */
enum { WINOGRAD_TILES = 64 };

static bool suits_winograd(const struct conv_dims *c, int64_t n)
{
    const struct window *w = &c->window;
    int64_t tiles = n;
    if (w->dims != 2 || c->group != 1)
        return false;
    for (int i = WINDOW_DIMS - 2; i < WINDOW_DIMS; i++) {
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1)
            return false;
        tiles *= (w->y[i] + 3) / 4;
    }
    return tiles >= WINOGRAD_TILES;
}

static bool describe(struct geometry *g, const struct conv *a, const struct roles *s,
                     bool transposed)
{
    struct conv_dims d;
    const oc_status status = transposed ? oc__conv_transpose_dims(&d, a, s->x, s->w)
                                        : oc__conv_dims(&d, a, s->x, s->w);
    if (status < 0)
        return false;
    g->conv = (struct dnn_conv){ .transposed = transposed, .x = &g->x, .w = &g->w,
                                 .b = s->b ? &g->b : NULL, .y = &g->y,
                                 .winograd = !transposed && suits_winograd(&d, s->x->dim[0]) };
    describe_window(&g->conv, &d.window);
    return oc__desc_any(&g->x, s->x->rank, s->x->dim) &&
           describe_weights(&g->w, &d, s->w, transposed) &&
           oc__desc_any(&g->y, s->y->rank, s->y->dim) &&
           (!s->b || oc__desc_plain(&g->b, s->b->rank, s->b->dim));
}

static dnnl_primitive_desc_t make(enum pass pass, const void *conv, const struct setting *s)
{
    return oc__dnn_convolution(pass, conv, s);
}

/* The primitive descriptor of one pass; `g` holds the descriptors of all operands. */
static dnnl_primitive_desc_t create(enum pass pass, struct geometry *g, const struct post *post)
{
    dnnl_primitive_desc_t pd = NULL;
    if (g->conv.winograd && pass != PASS_INFERENCE)
        pd = oc__prim_make(pass, make, &g->conv, post);
    g->conv.winograd = false;
    return pd ? pd : oc__prim_make(pass, make, &g->conv, post);
}

/* Slots of image, weights and image, with the letters that their dimensions have. */
static struct slot image(int arg, enum side side, int index, const oc_shape *s)
{
    return (struct slot){ arg, side, index, image_letters[s->rank], 0 };
}

static struct slot weights(int arg, enum side side, int index, const oc_shape *s, int64_t group)
{
    const char *const *letters = group > 1 ? group_letters : weight_letters;
    return (struct slot){ arg, side, index, letters[s->rank], 0 };
}

/* Conv, FusedConv and ConvTranspose: inputs x, w, b and, fused, z. */
static bool accept_forward(const struct request *r, struct offer *o, bool transposed)
{
    const struct conv *a = r->attr;
    const struct roles s = { r->x[0].shape, r->x[1].shape, input_shape(r, 2), r->y[0].shape };
    struct geometry g;
    struct post post;
    if (!oc__all_f32(r) || !oc__dnn_engine() || !describe(&g, a, &s, transposed) ||
        !oc__dnn_activation(&post, &a->activation))
        return false;
    post.sum = input_shape(r, 3) != NULL;
    struct slot slots[] = {
        image(DNNL_ARG_DST, SIDE_Y, 0, s.y), image(DNNL_ARG_SRC, SIDE_X, 0, s.x),
        weights(DNNL_ARG_WEIGHTS, SIDE_X, 1, s.w, a->group), { DNNL_ARG_BIAS, SIDE_X, 2, "x", 0 },
    };
    if (transposed)
        slots[2].swap = a->group > 1 ? 2 : 1;
    const enum pass pass = r->mode == OC_TRAIN ? PASS_TRAINING : PASS_INFERENCE;
    const struct fit fit = { create(pass, &g, &post), slots, 4, post.sum ? 3 : -1, false };
    return oc__prim_offer(&fit, r, o);
}

static bool accept_conv(const struct request *r, struct offer *o)
{
    return accept_forward(r, o, false);
}

static bool accept_transpose(const struct request *r, struct offer *o)
{
    return accept_forward(r, o, true);
}

/* dx from dy, w and the shape of x. */
static bool accept_grad_input(const struct request *r, struct offer *o)
{
    const struct conv *a = r->attr;
    const struct roles s = { r->y[0].shape, r->x[1].shape, NULL, r->x[0].shape };
    struct geometry g;
    if (!oc__all_f32(r) || !oc__dnn_engine() || !describe(&g, a, &s, false))
        return false;
    const struct slot slots[] = {
        image(DNNL_ARG_DIFF_SRC, SIDE_Y, 0, s.x), image(DNNL_ARG_DIFF_DST, SIDE_X, 0, s.y),
        weights(DNNL_ARG_WEIGHTS, SIDE_X, 1, s.w, a->group),
    };
    const struct fit fit = { create(PASS_DATA, &g, NULL), slots, 3, -1, false };
    return oc__prim_offer(&fit, r, o);
}

/* dw from x, dy and the shape of w. */
static bool accept_grad_weight(const struct request *r, struct offer *o)
{
    const struct conv *a = r->attr;
    const struct roles s = { r->x[0].shape, r->y[0].shape, NULL, r->x[1].shape };
    struct geometry g;
    if (!oc__all_f32(r) || !oc__dnn_engine() || !describe(&g, a, &s, false))
        return false;
    const struct slot slots[] = {
        weights(DNNL_ARG_DIFF_WEIGHTS, SIDE_Y, 0, s.w, a->group),
        image(DNNL_ARG_SRC, SIDE_X, 0, s.x), image(DNNL_ARG_DIFF_DST, SIDE_X, 1, s.y),
    };
    const struct fit fit = { create(PASS_WEIGHTS, &g, NULL), slots, 3, -1, false };
    return oc__prim_offer(&fit, r, o);
}

const struct kernel oc__dnn_conv = PRIM_KERNEL("Conv", "convolution", accept_conv);
const struct kernel oc__dnn_fused_conv = PRIM_KERNEL("FusedConv", "convolution", accept_conv);
const struct kernel oc__dnn_conv_transpose =
    PRIM_KERNEL("ConvTranspose", "deconvolution", accept_transpose);
const struct kernel oc__dnn_conv_grad_input =
    PRIM_KERNEL("ConvGradInput", "convolution_by_data", accept_grad_input);
const struct kernel oc__dnn_conv_grad_weight =
    PRIM_KERNEL("ConvGradWeight", "convolution_by_weights", accept_grad_weight);
