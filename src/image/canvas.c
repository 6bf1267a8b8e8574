/* canvas.c — images that are there, or still coming. */
#include "image/canvas.h"

#include <string.h>
#include "base/mem.h"
#include "base/status.h"

static void drop(struct canvas *canvas)
{
    if (canvas->owned)
        oc_image_free(&canvas->image);
    oc__image_close(canvas->coming);
    canvas->owned = false;
    canvas->coming = NULL;
}

oc_status oc__canvas_open(struct canvas *canvas, const char *path, struct reading how)
{
    *canvas = (struct canvas){ .owned = false };
    if (how.prepare)
        TRY(oc__image_open(&canvas->coming, &canvas->image, path, how));
    if (!canvas->coming)
        TRY(oc__image_load(&canvas->image, path, how));
    canvas->owned = !canvas->coming;
    return OC_OK;
}

static oc_status take_rows(const struct rows *rows, oc_image *out)
{
    const size_t   line = (size_t)rows->width * (size_t)rows->channels;
    const uint8_t *row[ROWS_MAX];
    for (int y = 0, n; y < rows->height; y += n) {
        n = rows->height - y < ROWS_MAX ? rows->height - y : ROWS_MAX;
        TRY(rows->next(rows->context, n, row));
        for (int i = 0; i < n; i++)
            memcpy(out->pixel + (size_t)(y + i) * line, row[i], line);
    }
    return OC_OK;
}

oc_status oc__canvas_settle(struct canvas *canvas)
{
    oc_image image;
    if (!canvas->coming)
        return OC_OK;
    const struct rows *const rows = oc__coming_rows(canvas->coming);
    TRY(oc__image_room(&image, "image", rows->width, rows->height, rows->channels));
    const oc_status status = take_rows(rows, &image);
    if (status == OC_OK)
        oc__canvas_put(canvas, image);
    else
        oc_image_free(&image);
    return status;
}

struct view oc__canvas_view(const struct canvas *canvas)
{
    const oc_image *image = &canvas->image;
    return canvas->view.width > 0 ? canvas->view
                                  : (struct view){ 0, 0, image->width, image->height };
}

void oc__canvas_put_part(struct canvas *canvas, oc_image image, struct view part)
{
    const struct view former = oc__canvas_view(canvas);
    const double      across = former.width / canvas->image.width;
    const double      down = former.height / canvas->image.height;
    const struct view view = { former.left + part.left * across, former.top + part.top * down,
                               part.width * across, part.height * down };
    drop(canvas);
    *canvas = (struct canvas){ image, true, view, NULL };
}

void oc__canvas_put(struct canvas *canvas, oc_image image)
{
    const oc_image *former = &canvas->image;
    oc__canvas_put_part(canvas, image, (struct view){ 0, 0, former->width, former->height });
}

oc_status oc__canvas_resize(struct canvas *canvas, int width, int height, enum filter filter)
{
    const oc_image *in = &canvas->image;
    oc_image        out;
    if (height == in->height && width == in->width)
        return OC_OK;
    if (canvas->coming)
        TRY(oc__image_resize_rows(&out, oc__coming_rows(canvas->coming), width, height, filter));
    else
        TRY(oc__image_resize(&out, in, width, height, filter));
    oc__canvas_put(canvas, out);
    return OC_OK;
}

void oc__canvas_free(struct canvas *canvas)
{
    drop(canvas);
    *canvas = (struct canvas){ .owned = false };
}
