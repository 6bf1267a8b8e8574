/* resample.c — rows of resized images, and of their gradients. */
#include "backend/resample.h"

#include <string.h>

#include "backend/wide.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "op/resize.h"

enum { RANGES = 64, ELEMENTS = 8192, LANES = 16 };      /* a thread is worth so many elements */

/* Along one dimension: place i of y reads place at[i] of x with weight 1 - next[i] and the one
 * behind it with weight next[i]; first[k] is the first place of y that reads at k or behind. */
struct axis { int64_t x, y; int32_t *at, *first; float *next; };

struct resample { struct axis down, across; };

/* ---- making ------------------------------------------------------------------------------- */

/* Whether a dimension stays as it is: its last place then reads itself alone. */
static bool stays(const struct resize *how, const oc_shape *x, const oc_shape *y, int dimension)
{
    const int64_t last = y->dim[dimension] - 1;
    struct resize_tap tap;
    return x->dim[dimension] == y->dim[dimension] &&
           oc__resize_tap(how, x, y, dimension, last, &tap) && tap.at == last;
}

static bool make_axis(struct axis *a, const struct resize *how, const oc_shape *xs,
                      const oc_shape *ys, int dimension)
{
    const int64_t x = xs->dim[dimension], y = ys->dim[dimension];
    *a = (struct axis){ .x = x, .y = y, .at = oc__alloc((size_t)y, sizeof *a->at),
                        .first = oc__alloc((size_t)x + 2, sizeof *a->first),
                        .next = oc__alloc((size_t)y, sizeof *a->next) };
    if (!a->at || !a->first || !a->next)
        return false;
    int64_t k = 0;
    for (int64_t i = 0; i < y; i++) {
        struct resize_tap tap;
        oc__resize_tap(how, xs, ys, dimension, i, &tap);
        a->at[i] = (int32_t)tap.at;
        a->next[i] = (float)tap.next;
        for (; k <= tap.at; k++)
            a->first[k] = (int32_t)i;
    }
    for (; k < x + 2; k++)
        a->first[k] = (int32_t)y;
    return true;
}

static void free_axis(const struct axis *a)
{
    oc__free(a->at);
    oc__free(a->first);
    oc__free(a->next);
}

void oc__resample_close(void *state)
{
    struct resample *const r = state;
    if (!r)
        return;
    free_axis(&r->down);
    free_axis(&r->across);
    oc__free(r);
}

static struct resample *make(const void *attr, const oc_shape *x, const oc_shape *y)
{
    struct resample *const made = oc__alloc(1, sizeof *made);
    if (made && make_axis(&made->down, attr, x, y, 2) && make_axis(&made->across, attr, x, y, 3))
        return made;
    oc__resample_close(made);
    return NULL;
}

/* Floats of a row of scratch. */
static int64_t row_room(const struct axis *a) { return (a->x > a->y ? a->x : a->y) * LANES; }

static size_t scratch_of(const struct resample *how)
{
    return (size_t)(RANGES * row_room(&how->across)) * sizeof(float);
}

