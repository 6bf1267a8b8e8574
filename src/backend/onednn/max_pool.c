/* max_pool.c — maximum pooling and its gradient where channels lie innermost.
 *
 * Each vector holds one place of 16 channels: the maximum is a few selections, and the index of its
 * place is selected alike.  The gradient scatters by index; where the planes divide into tiles, one
 * for each place of y, and every index lies in its own tile (kernel = stride, the usual case), it
 * writes tile by tile instead and needs no clearing.  An index elsewhere is found out on the way.
 */
#include "backend/onednn/onednn.h"

#include <math.h>
#include <string.h>

#include "backend/onednn/lanes.h"
#include "backend/onednn/prim.h"
#include "backend/wide.h"
#include "base/parallel.h"
#include "op/pool.h"

/* ---- forward ------------------------------------------------------------------------------ */

static bool accept(const struct request *r, struct offer *o)
{
    const struct pool_attr *a = r->attr;
    struct lanes v;
    struct window w;
    if (r->x[0].dtype != OC_F32 || !oc__dnn_lanes(&v, &r->x[0]) ||
        oc__window(&w, &a->window, r->x[0].shape, NULL) < 0 || !oc__window_always_sees(&w) ||
        !oc__dnn_lanes_layout(r->x[0].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    o->y[1] = o->y[0];
    return true;
}

/* A maximum is replaced by what is greater, or by the first that is not a number. */
static inline int32_t beats(float x, float best)
{
    return (x > best) | ((x != x) & (best == best));
}

/* One tap along a row of y: places i and i x_step face each other, `lanes` channels each. */
struct tap {
    const float *x;
    float       *y;
    int32_t     *index;                                 /* -1: nothing seen yet */
    int64_t      places, lanes, y_step, x_step;         /* steps in elements */
    int32_t      at, at_step;                           /* place in the plane of the first x */
};

static inline void select_lanes(const struct tap *t, int64_t i, int64_t lanes)
{
    const float *restrict x = t->x + i * t->x_step;
    float *restrict y = t->y + i * t->y_step;
    int32_t *restrict index = t->index + i * t->y_step;
    const int32_t at = t->at + (int32_t)i * t->at_step;
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++) {
        const int32_t take = (index[l] < 0) | beats(x[l], y[l]);
        y[l] = take ? x[l] : y[l];
        index[l] = take ? at : index[l];
    }
}

WIDE static void fold_tap(const struct tap *t)
{
    for (int64_t i = 0; i < t->places && t->lanes == LANES; i++)
        select_lanes(t, i, LANES);                      /* a constant: one instruction each */
    for (int64_t i = 0; i < t->places && t->lanes != LANES; i++)
        select_lanes(t, i, t->lanes);
}

WIDE static void begin_row(float *restrict y, int32_t *restrict index, int64_t places, int64_t step,
                           int64_t lanes)
{
    for (int64_t i = 0; i < places; i++)
        for (int64_t l = 0; l < lanes; l++) {
            y[i * step + l] = 0;
            index[i * step + l] = -1;
        }
}

/* The first and one past the last place of a row of y whose tap lies inside x. */
static void valid_range(const struct window *w, int64_t tap, int64_t *from, int64_t *to)
{
    *from = 0;
    *to = w->y[2];
    while (*from < *to && oc__window_at(w, 2, *from, tap) < 0)
        ++*from;
    while (*to > *from && oc__window_at(w, 2, *to - 1, tap) < 0)
        --*to;
}

/* Lanes that are no channels hold zeros, the index too. */
static void clear_padding(int32_t *index, int64_t places, int64_t width, int64_t channels)
{
    for (int64_t i = 0; i < places; i++)
        for (int64_t l = channels; l < width; l++)
            index[i * width + l] = 0;
}

/* All taps of one row of y; `t` holds the piece's x, the row's y and index, and the step between
 * neighbours. */
static void pool_row(const struct window *w, struct tap t, int64_t row)
{
    const float *x = t.x;
    float *y = t.y;
    int32_t *index = t.index;
    const int64_t step = t.y_step;
    begin_row(y, index, w->y[2], step, t.lanes);
    t.x_step = w->stride[2] * step;
    t.at_step = (int32_t)w->stride[2];
    for (int64_t k = 0; k < oc__window_count(w->kernel); k++) {
        const int64_t d = oc__window_at(w, 0, row / w->y[1], k / (w->kernel[1] * w->kernel[2]));
        const int64_t h = oc__window_at(w, 1, row % w->y[1], k / w->kernel[2] % w->kernel[1]);
        int64_t from, to;
        valid_range(w, k % w->kernel[2], &from, &to);
        if (d < 0 || h < 0 || from == to)
            continue;
        const int64_t at =
            (d * w->x[1] + h) * w->x[2] + oc__window_at(w, 2, from, k % w->kernel[2]);
        t.at = (int32_t)at;
        t.x = x + at * step;
        t.y = y + from * step;
        t.index = index + from * step;
        t.places = to - from;
        fold_tap(&t);
    }
}

/* Windows of 2x2 that neither overlap nor reach beyond x, the usual ones. */
static bool is_quarter(const struct window *w)
{
    return w->x[0] == 1 && w->kernel[0] == 1 && w->pad[0] == 0 && w->kernel[1] == 2 &&
           w->kernel[2] == 2 && w->stride[1] == 2 && w->stride[2] == 2 && w->dilation[1] == 1 &&
           w->dilation[2] == 1 && w->pad[1] == 0 && w->pad[2] == 0 && 2 * w->y[1] <= w->x[1] &&
           2 * w->y[2] <= w->x[2];
}

/* Small loops over a few lanes each: the compiler makes one instruction of every line. */
static inline void better_of(const float *restrict a, const float *restrict b, int32_t at,
                             float *restrict y, int32_t *restrict index)
{
#pragma omp simd
    for (int64_t l = 0; l < LANES; l++) {
        const int32_t second = beats(b[l], a[l]);
        y[l] = second ? b[l] : a[l];
        index[l] = second ? at + 1 : at;
    }
}

static inline void better_row(const float *restrict x, const int32_t *restrict place,
                              float *restrict y, int32_t *restrict index)
{
#pragma omp simd
    for (int64_t l = 0; l < LANES; l++) {
        const int32_t below = beats(x[l], y[l]);
        y[l] = below ? x[l] : y[l];
        index[l] = below ? place[l] : index[l];
    }
}

/* One row of y in one go; x_row is the length of a row of x. */
WIDE static void quarter_row(const struct tap *t, int64_t row, int64_t x_row)
{
    const int64_t step = t->y_step;
    for (int64_t i = 0; i < t->places; i++) {
        const int64_t at = 2 * row * x_row + 2 * i;
        const float *x = t->x + at * step, *below = x + x_row * step;
        float lower[LANES];
        int32_t lower_index[LANES];
        better_of(x, x + step, (int32_t)at, t->y + i * step, t->index + i * step);
        better_of(below, below + step, (int32_t)(at + x_row), lower, lower_index);
        better_row(lower, lower_index, t->y + i * step, t->index + i * step);
    }
}

/* What a share of the work needs to know. */
struct pooling {
    const struct execution *e;
    struct window           window;
    struct lanes            x, y;
    bool                    quarter;
};

static void pool_rows(const void *context, int64_t first, int64_t last)
{
    const struct pooling *p = context;
    const struct window *w = &p->window;
    const int64_t rows = w->y[0] * w->y[1];
    for (int64_t i = first; i < last; i++) {
        const int64_t piece = i / rows, row = i % rows;
        const int64_t at = oc__piece_at(&p->y, piece) + row * w->y[2] * p->y.place_step;
        const struct tap t = { .x = (const float *)p->e->x[0] + oc__piece_at(&p->x, piece),
                               .y = (float *)p->e->y[0] + at,
                               .index = (int32_t *)p->e->y[1] + at,
                               .places = w->y[2],
                               .lanes = oc__piece_lanes(&p->y, piece),
                               .y_step = p->y.place_step };
        const int64_t channels = oc__piece_channels(&p->y, piece);
        if (p->quarter && t.lanes == LANES)
            quarter_row(&t, row, w->x[2]);
        else
            pool_row(w, t, row);
        if (channels < t.lanes)
            clear_padding(t.index, w->y[2], p->y.width, channels);
    }
}

static void run(const struct execution *e)
{
    const struct pool_attr *a = e->request->attr;
    struct pooling p = { .e = e };
    oc__window(&p.window, &a->window, e->request->x[0].shape, NULL);
    oc__dnn_lanes(&p.x, &e->request->x[0]);
    oc__dnn_lanes(&p.y, &e->request->y[0]);
    p.quarter = is_quarter(&p.window);
    const int64_t rows = p.window.y[0] * p.window.y[1];
    oc__parallel(e->threads, oc__piece_count(&p.y) * rows, oc__piece_grain(&p.y) * rows, pool_rows,
                 &p);
}

/* ---- gradient ----------------------------------------------------------------------------- */

static bool accept_grad(const struct request *r, struct offer *o)
{
    struct lanes v;
    if (r->x[0].dtype != OC_F32 || r->x[1].dtype != OC_I32 || !oc__dnn_lanes(&v, &r->x[1]) ||
        !oc__dnn_lanes_layout(r->x[1].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = o->x[1] = r->x[1].layout;
    return true;
}

/* One piece: places of dy and index, of dx, and rows where planes are divided into 2x2 tiles. */
struct spread {
    const float   *dy;
    const int32_t *index;
    float         *dx;
    int64_t        y_places, x_places, step, lanes, channels;
    int64_t        y_row, x_row;                        /* x_row = 2 y_row, or both 0: no tiles */
};

/* Writes dx at place `at` and the next, where dy goes if its index says so, and counts that. */
static inline void place_pair(const float *restrict dy, const int32_t *restrict index, int32_t at,
                              float *restrict dx, float *restrict next, int32_t *restrict hits)
{
#pragma omp simd
    for (int64_t l = 0; l < LANES; l++) {
        const int32_t here = index[l] == at, there = index[l] == at + 1;
        const float v = dy[l];
        dx[l] = here ? v : 0;
        next[l] = there ? v : 0;
        hits[l] += here | there;
    }
}

/* Writes dx by tiles and tells whether every channel's index lay in the tile of its place. */
WIDE static bool write_tiles(const struct spread *s)
{
    const int64_t step = s->step, below = s->x_row * step;
    int32_t hits[LANES] = { 0 };
    int64_t missed = 0;
    for (int64_t i = 0; i < s->y_places; i++) {
        const int64_t at = i / s->y_row * 2 * s->x_row + i % s->y_row * 2;
        const float *dy = s->dy + i * step;
        const int32_t *index = s->index + i * step;
        float *dx = s->dx + at * step;
        place_pair(dy, index, (int32_t)at, dx, dx + step, hits);
        place_pair(dy, index, (int32_t)(at + s->x_row), dx + below, dx + below + step, hits);
    }
    for (int64_t l = 0; l < s->channels; l++)
        missed |= s->y_places - hits[l];
    return missed == 0;
}

static void scatter(const struct spread *s)
{
    for (int64_t i = 0; i < s->x_places; i++)
        memset(s->dx + i * s->step, 0, (size_t)s->lanes * sizeof *s->dx);
    for (int64_t i = 0; i < s->y_places; i++)
        for (int64_t l = 0; l < s->lanes; l++) {
            const int32_t at = s->index[i * s->step + l];
            if (at >= 0 && at < s->x_places)
                s->dx[at * s->step + l] += s->dy[i * s->step + l];
        }
}

struct spreading {
    const struct execution *e;
    struct lanes            x, y;
    int64_t                 x_row, y_row;
};

static void spread_pieces(const void *context, int64_t first, int64_t last)
{
    const struct spreading *p = context;
    for (int64_t i = first; i < last; i++) {
        const struct spread s = { .dy = (const float *)p->e->x[0] + oc__piece_at(&p->y, i),
                                  .index = (const int32_t *)p->e->x[1] + oc__piece_at(&p->y, i),
                                  .dx = (float *)p->e->y[0] + oc__piece_at(&p->x, i),
                                  .y_places = p->y.places,
                                  .x_places = p->x.places,
                                  .step = p->x.place_step,
                                  .lanes = oc__piece_lanes(&p->x, i),
                                  .channels = oc__piece_channels(&p->x, i),
                                  .y_row = p->y_row,
                                  .x_row = p->x_row };
        if (s.x_row == 0 || s.lanes != LANES || !write_tiles(&s))
            scatter(&s);
    }
}

static void run_grad(const struct execution *e)
{
    const oc_shape *x = e->request->y[0].shape, *y = e->request->x[0].shape;
    struct spreading p = { .e = e };
    oc__dnn_lanes(&p.x, &e->request->y[0]);
    oc__dnn_lanes(&p.y, &e->request->x[0]);
    if (x->rank == 4 && x->dim[2] == 2 * y->dim[2] && x->dim[3] == 2 * y->dim[3]) {
        p.x_row = x->dim[3];
        p.y_row = y->dim[3];
    }
    oc__parallel(e->threads, oc__piece_count(&p.x), oc__piece_grain(&p.x), spread_pieces, &p);
}

const struct kernel oc__dnn_max_pool = {
    .op = "MaxPool", .name = "max_pool_lanes", .accept = accept, .run = run
};
const struct kernel oc__dnn_max_pool_grad = {
    .op = "MaxPoolGrad", .name = "max_pool_grad_lanes", .accept = accept_grad, .run = run_grad
};
