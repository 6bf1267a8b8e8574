/* prepare_resize.c — brings images to another size: `resize 224,224` to that height and width,
 * `resize 256` to that length of the shorter side with the proportions kept, `letterbox 224` into
 * the middle of a field of that size. */
#include <limits.h>
#include "base/status.h"
#include "image/image.h"
#include "image/nodes.h"
#include "image/prepare.h"
#include "op/op.h"

static oc_status one_or_two(const struct ints *size, const char *name)
{
    if (size->n == 1 || size->n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "preparation: %s takes one or two numbers, not %d", name, size->n);
}

/* `side` scaled by to / from, at least one pixel. */
static int scaled(int side, int64_t to, int from)
{
    const int64_t v = (side * to + from / 2) / from;
    return v < 1 ? 1 : v > INT_MAX ? INT_MAX : (int)v;
}

/* The same as nodes. */
static oc_value scaled_nodes(struct nodes *n, oc_value side, oc_value to, oc_value from)
{
    const oc_value half = oc__node_of(n, "Floor", oc__node_by(n, "Div", from, 2));
    const oc_value whole = oc__node_with(n, "Add", oc__node_with(n, "Mul", side, to), half);
    const oc_value v = oc__node_of(n, "Floor", oc__node_with(n, "Div", whole, from));
    return oc__node_by(n, "Larger", v, 1);
}

/* ---- resize ------------------------------------------------------------------------------- */

struct resize { struct ints size; int filter; };

static const struct attr resize_attrs[] = {
    ATTR_RANGE(struct resize, INTS, size, NULL, "height,width; or the shorter side", 1,
               IMAGE_SIDE_MAX),
    ATTR_WORDS(struct resize, filter, "bilinear", "how pixels are made", oc__filter_names),
    { 0 }
};

static oc_status resize_ready(void *attr)
{
    return one_or_two(&((const struct resize *)attr)->size, "resize");
}

static oc_status resize_extent(const void *attr, struct extent *e)
{
    const struct ints *size = &((const struct resize *)attr)->size;
    if (size->n == 2) {
        e->height = (int)size->v[0];
        e->width = (int)size->v[1];
    } else if (e->height != 0 && e->width != 0) {
        const int shorter = e->height < e->width ? e->height : e->width;
        e->height = scaled(e->height, size->v[0], shorter);
        e->width = scaled(e->width, size->v[0], shorter);
    } else {
        e->height = e->width = 0;
    }
    return OC_OK;
}

/* The nearest pixel is another one in a smaller image; the other filters take means. */
static bool resize_enough(const void *attr, struct extent *e)
{
    const struct resize *const a = attr;
    return a->filter != FILTER_NEAREST && resize_extent(attr, e) == OC_OK;
}

static oc_status resize_apply(const void *attr, struct canvas *canvas)
{
    const oc_image *in = &canvas->image;
    struct extent   e = { in->height, in->width, in->channels };
    TRY(resize_extent(attr, &e));
    return oc__canvas_resize(canvas, e.width, e.height,
                             (enum filter)((const struct resize *)attr)->filter);
}

static oc_status resize_nodes(const void *attr, struct nodes *n)
{
    const struct resize *const a = attr;
    oc_value height = oc__node_side(n, (double)a->size.v[0]);
    oc_value width = oc__node_side(n, (double)a->size.v[a->size.n - 1]);
    if (a->size.n == 1) {
        const oc_value shorter = oc__node_with(n, "Smaller", n->height, n->width);
        height = scaled_nodes(n, n->height, height, shorter);
        width = scaled_nodes(n, n->width, width, shorter);
    }
    oc__nodes_resize(n, height, width, (enum filter)a->filter);
    return OC_OK;
}

const struct prepare oc__prepare_resize = {
    .entry = { .name = "resize", .summary = "another size, antialiased",
               .attrs = resize_attrs, .size = sizeof(struct resize),
               .example = "resize 224,224" },
    .fits = true, .early = true, .ready = resize_ready, .extent = resize_extent,
    .enough = resize_enough, .apply = resize_apply, .nodes = resize_nodes,
};

/* ---- letterbox ---------------------------------------------------------------------------- */

