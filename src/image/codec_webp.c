/* codec_webp.c — WebP through libwebp: RGB, or RGBA where the file has an alpha channel.
 *
 *     "RIFF" | size u32 | "WEBP" | chunk: name[4], size u32, bytes, padding to an even number | …
 *
 * Animations are refused: which of their pictures is meant is not known. */
#include <webp/decode.h>
#include "base/log.h"
#include "base/status.h"
#include "image/image.h"

static const char *const reasons[] = {
    [VP8_STATUS_OUT_OF_MEMORY] = "no memory", [VP8_STATUS_INVALID_PARAM] = "invalid parameter",
    [VP8_STATUS_BITSTREAM_ERROR] = "damaged", [VP8_STATUS_UNSUPPORTED_FEATURE] = "unsupported",
    [VP8_STATUS_SUSPENDED] = "truncated", [VP8_STATUS_USER_ABORT] = "stopped",
    [VP8_STATUS_NOT_ENOUGH_DATA] = "truncated",
};

static oc_status check(const struct encoded *in, VP8StatusCode code)
{
    if (code == VP8_STATUS_OK)
        return OC_OK;
    return oc__fail(code == VP8_STATUS_OUT_OF_MEMORY ? OC_ELIMIT : OC_EINPUT, "%s: WebP: %s",
                    in->name, reasons[code]);
}

/* What the header says of the file's length; bytes past it are none of the image's. */
static void look_past_the_end(const struct encoded *in)
{
    const uint8_t *size = in->bytes + 4;
    const size_t   end = 8 + (size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16
                              | (size_t)size[3] << 24);
    if (end < in->n)
        oc__warn_once("%s: offset %zu: %zu bytes after the end of the image", in->name, end,
                      in->n - end);
}

static oc_status decode(oc_image *out, const struct encoded *in)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return oc__fail(OC_EBUG, "libwebp is older than it was built against");
    TRY(check(in, WebPGetFeatures(in->bytes, in->n, &config.input)));
    if (config.input.has_animation)
        return oc__fail(OC_EINPUT, "%s: WebP: unsupported: an animation", in->name);
    const int channels = config.input.has_alpha ? 4 : 3;
    if (in->header_only) {
        *out = (oc_image){ config.input.width, config.input.height, channels, NULL };
        return oc__image_check_size(in->name, out->width, out->height);
    }
    TRY(oc__image_new(out, in->name, config.input.width, config.input.height, channels));
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->pixel;
    config.output.u.RGBA.stride = out->width * channels;
    config.output.u.RGBA.size = oc__image_bytes(out);
    const oc_status status = check(in, WebPDecode(in->bytes, in->n, &config));
    if (status == OC_OK)
        look_past_the_end(in);
    else
        oc_image_free(out);
    return status;
}

const struct codec oc__codec_webp = {
    .name = "WebP", .magic_at = 8, .magic = "WEBP", .magic_n = 4, .decode = decode,
};
