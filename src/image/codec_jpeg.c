/* codec_jpeg.c — JPEG through libjpeg-turbo: grey stays one channel, colour becomes RGB, anything
 * else (CMYK, YCCK) is refused by name.
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

static int choose_channels(struct reader *r)
{
    static const char *const unsupported[] = {
        [JCS_UNKNOWN] = "unsupported: neither grey nor RGB", [JCS_CMYK] = "unsupported: CMYK",
        [JCS_YCCK] = "unsupported: CMYK (as YCCK)",
    };
    const J_COLOR_SPACE space = r->jpeg.jpeg_color_space;
    if (space == JCS_GRAYSCALE)
        return r->jpeg.out_color_space = JCS_GRAYSCALE, 1;
    if (space == JCS_YCbCr || space == JCS_RGB)
        return r->jpeg.out_color_space = JCS_RGB, 3;
    fail(r, OC_EINPUT, unsupported[space <= JCS_YCCK ? space : JCS_UNKNOWN]);
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
    const int channels = choose_channels(r);
    TRY(oc__image_new(&r->image, r->in->name, jpeg->image_width, jpeg->image_height, channels));
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        const size_t stride = (size_t)r->image.width * (size_t)r->image.channels;
        JSAMPROW     row = r->image.pixel + jpeg->output_scanline * stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    if (offset_of(r) < r->in->n)
        oc__warn("%s: offset %zu: %zu byte%s after the end of the image", r->in->name, offset_of(r),
                 r->in->n - offset_of(r), oc__plural((int64_t)(r->in->n - offset_of(r))));
    return oc__image_orient(&r->image, orientation_of(r));
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
