/* chart_text.c — lines over epochs for a terminal.
 *
 * A character of the Braille block is a grid of 2 x 4 dots, so a plane of w x h characters has
 * 2w x 4h of them; a character has the colour of the line that came to it last.  Dashed lines leave
 * out every other pair of dots, which tells them apart where there are no colours. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "watch/chart.h"

enum { COLUMNS_MIN = 24, ROWS_MIN = 8, LABELS = 8, LINES_BESIDE = 4 };

/* What a terminal shows best of our colours, by 256. */
static int terminal_colour(colour c)
{
    const int r = (int)(c >> 16 & 255), g = (int)(c >> 8 & 255), b = (int)(c & 255);
    return c == 0 ? 250 : 16 + 36 * ((r + 25) / 51) + 6 * ((g + 25) / 51) + (b + 25) / 51;
}

struct plane {
    const struct chart *chart;
    struct axis         x, y;
    int                 width, height;                  /* in characters */
    uint8_t            *dots;                           /* [height, width], Braille's bits */
    uint8_t            *series;                         /* [height, width], number from 1 */
    bool                colours;
};

/* ---- dots ---------------------------------------------------------------------------------- */

static void set_dot(struct plane *p, int x, int y, int series)
{
    static const uint8_t bit[4][2] = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 },
                                       { 0x40, 0x80 } };
    if (x < 0 || y < 0 || x >= 2 * p->width || y >= 4 * p->height)
        return;
    const size_t at = (size_t)(y / 4) * (size_t)p->width + (size_t)(x / 2);
    p->dots[at] |= bit[y % 4][x % 2];
    p->series[at] = (uint8_t)series;
}

struct spot { int x, y; };

static bool spot_of(const struct plane *p, const struct series *s, int i, struct spot *out)
{
    const double x = oc__axis_place(&p->x, s->x[i]);
    const double y = oc__axis_place(&p->y, oc__chart_value(p->chart, s->y[i]));
    if (isnan(x) || isnan(y))
        return false;
    out->x = (int)lrint(x * (2 * p->width - 1));
    out->y = (int)lrint((1 - y) * (4 * p->height - 1));
    return true;
}

/* Bresenham 1965; a dashed line has pauses along its longer side. */
static void set_line(struct plane *p, struct spot a, struct spot b, int series, bool dashed)
{
    const int dx = abs(b.x - a.x), dy = abs(b.y - a.y);
    const int sx = a.x < b.x ? 1 : -1, sy = a.y < b.y ? 1 : -1;
    for (int error = dx - dy;;) {
        if (!dashed || (dx >= dy ? a.x : a.y) % 4 < 2)
            set_dot(p, a.x, a.y, series);
        if (a.x == b.x && a.y == b.y)
            return;
        const int twice = 2 * error;
        if (twice > -dy) {
            error -= dy;
            a.x += sx;
        }
        if (twice < dx) {
            error += dx;
            a.y += sy;
        }
    }
}

static void set_series(struct plane *p, int k)
{
    const struct series *const s = &p->chart->series[k];
    struct spot last = { 0 }, now;
    bool open = false;
    for (int i = 0; i < s->n; i++) {
        const bool there = spot_of(p, s, i, &now);
        if (there)
            set_line(p, open ? last : now, now, k + 1, s->dashed && open);
        last = now;
        open = there;
    }
}

/* ---- characters ---------------------------------------------------------------------------- */

static void begin_colour(const struct plane *p, int series, struct str *out)
{
    if (p->colours && series)
        oc__str_addf(out, "\x1b[38;5;%dm", terminal_colour(p->chart->series[series - 1].colour));
}

static void end_colour(const struct plane *p, struct str *out)
{
    oc__str_addz(out, p->colours ? "\x1b[0m" : "");
}

static void write_dots(const struct plane *p, int row, struct str *out)
{
    int colour_now = 0;
    for (int i = 0; i < p->width; i++) {
        const size_t at = (size_t)row * (size_t)p->width + (size_t)i;
        const int dots = p->dots[at], series = dots ? p->series[at] : colour_now;
        if (series != colour_now)
            begin_colour(p, series, out);
        colour_now = series;
        if (dots)                                       /* U+2800 and the dots, as UTF-8 */
            oc__str_addf(out, "\xe2%c%c", 0xa0 | dots >> 6, 0x80 | (dots & 63));
        else
            oc__str_addz(out, " ");
    }
    end_colour(p, out);
}

