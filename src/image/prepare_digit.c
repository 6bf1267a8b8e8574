/* prepare_digit.c — makes of a drawing of a digit, light on dark, what MNIST is made of.
 *
 * LeCun et al. ("Gradient-based learning applied to document recognition", 1998, section III)
 * scaled each digit to fit 20x20 pixels with its proportions kept, and put it into a field of
 * 28x28 so that its centre of mass is the centre of the field.  Before that the digit is found and
 * cut out (see ink.h).  An image that has the field's size already is left alone. */
#include <math.h>
#include "base/status.h"
#include "image/image.h"
#include "image/ink.h"
#include "image/nodes.h"
#include "image/prepare.h"

struct digit { int64_t size; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct digit, INT, size, "28", "side of the field; the digit takes 20/28 of it",
               8, 1024),
    { 0 }
};

/* Scales to a longer side of `side` pixels. */
static oc_status fit(oc_image *out, const oc_image *in, int side)
{
    const double longer = in->width > in->height ? in->width : in->height;
    const int    w = (int)lround(in->width * side / longer);
    const int    h = (int)lround(in->height * side / longer);
    return oc__image_resize(out, in, w > 0 ? w : 1, h > 0 ? h : 1, FILTER_BILINEAR);
}

/* A pen thinner than a pixel fades when scaled down: the strongest stroke becomes 255 again. */
static void strengthen(oc_image *image)
{
    int most = 1;
    for (size_t i = 0; i < oc__image_bytes(image); i++)
        most = image->pixel[i] > most ? image->pixel[i] : most;
    for (size_t i = 0; i < oc__image_bytes(image); i++)
        image->pixel[i] = (uint8_t)((image->pixel[i] * 255 + most / 2) / most);
}

/* Where the image begins along one axis of the field, so that its centre of mass lies in the
 * middle and all of it inside. */
static int place(double moment, double mass, int side, int field)
{
    const double centre = mass > 0 ? moment / mass : side / 2.0;
    const int    at = (int)lround(field / 2.0 - centre);
    return at < 0 ? 0 : at > field - side ? field - side : at;
}

/* *at becomes the corner of the digit in the field. */
static void paste(const oc_image *digit, oc_image *field, struct view *at)
{
    double mass = 0, across = 0, down = 0;
    for (int y = 0; y < digit->height; y++)
        for (int x = 0; x < digit->width; x++) {
            const double v = digit->pixel[y * digit->width + x];
            mass += v;
            across += v * (x + 0.5);
            down += v * (y + 0.5);
        }
    const int left = place(across, mass, digit->width, field->width);
    const int top = place(down, mass, digit->height, field->height);
    *at = (struct view){ left, top, digit->width, digit->height };
    for (int y = 0; y < digit->height; y++)
        for (int x = 0; x < digit->width; x++)
            field->pixel[(top + y) * field->width + left + x] =
                digit->pixel[y * digit->width + x];
}

/* The drawing alone, and its box in the image.  Nothing finer than 1/16 of a pixel of the field is
 * of use, and a smaller image is quicker to search. */
static oc_status find_digit(const oc_image *in, int size, oc_image *out, struct view *view)
{
    oc_image        small = { 0 };
    struct crop_box box;
    const oc_image *from = in;
    if (in->width > 16 * size || in->height > 16 * size) {
        TRY(fit(&small, in, 16 * size));
        from = &small;
    }
    const oc_status status = oc__ink_crop(from, out, &box);
    const double    across = (double)in->width / from->width;
    const double    down = (double)in->height / from->height;
    *view = (struct view){ box.left * across, box.top * down, box.width * across,
                           box.height * down };
    oc_image_free(&small);
    return status;
}

/* The box of the image that the field shows, where the digit's own is given in both. */
static struct view around(struct view in_image, struct view in_field, int size)
{
    const double across = in_image.width / in_field.width;
    const double down = in_image.height / in_field.height;
    return (struct view){ in_image.left - in_field.left * across,
                          in_image.top - in_field.top * down, size * across, size * down };
}

static oc_status apply(const void *attr, struct canvas *canvas)
{
    const int       size = (int)((const struct digit *)attr)->size;
    const oc_image *in = &canvas->image;
    oc_image        drawing = { 0 }, digit = { 0 }, field = { 0 };
    struct view     in_image, in_field;
    if (in->channels != 1)
        return oc__fail(OC_EUSAGE, "preparation: digit takes one channel, not %d", in->channels);
    if (in->width == size && in->height == size)
        return OC_OK;
    oc_status status = find_digit(in, size, &drawing, &in_image);
    if (status == OC_OK)
        status = fit(&digit, &drawing, size * 20 / 28);
    if (status == OC_OK)
        status = oc__image_new(&field, "prepared image", size, size, 1);
    if (status == OC_OK) {
        strengthen(&digit);
        paste(&digit, &field, &in_field);
        oc__canvas_put_part(canvas, field, around(in_image, in_field, size));
    }
    oc_image_free(&drawing);
    oc_image_free(&digit);
    return status;
}

static oc_status extent(const void *attr, struct extent *e)
{
    const int size = (int)((const struct digit *)attr)->size;
    if (e->channels > 1)
        return oc__fail(OC_EUSAGE, "preparation: digit takes one channel, not %d", e->channels);
    *e = (struct extent){ size, size, 1 };
    return OC_OK;
}

static oc_status nodes(const void *attr, struct nodes *n)
{
    const int64_t size = ((const struct digit *)attr)->size;
    double        height = 0, width = 0;
    if (oc__node_known(n, n->height, &height) && oc__node_known(n, n->width, &width)
        && height == (double)size && width == (double)size)
        return OC_OK;
    const long long side = (long long)size;
    return oc__fail(OC_EUSAGE, "it searches each image for its drawing, but leaves those of "
                               "%lldx%lld alone: --image 1,%lld,%lld takes these", side, side,
                    side, side);
}

const struct prepare oc__prepare_digit = {
    .entry = { .name = "digit", .summary = "cuts out, scales and centres a digit as MNIST does",
               .attrs = attrs, .size = sizeof(struct digit) },
    .extent = extent, .apply = apply, .nodes = nodes,
};
