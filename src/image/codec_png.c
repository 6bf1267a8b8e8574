/* codec_png.c — PNG through libpng.
 *
 * Every legal PNG becomes 8 bits and 1, 2, 3 or 4 channels: grey below 8 bits is spread to 0…255,
 * 16 bits are rounded, a palette is looked up here (libpng would let an index past its end
 * through), and a transparent colour becomes an alpha channel.  Gamma and profiles are ignored:
 * ancillary chunks are skipped unread, so none can blow up.  libpng reports errors by longjmp, so
 * all state lives in `struct reader`, out of reach of the clobbered registers. */
#include <png.h>
#include <setjmp.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "image/image.h"

struct reader {
    const struct encoded *in;
    size_t                at;                           /* next byte to hand to libpng */
    png_structp           png;
    png_infop             info;
    png_bytep            *row;
    oc_image              image;
    oc_status             status;
};

/* ---- callbacks ---------------------------------------------------------------------------- */

static void give(png_structp png, png_bytep to, size_t n)
{
    struct reader *r = png_get_io_ptr(png);
    const size_t   left = r->in->n - r->at;
    if (n > left) {
        r->status = oc__fail(OC_EINPUT, "%s: offset %zu: truncated: need %zu bytes, have %zu",
                             r->in->name, r->at, n, left);
        longjmp(png_jmpbuf(png), 1);
    }
    memcpy(to, r->in->bytes + r->at, n);
    r->at += n;
}

static void read_failed(png_structp png, png_const_charp message)
{
    struct reader *r = png_get_error_ptr(png);
    r->status = oc__fail(OC_EINPUT, "%s: offset %zu: PNG: %s", r->in->name, r->at, message);
    longjmp(png_jmpbuf(png), 1);
}

