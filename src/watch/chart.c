/* chart.c — lines over epochs.
 *
 * Names stand at the ends of their lines, in the line's colour and with the last value, so that
 * nobody looks up a legend; names that would overlap are pushed apart.  There is a grid where
 * numbers are read, and no frame. */
#include "watch/chart.h"

#include <math.h>
#include <stdio.h>
#include "base/mem.h"

enum { WIDTH = 720, HEIGHT = 420, TOP = 62, BOTTOM = 50, LEFT_MIN = 66, GAP = 10, DOTS_MAX = 40,
       X_TICKS = 8, Y_TICKS = 5, TICK_SIZE = 11, TICK_GAP = 8, Y_TITLE = 18, Y_TITLE_BELOW = 10,
       RING = 7, NAME_SIZE = 12, NAME_STEP = 15, NAME_WIDTH_MAX = 190 };

colour oc__chart_colour(int i)
{
    static const colour colours[CHART_COLOURS] = { CHART_BLUE, CHART_VERMILION, CHART_GREEN,
                                                   0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000 };
    return colours[i % CHART_COLOURS];
}

/* ---- values -------------------------------------------------------------------------------- */

double oc__chart_value(const struct chart *c, double y)
{
    return c->y_kind == AXIS_PERCENT ? 100 * y : y;
}

void oc__chart_value_text(const struct chart *c, double y, char text[32])
{
    if (c->y_kind == AXIS_PERCENT)
        snprintf(text, 32, "%.2f %%", 100 * y);
    else
        snprintf(text, 32, "%.4g", y);
}

/* The last point that has a finite value; -1: none has. */
static int last_of(const struct series *s)
{
    int i = s->n - 1;
    while (i >= 0 && !isfinite(s->y[i]))
        i--;
    return i;
}

double oc__series_last(const struct series *s)
{
    const int i = last_of(s);
    return i < 0 ? NAN : s->y[i];
}

static void include(struct range *r, double v)
{
    if (!isfinite(v))
        return;
    r->low = fmin(r->low, v);
    r->high = fmax(r->high, v);
}

void oc__chart_axes(const struct chart *c, int x_ticks, int y_ticks, struct axis *x, struct axis *y)
{
    struct range across = { INFINITY, -INFINITY }, up = across;
    for (int k = 0; k < c->n; k++)
        for (int i = 0; i < c->series[k].n; i++) {
            include(&across, c->series[k].x[i]);
            include(&up, oc__chart_value(c, c->series[k].y[i]));
        }
    oc__axis_make(x, across, AXIS_WHOLE, x_ticks);
    oc__axis_make(y, up, c->y_kind, y_ticks);
}

/* ---- the heading --------------------------------------------------------------------------- */

static const struct lettering title_letters = { .size = 17, .colour = CHART_INK, .bold = true };
static const struct lettering subtitle_letters = { .size = 12, .colour = CHART_GREY };

void oc__draw_heading(struct drawing *d, double x, double width, const char *title,
                      const char *subtitle)
{
    oc__draw_text_within(d, x, 28, width, title ? title : "", &title_letters);
    oc__draw_text_within(d, x, 46, width, subtitle ? subtitle : "", &subtitle_letters);
}

double oc__heading_width(const char *title, const char *subtitle)
{
    return fmax(oc__text_width((const char *[]){ title ? title : "" }, 1, &title_letters),
                oc__text_width((const char *[]){ subtitle ? subtitle : "" }, 1,
                               &subtitle_letters));
}

/* ---- the plane ----------------------------------------------------------------------------- */

struct plane {
    const struct chart *chart;
    struct drawing     *drawing;
    struct axis         x, y;
    struct box          box;
};

static double across(const struct plane *p, double v)
{
    return p->box.x + p->box.width * oc__axis_place(&p->x, v);
}

static double up(const struct plane *p, double v)
{
    return p->box.y + p->box.height * (1 - oc__axis_place(&p->y, v));
}

