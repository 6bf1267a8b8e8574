/* plot_pair.c — see plot_pair.h. */
#include "watch/plot_pair.h"

#include <math.h>

const enum curve oc__curve_pairs[2] = { CURVE_LOSS, CURVE_ACCURACY };

static void draw_pair(struct drawing *d, const void *what)
{
    const struct curve_pair *const p = what;
    p->part[0].draw(d, p->part[0].what);
    oc__draw_from(d, p->beside ? p->part[0].width : 0, p->beside ? 0 : p->part[0].height);
    p->part[1].draw(d, p->part[1].what);
}

/* So that an epoch stands at the same place in both. */
static void line_up(struct chart *a, struct chart *b)
{
    const struct margins one = oc__chart_margins(a), other = oc__chart_margins(b);
    a->least = b->least = (struct margins){ fmax(one.left, other.left),
                                            fmax(one.right, other.right) };
}

void oc__curve_pair(struct curve_pair *out, const struct course *courses, int n,
                    const char *const subtitle[2], bool beside)
{
    *out = (struct curve_pair){ .beside = beside };
    for (int i = 0; i < 2; i++) {
        oc__curve_chart(&out->chart[i], courses, n, oc__curve_pairs[i], subtitle[i]);
        out->part[i] = oc__chart_figure(&out->chart[i].chart, &out->words[i]);
    }
    line_up(&out->chart[0].chart, &out->chart[1].chart);
    oc__str_addf(&out->words[0], ". %s", oc__str_text(&out->words[1]));
    const double width = out->part[0].width, height = out->part[0].height;
    out->whole = (struct figure){
        .title = "Loss and accuracy", .description = oc__str_text(&out->words[0]),
        .width = beside ? 2 * width : width, .height = beside ? height : 2 * height,
        .draw = draw_pair, .what = out };
}

void oc__curve_pair_free(struct curve_pair *p)
{
    oc__str_free(&p->words[0]);
    oc__str_free(&p->words[1]);
}