static void read_warned(png_structp png, png_const_charp message)
{
    const struct reader *r = png_get_error_ptr(png);
    oc__warn_once("%s: offset %zu: PNG: %s", r->in->name, r->at, message);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Asks for 8 bits a channel, and for plain indices where there is a palette. */
static void set_transforms(const struct reader *r, int colour, int depth)
{
    if (depth == 16)
        png_set_scale_16(r->png);
    if (colour == PNG_COLOR_TYPE_PALETTE)
        png_set_packing(r->png);
    else if (depth < 8)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (colour != PNG_COLOR_TYPE_PALETTE && png_get_valid(r->png, r->info, PNG_INFO_tRNS))
        png_set_tRNS_to_alpha(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
}

static int channels_of(const struct reader *r, int colour)
{
    if (colour == PNG_COLOR_TYPE_PALETTE)
        return png_get_valid(r->png, r->info, PNG_INFO_tRNS) ? 4 : 3;
    return png_get_channels(r->png, r->info);
}

/* Rows for libpng to fill.  Indices of a palette go to the end of their row, from where they are
 * widened in place. */
static bool make_rows(struct reader *r, int colour)
{
    const oc_image *image = &r->image;
    const size_t    stride = (size_t)image->width * (size_t)image->channels;
    const size_t    skip = colour == PNG_COLOR_TYPE_PALETTE ? stride - (size_t)image->width : 0;
    r->row = oc__alloc((size_t)image->height, sizeof *r->row);
    for (int y = 0; r->row != NULL && y < image->height; y++)
        r->row[y] = image->pixel + (size_t)y * stride + skip;
    return r->row != NULL;
}

struct palette { png_colorp colour; png_bytep alpha; int colours, alphas; };

/* One row of indices to RGB or RGBA; returns the column of an index past the palette, or -1. */
static int widen_row(const struct palette *p, uint8_t *row, int width, int channels)
{
    const uint8_t *index = row + (size_t)width * (size_t)(channels - 1);
    for (int x = 0; x < width; x++) {
        const int i = index[x];
        if (i >= p->colours)
            return x;
        uint8_t *to = row + (size_t)x * (size_t)channels;
        to[0] = p->colour[i].red;
        to[1] = p->colour[i].green;
        to[2] = p->colour[i].blue;
        if (channels == 4)
            to[3] = i < p->alphas ? p->alpha[i] : 255;
    }
    return -1;
}

static oc_status look_up_palette(const struct reader *r)
{
    struct palette  p = { 0 };
    const oc_image *image = &r->image;
    png_get_PLTE(r->png, r->info, &p.colour, &p.colours);
    png_get_tRNS(r->png, r->info, &p.alpha, &p.alphas, NULL);
    for (int y = 0; y < image->height; y++) {
        uint8_t  *row = image->pixel + (size_t)y * (size_t)image->width * (size_t)image->channels;
        const int bad = widen_row(&p, row, image->width, image->channels);
        if (bad >= 0)
            return oc__fail(OC_EINPUT,
                            "%s: PNG: row %d, column %d: index exceeds the palette of %d",
                            r->in->name, y, bad, p.colours);
    }
    return OC_OK;
}

/* Everything that may longjmp. */
static oc_status read_image(struct reader *r)
{
    if (setjmp(png_jmpbuf(r->png)) != 0)
        return r->status;
    png_set_read_fn(r->png, r, give);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours are stricter */
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_benign_errors(r->png, 0);
    png_read_info(r->png, r->info);

    const int colour = png_get_color_type(r->png, r->info);
    set_transforms(r, colour, png_get_bit_depth(r->png, r->info));
    const int64_t width = png_get_image_width(r->png, r->info);
    const int64_t height = png_get_image_height(r->png, r->info);
    if (r->in->header_only) {
        r->image = (oc_image){ (int)width, (int)height, channels_of(r, colour), NULL };
        return oc__image_check_size(r->in->name, width, height);
    }
    TRY(oc__image_new(&r->image, r->in->name, width, height, channels_of(r, colour)));
    if (!make_rows(r, colour))
        return OC_ELIMIT;
    png_read_image(r->png, r->row);
    png_read_end(r->png, NULL);
    return colour == PNG_COLOR_TYPE_PALETTE ? look_up_palette(r) : OC_OK;
}

static oc_status decode(oc_image *out, const struct encoded *in)
{
    struct reader r = { .in = in };
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, read_failed, read_warned);
    r.info = r.png != NULL ? png_create_info_struct(r.png) : NULL;
    if (r.info != NULL)
        r.status = read_image(&r);
    else
        r.status = oc__fail(OC_ELIMIT, "%s: no memory for libpng", in->name);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    oc__free(r.row);
    if (r.status == OC_OK && r.at < in->n && !in->header_only)
        oc__warn_once("%s: offset %zu: %zu byte%s after the end of the image", in->name, r.at,
                      in->n - r.at, oc__plural((int64_t)(in->n - r.at)));
    if (r.status == OC_OK)
        *out = r.image;
    else
        oc_image_free(&r.image);
    return r.status;
}

const struct codec oc__codec_png = {
    .name = "PNG", .magic = "\x89PNG\r\n\x1a\n", .magic_n = 8, .decode = decode,
};

/* ---- writing ------------------------------------------------------------------------------ */

static void take(png_structp png, png_bytep bytes, size_t n)
{
    struct str *out = png_get_io_ptr(png);
    oc__str_add(out, (const char *)bytes, n);
    if (out->failed)
        png_error(png, "no memory");
}

static void nothing_to_flush(png_structp png)
{
    (void)png;
}

static void write_failed(png_structp png, png_const_charp message)
{
    oc_status *status = png_get_error_ptr(png);
    *status = oc__fail(OC_ELIMIT, "writing a PNG: %s", message);
    longjmp(png_jmpbuf(png), 1);
}

static void write_warned(png_structp png, png_const_charp message)
{
    (void)png;
    oc__warn("writing a PNG: %s", message);
}

static oc_status write_rows(png_structp png, png_infop info, const struct rows *rows,
                            const oc_status *failure)
{
    static const int colour[] = { PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                  PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA };
    if (setjmp(png_jmpbuf(png)) != 0)
        return *failure;
    png_set_IHDR(png, info, (png_uint_32)rows->width, (png_uint_32)rows->height, 8,
                 colour[rows->channels - 1], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < rows->height; y++) {
        const uint8_t *row;
        TRY(rows->next(rows->context, 1, &row));
        png_write_row(png, row);
    }
    png_write_end(png, info);
    return OC_OK;
}

oc_status oc__png_encode_rows(const struct rows *rows, struct str *out)
{
    oc_status   status = OC_OK;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &status, write_failed,
                                              write_warned);
    png_infop   info = png != NULL ? png_create_info_struct(png) : NULL;
    if (info == NULL) {
        png_destroy_write_struct(&png, NULL);
        return oc__fail(OC_ELIMIT, "no memory for libpng");
    }
    png_set_write_fn(png, out, take, nothing_to_flush);
    const oc_status written = write_rows(png, info, rows, &status);
    png_destroy_write_struct(&png, &info);
    return written;
}

oc_status oc__png_encode(const oc_image *image, struct str *out)
{
    struct rows_at    at = { image, 0 };
    const struct rows rows = oc__image_rows(&at);
    return oc__png_encode_rows(&rows, out);
}