static void draw_axes(const struct plane *p)
{
    const struct box *const b = &p->box;
    const double bottom = b->y + b->height;
    struct lettering small = { .size = TICK_SIZE, .colour = CHART_GREY, .anchor = ANCHOR_END };
    for (int i = 0; i < p->y.n; i++) {
        const double y = up(p, p->y.tick[i]);
        oc__draw_line(p->drawing, b->x, y, b->x + b->width, y, 1, CHART_GRID);
        oc__draw_text(p->drawing, b->x - TICK_GAP, y + 4, p->y.label[i], &small);
    }
    small.anchor = ANCHOR_MIDDLE;
    for (int i = 0; i < p->x.n; i++) {
        const double x = across(p, p->x.tick[i]);
        oc__draw_line(p->drawing, x, bottom, x, bottom + 4, 1, CHART_GREY);
        oc__draw_text(p->drawing, x, bottom + 17, p->x.label[i], &small);
    }
    oc__draw_line(p->drawing, b->x, bottom, b->x + b->width, bottom, 1, CHART_GREY);
    small.size = 12;
    oc__draw_text(p->drawing, b->x + b->width / 2, bottom + 37, p->chart->x_label, &small);
    small.upward = true;
    oc__draw_text(p->drawing, Y_TITLE, b->y + b->height / 2, p->chart->y_label, &small);
}

/* ---- lines --------------------------------------------------------------------------------- */

static void draw_dots(const struct plane *p, const struct series *s)
{
    for (int i = 0; i < s->n; i++) {
        const double x = across(p, s->x[i]), y = up(p, oc__chart_value(p->chart, s->y[i]));
        if (isnan(y))
            continue;
        if (s->n <= DOTS_MAX && !s->dashed)
            oc__draw_dot(p->drawing, x, y, 2.6, s->colour);
        if (i == s->marked) {
            oc__draw_dot(p->drawing, x, y, 6.5, s->colour);
            oc__draw_dot(p->drawing, x, y, 4.2, COLOUR_WHITE);
            oc__draw_dot(p->drawing, x, y, 2.6, s->colour);
        }
    }
}

/* A line is broken where values are missing; a value between two gaps is a dot. */
static void draw_series(const struct plane *p, const struct series *s, struct point *point)
{
    const struct box clip = { p->box.x - 4, p->box.y - 4, p->box.width + 8, p->box.height + 8 };
    const struct stroke stroke = { s->dashed ? 1.6 : 2.2, s->colour, s->dashed, 1, clip };
    int n = 0;
    for (int i = 0; i <= s->n; i++) {
        const double y = i < s->n ? up(p, oc__chart_value(p->chart, s->y[i])) : NAN;
        if (!isnan(y)) {
            point[n++] = (struct point){ across(p, s->x[i]), y };
            continue;
        }
        if (n == 1)
            oc__draw_dot(p->drawing, point[0].x, point[0].y, 2.6, s->colour);
        if (n > 1)
            oc__draw_path(p->drawing, point, n, &stroke);
        n = 0;
    }
    draw_dots(p, s);
}

static void draw_lines(const struct plane *p)
{
    int most = 1;
    for (int k = 0; k < p->chart->n; k++)
        most = p->chart->series[k].n > most ? p->chart->series[k].n : most;
    struct point *const point = oc__alloc((size_t)most, sizeof *point);
    for (int k = 0; point && k < p->chart->n; k++)
        draw_series(p, &p->chart->series[k], point);
    oc__free(point);
}

/* ---- names --------------------------------------------------------------------------------- */

enum { NAMES_MAX = 24 };
struct name { double y; const struct series *series; char text[160]; };

static int collect_names(const struct chart *c, struct name *names)
{
    int n = 0;
    for (int k = 0; k < c->n && n < NAMES_MAX; k++) {
        char value[32];
        const double last = oc__series_last(&c->series[k]);
        if (!c->series[k].name || isnan(last))
            continue;
        names[n].series = &c->series[k];
        oc__chart_value_text(c, last, value);
        snprintf(names[n++].text, sizeof names->text, "%.100s  %s", c->series[k].name, value);
    }
    return n;
}

static void sort_names(struct name *names, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && names[k].y < names[k - 1].y; k--) {
            const struct name other = names[k];
            names[k] = names[k - 1];
            names[k - 1] = other;
        }
}

/* From the top down none comes closer than a line to the one above it; then, where that pushed
 * them out at the bottom, from the bottom up. */
static void spread_names(struct name *names, int n, double bottom)
{
    for (int i = 1; i < n; i++)
        names[i].y = fmax(names[i].y, names[i - 1].y + NAME_STEP);
    for (int i = n; i-- > 0;)
        names[i].y = fmin(names[i].y, bottom - NAME_STEP * (n - 1 - i));
}

