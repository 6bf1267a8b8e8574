/* draw.c — pictures made by cairo.
 *
 * A cairo context keeps its first failure and does nothing from then on, so drawing functions need
 * no status.  PNG files go through our own writer: cairo's would bring a second one. */
#include "image/draw.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "image/cairo.h"
#include "image/image.h"

static const double pixels_per_point = 2;
static const char   font[] = "DejaVu Sans";

enum { TEXT_BYTES = 256 };

struct drawing {
    cairo_t  *cairo;
    oc_status status;                                   /* of what cairo knows nothing of */
};

/* ---- colours ------------------------------------------------------------------------------- */

static double channel(colour c, int shift)
{
    return (double)(c >> shift & 255) / 255;
}

static void set_colour(struct drawing *d, colour c, double opacity)
{
    cairo.set_source_rgba(d->cairo, channel(c, 16), channel(c, 8), channel(c, 0), opacity);
}

colour oc__colour_between(colour a, colour b, double part)
{
    const double p = part > 1 ? 1 : part > 0 ? part : 0;
    colour c = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        const double v = channel(a, shift) * (1 - p) + channel(b, shift) * p;
        c |= (colour)lrint(255 * v) << shift;
    }
    return c;
}

bool oc__colour_is_dark(colour c)
{
    return 0.30 * channel(c, 16) + 0.59 * channel(c, 8) + 0.11 * channel(c, 0) < 0.55;
}

/* ---- places, lines and areas --------------------------------------------------------------- */

void oc__draw_from(struct drawing *d, double x, double y)
{
    cairo.translate(d->cairo, x, y);
}

void oc__draw_box(struct drawing *d, struct box b, colour c)
{
    set_colour(d, c, 1);
    cairo.rectangle(d->cairo, b.x, b.y, b.width, b.height);
    cairo.fill(d->cairo);
}

void oc__draw_frame(struct drawing *d, struct box b, double thick, colour c)
{
    set_colour(d, c, 1);
    cairo.set_line_width(d->cairo, thick);
    cairo.rectangle(d->cairo, b.x, b.y, b.width, b.height);
    cairo.stroke(d->cairo);
}

void oc__draw_line(struct drawing *d, double x0, double y0, double x1, double y1, double thick,
                   colour c)
{
    set_colour(d, c, 1);
    cairo.set_line_width(d->cairo, thick);
    cairo.move_to(d->cairo, x0, y0);
    cairo.line_to(d->cairo, x1, y1);
    cairo.stroke(d->cairo);
}

void oc__draw_dot(struct drawing *d, double x, double y, double radius, colour c)
{
    set_colour(d, c, 1);
    cairo.new_path(d->cairo);
    cairo.arc(d->cairo, x, y, radius, 0, 2 * 3.14159265358979323846);
    cairo.fill(d->cairo);
}

