/* saliency_draw.c — what stands out, as pictures in the size of the image. */
#include <string.h>

#include "base/status.h"
#include "image/image.h"
#include "image/mask.h"
#include "nn/model.h"
#include "task/saliency.h"

static const uint8_t tint[3] = { 230, 30, 60 };

/* The colours of pixel i of an image, grey ones three times. */
static void colours_of(const oc_image *image, size_t i, uint8_t rgb[3])
{
    const uint8_t *const from = image->pixel + i * (size_t)image->channels;
    for (int k = 0; k < 3; k++)
        rgb[k] = from[image->channels > 2 ? k : 0];
}

static int opacity_of(const oc_image *image, size_t i)
{
    const size_t c = (size_t)image->channels;
    return c == 2 || c == 4 ? image->pixel[i * c + c - 1] : 255;
}

/* Three parts of the image and two of the colour where the mask is white; darker where it is
 * black. */
static oc_status overlay(oc_image *out, const oc_image *image, const oc_image *mask)
{
    TRY(oc__image_new(out, "overlay", image->width, image->height, 3));
    for (size_t i = 0; i < oc__image_bytes(mask); i++) {
        const int m = mask->pixel[i];
        uint8_t rgb[3];
        colours_of(image, i, rgb);
        for (int k = 0; k < 3; k++)
            out->pixel[3 * i + (size_t)k]
                = (uint8_t)(((3 * rgb[k] + 2 * tint[k]) * m + 3 * rgb[k] * (255 - m)) / (5 * 255));
    }
    return OC_OK;
}

static oc_status cutout(oc_image *out, const oc_image *image, const oc_image *mask)
{
    TRY(oc__image_new(out, "cutout", image->width, image->height, 4));
    for (size_t i = 0; i < oc__image_bytes(mask); i++) {
        colours_of(image, i, out->pixel + 4 * i);
        out->pixel[4 * i + 3] = (uint8_t)(mask->pixel[i] * opacity_of(image, i) / 255);
    }
    return OC_OK;
}

oc_status oc__saliency_draw(const struct answer *a, oc_picture *picture, int *n)
{
    const oc_shape s = oc__model_result(a->model);      /* [1, h, w] */
    const struct shares shares = { (int)s.dim[1], (int)s.dim[2], a->probability };
    picture[0] = (oc_picture){ "mask", { 0 } };
    picture[1] = (oc_picture){ "overlay", { 0 } };
    picture[2] = (oc_picture){ "cutout", { 0 } };
    *n = 3;
    TRY(oc__mask_return(&picture[0].image, &shares, a->seen, a->image));
    TRY(overlay(&picture[1].image, a->image, &picture[0].image));
    return cutout(&picture[2].image, a->image, &picture[0].image);
}
