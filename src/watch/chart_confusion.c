/* chart_confusion.c — what was taken for what, as a matrix.
 *
 * A row is a true class.  The diagonal is blue by the share of the row that was right; mistakes are
 * orange by the square root of their share, so that one in a hundred still shows.  Counts stand in
 * the cells as long as they can be read; a matrix too fine for that is an image. */
#include <math.h>
#include <stdio.h>
#include "base/mem.h"
#include "image/image.h"
#include "watch/chart.h"

enum { SIDE = 560, CELL_MAX = 44, CELL_FEW = 72, FEW = 5, NUMBERS_FROM = 17, NAMES_FROM = 9,
       LABEL_MAX = 120, TOP = 80, MARGIN = 22, RECALL = 64, WIDTH_MIN = 420, COUNT_TEXT = 24 };

static const colour empty = 0xf6f6f6;

struct layout {
    const struct confusion_chart *chart;
    double cell, left, names, below;    /* left of the matrix; widths of names, height below it */
    bool   named, upward;
};

static const int64_t *row_of(const struct confusion_chart *c, int row)
{
    return c->count + (int64_t)row * c->classes;
}

static int64_t sum_of(const struct confusion_chart *c, int row)
{
    int64_t sum = 0;
    for (int k = 0; k < c->classes; k++)
        sum += row_of(c, row)[k];
    return sum;
}

/* Of a cell in a row with that sum. */
static colour cell_colour(const struct confusion_chart *c, int row, int column, int64_t sum)
{
    const int64_t count = row_of(c, row)[column];
    const double part = (double)count / (double)sum;
    if (count == 0)
        return empty;
    if (row == column)
        return oc__colour_between(COLOUR_WHITE, CHART_BLUE, 0.12 + 0.88 * part);
    return oc__colour_between(COLOUR_WHITE, CHART_VERMILION, 0.12 + 0.88 * sqrt(part));
}

/* ---- the layout ---------------------------------------------------------------------------- */

static struct lettering name_letters(const struct layout *l)
{
    return (struct lettering){ .size = fmin(12, l->cell * 0.85), .colour = CHART_INK };
}