void oc__draw_path(struct drawing *d, const struct point *point, int n, const struct stroke *s)
{
    cairo.save(d->cairo);
    cairo.rectangle(d->cairo, s->clip.x, s->clip.y, s->clip.width, s->clip.height);
    cairo.clip(d->cairo);
    for (int i = 0; i < n; i++)
        cairo.line_to(d->cairo, point[i].x, point[i].y);
    if (s->dashed)
        cairo.set_dash(d->cairo, (const double[]){ 3 * s->thick, 2 * s->thick }, 2, 0);
    cairo.set_line_width(d->cairo, s->thick);
    cairo.set_line_join(d->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo.set_line_cap(d->cairo, CAIRO_LINE_CAP_ROUND);
    set_colour(d, s->colour, s->opacity);
    cairo.stroke(d->cairo);
    cairo.restore(d->cairo);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void set_font(cairo_t *to, const struct lettering *l)
{
    cairo.select_font_face(to, font, CAIRO_FONT_SLANT_NORMAL,
                           l->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo.set_font_size(to, l->size);
}

static double width_of(cairo_t *on, const char *text, const struct lettering *l)
{
    char safe[TEXT_BYTES];
    cairo_text_extents_t extents;
    set_font(on, l);
    cairo.text_extents(on, oc__escape(text, safe, sizeof safe), &extents);
    return extents.x_advance;
}

double oc__draw_text_width(struct drawing *d, const char *text, const struct lettering *l)
{
    return width_of(d->cairo, text, l);
}

double oc__text_width(const char *const *text, int n, const struct lettering *l)
{
    if (cairo_open() < 0)                               /* which is told when it is drawn */
        return 0;
    cairo_surface_t *const surface = cairo.image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *const on = cairo.create(surface);
    double widest = 0;
    for (int i = 0; i < n; i++)
        widest = fmax(widest, width_of(on, text[i], l));
    cairo.destroy(on);
    cairo.surface_destroy(surface);
    return widest;
}

void oc__draw_text(struct drawing *d, double x, double y, const char *text,
                   const struct lettering *l)
{
    char safe[TEXT_BYTES];
    const double width = width_of(d->cairo, text, l);
    const double back = l->anchor == ANCHOR_MIDDLE ? width / 2
                      : l->anchor == ANCHOR_END ? width : 0;
    set_colour(d, l->colour, 1);
    cairo.save(d->cairo);
    cairo.translate(d->cairo, x, y);
    if (l->upward)
        cairo.rotate(d->cairo, -3.14159265358979323846 / 2);
    cairo.move_to(d->cairo, -back, 0);
    cairo.show_text(d->cairo, oc__escape(text, safe, sizeof safe));
    cairo.restore(d->cairo);
    cairo.new_path(d->cairo);
}

static void cut_text(struct drawing *d, double width, const char *text, const struct lettering *l,
                     char cut[TEXT_BYTES])
{
    size_t n = strlen(oc__escape(text, cut, TEXT_BYTES - 4));
    while (n > 0 && width_of(d->cairo, cut, l) > width) {
        do
            n--;
        while (n > 0 && (cut[n] & 0xc0) == 0x80);       /* the bytes that follow a first one */
        memcpy(cut + n, "…", sizeof "…");
    }
}

void oc__draw_text_within(struct drawing *d, double x, double y, double width, const char *text,
                          const struct lettering *l)
{
    char cut[TEXT_BYTES];
    cut_text(d, width, text, l, cut);
    oc__draw_text(d, x, y, cut, l);
}

void oc__draw_text_before(struct drawing *d, double x, double y, double width, const char *text,
                          const char *tail, const struct lettering *l)
{
    char cut[TEXT_BYTES];
    cut_text(d, width - width_of(d->cairo, tail, l), text, l, cut);
    oc__draw_text(d, x, y, cut, l);
    oc__draw_text(d, x + width_of(d->cairo, cut, l), y, tail, l);
}

/* ---- images -------------------------------------------------------------------------------- */

/* A cairo surface of the image over white; NULL: no memory. */
static cairo_surface_t *surface_of(const oc_image *image)
{
    cairo_surface_t *const surface
        = cairo.image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    unsigned char *const data = cairo.image_surface_get_data(surface);
    const int stride = cairo.image_surface_get_stride(surface), colours = oc__image_colours(image);
    for (int y = 0; data && y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const uint8_t *const p
                = image->pixel + ((size_t)y * (size_t)image->width + (size_t)x)
                  * (size_t)image->channels;
            const int alpha = image->channels > colours ? p[colours] : 255;
            uint32_t pixel = 0;
            for (int k = 0; k < 3; k++) {
                const int v = p[colours == 3 ? k : 0];
                pixel = pixel << 8 | (uint32_t)((v * alpha + 255 * (255 - alpha) + 127) / 255);
            }
            memcpy(data + (size_t)y * (size_t)stride + 4 * (size_t)x, &pixel, sizeof pixel);
        }
    cairo.surface_mark_dirty(surface);
    return surface;
}

/* Images larger than they are shown shrink, antialiased; smaller ones grow in whole pixels, so that
 * every viewer of an SVG file shows them as squares. */
static oc_status fit(const oc_image *image, const struct box *box, oc_image *out)
{
    const double wide = box->width * pixels_per_point / image->width;
    const double high = box->height * pixels_per_point / image->height;
    const double factor = wide < high ? wide : high;
    const double whole = factor >= 1 ? floor(factor) : factor;
    const int w = (int)fmax(1, image->width * whole), h = (int)fmax(1, image->height * whole);
    return oc__image_resize(out, image, w, h, factor >= 1 ? FILTER_NEAREST : FILTER_BILINEAR);
}

/* Of a picture that is painted in bands, most images lie in others. */
static bool is_beyond(struct drawing *d, const struct box *b)
{
    double left, top, right, bottom;
    cairo.clip_extents(d->cairo, &left, &top, &right, &bottom);
    return b->y > bottom || b->y + b->height < top;
}

void oc__draw_image(struct drawing *d, struct box box, const oc_image *image)
{
    oc_image fitted;
    if (d->status < 0 || is_beyond(d, &box) || (d->status = fit(image, &box, &fitted)) < 0)
        return;
    const double wide = box.width / fitted.width, high = box.height / fitted.height;
    const double scale = wide < high ? wide : high;
    cairo_surface_t *const surface = surface_of(&fitted);
    cairo.save(d->cairo);
    cairo.translate(d->cairo, box.x + (box.width - scale * fitted.width) / 2,
                    box.y + (box.height - scale * fitted.height) / 2);
    cairo.scale(d->cairo, scale, scale);
    cairo.set_source_surface(d->cairo, surface, 0, 0);
    cairo.pattern_set_filter(cairo.get_source(d->cairo), CAIRO_FILTER_GOOD);
    cairo.pattern_set_extend(cairo.get_source(d->cairo), CAIRO_EXTEND_PAD);
    cairo.rectangle(d->cairo, 0, 0, fitted.width, fitted.height);
    cairo.fill(d->cairo);
    cairo.restore(d->cairo);
    cairo.surface_destroy(surface);
    oc_image_free(&fitted);
}

/* ---- files --------------------------------------------------------------------------------- */

/* `down` is where the surface begins, in its own pixels below the figure's top. */
static oc_status paint(const struct figure *f, cairo_surface_t *surface, double scale, int down)
{
    struct drawing d = { .cairo = cairo.create(surface) };
    cairo.translate(d.cairo, 0, -down);
    cairo.scale(d.cairo, scale, scale);
    oc__draw_box(&d, (struct box){ 0, 0, ceil(f->width), ceil(f->height) }, COLOUR_WHITE);
    f->draw(&d, f->what);
    cairo_status_t status = cairo.status(d.cairo);
    cairo.destroy(d.cairo);
    cairo.surface_flush(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo.surface_status(surface);
    if (d.status < 0 || status == CAIRO_STATUS_SUCCESS)
        return d.status;
    return oc__fail(status == CAIRO_STATUS_NO_MEMORY ? OC_ELIMIT : OC_EBUG, "picture %s: %s",
                    oc__quote_z(f->title), cairo.status_to_string(status));
}

/* A PNG file is painted in bands, one below the other on the same small surface: the whole of a
 * gallery would take more memory than the training of a small network. */
enum { BAND_BYTES = 512 << 10 };

struct bands {
    const struct figure *figure;
    cairo_surface_t     *surface;
    int                  width, rows;                   /* of the surface, in pixels */
    int                  y;                             /* of the next row */
    uint8_t             *row;                           /* [width, 3] */
};

static oc_status next_row(void *context, int n, const uint8_t **row)
{
    struct bands *const b = context;
    const int           y = b->y++;
    assert(n == 1);
    if (y % b->rows == 0)
        TRY(paint(b->figure, b->surface, pixels_per_point, y));
    const unsigned char *const from = cairo.image_surface_get_data(b->surface)
        + (size_t)(y % b->rows) * (size_t)cairo.image_surface_get_stride(b->surface);
    uint8_t *to = b->row;
    for (int x = 0; x < b->width; x++) {
        uint32_t pixel;
        memcpy(&pixel, from + 4 * (size_t)x, sizeof pixel);
        *to++ = (uint8_t)(pixel >> 16);
        *to++ = (uint8_t)(pixel >> 8);
        *to++ = (uint8_t)pixel;
    }
    *row = b->row;
    return OC_OK;
}

/* Paints the figure for whoever takes its rows. */
static oc_status paint_rows(const struct figure *f,
                            oc_status (*take)(const struct rows *rows, void *to), void *to)
{
    const int width = (int)ceil(f->width * pixels_per_point);
    const int height = (int)ceil(f->height * pixels_per_point), most = BAND_BYTES / (4 * width);
    struct bands b = { .figure = f, .width = width,
                       .rows = most < 1 ? 1 : most < height ? most : height };
    const struct rows rows = { width, height, 3, next_row, &b };
    TRY(cairo_open());
    b.surface = cairo.image_surface_create(CAIRO_FORMAT_RGB24, width, b.rows);
    b.row = oc__alloc((size_t)width, 3);
    const oc_status status = b.row ? take(&rows, to) : OC_ELIMIT;
    cairo.surface_destroy(b.surface);
    oc__free(b.row);
    return status;
}

static oc_status encode_rows(const struct rows *rows, void *to)
{
    return oc__png_encode_rows(rows, to);
}

oc_status oc__figure_png(const struct figure *f, struct str *out)
{
    return paint_rows(f, encode_rows, out);
}

static oc_status copy_rows(const struct rows *rows, void *to)
{
    oc_image *const image = to;
    const size_t stride = (size_t)rows->width * 3;
    oc_status status = oc__image_new(image, "picture", rows->width, rows->height, 3);
    for (int y = 0; y < rows->height && status >= 0; y++) {
        const uint8_t *row;
        status = rows->next(rows->context, 1, &row);
        if (status >= 0)
            memcpy(image->pixel + (size_t)y * stride, row, stride);
    }
    if (status < 0)
        oc_image_free(image);
    return status;
}

oc_status oc__figure_image(const struct figure *f, oc_image *out)
{
    *out = (oc_image){ 0 };
    return paint_rows(f, copy_rows, out);
}

/* ---- SVG ----------------------------------------------------------------------------------- */

static cairo_status_t take(void *context, const unsigned char *bytes, unsigned n)
{
    struct str *const out = context;
    oc__str_add(out, (const char *)bytes, n);
    return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* The letters of a name that cairo ended by a number, `"surface12"` or `"#image5"`, from behind the
 * quote; 0 where there is none.  Those of glyphs and clips count from 0 in every file already. */
static size_t numbered(const char *p)
{
    static const char *const kinds[] = { "surface", "image", "source" };
    const size_t mark = *p == '#';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i]);
        if (strncmp(p + mark, kinds[i], n) != 0)
            continue;
        n += mark + (p[mark + n] == '-');
        const size_t digits = strspn(p + n, "0123456789");
        return digits && p[n + digits] == '"' ? n : 0;
    }
    return 0;
}

enum { NUMBERS_MAX = 4096 };
struct numbers { int n; long seen[NUMBERS_MAX]; };

/* The place of a number in the order of appearance. */
static int place_of(struct numbers *numbers, long number)
{
    int i = 0;
    while (i < numbers->n && numbers->seen[i] != number)
        i++;
    if (i == numbers->n && i < NUMBERS_MAX)
        numbers->seen[numbers->n++] = number;
    return i;
}

/* Cairo numbers what it makes through the life of the process; counted anew in each file, equal
 * pictures are equal bytes. */
static void renumber(const char *text, struct numbers *numbers, struct str *out)
{
    for (const char *quote; (quote = strchr(text, '"')); text = quote) {
        const size_t n = numbered(++quote);
        oc__str_add(out, text, (size_t)(quote - text) + n);
        quote += n;
        if (n) {
            char *end;
            const int place = place_of(numbers, strtol(quote, &end, 10));
            oc__str_addf(out, "%d", place);
            quote = end;
        }
    }
    oc__str_addz(out, text);
}

/* The words stand right behind the root's opening tag. */
static oc_status add_words(const struct figure *f, const char *svg, struct str *out)
{
    const char *const root = strstr(svg, "<svg"), *const end = root ? strchr(root, '>') : NULL;
    struct numbers *const numbers = oc__alloc(1, sizeof *numbers);
    if (!end || !numbers) {
        oc__free(numbers);
        return OC_ELIMIT;
    }
    oc__str_add(out, svg, (size_t)(end + 1 - svg));
    oc__str_addz(out, "\n<title>");
    oc__str_add_xml(out, f->title);
    oc__str_addz(out, "</title>\n<desc>");
    oc__str_add_xml(out, f->description ? f->description : "");
    oc__str_addz(out, "</desc>");
    renumber(end + 1, numbers, out);
    oc__free(numbers);
    return out->failed ? OC_ELIMIT : OC_OK;
}

oc_status oc__figure_svg(const struct figure *f, struct str *out)
{
    struct str raw = { 0 };
    TRY(cairo_open());
    cairo_surface_t *const surface
        = cairo.svg_surface_create_for_stream(take, &raw, f->width, f->height);
    oc_status status = paint(f, surface, 1, 0);
    cairo.surface_finish(surface);
    if (status >= 0 && cairo.surface_status(surface) != CAIRO_STATUS_SUCCESS)
        status = oc__fail(OC_ELIMIT, "picture %s: no memory", oc__quote_z(f->title));
    cairo.surface_destroy(surface);
    if (status >= 0)
        status = add_words(f, oc__str_text(&raw), out);
    oc__str_free(&raw);
    return status;
}

oc_status oc__figure_save(const struct figure *f, const char *path, enum write_flags flags)
{
    static const struct {
        const char *ending;
        oc_status (*make)(const struct figure *f, struct str *out);
    } kinds[] = { { ".png", oc__figure_png }, { ".svg", oc__figure_svg } };
    const size_t n = strlen(path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t ending = strlen(kinds[i].ending);
        if (n < ending || strcmp(path + n - ending, kinds[i].ending) != 0)
            continue;
        struct str file = { 0 };
        oc_status status = kinds[i].make(f, &file);
        if (status >= 0)
            status = oc__write_file(path, file.text, file.n, flags);
        oc__str_free(&file);
        return status;
    }
    return oc__fail(OC_EUSAGE, "%s: a picture's name ends in .png or .svg", path);
}
