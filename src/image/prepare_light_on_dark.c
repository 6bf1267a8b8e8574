/* prepare_light_on_dark.c — makes drawings light on a dark ground, as MNIST's digits are.
 *
 * The ground is what touches the border: where the border's pixels are lighter than half on
 * average, the image is negated (its alpha channel is not). */
#include <string.h>
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "image/prepare.h"
#include "op/op.h"

static bool has_alpha(const oc_image *image)
{
    return image->channels == 2 || image->channels == 4;
}

static int64_t sum_of(const uint8_t *pixel, size_t pixels, size_t step, int channels)
{
    int64_t sum = 0;
    for (size_t i = 0; i < pixels; i++)
        for (int k = 0; k < channels; k++)
            sum += pixel[i * step + (size_t)k];
    return sum;
}

bool oc__image_border_is_light(const oc_image *image)
{
    const size_t   w = (size_t)image->width, h = (size_t)image->height;
    const size_t   c = (size_t)image->channels, row = w * c;
    const int      colours = image->channels - has_alpha(image);
    const uint8_t *p = image->pixel;
    const int64_t  across = sum_of(p, w, c, colours) + sum_of(p + (h - 1) * row, w, c, colours);
    const int64_t  down = sum_of(p, h, row, colours) + sum_of(p + row - c, h, row, colours);
    return 2 * (across + down) > 255 * 2 * (int64_t)(w + h) * colours;
}

static oc_status apply(const void *attr, struct canvas *canvas)
{
    (void)attr;
    const oc_image *in = &canvas->image;
    oc_image        out;
    if (!oc__image_border_is_light(in))
        return OC_OK;
    TRY(oc__image_new(&out, "prepared image", in->width, in->height, in->channels));
    const size_t n = oc__image_bytes(in), c = (size_t)in->channels;
    for (size_t i = 0; i < n; i++)
        out.pixel[i] = has_alpha(in) && i % c == c - 1 ? in->pixel[i] : (uint8_t)~in->pixel[i];
    oc__canvas_put(canvas, out);
    return OC_OK;
}

/* The first and last rows (axis 2) or columns (axis 3), added up. */
static oc_value edges(struct nodes *n, const char *axis)
{
    const oc_value both = oc__node_list(n, 2, (int64_t[]){ 0, -1 });
    const oc_value lines = oc__node(n, "Gather", axis, OC_IN(n->x, both));
    return oc__node(n, "ReduceSum", "axes=1,2,3", OC_IN(lines));
}

static oc_status nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    const oc_value sum = oc__node_with(n, "Add", edges(n, "axis=2"), edges(n, "axis=3"));
    const oc_value pixels = oc__node_with(n, "Add", n->height, n->width);
    const oc_value half = oc__node(n, "Cast", "to=f32",
                                   OC_IN(oc__node_by(n, "Mul", pixels, 255.0 * n->channels)));
    const oc_value light = oc__node_with(n, "Greater", sum, half);
    n->x = oc__node(n, "Where", NULL, OC_IN(light, oc__node_negative(n), n->x));
    return OC_OK;
}

const struct prepare oc__prepare_light_on_dark = {
    .entry = { .name = "light_on_dark", .summary = "negates an image whose border is light" },
    .apply = apply, .nodes = nodes,
};
