/* prepare_tone.c — steps that give the same pixels other values; alpha is left as it is.
 *
 *     minmax            each channel stretched to 0 … 255
 *     invert            255 - v
 *     adaptive_invert   the same where the top left pixel is darker than half */
#include "base/status.h"
#include "image/image.h"
#include "image/prepare.h"

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

const struct prepare oc__prepare_minmax = {
    .entry = { .name = "minmax", .summary = "stretches each channel to the full range" },
    .apply = minmax,
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

const struct prepare oc__prepare_invert = {
    .entry = { .name = "invert", .summary = "negates the image" },
    .pointwise = true, .apply = invert,
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

const struct prepare oc__prepare_adaptive_invert = {
    .entry = { .name = "adaptive_invert",
               .summary = "negates an image whose top left pixel is darker than half" },
    .apply = invert_dark,
};
