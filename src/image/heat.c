/* heat.c — lays a heat map over a photograph.
 *
 * Heat h moves the photograph's colour towards that of the scale by 0.65 h^0.75, so that what is
 * cold stays the photograph, a little darker, and what is hot glows without hiding what it is.
 * The grid is interpolated by Keys' cubic (1981) between the centres of its cells, those of the
 * border continued, so that a grid of a few cells shows no seams; beyond the grid it fades within
 * the length of a cell. */
#include "image/heat.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "image/cairo.h"
#include "image/image.h"

enum { TAPS = 4, MAGNIFY_TO = 256, WIDTH_MIN = 240, GROUND = 24 };

/* How many letters make a width, the size of one in pixels, and letters in the strip's height. */
static const double letters_across = 28, smallest = 13, largest = 40, strip_of = 3.8;

static const double strongest_blend = 0.65, blend_power = 0.75, cold = 0.8, pale = 0.6;

/* ---- the scale of colours ------------------------------------------------------------------ */

/* From cold to hot, evenly spaced; lightness grows throughout, so that it reads in grey too. */
static const uint8_t scale[][3] = {
    { 20, 12, 70 }, { 98, 18, 126 }, { 178, 36, 104 }, { 232, 84, 54 }, { 252, 166, 26 },
    { 255, 246, 150 },
};

static void colour_of(double heat, double rgb[3])
{
    const int    last = (int)(sizeof scale / sizeof *scale) - 1;
    const double at = heat * last;
    const int    i = at < last ? (int)at : last - 1;
    for (int k = 0; k < 3; k++)
        rgb[k] = scale[i][k] + (at - i) * (scale[i + 1][k] - scale[i][k]);
}

/* ---- spreading ----------------------------------------------------------------------------- */

/* The cells that a place lies between, and how much each counts. */
struct between { int cell[TAPS]; double weight[TAPS], fade; };

