/* draw.h — pictures made of lines, areas, text and images, as PNG or SVG.
 *
 * A picture is a function that draws on a `struct drawing`; it is called for each file that is
 * wanted, so both show the same, and for PNG as often as there are bands of pixels, so that memory
 * never holds all of them.  Coordinates are points from the top left corner, PNG has two pixels a
 * point.  Failures stick to the drawing and are reported when the file is made; equal
 * calls make equal bytes.  Text is UTF-8 in DejaVu Sans; bytes that are none appear as \xNN. */
#ifndef OC_IMAGE_DRAW_H
#define OC_IMAGE_DRAW_H

#include "base/file.h"
#include "base/str.h"
#include "ocellus.h"

struct drawing;
typedef void draw_function(struct drawing *d, const void *what);

/* What is drawn, how large, and the words that an SVG file carries for those who cannot see it. */
struct figure {
    const char    *title, *description;
    double         width, height;
    draw_function *draw;
    const void    *what;
};

oc_status oc__figure_png(const struct figure *f, struct str *out);   /* appends a file */
oc_status oc__figure_svg(const struct figure *f, struct str *out);
oc_status oc__figure_image(const struct figure *f, oc_image *out);   /* RGB, as the PNG */
/* By the ending of the path, .png or .svg. */
oc_status oc__figure_save(const struct figure *f, const char *path, enum write_flags flags);

/* What is drawn from now on is drawn from there, as if it were the corner. */
void oc__draw_from(struct drawing *d, double x, double y);

struct box { double x, y, width, height; };

/* Colours are 0xRRGGBB. */
typedef uint32_t colour;
enum { COLOUR_WHITE = 0xffffff };

/* Between two colours, part in [0, 1]. */
colour oc__colour_between(colour a, colour b, double part);
bool   oc__colour_is_dark(colour c);

void oc__draw_box(struct drawing *d, struct box box, colour c);
void oc__draw_frame(struct drawing *d, struct box box, double thick, colour c);
void oc__draw_line(struct drawing *d, double x0, double y0, double x1, double y1, double thick,
                   colour c);
void oc__draw_dot(struct drawing *d, double x, double y, double radius, colour c);

/* A line through points; what is outside of `clip` is not drawn. */
struct stroke { double thick; colour colour; bool dashed; double opacity; struct box clip; };
struct point { double x, y; };
void oc__draw_path(struct drawing *d, const struct point *point, int n, const struct stroke *s);

/* The anchor says what of the text stands at (x, baseline y); upward text is turned left. */
enum anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };
struct lettering { double size; colour colour; enum anchor anchor; bool bold, upward; };
void   oc__draw_text(struct drawing *d, double x, double y, const char *text,
                     const struct lettering *l);
/* Cut to a width, then with an ellipsis. */
void   oc__draw_text_within(struct drawing *d, double x, double y, double width, const char *text,
                            const struct lettering *l);
/* The same with a tail, which is never cut: the text before it gives way. */
void   oc__draw_text_before(struct drawing *d, double x, double y, double width, const char *text,
                            const char *tail, const struct lettering *l);
double oc__draw_text_width(struct drawing *d, const char *text, const struct lettering *l);
/* The same before there is a drawing; the widest of n texts. */
double oc__text_width(const char *const *text, int n, const struct lettering *l);

/* An image as large as fits into the box, in its middle; small ones keep square pixels. */
void oc__draw_image(struct drawing *d, struct box box, const oc_image *image);

#endif