bool oc__resample_offer(const struct request *r, struct offer *o, bool grad)
{
    const oc_shape *const first = r->x[0].shape, *const second = r->y[0].shape;
    const oc_shape *const x = grad ? second : first, *const y = grad ? first : second;
    if (r->x[0].dtype != OC_F32 || r->y[0].dtype != OC_F32 || x->rank != 4 ||
        oc_shape_count(x) < 1 || oc_shape_count(y) < 1 || x->dim[2] > INT32_MAX ||
        x->dim[3] > INT32_MAX || !stays(r->attr, x, y, 0) || !stays(r->attr, x, y, 1))
        return false;
    struct resample *const how = make(r->attr, x, y);
    o->state = how;
    o->scratch = how ? scratch_of(how) : 0;
    o->no_memory = how == NULL;
    return how != NULL;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* A row of places that lie `step` apart, added with a weight to a dense one; or put there. */
WIDE static void mix_row(float *to, const float *from, float weight, bool put, int64_t places,
                         int64_t step, int64_t lanes)
{
    const int64_t inner = step == lanes ? places * lanes : lanes;
    const int64_t outer = step == lanes ? 1 : places;
    for (int64_t i = 0; i < outer; i++)
#pragma omp simd
        for (int64_t l = 0; l < inner; l++) {
            const float v = weight * from[i * step + l];
            to[i * lanes + l] = put ? v : to[i * lanes + l] + v;
        }
}

/* Places of a row of y from a dense row of x. */
WIDE static void gather_plain(float *y, const float *row, const struct axis *a)
{
    const int32_t *const at = a->at;
    const float *const next = a->next;
    const int64_t last = a->x - 1;
#pragma omp simd
    for (int64_t i = 0; i < a->y; i++) {
        const int64_t k = at[i], after = k < last ? k + 1 : k;
        y[i] = row[k] + next[i] * (row[after] - row[k]);
    }
}

static inline void gather_lanes(float *y, const float *row, const struct axis *a, int64_t step,
                                int64_t lanes)
{
    for (int64_t i = 0; i < a->y; i++) {
        const float w = a->next[i];
        const float *const here = row + a->at[i] * lanes;
        const float *const after = a->at[i] + 1 < a->x ? here + lanes : here;
#pragma omp simd
        for (int64_t l = 0; l < lanes; l++)
            y[i * step + l] = here[l] + w * (after[l] - here[l]);
    }
}

/* The commonest number of lanes is a constant, so that the loop over them is one instruction. */
WIDE static void gather(float *y, const float *row, const struct axis *a, int64_t step,
                        int64_t lanes)
{
    if (lanes == LANES)
        gather_lanes(y, row, a, step, LANES);
    else
        gather_lanes(y, row, a, step, lanes);
}

static inline void spread_lanes(float *dx, const float *row, const struct axis *a, int64_t step,
                                int64_t lanes)
{
    for (int64_t k = 0; k < a->x; k++)
        memset(dx + k * step, 0, (size_t)lanes * sizeof *dx);
    for (int64_t i = 0; i < a->y; i++) {
        const float w = a->next[i];
        float *const here = dx + a->at[i] * step;
        float *const after = a->at[i] + 1 < a->x ? here + step : here;
#pragma omp simd
        for (int64_t l = 0; l < lanes; l++) {
            const float v = row[i * lanes + l];
            here[l] += (1 - w) * v;
            after[l] += w * v;
        }
    }
}

WIDE static void spread(float *dx, const float *row, const struct axis *a, int64_t step,
                        int64_t lanes)
{
    if (lanes == LANES)
        spread_lanes(dx, row, a, step, LANES);
    else
        spread_lanes(dx, row, a, step, lanes);
}

/* ---- pieces ------------------------------------------------------------------------------- */

/* Ranges of rows are at least this long, so that there are at most RANGES of them, each with a row
 * of scratch. */
static int64_t grain_of(int64_t rows, int64_t elements)
{
    const int64_t worth = 1 + ELEMENTS / elements, fewest = (rows + RANGES - 1) / RANGES;
    return worth > fewest ? worth : fewest;
}

/* Rows of all pieces; each of the ranges has a row of scratch. */
struct job { const struct resampling *r; int64_t rows, grain; };

static void run_rows(const void *context, int64_t first, int64_t last)
{
    const struct job *const j = context;
    const struct resampling *const r = j->r;
    const struct axis *const down = &r->how->down, *const across = &r->how->across;
    float *const row = r->scratch + first / j->grain * row_room(across);
    for (int64_t i = first; i < last; i++) {
        const int64_t k = i % j->rows, line = across->x * r->from.step;
        const struct plot from = r->from.plot(r->from.context, i / j->rows);
        const struct plot to = r->to.plot(r->to.context, i / j->rows);
        const float *const x = r->x + from.at + down->at[k] * line;
        float *const y = r->y + to.at + k * across->y * r->to.step;
        const float w = down->next[k];
        mix_row(row, x, 1 - w, true, across->x, r->from.step, from.lanes);
        if (w > 0)
            mix_row(row, x + line, w, false, across->x, r->from.step, from.lanes);
        if (from.lanes == 1 && r->to.step == 1)
            gather_plain(y, row, across);
        else
            gather(y, row, across, r->to.step, from.lanes);
    }
}

static void run_rows_grad(const void *context, int64_t first, int64_t last)
{
    const struct job *const j = context;
    const struct resampling *const r = j->r;
    const struct axis *const down = &r->how->down, *const across = &r->how->across;
    float *const row = r->scratch + first / j->grain * row_room(across);
    for (int64_t i = first; i < last; i++) {
        const int64_t k = i % j->rows, line = across->y * r->from.step;
        const struct plot from = r->from.plot(r->from.context, i / j->rows);
        const struct plot to = r->to.plot(r->to.context, i / j->rows);
        memset(row, 0, (size_t)(across->y * from.lanes) * sizeof *row);
        for (int64_t o = down->first[k ? k - 1 : 0]; o < down->first[k + 1]; o++) {
            const float w = down->at[o] == k ? 1 - down->next[o] : down->next[o];
            mix_row(row, r->x + from.at + o * line, w, false, across->y, r->from.step, from.lanes);
        }
        spread(r->y + to.at + k * across->x * r->to.step, row, across, r->to.step, from.lanes);
    }
}

static void run_job(const struct resampling *r, int64_t rows, int64_t elements,
                    void (*body)(const void *context, int64_t first, int64_t last))
{
    const int64_t n = r->n * rows;
    const struct job j = { r, rows, grain_of(n, elements) };
    oc__parallel(r->threads, n, j.grain, body, &j);
}

void oc__resample_run(const struct resampling *r)
{
    run_job(r, r->how->down.y, r->how->across.y * r->to.step, run_rows);
}

void oc__resample_grad(const struct resampling *r)
{
    run_job(r, r->how->down.x, r->how->across.y * r->from.step, run_rows_grad);
}