static struct layout lay_out(const struct confusion_chart *c)
{
    struct layout l = { .chart = c, .cell = fmin(c->classes > FEW ? CELL_MAX : CELL_FEW,
                                            (double)SIDE / c->classes) };
    l.named = l.cell >= NAMES_FROM;
    if (l.named) {
        const struct lettering letters = name_letters(&l);
        l.names = fmin(oc__text_width(c->name, c->classes, &letters), LABEL_MAX);
    }
    l.upward = l.names > l.cell - 4;
    l.left = 2 * MARGIN + 14 + l.names;
    l.below = (l.named ? l.upward ? l.names + 10 : 18 : 4) + 34;
    return l;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void draw_count(struct drawing *d, const struct layout *l, struct box box, int64_t count,
                       colour ground)
{
    char text[COUNT_TEXT];
    struct lettering letters = { .size = fmin(13, l->cell * 0.42), .anchor = ANCHOR_MIDDLE };
    snprintf(text, sizeof text, "%lld", (long long)count);
    const double width = oc__draw_text_width(d, text, &letters);
    if (width > box.width - 3)
        letters.size *= (box.width - 3) / width;
    letters.colour = oc__colour_is_dark(ground) ? COLOUR_WHITE : CHART_INK;
    oc__draw_text(d, box.x + box.width / 2, box.y + box.height / 2 + letters.size * 0.36, text,
                  &letters);
}

static void draw_cells(struct drawing *d, const struct layout *l)
{
    const struct confusion_chart *const c = l->chart;
    const double gap = l->cell >= NUMBERS_FROM ? 1 : 0;
    for (int i = 0; i < c->classes; i++) {
        const int64_t sum = sum_of(c, i);
        for (int k = 0; k < c->classes; k++) {
            const colour ground = cell_colour(c, i, k, sum);
            const int64_t count = row_of(c, i)[k];
            const struct box box = { l->left + k * l->cell, TOP + i * l->cell, l->cell - gap,
                                     l->cell - gap };
            oc__draw_box(d, box, ground);
            if (count && l->cell >= NUMBERS_FROM)
                draw_count(d, l, box, count, ground);
        }
    }
}

/* One pixel a cell. */
static void draw_as_image(struct drawing *d, const struct layout *l)
{
    const int n = l->chart->classes;
    oc_image image;
    if (oc__image_new(&image, "confusion", n, n, 3) < 0)
        return;
    uint8_t *to = image.pixel;
    for (int i = 0; i < n; i++) {
        const int64_t sum = sum_of(l->chart, i);
        for (int k = 0; k < n; k++) {
            const colour c = cell_colour(l->chart, i, k, sum);
            *to++ = (uint8_t)(c >> 16);
            *to++ = (uint8_t)(c >> 8);
            *to++ = (uint8_t)c;
        }
    }
    oc__draw_image(d, (struct box){ l->left, TOP, n * l->cell, n * l->cell }, &image);
    oc_image_free(&image);
}

static void draw_names(struct drawing *d, const struct layout *l)
{
    const struct confusion_chart *const c = l->chart;
    const double right = l->left + c->classes * l->cell, bottom = TOP + c->classes * l->cell;
    struct lettering name = name_letters(l), number = name;
    number.colour = CHART_GREY;
    number.anchor = ANCHOR_END;
    for (int i = 0; i < c->classes; i++) {
        char text[COUNT_TEXT] = "-";
        const double middle = (i + 0.5) * l->cell;
        const double recall = (double)row_of(c, i)[i] / (double)sum_of(c, i);
        const double width = oc__draw_text_width(d, c->name[i], &name);
        if (isfinite(recall))
            snprintf(text, sizeof text, "%.1f %%", 100 * recall);
        const double centred = middle + name.size * 0.36, taken = fmin(width, l->names);
        oc__draw_text_within(d, l->left - 8 - taken, TOP + centred, taken + 1, c->name[i], &name);
        oc__draw_text(d, right + RECALL - 6, TOP + centred, text, &number);
        if (l->upward) {
            struct lettering upward = name;
            upward.upward = true;
            oc__draw_text_within(d, l->left + centred, bottom + 8 + taken, taken + 1, c->name[i],
                                 &upward);
        } else {
            oc__draw_text(d, l->left + middle - width / 2, bottom + 16, c->name[i], &name);
        }
    }
    number.size = 11;
    oc__draw_text(d, right + RECALL - 6, TOP - 8, "recall", &number);
}

static void draw_confusion(struct drawing *d, const void *what)
{
    const struct confusion_chart *const c = what;
    const struct layout l = lay_out(c);
    const double side = c->classes * l.cell;
    struct lettering grey = { .size = 12, .colour = CHART_GREY };
    oc__draw_heading(d, MARGIN, INFINITY, c->title, c->subtitle);
    if (l.named)
        draw_cells(d, &l);
    else
        draw_as_image(d, &l);
    if (l.named)
        draw_names(d, &l);
    grey.anchor = ANCHOR_MIDDLE;
    oc__draw_text(d, l.left + side / 2, TOP + side + l.below - 12, "predicted class", &grey);
    grey.upward = true;
    oc__draw_text(d, MARGIN + 10, TOP + side / 2, "true class", &grey);
}

/* ---- the figure ---------------------------------------------------------------------------- */

static void describe(const struct confusion_chart *c, struct str *out)
{
    enum { MOST = 100 };
    for (int i = 0; i < c->classes && i < MOST; i++) {
        oc__str_addf(out, "%s%s:", i ? "; " : "", c->name[i]);
        for (int k = 0; k < c->classes; k++)
            oc__str_addf(out, " %lld", (long long)c->count[(int64_t)i * c->classes + k]);
    }
}

struct figure oc__confusion_figure(const struct confusion_chart *c, struct str *words)
{
    const struct layout l = lay_out(c);
    const double side = c->classes * l.cell;
    const double text = oc__heading_width(c->title, c->subtitle) + 2 * MARGIN;
    const double width = fmax(l.left + side + RECALL + MARGIN, fmax(text, WIDTH_MIN));
    oc__str_clear(words);
    describe(c, words);
    return (struct figure){ .title = c->title, .description = oc__str_text(words), .width = width,
                            .height = TOP + side + l.below, .draw = draw_confusion, .what = c };
}
