/* codec_jpeg.c — JPEG through libjpeg-turbo: grey stays one channel, everything else becomes RGB.
 *
 * Inks (CMYK, YCCK) absorb one after the other: R = (1 - C) (1 - K).  Adobe stores what is left of
 * the light, 255 - ink, and says so by a marker.  Where a smaller image is enough, the inverse DCT
 * makes one of 1/2, 1/4 or 1/8 of the sides, which saves most of the work.
 *
 * libjpeg carries on after damage, with grey where data is missing, and calls that a warning; here
 * every warning but harmless ones is an error.  A file may hold very many scans, each of which
 * costs as much as the image, so they are limited.  Errors arrive by longjmp; all state lives in
 * `struct reader`. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
#include "base/log.h"
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
    if (jpeg->err->msg_code == JWRN_JPEG_EOF)
        fail(r, OC_EINPUT, "truncated: the image data ends early");
    jpeg->err->format_message(jpeg, text);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (jpeg->err->msg_code == harmless[i]) {
            oc__warn("%s: offset %zu: JPEG: %s", r->in->name, offset_of(r), text);
            return;
        }
    fail(r, OC_EINPUT, text);
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
            oc__warn("%s: JPEG: broken EXIF block ignored", r->in->name);
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

static void read_rows(struct reader *r)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    const size_t     pixels = (size_t)r->image.width, stride = pixels * (size_t)r->image.channels;
    const bool       inks = jpeg->out_color_space == JCS_CMYK;
    const JSAMPARRAY line = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                                    jpeg->output_width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->image.pixel + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, inks ? line : &row, 1);
        if (inks)
            inks_to_rgb(line[0], row, pixels, jpeg->saw_Adobe_marker);
    }
}

/* Everything that may longjmp. */
static oc_status read_image(struct reader *r)
{
    if (setjmp(r->escape) != 0)
        return r->status;
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = r;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, r->in->bytes, r->in->n);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(jpeg, TRUE);
    const int channels = choose_channels(r), orientation = orientation_of(r);
    TRY(oc__image_check_size(r->in->name, jpeg->image_width, jpeg->image_height));
    if (r->in->header_only) {
        const struct extent e = upright(r, orientation);
        r->image = (oc_image){ e.width, e.height, channels, NULL };
        return OC_OK;
    }
    choose_scale(r, orientation);
    jpeg_start_decompress(jpeg);
    TRY(oc__image_new(&r->image, r->in->name, jpeg->output_width, jpeg->output_height, channels));
    read_rows(r);
    jpeg_finish_decompress(jpeg);
    if (offset_of(r) < r->in->n)
        oc__warn("%s: offset %zu: %zu byte%s after the end of the image", r->in->name, offset_of(r),
                 r->in->n - offset_of(r), oc__plural((int64_t)(r->in->n - offset_of(r))));
    return oc__image_orient(&r->image, orientation);
}

static oc_status decode(oc_image *out, const struct encoded *in)
{
    struct reader r = { .in = in };
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r;
    r.errors.error_exit = failed;
    r.errors.emit_message = warned;
    r.errors.output_message = drop_message;
    r.progress.progress_monitor = count_scans;
    r.status = read_image(&r);
    jpeg_destroy_decompress(&r.jpeg);
    if (r.status == OC_OK)
        *out = r.image;
    else
        oc_image_free(&r.image);
    return r.status;
}

const struct codec oc__codec_jpeg = {
    .name = "JPEG", .magic = "\xFF\xD8\xFF", .magic_n = 3, .decode = decode,
};
