/* image.h — images inside the library: limits, codecs and resizing.
 *
 * An oc_image is a dense block of bytes [h, w, c].  What is made here belongs to the caller, who
 * frees it with oc_image_free(); on failure nothing is handed out and the result is all zero.
 * Decoders are given whole files in memory and treat every byte as hostile. */
#ifndef OC_IMAGE_IMAGE_H
#define OC_IMAGE_IMAGE_H

#include "base/str.h"
#include "ocellus.h"

enum {
    IMAGE_SIDE_MAX   = 65500,                           /* pixels, as in libjpeg */
    IMAGE_PIXELS_MAX = 100000000,
    IMAGE_FILE_MAX   = 256 << 20,                       /* bytes of an encoded file */
    ROWS_MAX         = 32,                              /* that are asked for at a time */
};

/* A side out of range is OC_EINPUT or OC_ELIMIT, and `name` begins the message. */
oc_status oc__image_check_size(const char *name, int64_t width, int64_t height);
/* A black image. */
oc_status oc__image_new(oc_image *out, const char *name, int64_t width, int64_t height,
                        int channels);
/* The same whose pixels are still to be set, every one. */
oc_status oc__image_room(oc_image *out, const char *name, int64_t width, int64_t height,
                         int channels);

static inline size_t oc__image_bytes(const oc_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

struct prepare_program;

struct rows;

/* An encoded image in memory; `name` is the file as the user typed it.  What it will be prepared by
 * tells decoders how much detail they may leave out.  Of the header alone comes an image without
 * pixels, its sides and channels as decoding all of it would make them. */
struct encoded {
    const char                   *name;
    const uint8_t                *bytes;
    size_t                        n;
    const struct prepare_program *prepare;              /* NULL: the whole is wanted */
    bool                          lenient;              /* grey where it ends early */
    bool                          header_only;
};

/* How a file is to be read: as those members; all zeroes are fine. */
struct reading { const struct prepare_program *prepare; bool lenient; };

/* A format of images: how a file of it begins, and how it is read: as a whole, or by its rows.
 * `open` may find that this picture cannot be had by rows, which then have no context; NULL: none
 * can.  `close` ends what it began, where that has a context. */
struct codec {
    const char *name;
    const char *magic;
    size_t      magic_at, magic_n;
    oc_status (*decode)(oc_image *out, const struct encoded *in);
    oc_status (*open)(struct rows *out, const struct encoded *in);
    void      (*close)(void *context);
};

extern const struct codec oc__codec_png, oc__codec_jpeg, oc__codec_webp;

oc_status oc__image_decode(oc_image *out, const struct encoded *in); /* by content */
oc_status oc__image_load(oc_image *out, const char *path, struct reading how);
/* A file to be read by its rows, and its sides and channels; NULL where it can be loaded alone. */
struct coming;
oc_status oc__image_open(struct coming **out, oc_image *header, const char *path,
                         struct reading how);
const struct rows *oc__coming_rows(const struct coming *c);
void      oc__image_close(struct coming *c);                        /* NULL is fine */
/* What a file's header says, and the name of its format. */
oc_status oc__image_header(oc_image *out, const char **format, const char *path);
oc_status oc__png_encode(const oc_image *image, struct str *out);    /* appends a PNG file */

/* An image by its rows, each of width * channels bytes, from the first to the last, and never whole
 * in memory: `next` tells where the next n lie, n at most ROWS_MAX, until it is called again. */
struct rows {
    int       width, height, channels;
    oc_status (*next)(void *context, int n, const uint8_t **row);
    void     *context;
};
oc_status oc__png_encode_rows(const struct rows *rows, struct str *out);

/* The rows of an image, which stay; how many are gone is counted in *at. */
struct rows_at { const oc_image *image; int gone; };
struct rows oc__image_rows(struct rows_at *at);

/* How pixels of another size are made; all but the nearest widen as the image shrinks
 * (antialiased). */
enum filter { FILTER_NEAREST, FILTER_BILINEAR, FILTER_BICUBIC, FILTER_LANCZOS };
extern const char *const oc__filter_names[];            /* by enum filter; ends in NULL */

/* The image at another size; every channel alike, rounded to the nearest. */
oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height,
                           enum filter filter);
/* The same of rows; all of them are asked for, so that what is broken in the last is told. */
oc_status oc__image_resize_rows(oc_image *out, const struct rows *in, int width, int height,
                                enum filter filter);

/* A box of the image, in pixels; it may reach past the border, where every channel is `fill`. */
struct crop_box { int left, top, width, height; };
oc_status oc__image_crop(oc_image *out, const oc_image *in, struct crop_box box, int fill);

/* Channels that are no alpha: 1 or 3. */
static inline int oc__image_colours(const oc_image *image)
{
    return image->channels - (image->channels % 2 == 0);
}

/* Whether the pixels along the border are lighter than half on average. */
bool oc__image_border_is_light(const oc_image *image);

#endif
