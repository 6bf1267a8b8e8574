/* chart.h — charts: lines over epochs, a matrix of counts, a gallery of images.
 *
 * Each is a plain struct that borrows everything and becomes a `struct figure`, which can be saved
 * as PNG or SVG; a line chart can also be written with characters.  Colours are those of Okabe and
 * Ito ("Color Universal Design", 2008), which people who are colour-blind tell apart. */
#ifndef OC_WATCH_CHART_H
#define OC_WATCH_CHART_H

#include "image/draw.h"
#include "watch/chart_axis.h"

enum {
    CHART_INK   = 0x222222, CHART_GREY = 0x6b6b6b, CHART_GRID = 0xe3e3e3,
    CHART_BLUE  = 0x0072b2, CHART_VERMILION = 0xd55e00, CHART_GREEN = 0x009e73,
    CHART_COLOURS = 7,
};

/* Colour number i of a series, again and again the same seven. */
colour oc__chart_colour(int i);

/* A title and a line below it at the top of a picture, either NULL where there is none; and the
 * room that they take, uncut. */
void   oc__draw_heading(struct drawing *d, double x, double width, const char *title,
                        const char *subtitle);
double oc__heading_width(const char *title, const char *subtitle);

/* ---- lines --------------------------------------------------------------------------------- */

/* y is NaN where there is none.  A name stands at the end of its line. */
struct series {
    const char   *name;                                 /* NULL: not named */
    colour        colour;
    bool          dashed;
    int           n, marked;                            /* the point with a ring; -1: none */
    const double *x, *y;
};

/* Room beside the plane, in points: for the numbers of the y axis, and for names. */
struct margins { double left, right; };

struct chart {
    const char          *title, *subtitle, *x_label, *y_label;
    enum axis_kind       y_kind;                        /* AXIS_PERCENT: y are fractions */
    const struct series *series;
    int                  n;
    struct margins       least;                         /* 0: no more than it needs */
};

/* What the chart needs; charts that share the larger ones line up below each other. */
struct margins oc__chart_margins(const struct chart *c);

/* The words, with every number, are for those who cannot see it; they live in a string of the
 * caller, which must be kept. */
struct figure oc__chart_figure(const struct chart *c, struct str *words);

/* The axes that the chart is drawn with. */
void oc__chart_axes(const struct chart *c, int x_ticks, int y_ticks, struct axis *x,
                    struct axis *y);
/* A value as it stands on the y axis, and as text beside a line's name. */
double oc__chart_value(const struct chart *c, double y);
void   oc__chart_value_text(const struct chart *c, double y, char text[32]);
/* The last finite value of a series; NaN: it has none. */
double oc__series_last(const struct series *s);

/* Writes the chart with Braille characters, `columns` wide and `rows` high, title, axes and names
 * included; with colours, as a terminal understands them. */
void oc__chart_text(const struct chart *c, int columns, int rows, bool colours, struct str *out);

/* ---- a matrix ------------------------------------------------------------------------------ */

/* What was taken for what. */
struct confusion_chart {
    const char        *title, *subtitle;
    int                classes;
    const char *const *name;                            /* [classes] */
    const int64_t     *count;                           /* [true class, predicted class] */
};
struct figure oc__confusion_figure(const struct confusion_chart *c, struct str *words);

/* ---- a gallery ----------------------------------------------------------------------------- */

/* A line below an image: a name, shortened where there is no room, and what follows it whole. */
enum { CAPTION_MAX = 96, CAPTION_NUMBER = 48 };
struct caption { char name[CAPTION_MAX], number[CAPTION_NUMBER]; };
enum caption_mood { CAPTION_PLAIN, CAPTION_GOOD, CAPTION_BAD };
struct exhibit {
    oc_image          image;
    struct caption    caption[2];                       /* the second in grey */
    enum caption_mood mood;
};
struct gallery {
    const char           *title, *subtitle;
    const struct exhibit *exhibit;
    int                   n, columns;
    double                cell;                         /* side of an image in points */
};
struct figure oc__gallery_figure(const struct gallery *g, struct str *words);

#endif
