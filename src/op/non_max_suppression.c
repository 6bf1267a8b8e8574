/* non_max_suppression.c — NonMaxSuppression: of boxes that overlap, the one with the best score.
 *
 * boxes [n, boxes, 4] are two corners (y, x, y, x) in any order, or with center_point_box centres
 * and sizes (x, y, w, h); scores are [n, classes, boxes].  Of each class boxes are taken in the
 * order of their scores, unless the score is not above the threshold or a box that was taken covers
 * too much of the union with it.  A row of the result is (n, class, box). */
#include <math.h>

#include "op/attributes.h"
#include "op/op.h"

enum { BOXES, SCORES, MOST, OVERLAP, LEAST };

static const struct attr attrs[] = {
    ATTR(struct non_max_suppression, BOOL, center_point_box, "false",
         "boxes are centres and sizes, not corners"),
    { 0 }
};

/* Where numbers are read from: while shapes are inferred tensors, while running doubles. */
struct numbers { const oc_tensor *t; const double *x; };

static double number(const struct numbers *n, int64_t i)
{
    return n->x ? n->x[i] : oc_tensor_get(n->t, i);
}

struct problem {
    bool           centre;
    int64_t        batch, classes, boxes, most;
    double         overlap, least;
    struct numbers box, score;
};

struct box { double top, left, bottom, right; };

static struct box box_of(const struct problem *p, int64_t n, int64_t i)
{
    double v[4];
    for (int k = 0; k < 4; k++)
        v[k] = number(&p->box, (n * p->boxes + i) * 4 + k);
    if (p->centre)
        return (struct box){ v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2 };
    return (struct box){ fmin(v[0], v[2]), fmin(v[1], v[3]), fmax(v[0], v[2]), fmax(v[1], v[3]) };
}

static double area(struct box b)
{
    return fmax(b.bottom - b.top, 0) * fmax(b.right - b.left, 0);
}

/* Intersection over union. */
static double overlap(struct box a, struct box b)
{
    const struct box both = { fmax(a.top, b.top), fmax(a.left, b.left),
                              fmin(a.bottom, b.bottom), fmin(a.right, b.right) };
    const double shared = area(both), all = area(a) + area(b) - shared;
    return all > 0 ? shared / all : 0;
}

/* The box after `last` in the order of scores, ties by number; -1: no more above the least. */
static int64_t next_box(const struct problem *p, int64_t scores, int64_t last)
{
    int64_t best = -1;
    for (int64_t i = 0; i < p->boxes; i++) {
        const double v = number(&p->score, scores + i);
        const double w = last < 0 ? INFINITY : number(&p->score, scores + last);
        const bool after = last < 0 || v < w || (v == w && i > last);
        if (v > p->least && after && (best < 0 || v > number(&p->score, scores + best)))
            best = i;
    }
    return best;
}

/* Whether one of the boxes taken before, whose rows these are, suppresses box i. */
static bool is_suppressed(const struct problem *p, int64_t n, int64_t i, const double *taken,
                          int64_t count)
{
    const struct box own = box_of(p, n, i);
    for (int64_t k = 0; k < count; k++)
        if (overlap(own, box_of(p, n, (int64_t)taken[3 * k + 2])) > p->overlap)
            return true;
    return false;
}

/* The rows of one class, from `rows` on; how many. */
static int64_t pick(const struct problem *p, int64_t n, int64_t class, double *rows)
{
    const int64_t scores = (n * p->classes + class) * p->boxes;
    int64_t count = 0;
    for (int64_t i = next_box(p, scores, -1); i >= 0 && count < p->most;
         i = next_box(p, scores, i))
        if (!is_suppressed(p, n, i, rows, count)) {
            rows[3 * count] = (double)n;
            rows[3 * count + 1] = (double)class;
            rows[3 * count + 2] = (double)i;
            count++;
        }
    return count;
}

static void set_sizes(struct problem *p, const void *attr, const oc_shape *boxes,
                      const oc_shape *scores)
{
    p->centre = ((const struct non_max_suppression *)attr)->center_point_box;
    p->batch = scores->dim[0];
    p->classes = scores->dim[1];
    p->boxes = boxes->dim[1];
    p->least = -INFINITY;
}

static oc_status pending(const struct infer *s)
{
    s->y[0] = OC_SHAPE(OC_UNKNOWN, 3);
    s->yt[0] = OC_I64;
    return OC_OK;
}

/* All rows, into room for as many as there can be; the caller frees it. */
static oc_status count_rows(const struct problem *p, int64_t *count)
{
    double *const rows = oc__alloc((size_t)p->boxes * 3 + 1, sizeof *rows);
    *count = 0;
    if (!rows)
        return OC_ELIMIT;
    for (int64_t k = 0; k < p->batch * p->classes; k++)
        *count += pick(p, k / p->classes, k % p->classes, rows);
    oc__free(rows);
    return OC_OK;
}

static oc_status shape(const struct infer *s)
{
    const oc_shape *const boxes = s->x[BOXES], *const scores = s->x[SCORES];
    struct problem p = { 0 };
    double most = 0;
    TRY(pending(s));
    if (boxes->rank != 3 || scores->rank != 3 || !oc__dim_fits(boxes->dim[2], 4) ||
        !oc__dim_fits(boxes->dim[1], scores->dim[2]) ||
        !oc__dim_fits(boxes->dim[0], scores->dim[0]))
        return oc__fail(OC_EUSAGE, "boxes [n, boxes, 4] and scores [n, classes, boxes] are wanted");
    set_sizes(&p, s->attr, boxes, scores);
    TRY(oc__take_float(s, MOST, &most));
    TRY(oc__take_float(s, OVERLAP, &p.overlap));
    TRY(oc__take_float(s, LEAST, &p.least));
    p.most = (int64_t)fmin(most, (double)p.boxes);
    p.box.t = oc__known(s, BOXES);
    p.score.t = oc__known(s, SCORES);
    if (!p.box.t || !p.score.t)
        return OC_OK;
    return count_rows(&p, &s->y[0].dim[0]);
}

static double optional(const struct call *c, int i, double otherwise)
{
    return c->n_in > i && c->x[i] ? *c->x[i] : otherwise;
}

/* The rows of the last class lie where there is room for them alone, so they are counted first. */
static void run(const struct call *c)
{
    struct problem p = { .box.x = c->x[BOXES], .score.x = c->x[SCORES] };
    int64_t at = 0;
    set_sizes(&p, c->attr, c->xs[BOXES], c->xs[SCORES]);
    p.overlap = optional(c, OVERLAP, 0);
    p.least = optional(c, LEAST, -INFINITY);
    for (int64_t k = 0; k < p.batch * p.classes; k++) {
        const int64_t left = c->ys[0]->dim[0] - at;
        p.most = (int64_t)fmin(fmin(optional(c, MOST, 0), (double)p.boxes), (double)left);
        at += pick(&p, k / p.classes, k % p.classes, c->y[0] + 3 * at);
    }
}

static const char *const cases[] = {
    "=p:1x6x4 =p:1x2x6 =i9:() =c:()",
    "=c:2x5x4 =p:2x1x5 =i4:1 =c:1 =c:1 center_point_box=true", NULL
};

const struct op oc__op_non_max_suppression = {
    .entry = { "NonMaxSuppression", "y = the best of boxes that overlap: n, class, box", attrs,
               sizeof(struct non_max_suppression) },
    .inputs = "boxes scores most? overlap? least?", .outputs = "y", .by_value = 31,
    .pending = pending, .shape = shape, .run = run, .cases = cases,
};
