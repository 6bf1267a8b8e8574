/* batch_norm.c — batch normalisation and its gradient where channels lie innermost.
 *
 * Statistics take one pass: with any number s near the channel's mean (its first element is one),
 *     mean = s + E[x - s],  var = E[(x - s)^2] - E[x - s]^2,
 * which loses nothing by cancellation unless the channel varies far less than its first element
 * strays.  A second pass applies a formula of three coefficients per channel. */
#include "backend/onednn/onednn.h"

#include <math.h>

#include "backend/onednn/prim.h"
#include "backend/onednn/sums.h"
#include "backend/wide.h"
#include "base/parallel.h"
#include "op/norm.h"

/* By channel, y = (x - from) a + b, or where dy is given y = a (dy - b - (x - from) c). */
struct affine {
    const struct lanes *v;
    const float        *x, *dy;
    float              *y;
    const float        *from, *a, *b, *c;               /* zero beyond the channels */
};

static inline void apply_lanes(const struct affine *f, int64_t at, int64_t channel, int64_t lanes)
{
    const float *from = f->from + channel, *a = f->a + channel, *b = f->b + channel;
    const float *x = f->x + at;
    float *y = f->y + at;
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++)
        y[l] = (x[l] - from[l]) * a[l] + b[l];
}

static inline void grad_lanes(const struct affine *f, int64_t at, int64_t channel, int64_t lanes)
{
    const float *from = f->from + channel, *a = f->a + channel, *b = f->b + channel;
    const float *c = f->c + channel, *x = f->x + at, *dy = f->dy + at;
    float *y = f->y + at;
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++)
        y[l] = a[l] * (dy[l] - b[l] - (x[l] - from[l]) * c[l]);
}

WIDE static void apply_piece(const struct affine *f, int64_t piece)
{
    const struct lanes *v = f->v;
    const int64_t at = oc__piece_at(v, piece), lanes = oc__piece_lanes(v, piece);
    const int64_t channel = piece % v->units * v->width;
    for (int64_t i = 0; i < v->places; i++) {
        const int64_t place = at + i * v->place_step;
        if (f->dy && lanes == LANES)
            grad_lanes(f, place, channel, LANES);
        else if (f->dy)
            grad_lanes(f, place, channel, lanes);
        else if (lanes == LANES)
            apply_lanes(f, place, channel, LANES);
        else
            apply_lanes(f, place, channel, lanes);
    }
}

static void apply_pieces(const void *context, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++)
        apply_piece(context, i);
}

static void apply(const struct affine *f, int threads)
{
    oc__parallel(threads, oc__piece_count(f->v), oc__piece_grain(f->v), apply_pieces, f);
}

/* ---- scratch ------------------------------------------------------------------------------ */

/* Sums, then two doubles and four floats per channel, rounded up to whole units. */
struct work {
    double *partial, *first, *second;
    float  *from, *a, *b, *c;
    int64_t room;
};

static int64_t channel_room(const struct lanes *v) { return (v->units + 1) * LANES; }

static size_t work_bytes(const struct lanes *v)
{
    return oc__sums_scratch(v) * sizeof(double) +
           (size_t)channel_room(v) * (2 * sizeof(double) + 4 * sizeof(float));
}

static struct work divide(void *scratch, const struct lanes *v)
{
    struct work w = { .partial = scratch, .room = channel_room(v) };
    w.first = w.partial + oc__sums_scratch(v);
    w.second = w.first + w.room;
    w.from = (float *)(w.second + w.room);
    w.a = w.from + w.room;
    w.b = w.a + w.room;
    w.c = w.b + w.room;
    for (int64_t i = 0; i < 4 * w.room; i++)
        w.from[i] = 0;
    return w;
}

static bool accept_lanes(const struct request *r, struct offer *o, int x)
{
    struct lanes v;
    if (!oc__all_f32(r) || !oc__dnn_lanes(&v, &r->x[x]) || v.n * v.places == 0)
        return false;
    for (int i = 0; i <= x; i++)
        o->x[i] = r->x[x].layout;
    o->y[0] = r->x[x].layout;
    o->scratch = work_bytes(&v);
    o->in_place = 0;
    return true;
}

/* ---- training ----------------------------------------------------------------------------- */

static bool accept(const struct request *r, struct offer *o) { return accept_lanes(r, o, 0); }

