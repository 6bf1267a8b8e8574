/* prepare_crop.c — steps that cut: `centercrop 224` takes the middle, `trim` the content.
 *
 * The ground of an image has the colour of its top left pixel, and content is what differs from it
 * by more than a tolerance.  trim takes the box around all content, grown about its middle in one
 * dimension until it has the proportions of the whole image, and moved inside where it would reach
 * past the border. */
#include <math.h>
#include <stdlib.h>
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "image/prepare.h"

static oc_status crop(struct canvas *canvas, struct crop_box box, int fill)
{
    const oc_image *in = &canvas->image;
    oc_image        out;
    if (box.width == in->width && box.height == in->height)
        return OC_OK;
    TRY(oc__image_crop(&out, in, box, fill));
    oc__canvas_put_part(canvas, out, (struct view){ box.left, box.top, box.width, box.height });
    return OC_OK;
}

/* ---- centercrop --------------------------------------------------------------------------- */

struct centercrop { struct ints size; int64_t fill; };

static const struct attr centercrop_attrs[] = {
    ATTR_RANGE(struct centercrop, INTS, size, NULL, "height,width; or one for both", 1,
               IMAGE_SIDE_MAX),
    ATTR_RANGE(struct centercrop, INT, fill, "0", "around images that are smaller", 0, 255),
    { 0 }
};

static oc_status centercrop_ready(void *attr)
{
    const int n = ((const struct centercrop *)attr)->size.n;
    if (n == 1 || n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "preparation: centercrop takes one or two numbers, not %d", n);
}

static oc_status centercrop_extent(const void *attr, struct extent *e)
{
    const struct ints *size = &((const struct centercrop *)attr)->size;
    e->height = (int)size->v[0];
    e->width = (int)size->v[size->n - 1];
    return OC_OK;
}

/* Half pixels go to the even side, as in torchvision. */
static oc_status centercrop_apply(const void *attr, struct canvas *canvas)
{
    const struct centercrop *a = attr;
    const oc_image          *in = &canvas->image;
    const int height = (int)a->size.v[0], width = (int)a->size.v[a->size.n - 1];
    const struct crop_box box = { (int)lrint((in->width - width) / 2.0),
                                  (int)lrint((in->height - height) / 2.0), width, height };
    return crop(canvas, box, (int)a->fill);
}

/* Round, too, gives halves to the even side. */
static oc_value middle(struct nodes *n, oc_value side, oc_value length)
{
    return oc__node_of(n, "Round", oc__node_by(n, "Div", oc__node_with(n, "Sub", side, length), 2));
}

static oc_status centercrop_nodes(const void *attr, struct nodes *n)
{
    const struct centercrop *a = attr;
    struct node_box box = { .height = oc__node_side(n, (double)a->size.v[0]),
                            .width = oc__node_side(n, (double)a->size.v[a->size.n - 1]) };
    box.top = middle(n, n->height, box.height);
    box.left = middle(n, n->width, box.width);
    oc__nodes_crop(n, box, a->fill);
    return OC_OK;
}

const struct prepare oc__prepare_centercrop = {
    .entry = { .name = "centercrop", .summary = "the middle of the image",
               .attrs = centercrop_attrs, .size = sizeof(struct centercrop),
               .example = "centercrop 224" },
    .fits = true, .ready = centercrop_ready, .extent = centercrop_extent, .apply = centercrop_apply,
    .nodes = centercrop_nodes,
};

/* ---- trim --------------------------------------------------------------------------------- */

struct trim { double tolerance; };

static const struct attr trim_attrs[] = {
    ATTR_RANGE(struct trim, FLOAT, tolerance, "0.1",
               "how far content differs from the ground, of full scale", 0, 1),
    { 0 }
};

static oc_status trim_extent(const void *attr, struct extent *e)
{
    (void)attr;
    e->height = e->width = 0;
    return OC_OK;
}

static bool is_content(const oc_image *in, int x, int y, int tolerance)
{
    const size_t   c = (size_t)in->channels;
    const uint8_t *pixel = in->pixel + ((size_t)y * (size_t)in->width + (size_t)x) * c;
    for (size_t k = 0; k < c; k++)
        if (abs(pixel[k] - in->pixel[k]) > tolerance)
            return true;
    return false;
}

/* The box around all content, of no width where there is none. */
static struct crop_box find_content(const oc_image *in, int tolerance)
{
    int left = in->width, right = 0, top = in->height, bottom = 0;
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++) {
            if (!is_content(in, x, y, tolerance))
                continue;
            left = x < left ? x : left;
            right = x + 1 > right ? x + 1 : right;
            top = y < top ? y : top;
            bottom = y + 1;
        }
    return right > left ? (struct crop_box){ left, top, right - left, bottom - top }
                        : (struct crop_box){ 0 };
}

/* Grows [*from, *from + *n) to `to` about its middle, inside [0, side). */
static void grow(int *from, int *n, int to, int side)
{
    int begin = *from - (to - *n) / 2;
    begin = begin > 0 ? begin : 0;
    *from = begin + to <= side ? begin : side - to;
    *n = to;
}

static int proportional(int side, int to, int from, int most)
{
    const int64_t v = ((int64_t)side * to + from / 2) / from;
    return v > most ? most : v < 1 ? 1 : (int)v;
}

static oc_status trim_apply(const void *attr, struct canvas *canvas)
{
    const oc_image *in = &canvas->image;
    const double    tolerance = ((const struct trim *)attr)->tolerance;
    struct crop_box box = find_content(in, (int)lround(tolerance * 255));
    if (box.width == 0)
        return OC_OK;
    if ((int64_t)box.width * in->height < (int64_t)box.height * in->width)
        grow(&box.left, &box.width, proportional(box.height, in->width, in->height, in->width),
             in->width);
    else
        grow(&box.top, &box.height, proportional(box.width, in->height, in->width, in->height),
             in->height);
    return crop(canvas, box, 0);
}

static oc_status trim_nodes(const void *attr, struct nodes *n)
{
    (void)attr, (void)n;
    return oc__fail(OC_EUSAGE, "the box that it cuts follows from the pixels of each image");
}

const struct prepare oc__prepare_trim = {
    .entry = { .name = "trim", .summary = "cuts off ground around the content, proportions kept",
               .attrs = trim_attrs, .size = sizeof(struct trim) },
    .extent = trim_extent, .apply = trim_apply, .nodes = trim_nodes,
};