struct letterbox { struct ints size; int64_t fill; int filter; };

static const struct attr letterbox_attrs[] = {
    ATTR_RANGE(struct letterbox, INTS, size, NULL, "height,width; or one for both", 1,
               IMAGE_SIDE_MAX),
    ATTR_RANGE(struct letterbox, INT, fill, "0", "around the image", 0, 255),
    ATTR_WORDS(struct letterbox, filter, "bilinear", "how pixels are made", oc__filter_names),
    { 0 }
};

static oc_status letterbox_ready(void *attr)
{
    return one_or_two(&((const struct letterbox *)attr)->size, "letterbox");
}

static oc_status letterbox_extent(const void *attr, struct extent *e)
{
    const struct ints *size = &((const struct letterbox *)attr)->size;
    e->height = (int)size->v[0];
    e->width = (int)size->v[size->n - 1];
    return OC_OK;
}

/* The size that the image itself has in the field. */
static bool letterbox_enough(const void *attr, struct extent *e)
{
    const struct letterbox *a = attr;
    const int height = (int)a->size.v[0], width = (int)a->size.v[a->size.n - 1];
    if ((int64_t)width * e->height < (int64_t)height * e->width)
        *e = (struct extent){ scaled(e->height, width, e->width), width, e->channels };
    else
        *e = (struct extent){ height, scaled(e->width, height, e->height), e->channels };
    return a->filter != FILTER_NEAREST;
}

static oc_status letterbox_apply(const void *attr, struct canvas *canvas)
{
    const struct letterbox *a = attr;
    const int     height = (int)a->size.v[0], width = (int)a->size.v[a->size.n - 1];
    struct extent e = { canvas->image.height, canvas->image.width, canvas->image.channels };
    letterbox_enough(attr, &e);
    TRY(oc__canvas_resize(canvas, e.width, e.height, (enum filter)a->filter));
    if (e.width == width && e.height == height)
        return OC_OK;
    TRY(oc__canvas_settle(canvas));
    oc_image            out;
    const struct crop_box box = { -((width - e.width) / 2), -((height - e.height) / 2), width,
                                height };
    TRY(oc__image_crop(&out, &canvas->image, box, (int)a->fill));
    oc__canvas_put_part(canvas, out, (struct view){ box.left, box.top, box.width, box.height });
    return OC_OK;
}

static oc_value choose(struct nodes *n, oc_value condition, oc_value a, oc_value b)
{
    return oc__node(n, "Where", NULL, OC_IN(condition, a, b));
}

/* How far the field reaches past the image, at its beginning, as a negative place. */
static oc_value margin(struct nodes *n, oc_value field, oc_value side)
{
    const oc_value half = oc__node_by(n, "Div", oc__node_with(n, "Sub", field, side), 2);
    return oc__node_of(n, "Neg", oc__node_of(n, "Floor", half));
}

static oc_status letterbox_nodes(const void *attr, struct nodes *n)
{
    const struct letterbox *a = attr;
    const oc_value height = oc__node_side(n, (double)a->size.v[0]);
    const oc_value width = oc__node_side(n, (double)a->size.v[a->size.n - 1]);
    const oc_value wider = oc__node_with(n, "Less", oc__node_with(n, "Mul", width, n->height),
                                          oc__node_with(n, "Mul", height, n->width));
    const oc_value h = choose(n, wider, scaled_nodes(n, n->height, width, n->width), height);
    const oc_value w = choose(n, wider, width, scaled_nodes(n, n->width, height, n->height));
    oc__nodes_resize(n, h, w, (enum filter)a->filter);
    const struct node_box box = { margin(n, height, h), margin(n, width, w), height, width };
    oc__nodes_crop(n, box, a->fill);
    return OC_OK;
}

const struct prepare oc__prepare_letterbox = {
    .entry = { .name = "letterbox", .summary = "fits the whole image into a field, padded",
               .attrs = letterbox_attrs, .size = sizeof(struct letterbox),
               .example = "letterbox 224 fill=114" },
    .fits = true, .early = true, .ready = letterbox_ready, .extent = letterbox_extent,
    .enough = letterbox_enough, .apply = letterbox_apply, .nodes = letterbox_nodes,
};