/* From the end of a line to its name, where that is elsewhere: the run was shorter than others, or
 * its name had to give way. */
static void draw_leader(const struct plane *p, const struct name *name)
{
    const struct series *const s = name->series;
    const int i = last_of(s);
    const double right = p->box.x + p->box.width, y = up(p, oc__chart_value(p->chart, s->y[i]));
    const double end = across(p, s->x[i]), height = name->y - 4;
    const double x = fmin(end + RING + 2, right);
    const struct box clip = { x, 0, right + GAP - x, HEIGHT };
    const struct point points[] = { { x, y }, { right, y }, { right + GAP - 2, height } };
    if (!isnan(y) && (end < right - 1 || fabs(height - y) > 2))
        oc__draw_path(p->drawing, points, 3, &(struct stroke){ 0.8, s->colour, true, 0.6, clip });
}

static void draw_names(const struct plane *p, struct name *names, int n)
{
    const double left = p->box.x + p->box.width + GAP;
    for (int i = 0; i < n; i++)
        names[i].y = up(p, oc__chart_value(p->chart, oc__series_last(names[i].series))) + 4;
    sort_names(names, n);
    spread_names(names, n, p->box.y + p->box.height + 4);
    for (int i = 0; i < n; i++) {
        const struct lettering l = { .size = NAME_SIZE, .colour = names[i].series->colour };
        draw_leader(p, &names[i]);
        oc__draw_text_within(p->drawing, left, names[i].y, NAME_WIDTH_MAX, names[i].text, &l);
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

struct margins oc__chart_margins(const struct chart *c)
{
    const char *label[AXIS_TICKS_MAX], *text[NAMES_MAX];
    struct name names[NAMES_MAX];
    struct axis x, y;
    oc__chart_axes(c, X_TICKS, Y_TICKS, &x, &y);
    for (int i = 0; i < y.n; i++)
        label[i] = y.label[i];
    const int n = collect_names(c, names);
    for (int i = 0; i < n; i++)
        text[i] = names[i].text;
    const double labels = oc__text_width(label, y.n, &(struct lettering){ .size = TICK_SIZE });
    const double widest = oc__text_width(text, n, &(struct lettering){ .size = NAME_SIZE });
    return (struct margins){ fmax(LEFT_MIN, Y_TITLE + Y_TITLE_BELOW + labels + TICK_GAP),
                             fmin(widest, NAME_WIDTH_MAX) + 2 * GAP };
}

static void draw_chart(struct drawing *d, const void *what)
{
    const struct chart *const c = what;
    struct name names[NAMES_MAX];
    const int n = collect_names(c, names);
    const struct margins needed = oc__chart_margins(c);
    const double left = fmax(needed.left, c->least.left);
    const double right = fmax(needed.right, c->least.right);
    struct plane p = { .chart = c, .drawing = d,
                       .box = { left, TOP, WIDTH - left - right, HEIGHT - TOP - BOTTOM } };
    oc__chart_axes(c, X_TICKS, Y_TICKS, &p.x, &p.y);
    oc__draw_heading(d, 18, WIDTH - 36, c->title, c->subtitle);
    draw_axes(&p);
    draw_lines(&p);
    draw_names(&p, names, n);
}

/* "training: 1 0.53, 2 0.25; validation: 1 0.61" */
static void describe(const struct chart *c, struct str *out)
{
    char text[32];
    oc__str_addf(out, "%s over %s. ", c->y_label, c->x_label);
    for (int k = 0; k < c->n; k++) {
        const struct series *const s = &c->series[k];
        oc__str_addf(out, "%s%s:", k ? "; " : "", s->name ? s->name : "besides");
        for (int i = 0; i < s->n; i++) {
            oc__str_addf(out, "%s %s", i ? "," : "", oc__double_text(s->x[i], text));
            oc__str_addf(out, " %s", isfinite(s->y[i]) ? oc__double_text(s->y[i], text) : "-");
        }
    }
}

struct figure oc__chart_figure(const struct chart *c, struct str *words)
{
    oc__str_clear(words);
    describe(c, words);
    return (struct figure){ .title = c->title, .description = oc__str_text(words), .width = WIDTH,
                            .height = HEIGHT, .draw = draw_chart, .what = c };
}
