/* max_of_window.c — maximum pooling whose index nobody reads, as in inference.
 *
 * Channels lie innermost, so that a tap is some vectors of x.  What the taps of one window are,
 * relative to its first, is the same for all windows of a row that lie inside x. */
#include "backend/onednn/onednn.h"

#include <math.h>

#include "backend/onednn/lanes.h"
#include "backend/wide.h"
#include "base/parallel.h"
#include "op/pool.h"

enum {
    INDEX = 1u << 1,                                    /* the output, by bit */
    TAPS = 64,                                          /* the most that a window may have */
    TOGETHER = 4,                                       /* how many are looked at in one go */
    WORTH = 8192                                        /* elements that are worth a thread */
};

static bool accept(const struct request *r, struct offer *o)
{
    const struct pool_attr *a = r->attr;
    struct lanes v;
    struct window w;
    if (!(r->unread & INDEX) || r->x[0].dtype != OC_F32 || !oc__dnn_lanes(&v, &r->x[0]) ||
        oc__window(&w, &a->window, r->x[0].shape, NULL) < 0 || !oc__window_always_sees(&w) ||
        oc__window_count(w.kernel) > TAPS ||
        !oc__dnn_lanes_layout(r->x[0].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    o->omits = INDEX;
    return true;
}

/* Windows in a row that read the same taps: how far each lies from x, in elements. */
struct windows {
    const float *x;
    float       *y;
    int64_t      count, lanes, x_step, y_step;
    int64_t      tap[TAPS + TOGETHER];
    int          taps;
};

/* Keeps `best` where one of them is not a number: one instruction. */
static inline float higher(float best, float v) { return v > best ? v : best; }

/* The highest of `best` and four taps; what is no number counts as that. */
static inline void raise(const float *best, const float *x, const int64_t *tap, int64_t lanes,
                         float *y)
{
    const float *a = x + tap[0], *b = x + tap[1], *c = x + tap[2], *d = x + tap[3];
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++) {
        const float m = higher(higher(higher(higher(best[l], a[l]), b[l]), c[l]), d[l]);
        y[l] = isunordered(a[l], b[l]) | isunordered(c[l], d[l]) ? NAN : m;
    }
}

/* All windows, some taps at a time, which the compiler keeps in registers. */
WIDE static void find(const struct windows *s)
{
    for (int64_t i = 0; i < s->count; i++) {
        const float *x = s->x + i * s->x_step;
        float *y = s->y + i * s->y_step;
        raise(x + s->tap[0], x, s->tap + 1, s->lanes, y);
        for (int k = 1 + TOGETHER; k < s->taps; k += TOGETHER)
            raise(y, x, s->tap + k, s->lanes, y);
    }
}

struct pooling {
    const float  *x;
    float        *y;
    struct window window;
    struct lanes  from, to;
};

/* The taps inside x of the window at (row, i), as places of x. */
static int find_taps(const struct window *w, int64_t row, int64_t i, int64_t place[TAPS])
{
    int n = 0;
    for (int64_t k = 0; k < oc__window_count(w->kernel); k++) {
        const int64_t d = oc__window_at(w, 0, row / w->y[1], k / (w->kernel[1] * w->kernel[2]));
        const int64_t h = oc__window_at(w, 1, row % w->y[1], k / w->kernel[2] % w->kernel[1]);
        const int64_t v = oc__window_at(w, 2, i, k % w->kernel[2]);
        if (d >= 0 && h >= 0 && v >= 0)
            place[n++] = (d * w->x[1] + h) * w->x[2] + v;
    }
    return n;
}

/* How many windows from i on have all their taps along the row inside x, as that at i has. */
static int64_t count_alike(const struct window *w, int64_t i)
{
    const int64_t extent = (w->kernel[2] - 1) * w->dilation[2];
    const int64_t first = i * w->stride[2] - w->pad[2];
    const int64_t last = (w->x[2] - 1 + w->pad[2] - extent) / w->stride[2];
    if (first < 0 || first + extent >= w->x[2])
        return 1;
    return (last < w->y[2] ? last + 1 : w->y[2]) - i;
}

static void pool_rows(const void *context, int64_t from, int64_t to)
{
    const struct pooling *p = context;
    const struct window *w = &p->window;
    const int64_t rows = w->y[0] * w->y[1];
    for (int64_t r = from; r < to; r++) {
        const int64_t piece = r / rows, row = r % rows;
        struct windows s = { .lanes = oc__piece_lanes(&p->to, piece),
                             .x_step = w->stride[2] * p->from.place_step,
                             .y_step = p->to.place_step };
        for (int64_t i = 0; i < w->y[2]; i += s.count) {
            s.taps = find_taps(w, row, i, s.tap);
            s.count = count_alike(w, i);
            s.x = p->x + oc__piece_at(&p->from, piece);
            s.y = p->y + oc__piece_at(&p->to, piece) + (row * w->y[2] + i) * s.y_step;
            for (int k = 0; k < s.taps; k++)
                s.tap[k] *= p->from.place_step;
            for (int k = 0; k < TOGETHER; k++)
                s.tap[s.taps + k] = s.tap[0];           /* which changes nothing */
            find(&s);
        }
    }
}

/* Channels last are one long line for each place. */
static void join_units(struct lanes *v)
{
    if (v->blocked)
        return;
    v->width = v->channels;
    v->units = 1;
}

static void run(const struct execution *e)
{
    const struct pool_attr *a = e->request->attr;
    struct pooling p = { .x = e->x[0], .y = e->y[0] };
    oc__window(&p.window, &a->window, e->request->x[0].shape, NULL);
    oc__dnn_lanes(&p.from, &e->request->x[0]);
    oc__dnn_lanes(&p.to, &e->request->y[0]);
    join_units(&p.from);
    join_units(&p.to);
    const int64_t rows = oc__piece_count(&p.to) * p.window.y[0] * p.window.y[1];
    oc__parallel(e->threads, rows, 1 + WORTH / (p.window.y[2] * p.to.width + 1), pool_rows, &p);
}

const struct kernel oc__dnn_max_of_window = {
    .op = "MaxPool", .name = "max_of_window", .accept = accept, .run = run
};
