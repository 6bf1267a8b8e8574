/* exif.c — reads the orientation out of an EXIF block and turns the image by it. */
#include <string.h>
#include "base/status.h"
#include "image/exif.h"
#include "image/image.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

struct tiff { const uint8_t *bytes; size_t n; bool big_endian; };

static bool fetch(const struct tiff *t, size_t at, size_t size, uint32_t *value)
{
    if (at > t->n || t->n - at < size)
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | t->bytes[t->big_endian ? at + i : at + size - 1 - i];
    return true;
}

static int orientation_in(const struct tiff *t)
{
    uint32_t mark, at, entries;
    if (!fetch(t, 2, 2, &mark) || mark != 42 || !fetch(t, 4, 4, &at) || !fetch(t, at, 2, &entries))
        return -1;
    for (uint32_t i = 0; i < entries; i++) {
        const size_t entry = (size_t)at + 2 + (size_t)i * ENTRY_BYTES;
        uint32_t     tag, type, value;
        if (!fetch(t, entry, 2, &tag) || !fetch(t, entry + 2, 2, &type)
            || !fetch(t, entry + 8, 2, &value))
            return -1;
        if (tag == TAG_ORIENTATION)
            return type == TYPE_SHORT && value >= 1 && value <= 8 ? (int)value : -1;
    }
    return 0;
}

int oc__exif_orientation(const uint8_t *segment, size_t n)
{
    if (n < 6 || memcmp(segment, "Exif\0", 6) != 0)
        return 0;
    struct tiff t = { segment + 6, n - 6, false };
    if (t.n < 8 || (memcmp(t.bytes, "II", 2) != 0 && memcmp(t.bytes, "MM", 2) != 0))
        return -1;
    t.big_endian = t.bytes[0] == 'M';
    return orientation_in(&t);
}

oc_status oc__image_orient(oc_image *image, int orientation)
{
    /* What an orientation does to the stored pixels: swap the axes, then mirror the result. */
    static const struct { bool swap, mirror_x, mirror_y; } turn[9] = {
        [2] = { false, true, false }, [3] = { false, true, true }, [4] = { false, false, true },
        [5] = { true, false, false }, [6] = { true, true, false }, [7] = { true, true, true },
        [8] = { true, false, true },
    };
    if (orientation < 2 || orientation > 8)
        return OC_OK;
    const bool swap = turn[orientation].swap;
    oc_image   out;
    TRY(oc__image_new(&out, "turned image", swap ? image->height : image->width,
                      swap ? image->width : image->height, image->channels));
    const size_t c = (size_t)image->channels;
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++) {
            const int    u = turn[orientation].mirror_x ? out.width - 1 - x : x;
            const int    v = turn[orientation].mirror_y ? out.height - 1 - y : y;
            const size_t from = swap ? (size_t)u * (size_t)image->width + (size_t)v
                                     : (size_t)v * (size_t)image->width + (size_t)u;
            memcpy(out.pixel + ((size_t)y * (size_t)out.width + (size_t)x) * c,
                   image->pixel + from * c, c);
        }
    oc_image_free(image);
    *image = out;
    return OC_OK;
}
