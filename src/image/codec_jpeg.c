/* codec_jpeg.c — JPEG through libjpeg-turbo: grey stays one channel, everything else becomes RGB.
 *
 * Inks (CMYK, YCCK) absorb one after the other: R = (1 - C) (1 - K).  Adobe stores what is left of
 * the light, 255 - ink, and says so by a marker.  Where a smaller image is enough, the inverse DCT
 * makes one of 1/2, 1/4 or 1/8 of the sides, which saves most of the work.
 *
 * libjpeg carries on after damage, with grey where data is missing, and calls that a warning; here
 * every warning but harmless ones is an error, unless the reader is told to be lenient.  A file may
 * hold very many scans, each of which costs as much as the image, so they are limited.  Errors
 * arrive by longjmp; all state lives in `struct reader`. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "image/exif.h"
#include "image/image.h"
#include "image/prepare.h"

enum { SCANS_MAX = 100 };

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr         errors;
    struct jpeg_progress_mgr      progress;
    jmp_buf                       escape;
    const struct encoded         *in;
    oc_image                      image;
    int                           orientation;
    JSAMPARRAY                    ink;                  /* [1, w, 4]; NULL: no inks */
    uint8_t                      *block, *line;         /* by rows: [ROWS_MAX], of stride_of() */
    oc_status                     status;
};

/* ---- callbacks ---------------------------------------------------------------------------- */

static size_t offset_of(const struct reader *r)
{
    const size_t left = r->jpeg.src != NULL ? r->jpeg.src->bytes_in_buffer : 0;
    return left <= r->in->n ? r->in->n - left : r->in->n;
}

_Noreturn static void fail(struct reader *r, oc_status status, const char *message)
{
    r->status = oc__fail(status, "%s: offset %zu: JPEG: %s", r->in->name, offset_of(r), message);
    longjmp(r->escape, 1);
}

static void failed(j_common_ptr jpeg)
{
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    const int code = jpeg->err->msg_code;
    fail(jpeg->client_data,
         code == JERR_IMAGE_TOO_BIG || code == JERR_OUT_OF_MEMORY ? OC_ELIMIT : OC_EINPUT, text);
}

/* Level -1 is a sign of damage; others are traces.  Harmless ones leave the pixels as they were
 * meant: bytes between segments, odd versions of a header, scans that refine what never came. */
static void warned(j_common_ptr jpeg, int level)
{
    static const int harmless[] = { JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, JWRN_ADOBE_XFORM,
                                    JWRN_BOGUS_PROGRESSION };
    struct reader   *r = jpeg->client_data;
    char             text[JMSG_LENGTH_MAX];
    if (level >= 0)
        return;
    jpeg->err->format_message(jpeg, text);
    if (jpeg->err->msg_code == JWRN_JPEG_EOF)
        snprintf(text, sizeof text, "truncated: the image data ends early");
    bool passes = r->in->lenient;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        passes |= jpeg->err->msg_code == harmless[i];
    if (!passes)
        fail(r, OC_EINPUT, text);
    oc__warn_once("%s: offset %zu: JPEG: %s", r->in->name, offset_of(r), text);
}

static void drop_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    struct reader *r = jpeg->client_data;
    if (r->jpeg.input_scan_number > SCANS_MAX)
        fail(r, OC_EINPUT, "scan 101 exceeds limit 100");
}

/* ---- reading ------------------------------------------------------------------------------ */

static int orientation_of(const struct reader *r)
{
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m != NULL; m = m->next) {
        const int orientation = oc__exif_orientation(m->data, m->data_length);
        if (orientation < 0)
            oc__warn_once("%s: JPEG: EXIF block ignored: it is broken, or its orientation is none "
                          "of 1 to 8", r->in->name);
        if (orientation != 0)
            return orientation;
    }
    return 0;
}

/* Channels of the image; the decoder's own may be four inks. */
static int choose_channels(struct reader *r)
{
    const J_COLOR_SPACE space = r->jpeg.jpeg_color_space;
    if (space == JCS_GRAYSCALE)
        return r->jpeg.out_color_space = JCS_GRAYSCALE, 1;
    if (space == JCS_YCbCr || space == JCS_RGB)
        return r->jpeg.out_color_space = JCS_RGB, 3;
    if (space == JCS_CMYK || space == JCS_YCCK)
        return r->jpeg.out_color_space = JCS_CMYK, 3;
    fail(r, OC_EINPUT, "unsupported: neither grey nor RGB nor CMYK");
}

/* The size of the image once it stands upright. */
static struct extent upright(const struct reader *r, int orientation)
{
    const int w = (int)r->jpeg.image_width, h = (int)r->jpeg.image_height;
    return orientation >= 5 ? (struct extent){ w, h, 0 } : (struct extent){ h, w, 0 };
}

/* The smallest scale that still gives the size that is enough. */
static void choose_scale(struct reader *r, int orientation)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const struct extent whole = upright(r, orientation);
    struct extent       e = whole;
    jpeg->scale_num = jpeg->scale_denom = 1;
    if (r->in->prepare == NULL || !oc__prepare_enough(r->in->prepare, &e))
        return;
    while (jpeg->scale_denom < 8 && whole.width >= 2 * (int64_t)jpeg->scale_denom * e.width
           && whole.height >= 2 * (int64_t)jpeg->scale_denom * e.height)
        jpeg->scale_denom *= 2;
}

static void inks_to_rgb(const uint8_t *from, uint8_t *to, size_t pixels, bool light)
{
    for (size_t i = 0; i < pixels; i++, from += 4, to += 3)
        for (int k = 0; k < 3; k++) {
            const int c = light ? from[k] : 255 - from[k], black = light ? from[3] : 255 - from[3];
            to[k] = (uint8_t)((c * black + 127) / 255);
        }
}

