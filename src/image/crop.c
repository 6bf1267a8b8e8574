/* crop.c — boxes cut out of images. */
#include <string.h>
#include "base/status.h"
#include "image/image.h"

oc_status oc__image_crop(oc_image *out, const oc_image *in, struct crop_box box, int fill)
{
    TRY(oc__image_new(out, "cropped image", box.width, box.height, in->channels));
    const size_t c = (size_t)in->channels;
    const int    left = box.left > 0 ? box.left : 0;
    const int    end = box.left + box.width, right = end < in->width ? end : in->width;
    memset(out->pixel, fill, oc__image_bytes(out));
    for (int y = 0; y < box.height && left < right; y++) {
        const int from = box.top + y;
        if (from < 0 || from >= in->height)
            continue;
        memcpy(out->pixel + ((size_t)y * (size_t)box.width + (size_t)(left - box.left)) * c,
               in->pixel + ((size_t)from * (size_t)in->width + (size_t)left) * c,
               (size_t)(right - left) * c);
    }
    return OC_OK;
}
