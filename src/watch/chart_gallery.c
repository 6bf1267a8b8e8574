/* chart_gallery.c — images in rows, each with two lines below it. */
#include "watch/chart.h"

#include <math.h>

enum { TOP = 62, TOP_PLAIN = 16, MARGIN = 18, GAP = 12, LINE = 14, CAPTION = 2 * LINE + 8 };

static colour mood_colour(enum caption_mood mood)
{
    return mood == CAPTION_GOOD ? CHART_BLUE : mood == CAPTION_BAD ? CHART_VERMILION : CHART_INK;
}

static double top_of(const struct gallery *g)
{
    return g->title ? TOP : TOP_PLAIN;
}

static void draw_exhibit(struct drawing *d, const struct gallery *g, int i)
{
    const struct exhibit *const e = &g->exhibit[i];
    const double x = MARGIN + (i % g->columns) * (g->cell + GAP);
    const double y = top_of(g) + (i / g->columns) * (g->cell + CAPTION + GAP / 2);
    const struct box box = { x, y, g->cell, g->cell };
    const struct lettering letters[] = {
        { .size = 11, .colour = mood_colour(e->mood), .bold = e->mood == CAPTION_BAD },
        { .size = 11, .colour = CHART_GREY },
    };
    oc__draw_box(d, box, 0xf3f3f3);
    oc__draw_image(d, box, &e->image);
    if (e->mood == CAPTION_BAD)
        oc__draw_frame(d, box, 1.5, CHART_VERMILION);
    for (int line = 0; line < 2; line++)
        oc__draw_text_before(d, x, y + g->cell + (line + 1) * LINE, g->cell, e->caption[line].name,
                             e->caption[line].number, &letters[line]);
}

static void draw_gallery(struct drawing *d, const void *what)
{
    const struct gallery *const g = what;
    oc__draw_heading(d, MARGIN, INFINITY, g->title, g->subtitle);
    for (int i = 0; i < g->n; i++)
        draw_exhibit(d, g, i);
}

struct figure oc__gallery_figure(const struct gallery *g, struct str *words)
{
    const double text = oc__heading_width(g->title, g->subtitle) + 2 * MARGIN;
    const int columns = g->n < g->columns ? g->n : g->columns;
    const int rows = (g->n + g->columns - 1) / g->columns;
    const double width = columns * (g->cell + GAP) - GAP + 2 * MARGIN;
    oc__str_clear(words);
    for (int i = 0; i < g->n; i++)
        oc__str_addf(words, "%s%s%s %s%s", i ? "; " : "", g->exhibit[i].caption[0].name,
                     g->exhibit[i].caption[0].number, g->exhibit[i].caption[1].name,
                     g->exhibit[i].caption[1].number);
    return (struct figure){
        .title = g->title ? g->title : "", .description = oc__str_text(words),
        .width = width > text ? width : text,
        .height = top_of(g) + rows * (g->cell + CAPTION + GAP / 2) + MARGIN / 2,
        .draw = draw_gallery, .what = g };
}