/* The next n rows, to where they are wanted. */
static void read_rows(struct reader *r, int n, uint8_t *const *to)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    for (int i = 0; i < n;)
        if (r->ink) {
            jpeg_read_scanlines(jpeg, r->ink, 1);
            inks_to_rgb(r->ink[0], to[i++], jpeg->output_width, jpeg->saw_Adobe_marker);
        } else {
            JSAMPROW row[ROWS_MAX];
            memcpy(row, to + i, (size_t)(n - i) * sizeof *row);
            i += (int)jpeg_read_scanlines(jpeg, row, (JDIMENSION)(n - i));
        }
}

/* What the header says. */
static oc_status read_header(struct reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = r;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, r->in->bytes, r->in->n);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(jpeg, TRUE);
    r->image.channels = choose_channels(r);
    r->orientation = orientation_of(r);
    return oc__image_check_size(r->in->name, jpeg->image_width, jpeg->image_height);
}

static void start(struct reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    choose_scale(r, r->orientation);
    jpeg_start_decompress(jpeg);
    if (jpeg->out_color_space == JCS_CMYK)
        r->ink = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4,
                                         1);
}

static void finish(struct reader *r)
{
    jpeg_finish_decompress(&r->jpeg);
    if (offset_of(r) < r->in->n)
        oc__warn_once("%s: offset %zu: %zu byte%s after the end of the image", r->in->name,
                      offset_of(r), r->in->n - offset_of(r),
                      oc__plural((int64_t)(r->in->n - offset_of(r))));
}

static void begin(struct reader *r, const struct encoded *in)
{
    *r = (struct reader){ .in = in };
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->jpeg.client_data = r;
    r->errors.error_exit = failed;
    r->errors.emit_message = warned;
    r->errors.output_message = drop_message;
    r->progress.progress_monitor = count_scans;
}

/* ---- as a whole --------------------------------------------------------------------------- */

static void read_all(struct reader *r)
{
    const size_t stride = (size_t)r->image.width * (size_t)r->image.channels;
    uint8_t     *to[ROWS_MAX];
    for (int y = 0, n; y < r->image.height; y += n) {
        n = r->image.height - y < ROWS_MAX ? r->image.height - y : ROWS_MAX;
        for (int i = 0; i < n; i++)
            to[i] = r->image.pixel + (size_t)(y + i) * stride;
        read_rows(r, n, to);
    }
}

/* Everything that may longjmp. */
static oc_status read_image(struct reader *r)
{
    if (setjmp(r->escape) != 0)
        return r->status;
    TRY(read_header(r));
    if (r->in->header_only) {
        const struct extent e = upright(r, r->orientation);
        r->image = (oc_image){ e.width, e.height, r->image.channels, NULL };
        return OC_OK;
    }
    start(r);
    TRY(oc__image_room(&r->image, r->in->name, r->jpeg.output_width, r->jpeg.output_height,
                       r->image.channels));
    read_all(r);
    finish(r);
    return oc__image_orient(&r->image, r->orientation);
}

static oc_status decode(oc_image *out, const struct encoded *in)
{
    struct reader r;
    begin(&r, in);
    r.status = read_image(&r);
    jpeg_destroy_decompress(&r.jpeg);
    if (r.status == OC_OK)
        *out = r.image;
    else
        oc_image_free(&r.image);
    return r.status;
}

/* ---- by rows ------------------------------------------------------------------------------ */

/* libjpeg-turbo writes past the caches where a row begins at a multiple of 16 or 32 bytes.  These
 * rows are read at once, so all of them begin beside one. */
enum { LINE = 64, BESIDE = 8 };

static size_t stride_of(const struct reader *r)
{
    const size_t bytes = r->jpeg.output_width * (size_t)r->image.channels;
    return (bytes + LINE - 1) / LINE * LINE;
}

static oc_status open_reader(struct reader *r)
{
    if (setjmp(r->escape) != 0)
        return r->status;
    TRY(read_header(r));
    if (r->orientation > 1)
        return OC_OK;
    start(r);
    r->block = oc__block_alloc(ROWS_MAX * stride_of(r) + BESIDE);
    r->line = r->block + BESIDE;
    return r->block ? OC_OK : OC_ELIMIT;
}

static void close_reader(void *context)
{
    struct reader *const r = context;
    jpeg_destroy_decompress(&r->jpeg);
    oc__block_free(r->block);
    oc__free(r);
}

static oc_status next_rows(void *context, int n, const uint8_t **row)
{
    struct reader *const r = context;
    uint8_t *to[ROWS_MAX];
    if (setjmp(r->escape) != 0)
        return r->status;
    for (int i = 0; i < n; i++)
        row[i] = to[i] = r->line + (size_t)i * stride_of(r);
    read_rows(r, n, to);
    if (r->jpeg.output_scanline == r->jpeg.output_height)
        finish(r);
    return OC_OK;
}

/* A picture that must be turned cannot be had by rows. */
static oc_status open_rows(struct rows *out, const struct encoded *in)
{
    struct reader *const r = oc__alloc(1, sizeof *r);
    if (!r)
        return OC_ELIMIT;
    begin(r, in);
    const oc_status status = open_reader(r);
    if (status == OC_OK && r->block)
        *out = (struct rows){ (int)r->jpeg.output_width, (int)r->jpeg.output_height,
                              r->image.channels, next_rows, r };
    else
        close_reader(r);
    return status;
}

const struct codec oc__codec_jpeg = {
    .name = "JPEG", .magic = "\xFF\xD8\xFF", .magic_n = 3, .decode = decode,
    .open = open_rows, .close = close_reader,
};
