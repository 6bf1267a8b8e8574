/* prepare_resize.c — brings images to another size: `resize 224,224` to that height and width,
 * `resize 256` to that length of the shorter side with the proportions kept. */
#include "base/status.h"
#include "image/image.h"
#include "image/prepare.h"

struct resize { struct ints size; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct resize, INTS, size, NULL, "height,width; or the shorter side", 1,
               IMAGE_SIDE_MAX),
    { 0 }
};

static oc_status ready(void *attr)
{
    const int n = ((const struct resize *)attr)->size.n;
    if (n == 1 || n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "preparation: resize takes one or two numbers, not %d", n);
}

/* `side` scaled by to / from, at least one pixel; 0 stays unknown. */
static int scaled(int side, int64_t to, int from)
{
    const int64_t v = (side * to + from / 2) / from;
    return v < 1 ? 1 : v > IMAGE_SIDE_MAX + 1 ? IMAGE_SIDE_MAX + 1 : (int)v;
}

static oc_status extent(const void *attr, struct extent *e)
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

static oc_status apply(const void *attr, struct canvas *canvas)
{
    const oc_image *in = &canvas->image;
    struct extent   e = { in->height, in->width, in->channels };
    oc_image        out;
    TRY(extent(attr, &e));
    if (e.height == in->height && e.width == in->width)
        return OC_OK;
    TRY(oc__image_resize(&out, in, e.width, e.height));
    oc__canvas_put(canvas, out);
    return OC_OK;
}

const struct prepare oc__prepare_resize = {
    .entry = { .name = "resize", .summary = "another size, antialiased",
               .attrs = attrs, .size = sizeof(struct resize) },
    .ready = ready, .extent = extent, .apply = apply,
};
