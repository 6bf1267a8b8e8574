/* picture.c — pixels as half blocks: greys where the terminal has colours, else black and white. */
#include "cli/picture.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "cli/term.h"

enum { SIDE_MAX = 32, GREY_FIRST = 232, GREYS = 24 };

/* The picture as fractions of white, [rows, columns]. */
struct grey { int rows, columns; double value[SIDE_MAX * SIDE_MAX]; };

/* The mean of a box of x [c, h, w]. */
static double box_mean(const float *x, const oc_shape *s, int64_t y0, int64_t y1, int64_t x0,
                       int64_t x1)
{
    const int64_t h = s->dim[1], w = s->dim[2];
    double sum = 0;
    for (int64_t k = 0; k < s->dim[0]; k++)
        for (int64_t i = y0; i < y1; i++)
            for (int64_t j = x0; j < x1; j++)
                sum += (double)x[(k * h + i) * w + j];
    return sum / (double)(s->dim[0] * (y1 - y0) * (x1 - x0));
}

static void shrink(const float *x, const oc_shape *s, struct grey *g)
{
    const int64_t h = s->dim[1], w = s->dim[2], side = h > w ? h : w;
    const double scale = side > SIDE_MAX ? (double)side / SIDE_MAX : 1;
    g->rows = (int)fmax(1, floor((double)h / scale));
    g->columns = (int)fmax(1, floor((double)w / scale));
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < g->rows; i++)
        for (int j = 0; j < g->columns; j++) {
            const int64_t y0 = i * h / g->rows, y1 = (i + 1) * h / g->rows;
            const int64_t x0 = j * w / g->columns, x1 = (j + 1) * w / g->columns;
            const double v = box_mean(x, s, y0, y1, x0, x1);
            g->value[i * g->columns + j] = v;
            low = fmin(low, v);
            high = fmax(high, v);
        }
    for (int i = 0; i < g->rows * g->columns; i++)
        g->value[i] = high > low ? (g->value[i] - low) / (high - low) : 0;
}

/* One line: a row of pixels above another one. */
static void draw(const struct grey *g, int row, struct str *out)
{
    static const char *const blocks[2][2] = { { " ", "▄" }, { "▀", "█" } };
    const bool colours = oc__term_colours(stdout);
    for (int j = 0; j < g->columns; j++) {
        const double top = g->value[row * g->columns + j];
        const double below = row + 1 < g->rows ? g->value[(row + 1) * g->columns + j] : 0;
        if (colours)
            oc__str_addf(out, "\033[38;5;%dm\033[48;5;%dm▀",
                         GREY_FIRST + (int)lround(top * (GREYS - 1)),
                         GREY_FIRST + (int)lround(below * (GREYS - 1)));
        else
            oc__str_addz(out, blocks[top > 0.5][below > 0.5]);
    }
    oc__str_addz(out, oc__style(STYLE_PLAIN));
}

oc_status oc__picture_make(struct picture *p, const float *x, const oc_shape *shape)
{
    *p = (struct picture){ 0 };
    if (shape->rank != 3)
        return oc__fail(OC_EUSAGE, "only images [c, h, w] can be drawn");
    struct grey *const g = oc__alloc(1, sizeof *g);
    if (!g)
        return OC_ELIMIT;
    shrink(x, shape, g);
    p->columns = g->columns;
    p->line = oc__alloc((size_t)g->rows, sizeof *p->line);
    for (int row = 0; p->line && row < g->rows; row += 2) {
        struct str text = { 0 };
        draw(g, row, &text);
        p->line[p->lines++] = text.text;
    }
    oc__free(g);
    return p->line ? OC_OK : OC_ELIMIT;
}

void oc__picture_free(struct picture *p)
{
    for (int i = 0; i < p->lines; i++)
        oc__free(p->line[i]);
    oc__free(p->line);
    *p = (struct picture){ 0 };
}