/* The statistics of channel c from its sums, and everything that follows from them. */
static void finish_channel(const struct execution *e, const struct work *w, int64_t c, double count)
{
    const struct batch_norm *a = e->request->attr;
    const float *scale = e->x[1], *bias = e->x[2], *old_mean = e->x[3], *old_var = e->x[4];
    float *running_mean = e->y[1], *running_var = e->y[2], *batch_mean = e->y[3],
          *inv_std = e->y[4];
    const double shift = (double)w->from[c], offset = w->first[c] / count;
    const double mean = shift + offset, spread = w->second[c] / count - offset * offset;
    const double var = spread > 0 ? spread : 0, inverse = 1 / sqrt(var + a->epsilon);
    double next_mean = (double)old_mean[c], next_var = (double)old_var[c];
    oc__batch_norm_running(a, (int64_t)count, mean, var, &next_mean, &next_var);
    running_mean[c] = (float)next_mean;
    running_var[c] = (float)next_var;
    batch_mean[c] = (float)mean;
    inv_std[c] = (float)inverse;
    w->from[c] = (float)mean;
    w->a[c] = (float)((double)scale[c] * inverse);
    w->b[c] = bias[c];
}

static void run(const struct execution *e)
{
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->x[0]);
    const float *x = e->x[0];
    struct work w = divide(e->scratch, &v);
    for (int64_t c = 0; c < v.channels; c++)
        w.from[c] = x[c / v.width * v.unit_step + c % v.width];
    const struct sums_of sums = { &v, x, x, w.from, w.from, e->threads };
    oc__sums(&sums, w.partial, w.first, w.second);
    for (int64_t c = 0; c < v.channels; c++)
        finish_channel(e, &w, c, (double)(v.n * v.places));
    apply(&(struct affine){ .v = &v, .x = x, .y = e->y[0], .from = w.from, .a = w.a, .b = w.b },
          e->threads);
}

/* ---- gradient ----------------------------------------------------------------------------- */

static bool accept_grad(const struct request *r, struct offer *o) { return accept_lanes(r, o, 1); }

/* dbias = sum dy, dscale = inv_std sum dy (x - mean), and with m elements in a channel
 * dx = scale inv_std (dy - dbias / m - (x - mean) inv_std dscale / m). */
static void run_grad(const struct execution *e)
{
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->x[0]);
    const float *dy = e->x[0], *x = e->x[1], *scale = e->x[2], *mean = e->x[3], *inv_std = e->x[4];
    float *dscale = e->y[1], *dbias = e->y[2];
    const double count = (double)(v.n * v.places);
    struct work w = divide(e->scratch, &v);
    const struct sums_of sums = { &v, dy, x, NULL, mean, e->threads };
    oc__sums(&sums, w.partial, w.first, w.second);
    for (int64_t c = 0; c < v.channels; c++) {
        const double inverse = (double)inv_std[c], along = w.second[c] * inverse;
        dbias[c] = (float)w.first[c];
        dscale[c] = (float)along;
        w.from[c] = mean[c];
        w.a[c] = scale[c] * inv_std[c];
        w.b[c] = (float)(w.first[c] / count);
        w.c[c] = (float)(along * inverse / count);
    }
    const struct affine f = { &v, x, dy, e->y[0], w.from, w.a, w.b, w.c };
    apply(&f, e->threads);
}

/* ---- inference ---------------------------------------------------------------------------- */

static void run_inference(const struct execution *e)
{
    const struct batch_norm *attr = e->request->attr;
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->x[0]);
    const float *scale = e->x[1], *bias = e->x[2], *mean = e->x[3], *var = e->x[4];
    struct work w = divide(e->scratch, &v);
    for (int64_t c = 0; c < v.channels; c++) {
        w.from[c] = mean[c];
        w.a[c] = (float)((double)scale[c] / sqrt((double)var[c] + attr->epsilon));
        w.b[c] = bias[c];
    }
    const struct affine f = { .v = &v, .x = e->x[0], .y = e->y[0], .from = w.from, .a = w.a,
                              .b = w.b };
    apply(&f, e->threads);
}

const struct kernel oc__dnn_batch_norm = {
    .op = "BatchNormalization", .name = "batch_norm_lanes", .accept = accept, .run = run
};
const struct kernel oc__dnn_batch_norm_grad = {
    .op = "BatchNormalizationGrad", .name = "batch_norm_grad_lanes", .accept = accept_grad,
    .run = run_grad
};
const struct kernel oc__dnn_batch_norm_inference = {
    .op = "BatchNormalizationInference", .name = "batch_norm_lanes", .accept = accept,
    .run = run_inference
};