static double cubic(double x)
{
    x = fabs(x);
    return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* The cells lie in [from, from + length). */
static struct between find_between(double at, double from, double length, int cells)
{
    struct between b;
    const double wanted = (at - from) / length * cells;
    const double place = fmin(fmax(wanted, 0.5), cells - 0.5);
    const int    first = (int)floor(place - 0.5) - 1;
    b.fade = fmin(fmax(1.5 - fabs(wanted - place), 0), 1);
    for (int t = 0; t < TAPS; t++) {
        const int cell = first + t;
        b.cell[t] = cell < 0 ? 0 : cell >= cells ? cells - 1 : cell;
        b.weight[t] = cubic(place - 0.5 - cell);
    }
    return b;
}

static bool is_in(struct view box, int x, int y)
{
    const double across = x + 0.5 - box.left, down = y + 0.5 - box.top;
    return across >= 0 && down >= 0 && across < box.width && down < box.height;
}

static double interpolate(const struct grid *grid, const struct between *down,
                          const struct between *across)
{
    double sum = 0;
    for (int i = 0; i < TAPS; i++)
        for (int k = 0; k < TAPS; k++)
            sum += down->weight[i] * across->weight[k]
                * (double)grid->v[down->cell[i] * grid->columns + across->cell[k]];
    return down->fade * across->fade * fmin(fmax(sum, 0), 1);
}

void oc__heat_spread(const struct grid *grid, struct view seen, int width, int height, float *heat)
{
    const struct view box = grid->box;
    for (int y = 0; y < height; y++) {
        const struct between down = find_between(y + 0.5, box.top, box.height, grid->rows);
        for (int x = 0; x < width; x++, heat++) {
            const struct between across
                = find_between(x + 0.5, box.left, box.width, grid->columns);
            *heat = is_in(seen, x, y) ? (float)interpolate(grid, &down, &across) : 0;
        }
    }
}

/* ---- drawing ------------------------------------------------------------------------------- */

static uint8_t to_byte(double v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* A pixel of 1 to 4 channels as RGB, over white where it is transparent. */
static void read_pixel(const oc_image *photo, int x, int y, double rgb[3])
{
    const int            c = photo->channels;
    const uint8_t *const p = photo->pixel + ((size_t)y * (size_t)photo->width + (size_t)x)
        * (size_t)c;
    const double         alpha = c % 2 ? 1 : p[c - 1] / 255.0;
    for (int k = 0; k < 3; k++)
        rgb[k] = alpha * p[c > 2 ? k : 0] + (1 - alpha) * 255;
}

static void blend(double rgb[3], double heat, bool seen)
{
    double       colour[3];
    const double share = strongest_blend * pow(heat, blend_power);
    const double light = cold + (1 - cold) * heat;
    colour_of(heat, colour);
    for (int k = 0; k < 3; k++)
        rgb[k] = seen ? (1 - share) * light * rgb[k] + share * colour[k]
                      : (1 - pale) * rgb[k] + pale * 255;
}

/* The photograph begins at column `left` of the picture. */
static void draw_photo(oc_image *out, const oc_image *photo, const struct heat *heat, int zoom,
                       int left)
{
    for (int y = 0; y < photo->height * zoom; y++) {
        uint8_t *to = out->pixel + ((size_t)y * (size_t)out->width + (size_t)left) * 3;
        for (int x = 0; x < photo->width * zoom; x++, to += 3) {
            const int px = x / zoom, py = y / zoom;
            double    rgb[3];
            read_pixel(photo, px, py, rgb);
            blend(rgb, (double)heat->v[(size_t)py * (size_t)photo->width + (size_t)px],
                  is_in(heat->seen, px, py));
            for (int k = 0; k < 3; k++)
                to[k] = to_byte(rgb[k]);
        }
    }
}

/* ---- the strip below ----------------------------------------------------------------------- */

static void draw_scale(cairo_t *to, struct view box)
{
    for (int x = 0; x < (int)box.width; x++) {
        double rgb[3];
        colour_of(x / (box.width - 1), rgb);
        cairo.set_source_rgb(to, rgb[0] / 255, rgb[1] / 255, rgb[2] / 255);
        cairo.rectangle(to, box.left + x, box.top, 1, box.height);
        cairo.fill(to);
    }
}

/* Sets the font so that text fits into a width; gives how wide the text is then. */
static double fit_text(cairo_t *to, const char *text, double size, double width)
{
    cairo_text_extents_t extents;
    cairo.select_font_face(to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo.set_font_size(to, size);
    cairo.text_extents(to, text, &extents);
    if (extents.x_advance <= width)
        return extents.x_advance;
    cairo.set_font_size(to, size * width / extents.x_advance);
    return width;
}

/* The middle of the letters is at `middle`. */
static void draw_text(cairo_t *to, const char *text, double left, double middle)
{
    cairo_font_extents_t font;
    cairo.font_extents(to, &font);
    cairo.move_to(to, left, middle + (font.ascent - font.descent) / 2);
    cairo.set_source_rgb(to, 0.95, 0.95, 0.95);
    cairo.show_text(to, text);
}

/* Copies a surface of cairo's (native 0xAARRGGBB) into the rows from `top` on. */
static void copy_surface(oc_image *out, cairo_surface_t *surface, int top)
{
    const uint8_t *row = cairo.image_surface_get_data(surface);
    uint8_t       *to = out->pixel + (size_t)top * (size_t)out->width * 3;
    for (int y = top; y < out->height; y++, row += cairo.image_surface_get_stride(surface))
        for (int x = 0; x < out->width; x++, to += 3) {
            const uint32_t pixel = ((const uint32_t *)(const void *)row)[x];
            to[0] = (uint8_t)(pixel >> 16);
            to[1] = (uint8_t)(pixel >> 8);
            to[2] = (uint8_t)pixel;
        }
}

/* A line of text, and below it the scale between its numbers. */
static void draw_legend(cairo_t *to, double width, double letter, const char *text,
                        double strongest)
{
    const double gap = 0.7 * letter, first = 1.2 * letter, second = 2.8 * letter;
    char         most[32];
    fit_text(to, text, letter, width - 2 * gap);
    draw_text(to, text, gap, first);
    snprintf(most, sizeof most, "%.3g", strongest);
    const double small = 0.85 * letter, right = fit_text(to, most, small, width / 3);
    draw_text(to, most, width - gap - right, second);
    const double left = fit_text(to, "0", small, width / 3);
    draw_text(to, "0", gap, second);
    const double from = 2 * gap + left;
    draw_scale(to, (struct view){ from, second - 0.4 * letter, width - 2 * gap - right - from,
                                  0.8 * letter });
}

static oc_status draw_strip(oc_image *out, int top, double letter, const char *text,
                            double strongest)
{
    TRY(cairo_open());
    cairo_surface_t *surface
        = cairo.image_surface_create(CAIRO_FORMAT_RGB24, out->width, out->height - top);
    cairo_t         *to = cairo.create(surface);
    cairo.set_source_rgb(to, 0.09, 0.09, 0.11);
    cairo.paint(to);
    draw_legend(to, out->width, letter, text, strongest);
    cairo.surface_flush(surface);
    const cairo_status_t status = cairo.status(to);
    if (status == CAIRO_STATUS_SUCCESS)
        copy_surface(out, surface, top);
    cairo.destroy(to);
    cairo.surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS
        ? OC_OK : oc__fail(OC_ELIMIT, "picture: text: %s", cairo.status_to_string(status));
}

oc_status oc__heat_draw(oc_image *out, const oc_image *photo, const struct heat *heat,
                        const char *text)
{
    const int longer = photo->width > photo->height ? photo->width : photo->height;
    const int zoom = longer >= MAGNIFY_TO ? 1 : MAGNIFY_TO / longer;
    const int width = photo->width * zoom, height = photo->height * zoom;
    const int whole = width < WIDTH_MIN ? WIDTH_MIN : width;
    const double letter = fmin(fmax(whole / letters_across, smallest), largest);
    TRY(oc__image_new(out, "picture", whole, height + (int)(strip_of * letter), 3));
    memset(out->pixel, GROUND, oc__image_bytes(out));
    draw_photo(out, photo, heat, zoom, (whole - width) / 2);
    const oc_status status = draw_strip(out, height, letter, text, heat->strongest);
    if (status < 0)
        oc_image_free(out);
    return status;
}
