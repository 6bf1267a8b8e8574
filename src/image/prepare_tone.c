/* prepare_tone.c — steps that give the same pixels other values; alpha is left as it is.
 *
 *     minmax            each channel stretched to 0 … 255
 *     invert            255 - v
 *     adaptive_invert   the same where the top left pixel is darker than half */
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "image/prepare.h"
#include "op/op.h"

/* A value for each value of each channel. */
struct table { uint8_t to[4][256]; };

static oc_status map(struct canvas *canvas, const struct table *table)
{
    const oc_image *in = &canvas->image;
    const size_t    n = oc__image_bytes(in), c = (size_t)in->channels;
    oc_image        out;
    TRY(oc__image_new(&out, "prepared image", in->width, in->height, in->channels));
    for (size_t k = 0; k < c; k++)
        for (size_t i = k; i < n; i += c)
            out.pixel[i] = table->to[k][in->pixel[i]];
    oc__canvas_put(canvas, out);
    return OC_OK;
}

static struct table identity(void)
{
    struct table t;
    for (int k = 0; k < 4; k++)
        for (int v = 0; v < 256; v++)
            t.to[k][v] = (uint8_t)v;
    return t;
}

/* ---- minmax ------------------------------------------------------------------------------- */

static void stretch(const oc_image *in, size_t channel, uint8_t to[256])
{
    const size_t n = oc__image_bytes(in), c = (size_t)in->channels;
    int          low = 255, high = 0;
    for (size_t i = channel; i < n; i += c) {
        low = in->pixel[i] < low ? in->pixel[i] : low;
        high = in->pixel[i] > high ? in->pixel[i] : high;
    }
    for (int v = low; v <= high && high > low; v++)
        to[v] = (uint8_t)(((v - low) * 510 + (high - low)) / (2 * (high - low)));
}

static oc_status minmax(const void *attr, struct canvas *canvas)
{
    (void)attr;
    struct table t = identity();
    for (int k = 0; k < oc__image_colours(&canvas->image); k++)
        stretch(&canvas->image, (size_t)k, t.to[k]);
    return map(canvas, &t);
}

/* Quotients are no closer to where they are rounded than f32 can tell apart. */
static oc_status minmax_nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    const oc_value low = oc__node(n, "ReduceMin", "axes=2,3", OC_IN(n->x));
    const oc_value high = oc__node(n, "ReduceMax", "axes=2,3", OC_IN(n->x));
    const oc_value range = oc__node_by(n, "Larger", oc__node_with(n, "Sub", high, low), 1);
    const oc_value above = oc__node_by(n, "Mul", oc__node_with(n, "Sub", n->x, low), 255);
    const oc_value exact = oc__node_with(n, "Div", above, range);
    const oc_value whole = oc__node_of(n, "Floor", oc__node_by(n, "Add", exact, 0.5));
    n->x = oc__node(n, "Where", NULL, OC_IN(oc__node_with(n, "Greater", high, low), whole, n->x));
    return OC_OK;
}

const struct prepare oc__prepare_minmax = {
    .entry = { .name = "minmax", .summary = "stretches each channel to the full range" },
    .apply = minmax, .nodes = minmax_nodes,
};

/* ---- invert ------------------------------------------------------------------------------- */

static oc_status invert(const void *attr, struct canvas *canvas)
{
    (void)attr;
    struct table t = identity();
    for (int k = 0; k < oc__image_colours(&canvas->image); k++)
        for (int v = 0; v < 256; v++)
            t.to[k][v] = (uint8_t)(255 - v);
    return map(canvas, &t);
}

static oc_status invert_nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    n->x = oc__node_negative(n);
    return OC_OK;
}

const struct prepare oc__prepare_invert = {
    .entry = { .name = "invert", .summary = "negates the image" },
    .pointwise = true, .apply = invert, .nodes = invert_nodes,
};

static oc_status invert_dark(const void *attr, struct canvas *canvas)
{
    const oc_image *in = &canvas->image;
    const int       colours = oc__image_colours(in);
    int             sum = 0;
    for (int k = 0; k < colours; k++)
        sum += in->pixel[k];
    return 2 * sum < 255 * colours ? invert(attr, canvas) : OC_OK;
}

static oc_status invert_dark_nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    const oc_value first = oc__node_list(n, 1, (int64_t[]){ 0 });
    const oc_value row = oc__node(n, "Gather", "axis=2", OC_IN(n->x, first));
    const oc_value corner = oc__node(n, "Gather", "axis=3", OC_IN(row, first));
    const oc_value sum = oc__node(n, "ReduceSum", "axes=1", OC_IN(corner));
    const oc_value dark = oc__node_by(n, "Less", sum, 127.5 * n->channels);
    n->x = oc__node(n, "Where", NULL, OC_IN(dark, oc__node_negative(n), n->x));
    return OC_OK;
}

const struct prepare oc__prepare_adaptive_invert = {
    .entry = { .name = "adaptive_invert",
               .summary = "negates an image whose top left pixel is darker than half" },
    .apply = invert_dark, .nodes = invert_dark_nodes,
};
