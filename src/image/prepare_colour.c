/* prepare_colour.c — steps that change the number of channels.
 *
 * An alpha channel is composed over white first, as on paper: v' = (a v + (255 - a) 255) / 255.
 * Luma is ITU-R BT.601's, Y = 0.299 R + 0.587 G + 0.114 B, in 16 fractional bits, rounded. */
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "op/op.h"
#include "image/prepare.h"

static uint8_t over_white(int v, int alpha)
{
    return (uint8_t)((v * alpha + 255 * (255 - alpha) + 127) / 255);
}

static uint8_t luma(int r, int g, int b)
{
    return (uint8_t)((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16);
}

/* One pixel of c channels as grey or RGB without alpha. */
static void flatten(const uint8_t *from, int c, uint8_t *to, int wanted)
{
    const int alpha = c == 2 || c == 4 ? from[c - 1] : 255;
    uint8_t   rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] = over_white(from[c > 2 ? k : 0], alpha);
    if (wanted == 1)
        to[0] = c > 2 ? luma(rgb[0], rgb[1], rgb[2]) : rgb[0];
    for (int k = 0; wanted == 3 && k < 3; k++)
        to[k] = rgb[k];
}

static oc_status flatten_to(struct canvas *canvas, int wanted)
{
    const oc_image *in = &canvas->image;
    oc_image        out;
    if (in->channels == wanted)
        return OC_OK;
    TRY(oc__canvas_settle(canvas));
    TRY(oc__image_new(&out, "prepared image", in->width, in->height, wanted));
    const size_t n = (size_t)in->width * (size_t)in->height;
    for (size_t i = 0; i < n; i++)
        flatten(in->pixel + i * (size_t)in->channels, in->channels,
                out.pixel + i * (size_t)wanted, wanted);
    oc__canvas_put(canvas, out);
    return OC_OK;
}

static oc_status to_grey(const void *attr, struct canvas *canvas)
{
    (void)attr;
    return flatten_to(canvas, 1);
}

static oc_status grey_extent(const void *attr, struct extent *e)
{
    (void)attr;
    e->channels = 1;
    return OC_OK;
}

/* In f32 exact: each product and the sum are whole numbers of less than 24 bits, over 2^16. */
static oc_status grey_nodes(const void *attr, struct nodes *n)
{
    static const double share[] = { 19595.0 / 65536, 38470.0 / 65536, 7471.0 / 65536 };
    (void)attr;
    if (n->channels == 1)
        return OC_OK;
    const oc_value parts = oc__node_with(n, "Mul", n->x, oc__node_channels(n, 3, share));
    const oc_value sum = oc__node(n, "ReduceSum", "axes=1", OC_IN(parts));
    n->x = oc__node_of(n, "Floor", oc__node_by(n, "Add", sum, 0.5));
    n->channels = 1;
    return OC_OK;
}

const struct prepare oc__prepare_grayscale = {
    .entry = { .name = "grayscale", .summary = "one channel: luma, alpha over white" },
    .pointwise = true, .early = true, .extent = grey_extent, .apply = to_grey, .nodes = grey_nodes,
};

static oc_status to_rgb(const void *attr, struct canvas *canvas)
{
    (void)attr;
    return flatten_to(canvas, 3);
}

static oc_status rgb_extent(const void *attr, struct extent *e)
{
    (void)attr;
    e->channels = 3;
    return OC_OK;
}

static oc_status rgb_nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    if (n->channels == 1)
        n->x = oc__node(n, "Concat", "axis=1", OC_IN(n->x, n->x, n->x));
    n->channels = 3;
    return OC_OK;
}

const struct prepare oc__prepare_rgb = {
    .entry = { .name = "rgb", .summary = "three channels: grey repeated, alpha over white" },
    .pointwise = true, .early = true, .extent = rgb_extent, .apply = to_rgb, .nodes = rgb_nodes,
};

/* The order of OpenCV, Caffe and what was trained with them. */
static oc_status to_bgr(const void *attr, struct canvas *canvas)
{
    oc_image out;
    TRY(to_rgb(attr, canvas));
    TRY(oc__image_new(&out, "prepared image", canvas->image.width, canvas->image.height, 3));
    const size_t n = oc__image_bytes(&out);
    for (size_t i = 0; i < n; i += 3)
        for (size_t k = 0; k < 3; k++)
            out.pixel[i + k] = canvas->image.pixel[i + 2 - k];
    oc__canvas_put(canvas, out);
    return OC_OK;
}

static oc_status bgr_nodes(const void *attr, struct nodes *n)
{
    TRY(rgb_nodes(attr, n));
    const oc_value order = oc__node_list(n, 3, (int64_t[]){ 2, 1, 0 });
    n->x = oc__node(n, "Gather", "axis=1", OC_IN(n->x, order));
    return OC_OK;
}

const struct prepare oc__prepare_bgr = {
    .entry = { .name = "bgr", .summary = "as rgb, and red and blue change places" },
    .pointwise = true, .extent = rgb_extent, .apply = to_bgr, .nodes = bgr_nodes,
};
