/* mask.c — masks follow their photographs, and come back. */
#include "image/mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "image/image.h"

oc_status oc__mask_load(oc_image *out, const char *path)
{
    oc_image image;
    TRY(oc_image_load(&image, path));
    const size_t n = (size_t)image.width * (size_t)image.height, c = (size_t)image.channels;
    const oc_status status = oc__image_new(out, path, image.width, image.height, 1);
    for (size_t i = 0; status == OC_OK && i < n; i++) {
        const uint8_t *const v = image.pixel + i * c;
        out->pixel[i] = c < 3 ? v[0] : (uint8_t)((v[0] + v[1] + v[2] + 1) / 3);
    }
    oc_image_free(&image);
    return status;
}

oc_status oc__mask_check(const oc_image *mask, const oc_image *image)
{
    const int64_t apart = llabs((int64_t)mask->width * image->height
                                - (int64_t)mask->height * image->width);
    const int longest = mask->width > mask->height ? mask->width : mask->height;
    const int other = image->width > image->height ? image->width : image->height;
    if (apart <= (longest > other ? longest : other))   /* a pixel of the larger one */
        return OC_OK;
    return oc__fail(OC_EINPUT, "its mask is %dx%d, the picture %dx%d: other proportions",
                    mask->width, mask->height, image->width, image->height);
}

/* A box that covers `view`, which may reach past the border, as whole pixels. */
static struct crop_box cover(struct view view)
{
    const int left = (int)lround(view.left), top = (int)lround(view.top);
    const int right = (int)lround(view.left + view.width);
    const int bottom = (int)lround(view.top + view.height);
    return (struct crop_box){ left, top, right > left ? right - left : 1,
                            bottom > top ? bottom - top : 1 };
}

oc_status oc__mask_follow(oc_image *out, const oc_image *mask, const oc_image *image,
                          const struct canvas *canvas)
{
    const double across = (double)mask->width / image->width;
    const double down = (double)mask->height / image->height;
    const struct view seen = oc__canvas_view(canvas);
    const struct crop_box box = cover((struct view){ seen.left * across, seen.top * down,
                                                   seen.width * across, seen.height * down });
    const bool whole = box.left == 0 && box.top == 0 && box.width == mask->width
                    && box.height == mask->height;
    oc_image part = *mask;
    if (!whole)
        TRY(oc__image_crop(&part, mask, box, 0));
    const oc_status status = oc__image_resize(out, &part, canvas->image.width,
                                              canvas->image.height, FILTER_BILINEAR);
    if (!whole)
        oc_image_free(&part);
    return status;
}

/* ---- coming back --------------------------------------------------------------------------- */

static oc_status to_bytes(oc_image *out, const struct shares *map)
{
    TRY(oc__image_new(out, "mask", map->width, map->height, 1));
    for (size_t i = 0; i < oc__image_bytes(out); i++)
        out->pixel[i] = (uint8_t)lround(255 * fmin(fmax((double)map->v[i], 0), 1));
    return OC_OK;
}

oc_status oc__mask_return(oc_image *out, const struct shares *map, struct view view,
                          const oc_image *image)
{
    const struct crop_box box = cover(view);
    const struct crop_box inside = { -box.left, -box.top, image->width, image->height };
    oc_image small, sized;
    TRY(to_bytes(&small, map));
    oc_status status = oc__image_resize(&sized, &small, box.width, box.height, FILTER_BILINEAR);
    oc_image_free(&small);
    if (status != OC_OK)
        return status;
    if (box.left == 0 && box.top == 0 && box.width == image->width && box.height == image->height) {
        *out = sized;
        return OC_OK;
    }
    status = oc__image_crop(out, &sized, inside, 0);
    oc_image_free(&sized);
    return status;
}
