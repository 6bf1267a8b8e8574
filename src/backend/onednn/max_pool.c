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
#include "op/pool.h"

/* ---- forward ------------------------------------------------------------------------------ */

/* No window lies in the padding alone. */
static bool always_sees(const struct window *w)
{
    for (int i = 0; i < WINDOW_DIMS; i++)
        for (int64_t y = 0; y < w->y[i]; y++) {
            bool sees = false;
            for (int64_t tap = 0; tap < w->kernel[i]; tap++)
                sees |= oc__window_at(w, i, y, tap) >= 0;
            if (!sees)
                return false;
        }
    return true;
}

static bool accept(const struct request *r, struct offer *o)
{
    const struct pool_attr *a = r->attr;
    struct lanes v;
    struct window w;
    if (r->x[0].dtype != OC_F32 || !oc__dnn_lanes(&v, &r->x[0]) ||
        oc__window(&w, &a->window, r->x[0].shape, NULL) < 0 || !always_sees(&w) ||
        !oc__dnn_lanes_layout(r->x[0].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    o->y[1] = o->y[0];
    return true;
}

/* One tap along a row of y: places i and i x_step face each other, `lanes` channels each.  A
 * maximum is replaced by what is greater, or by the first that is not a number. */
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
        const bool take = (index[l] < 0) | (x[l] > y[l]) | ((x[l] != x[l]) & (y[l] == y[l]));
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

/* All taps of one row of y; `t` holds the piece's x, the row's y and index, and the steps between
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

static void run(const struct execution *e)
{
    const struct pool_attr *a = e->request->attr;
    struct lanes x, y;
    struct window w;
    oc__window(&w, &a->window, e->request->x[0].shape, NULL);
    oc__dnn_lanes(&x, &e->request->x[0]);
    oc__dnn_lanes(&y, &e->request->y[0]);
    const int64_t rows = w.y[0] * w.y[1], all = oc__piece_count(&y) * rows;
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (int64_t i = 0; i < all; i++) {
        const int64_t piece = i / rows, row = i % rows;
        const int64_t at = oc__piece_at(&y, piece) + row * w.y[2] * y.place_step;
        const struct tap t = { .x = (const float *)e->x[0] + oc__piece_at(&x, piece),
                               .y = (float *)e->y[0] + at,
                               .index = (int32_t *)e->y[1] + at,
                               .lanes = oc__piece_lanes(&y, piece),
                               .y_step = y.place_step };
        pool_row(&w, t, row);
        if (oc__piece_channels(&y, piece) < t.lanes)
            clear_padding(t.index, w.y[2], y.width, oc__piece_channels(&y, piece));
    }
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

/* Sizes of one plane of x and of y, and of the tile of x for each place of y (0: there is none). */
struct tiling { int64_t x[WINDOW_DIMS], y[WINDOW_DIMS], tile[WINDOW_DIMS]; };

static struct tiling tile_planes(const oc_shape *x, const oc_shape *y)
{
    struct tiling t = { { 1, 1, 1 }, { 1, 1, 1 }, { 0 } };
    bool divides = true;
    for (int i = 2; i < x->rank; i++) {
        const int k = WINDOW_DIMS - x->rank + i;
        t.x[k] = x->dim[i];
        t.y[k] = y->dim[i];
        divides &= t.y[k] > 0 && t.x[k] % t.y[k] == 0;
    }
    for (int k = 0; k < WINDOW_DIMS && divides; k++)
        t.tile[k] = t.x[k] / t.y[k];
    return t;
}

/* Writes dx at place `at`, where dy goes if its index says so; tells which lanes that is. */
static inline void place_lanes(float *restrict dx, const float *restrict dy,
                               const int32_t *restrict index, int32_t *restrict hits, int32_t at,
                               int64_t lanes)
{
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++) {
        const bool here = index[l] == at;
        dx[l] = here ? dy[l] : 0;
        hits[l] += here;
    }
}

/* Whether every channel's index lies in its own tile; if so, dx is written. */
WIDE static bool write_tiles(const struct tiling *t, float *dx, const float *dy,
                             const int32_t *index, int64_t step, int64_t channels)
{
    for (int64_t i = 0; i < oc__window_count(t->y); i++) {
        const int64_t d = i / (t->y[1] * t->y[2]) * t->tile[0];
        const int64_t h = i / t->y[2] % t->y[1] * t->tile[1], w = i % t->y[2] * t->tile[2];
        int32_t hits[LANES] = { 0 };
        for (int64_t k = 0; k < t->tile[0] * t->tile[1]; k++) {
            const int64_t row = (d + k / t->tile[1]) * t->x[1] + h + k % t->tile[1];
            for (int64_t at = row * t->x[2] + w; at < row * t->x[2] + w + t->tile[2]; at++)
                place_lanes(dx + at * step, dy + i * step, index + i * step, hits, (int32_t)at,
                            LANES);
        }
        int32_t missed = 0;
        for (int64_t l = 0; l < channels; l++)
            missed |= hits[l] != 1;
        if (missed)
            return false;
    }
    return true;
}

static void scatter(const struct tiling *t, float *dx, const float *dy, const int32_t *index,
                    int64_t step, int64_t lanes)
{
    const int64_t places = oc__window_count(t->x);
    for (int64_t i = 0; i < places; i++)
        memset(dx + i * step, 0, (size_t)lanes * sizeof *dx);
    for (int64_t i = 0; i < oc__window_count(t->y); i++)
        for (int64_t l = 0; l < lanes; l++) {
            const int32_t at = index[i * step + l];
            if (at >= 0 && at < places)
                dx[at * step + l] += dy[i * step + l];
        }
}

static void run_grad(const struct execution *e)
{
    struct lanes x, y;
    oc__dnn_lanes(&x, &e->request->y[0]);
    oc__dnn_lanes(&y, &e->request->x[0]);
    const struct tiling t = tile_planes(e->request->y[0].shape, e->request->x[0].shape);
#pragma omp parallel for num_threads(e->threads) schedule(static)
    for (int64_t i = 0; i < oc__piece_count(&x); i++) {
        float *dx = (float *)e->y[0] + oc__piece_at(&x, i);
        const float *dy = (const float *)e->x[0] + oc__piece_at(&y, i);
        const int32_t *index = (const int32_t *)e->x[1] + oc__piece_at(&y, i);
        const int64_t lanes = oc__piece_lanes(&x, i);
        const bool tiled = lanes == LANES && t.tile[0] > 0 &&
                           write_tiles(&t, dx, dy, index, x.place_step, oc__piece_channels(&x, i));
        if (!tiled)
            scatter(&t, dx, dy, index, x.place_step, lanes);
    }
}

const struct kernel oc__dnn_max_pool = {
    .op = "MaxPool", .name = "max_pool_lanes", .accept = accept, .run = run
};
const struct kernel oc__dnn_max_pool_grad = {
    .op = "MaxPoolGrad", .name = "max_pool_grad_lanes", .accept = accept_grad, .run = run_grad
};
