/* codec.c — images from and to files: chooses the decoder by the first bytes, holds limits. */
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "image/prepare.h"

static const struct codec *const codecs[] = { &oc__codec_png, &oc__codec_jpeg, &oc__codec_webp,
                                              NULL };

oc_status oc__image_check_size(const char *name, int64_t width, int64_t height)
{
    if (width < 1 || height < 1)
        return oc__fail(OC_EINPUT, "%s: size %lldx%lld: an image has at least one pixel", name,
                        (long long)width, (long long)height);
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
        return oc__fail(OC_ELIMIT, "%s: size %lldx%lld: a side exceeds %d pixels", name,
                        (long long)width, (long long)height, IMAGE_SIDE_MAX);
    if (width * height > IMAGE_PIXELS_MAX)
        return oc__fail(OC_ELIMIT, "%s: size %lldx%lld: exceeds %d million pixels", name,
                        (long long)width, (long long)height, IMAGE_PIXELS_MAX / 1000000);
    return OC_OK;
}

oc_status oc__image_room(oc_image *out, const char *name, int64_t width, int64_t height,
                         int channels)
{
    *out = (oc_image){ 0 };
    TRY(oc__image_check_size(name, width, height));
    uint8_t *const pixel = oc__alloc_raw((size_t)width * (size_t)height, (size_t)channels);
    if (!pixel)
        return OC_ELIMIT;
    *out = (oc_image){ (int)width, (int)height, channels, pixel };
    return OC_OK;
}

oc_status oc__image_new(oc_image *out, const char *name, int64_t width, int64_t height,
                        int channels)
{
    TRY(oc__image_room(out, name, width, height, channels));
    memset(out->pixel, 0, oc__image_bytes(out));
    return OC_OK;
}

void oc_image_free(oc_image *image)
{
    if (image == NULL)
        return;
    oc__free(image->pixel);
    *image = (oc_image){ 0 };
}

static oc_status next_rows(void *context, int n, const uint8_t **row)
{
    struct rows_at *const at = context;
    const size_t stride = (size_t)at->image->width * (size_t)at->image->channels;
    for (int i = 0; i < n; i++)
        row[i] = at->image->pixel + (size_t)at->gone++ * stride;
    return OC_OK;
}

struct rows oc__image_rows(struct rows_at *at)
{
    const oc_image *const image = at->image;
    return (struct rows){ image->width, image->height, image->channels, next_rows, at };
}

/* The codec that the first bytes name. */
static oc_status find_codec(const struct codec **out, const struct encoded *in)
{
    if (in->n == 0)
        return oc__fail(OC_EINPUT, "%s: offset 0: truncated: the file is empty", in->name);
    for (int i = 0; codecs[i] != NULL; i++) {
        const size_t at = codecs[i]->magic_at, n = codecs[i]->magic_n, left = in->n - at;
        if (in->n <= at || memcmp(in->bytes + at, codecs[i]->magic, left < n ? left : n) != 0)
            continue;
        if (left < n)
            return oc__fail(OC_EINPUT, "%s: offset %zu: truncated: a %s begins with %zu bytes",
                            in->name, in->n, codecs[i]->name, at + n);
        *out = codecs[i];
        return OC_OK;
    }
    const char *kind = oc__file_kind(in->bytes, in->n);
    return oc__fail(OC_EINPUT, "%s: offset 0: not a PNG, JPEG or WebP image%s%s", in->name,
                    kind != NULL ? ": this is " : "", kind != NULL ? kind : "");
}

oc_status oc__image_decode(oc_image *out, const struct encoded *in)
{
    const struct codec *codec;
    *out = (oc_image){ 0 };
    TRY(find_codec(&codec, in));
    return codec->decode(out, in);
}

oc_status oc__image_header(oc_image *out, const char **format, const char *path)
{
    struct encoded      in = { .name = path, .header_only = true };
    const struct codec *codec;
    char               *data;
    *out = (oc_image){ 0 };
    TRY(oc__file_load(path, IMAGE_FILE_MAX, &data, &in.n));
    in.bytes = (const uint8_t *)data;
    oc_status status = find_codec(&codec, &in);
    if (status == OC_OK)
        status = codec->decode(out, &in);
    if (status == OC_OK)
        *format = codec->name;
    oc__free(data);
    return status;
}

oc_status oc__image_load(oc_image *out, const char *path, struct reading how)
{
    struct encoded in = { .name = path, .prepare = how.prepare, .lenient = how.lenient };
    char          *data;
    *out = (oc_image){ 0 };
    TRY(oc__file_load(path, IMAGE_FILE_MAX, &data, &in.n));
    in.bytes = (const uint8_t *)data;
    const oc_status status = oc__image_decode(out, &in);
    oc__free(data);
    return status;
}

/* ---- by rows ------------------------------------------------------------------------------ */

struct coming {
    struct encoded      in;
    char               *data;
    const struct codec *codec;
    struct rows         rows;
};

static oc_status open_rows(struct coming *c, const char *path, struct reading how)
{
    c->in = (struct encoded){ .name = path, .prepare = how.prepare, .lenient = how.lenient };
    TRY(oc__file_load(path, IMAGE_FILE_MAX, &c->data, &c->in.n));
    c->in.bytes = (const uint8_t *)c->data;
    TRY(find_codec(&c->codec, &c->in));
    return c->codec->open ? c->codec->open(&c->rows, &c->in) : OC_OK;
}

oc_status oc__image_open(struct coming **out, oc_image *header, const char *path,
                         struct reading how)
{
    struct coming *const c = *out = oc__alloc(1, sizeof *c);
    *header = (oc_image){ 0 };
    if (!c)
        return OC_ELIMIT;
    const oc_status status = open_rows(c, path, how);
    if (status < 0 || !c->rows.context) {
        oc__image_close(c);
        *out = NULL;
    } else {
        *header = (oc_image){ c->rows.width, c->rows.height, c->rows.channels, NULL };
    }
    return status;
}

const struct rows *oc__coming_rows(const struct coming *c)
{
    return &c->rows;
}

void oc__image_close(struct coming *c)
{
    if (!c)
        return;
    if (c->rows.context)
        c->codec->close(c->rows.context);
    oc__free(c->data);
    oc__free(c);
}

/* ---- for users ---------------------------------------------------------------------------- */

oc_status oc_image_load(oc_image *out, const char *path)
{
    return oc__image_load(out, path, (struct reading){ .lenient = false });
}

oc_status oc_image_load_for(oc_image *out, const char *path, const char *preparation)
{
    struct prepare_program *p;
    *out = (oc_image){ 0 };
    TRY(oc__prepare_parse(&p, preparation));
    const oc_status status = oc__image_load(out, path, (struct reading){ p, false });
    oc__prepare_free(p);
    return status;
}

oc_status oc_image_save(const oc_image *image, const char *path)
{
    struct str png = { 0 };
    oc_status  status = oc__png_encode(image, &png);
    if (status == OC_OK)
        status = oc__write_file(path, png.text, png.n, WRITE_REPLACE);
    oc__str_free(&png);
    return status;
}