/* The label of the tick that is nearest to this row's middle, if it belongs to this row. */
static const char *row_label(const struct plane *p, int row)
{
    for (int i = 0; i < p->y.n; i++) {
        const double y = (1 - oc__axis_place(&p->y, p->y.tick[i])) * (4 * p->height - 1);
        if ((int)lrint(y) / 4 == row)
            return p->y.label[i];
    }
    return NULL;
}

static void write_rows(const struct plane *p, struct str *out)
{
    for (int row = 0; row < p->height; row++) {
        const char *const label = row_label(p, row);
        oc__str_addf(out, "%*s %s", LABELS, label ? label : "", label ? "┤" : "│");
        write_dots(p, row, out);
        oc__str_addz(out, "\n");
    }
}

/* The line below, with ticks, and the numbers below those that have room. */
static void write_bottom(const struct plane *p, struct str *out)
{
    char labels[512];
    const int width = p->width < (int)sizeof labels - 32 ? p->width : (int)sizeof labels - 32;
    int used = 0, tick = 0;
    memset(labels, ' ', sizeof labels);
    oc__str_addf(out, "%*s └", LABELS, "");
    for (int i = 0; i < width; i++) {
        while (tick < p->x.n && lrint(oc__axis_place(&p->x, p->x.tick[tick]) * (width - 1)) < i)
            tick++;
        const bool here = tick < p->x.n
            && lrint(oc__axis_place(&p->x, p->x.tick[tick]) * (width - 1)) == i;
        oc__str_addz(out, here ? "┬" : "─");
        if (!here)
            continue;
        const int n = (int)strlen(p->x.label[tick]), middle = i - n / 2 > 0 ? i - n / 2 : 0;
        const int from = middle + n > width ? width - n : middle;
        if (from < used)
            continue;
        memcpy(labels + from, p->x.label[tick], (size_t)n);
        used = from + n + 2;
    }
    const int end = used > 2 ? used - 2 : 0;
    oc__str_addf(out, "\n%*s  %.*s\n", LABELS, "", end, labels);
}

static void write_names(const struct plane *p, int columns, struct str *out)
{
    int used = LABELS + 2;
    oc__str_addf(out, "%*s  ", LABELS, "");
    for (int k = 0; k < p->chart->n; k++) {
        const struct series *const s = &p->chart->series[k];
        char value[32], name[128];
        const double last = oc__series_last(s);
        if (!s->name || isnan(last))
            continue;
        oc__chart_value_text(p->chart, last, value);
        const int n = snprintf(name, sizeof name, "%.80s %s", s->name, value) + 5;
        if (used + n > columns && used > LABELS + 2) {
            oc__str_addf(out, "\n%*s  ", LABELS, "");
            used = LABELS + 2;
        }
        begin_colour(p, k + 1, out);
        oc__str_addz(out, s->dashed ? "┄┄" : "━━");
        end_colour(p, out);
        oc__str_addf(out, " %s  ", name);
        used += n;
    }
    while (out->n && out->text[out->n - 1] == ' ')
        out->text[--out->n] = '\0';
    oc__str_addz(out, "\n");
}

void oc__chart_text(const struct chart *c, int columns, int rows, bool colours, struct str *out)
{
    columns = columns > COLUMNS_MIN ? columns : COLUMNS_MIN;
    rows = rows > ROWS_MIN ? rows : ROWS_MIN;
    struct plane p = { .chart = c, .width = columns - LABELS - 3, .height = rows - LINES_BESIDE,
                       .colours = colours };
    const size_t cells = (size_t)p.width * (size_t)p.height;
    p.dots = oc__alloc(cells, 1);
    p.series = oc__alloc(cells, 1);
    if (p.dots && p.series) {
        oc__chart_axes(c, 2 + p.width / 12, 2 + p.height / 4, &p.x, &p.y);
        for (int k = 0; k < c->n; k++)
            set_series(&p, k);
        oc__str_addf(out, "%*s  %s%s%s by %s\n", LABELS, "", colours ? "\x1b[1m" : "", c->title,
                     colours ? "\x1b[0m" : "", c->x_label);
        write_rows(&p, out);
        write_bottom(&p, out);
        write_names(&p, columns, out);
    }
    out->failed |= !p.dots || !p.series;
    oc__free(p.dots);
    oc__free(p.series);
}
