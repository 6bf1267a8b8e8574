/* plot_text.c — two charts of characters, side by side or one below the other. */
#include "watch/plot_text.h"

#include <string.h>
#include "base/mem.h"

enum { WIDE = 100, BETWEEN = 2, ROWS_MAX = 18, ROWS_MIN = 8 };

/* Columns that bytes take: characters, without the sequences that set colours. */
static int width_of(const char *text, size_t n)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\x1b')
            while (i < n && text[i] != 'm')
                i++;
        else
            width += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return width;
}

static size_t add_line(const char *text, int width, struct str *out)
{
    const size_t n = strcspn(text, "\n");
    oc__str_add(out, text, n);
    for (int i = width_of(text, n); i < width; i++)
        oc__str_addz(out, " ");
    return n + (text[n] == '\n');
}

static void beside(const char *left, const char *right, int width, struct str *out)
{
    while (*left || *right) {
        left += add_line(left, width, out);
        right += add_line(right, 0, out);
        oc__str_addz(out, "\n");
    }
}

oc_status oc__curves_text(const struct course *courses, int n, int columns, int rows, bool colours,
                          struct str *out)
{
    const bool wide = columns >= WIDE;
    const int width = wide ? (columns - BETWEEN) / 2 : columns, most = wide ? rows : rows / 2;
    const int height = most > ROWS_MAX ? ROWS_MAX : most < ROWS_MIN ? ROWS_MIN : most;
    struct curve_chart *const chart = oc__alloc(1, sizeof *chart);
    struct str part[2] = { { 0 }, { 0 } };
    if (!chart)
        return OC_ELIMIT;
    for (int i = 0; i < 2; i++) {
        oc__curve_chart(chart, courses, n, i ? CURVE_ACCURACY : CURVE_LOSS, NULL);
        oc__chart_text(&chart->chart, width, height, colours, &part[i]);
        out->failed |= part[i].failed;
    }
    if (wide) {
        beside(oc__str_text(&part[0]), oc__str_text(&part[1]), width + BETWEEN, out);
    } else {
        oc__str_addz(out, oc__str_text(&part[0]));
        oc__str_addz(out, oc__str_text(&part[1]));
    }
    oc__str_free(&part[0]);
    oc__str_free(&part[1]);
    oc__free(chart);
    return out->failed ? OC_ELIMIT : OC_OK;
}
