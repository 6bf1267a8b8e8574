/* tone.c — brightness, contrast, saturation, hue and the like. */
#include "image/tone.h"

#include <math.h>
#include "base/status.h"
#include "image/image.h"

static uint8_t clip(double v)
{
    return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5);
}

static double luma(const oc_image *image, const uint8_t *p)
{
    return image->channels < 3 ? p[0] : 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

static void map_channel(oc_image *image, int channel, const uint8_t to[256])
{
    const size_t n = oc__image_bytes(image), c = (size_t)image->channels;
    for (size_t i = (size_t)channel; i < n; i += c)
        image->pixel[i] = to[image->pixel[i]];
}

static void map_all(oc_image *image, const uint8_t to[256])
{
    for (int k = 0; k < oc__image_colours(image); k++)
        map_channel(image, k, to);
}

/* ---- factors ------------------------------------------------------------------------------ */

/* v moved away from a grey level by a factor. */
static void blend_with(oc_image *image, double grey, double factor)
{
    uint8_t to[256];
    for (int v = 0; v < 256; v++)
        to[v] = clip(grey + factor * (v - grey));
    map_all(image, to);
}

void oc__tone_brightness(oc_image *image, double factor)
{
    blend_with(image, 0, factor);
}

void oc__tone_contrast(oc_image *image, double factor)
{
    const size_t n = oc__image_bytes(image), c = (size_t)image->channels;
    double       sum = 0;
    for (size_t i = 0; i < n; i += c)
        sum += luma(image, image->pixel + i);
    blend_with(image, round(sum / (double)(n / c)), factor);
}

void oc__tone_saturation(oc_image *image, double factor)
{
    const size_t n = oc__image_bytes(image), c = (size_t)image->channels;
    for (size_t i = 0; c >= 3 && i < n; i += c) {
        uint8_t     *p = image->pixel + i;
        const double grey = luma(image, p);
        for (int k = 0; k < 3; k++)
            p[k] = clip(grey + factor * (p[k] - grey));
    }
}

/* ---- hue ---------------------------------------------------------------------------------- */

/* Hue in sixths of the circle [0, 6), from red over green to blue. */
static double hue_of(const uint8_t *p, int high, int low)
{
    const double range = high - low;
    if (high == p[0])
        return p[1] >= p[2] ? (p[1] - p[2]) / range : 6 + (p[1] - p[2]) / range;
    return high == p[1] ? 2 + (p[2] - p[0]) / range : 4 + (p[0] - p[1]) / range;
}

/* A channel of the colour with this hue: 1 within a sixth of the channel's own, then falling. */
static double part_of(double hue, double channel)
{
    double away = fabs(hue - channel);
    away = away > 3 ? 6 - away : away;
    return away <= 1 ? 1 : away < 2 ? 2 - away : 0;
}

void oc__tone_hue(oc_image *image, double turn)
{
    const size_t n = oc__image_bytes(image), c = (size_t)image->channels;
    for (size_t i = 0; c >= 3 && i < n; i += c) {
        uint8_t  *p = image->pixel + i;
        const int most = p[0] > p[1] ? p[0] : p[1], high = most > p[2] ? most : p[2];
        const int least = p[0] < p[1] ? p[0] : p[1], low = least < p[2] ? least : p[2];
        if (high == low)
            continue;
        double hue = fmod(hue_of(p, high, low) + 6 * turn, 6);
        hue += hue < 0 ? 6 : 0;
        for (int k = 0; k < 3; k++)
            p[k] = clip(low + (high - low) * part_of(hue, 2 * k));
    }
}

/* ---- sharpness ---------------------------------------------------------------------------- */

/* The pixel and its neighbours, weighed 5 and 1, as in Pillow's SMOOTH. */
static double smoothed(const oc_image *in, size_t x, size_t y, size_t k)
{
    const size_t c = (size_t)in->channels, stride = (size_t)in->width * c;
    const uint8_t *p = in->pixel + y * stride + x * c + k;
    double         sum = 4.0 * p[0];
    for (const uint8_t *row = p - stride; row <= p + stride; row += stride)
        sum += row[-(ptrdiff_t)c] + row[0] + row[c];
    return round(sum / 13);
}

/* The border stays as it is, as in Pillow. */
oc_status oc__tone_sharpness(oc_image *image, double factor)
{
    const size_t w = (size_t)image->width, h = (size_t)image->height, c = (size_t)image->channels;
    oc_image     in;
    TRY(oc__image_crop(&in, image, (struct crop_box){ 0, 0, image->width, image->height }, 0));
    for (size_t y = 1; y + 1 < h; y++)
        for (size_t x = 1; x + 1 < w; x++)
            for (int k = 0; k < oc__image_colours(image); k++) {
                const size_t i = (y * w + x) * c + (size_t)k;
                const double smooth = smoothed(&in, x, y, (size_t)k);
                image->pixel[i] = clip(smooth + factor * (in.pixel[i] - smooth));
            }
    oc_image_free(&in);
    return OC_OK;
}

/* ---- levels ------------------------------------------------------------------------------- */

void oc__tone_posterize(oc_image *image, int bits)
{
    uint8_t to[256];
    for (int v = 0; v < 256; v++)
        to[v] = (uint8_t)(v & (0xFF << (8 - bits)));
    map_all(image, to);
}

void oc__tone_solarize(oc_image *image, double from)
{
    uint8_t to[256];
    for (int v = 0; v < 256; v++)
        to[v] = (uint8_t)(v < from ? v : 255 - v);
    map_all(image, to);
}

static void count(const oc_image *image, int channel, int64_t of[256])
{
    const size_t n = oc__image_bytes(image), c = (size_t)image->channels;
    for (size_t i = (size_t)channel; i < n; i += c)
        of[image->pixel[i]]++;
}

void oc__tone_stretch(oc_image *image)
{
    for (int k = 0; k < oc__image_colours(image); k++) {
        int64_t of[256] = { 0 };
        uint8_t to[256];
        int     low = 0, high = 255;
        count(image, k, of);
        while (low < 255 && of[low] == 0)
            low++;
        while (high > low && of[high] == 0)
            high--;
        for (int v = 0; v < 256; v++)
            to[v] = high > low ? clip((v - low) * 255.0 / (high - low)) : (uint8_t)v;
        map_channel(image, k, to);
    }
}

/* As Pillow's: the pixels but those of the last level are spread over 255 steps. */
void oc__tone_equalize(oc_image *image)
{
    for (int k = 0; k < oc__image_colours(image); k++) {
        int64_t of[256] = { 0 };
        uint8_t to[256];
        int     last = 255;
        count(image, k, of);
        while (last > 0 && of[last] == 0)
            last--;
        const int64_t pixels = (int64_t)image->width * image->height;
        const int64_t step = (pixels - of[last]) / 255;
        int64_t       sum = step / 2;
        if (step == 0)
            continue;
        for (int v = 0; v < 256; sum += of[v++])
            to[v] = (uint8_t)(sum / step < 255 ? sum / step : 255);
        map_channel(image, k, to);
    }
}
