/* average_pool.c — average pooling by the library, and over whole planes by loops of our own.
 *
 * The library divides by the places of a window inside x, or by all of them; it is asked only where
 * one of the two is what the operator says.  Averages over planes come out plain, one number per
 * channel, which is how the next layer wants them. */
#include "backend/onednn/onednn.h"

#include "backend/onednn/prim.h"
#include "backend/onednn/sums.h"
#include "backend/wide.h"
#include "base/parallel.h"
#include "op/pool.h"

/* ---- windows ------------------------------------------------------------------------------ */

/* The window in the library's words: the end's padding reaches as far as the last window does. */
static bool describe_window(struct dnn_pool *p, const struct pool_attr *a, const struct window *w)
{
    const int skip = WINDOW_DIMS - w->dims;
    p->kind = a->count_include_pad ? dnnl_pooling_avg_include_padding
                                   : dnnl_pooling_avg_exclude_padding;
    for (int i = 0; i < w->dims; i++) {
        const int k = skip + i;
        const int64_t extent = (w->kernel[k] - 1) * w->dilation[k] + 1;
        const int64_t end = (w->y[k] - 1) * w->stride[k] + extent - w->x[k] - w->pad[k];
        p->kernel[i] = w->kernel[k];
        p->stride[i] = w->stride[k];
        p->dilation[i] = w->dilation[k] - 1;
        p->begin[i] = w->pad[k];
        p->end[i] = end > 0 ? end : 0;
        /* Beyond the padding nothing is counted, and what lies there alone is an average of
         * nothing. */
        if ((a->count_include_pad && end > w->pad_end[k]) || w->pad[k] >= extent || end >= extent)
            return false;
    }
    return true;
}

static dnnl_primitive_desc_t make(enum pass pass, const void *pool, const struct setting *s)
{
    return oc__dnn_pool(pass, pool, s);
}

/* Both directions: x is as it lies, y in the same manner. */
static bool offer_pool(const struct request *r, struct offer *o, const struct operand *x,
                       const struct operand *y, enum pass pass)
{
    const struct pool_attr *a = r->attr;
    struct lanes v;
    struct window w;
    struct desc xd, yd;
    struct dnn_pool p = { .x = &xd, .y = &yd };
    const struct layout *like;
    const bool back = pass == PASS_DATA;
    if (!oc__all_f32(r) || !oc__dnn_engine() || !oc__dnn_lanes(&v, x) ||
        oc__window(&w, &a->window, x->shape, NULL) < 0 || !describe_window(&p, a, &w) ||
        !oc__dnn_lanes_layout(x->layout, y->shape, &like) || !oc__dnn_operand(&xd, x))
        return false;
    const struct operand same = { OC_F32, y->shape, like, false };
    const struct slot slots[] = {
        { back ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, back ? SIDE_Y : SIDE_X, 0, NULL, 0 },
        { back ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, back ? SIDE_X : SIDE_Y, 0, NULL, 0 },
    };
    o->x[0] = back ? like : x->layout;
    o->y[0] = back ? x->layout : like;
    if (!oc__dnn_operand(&yd, &same))
        return false;
    const struct fit fit = { oc__prim_make(pass, make, &p, NULL), slots, 2, -1, false };
    return oc__prim_offer(&fit, r, o);
}

static bool accept(const struct request *r, struct offer *o)
{
    return offer_pool(r, o, &r->x[0], &r->y[0],
                      r->mode == OC_TRAIN ? PASS_TRAINING : PASS_INFERENCE);
}

static bool accept_grad(const struct request *r, struct offer *o)
{
    return offer_pool(r, o, &r->x[1], &r->x[0], PASS_DATA);
}

const struct kernel oc__dnn_average_pool = PRIM_KERNEL("AveragePool", "pooling", accept);
const struct kernel oc__dnn_average_pool_grad =
    PRIM_KERNEL("AveragePoolGrad", "pooling_by_data", accept_grad);

/* ---- whole planes ------------------------------------------------------------------------- */

static bool accept_global(const struct request *r, struct offer *o)
{
    struct lanes v;
    if (!oc__all_f32(r) || !oc__dnn_lanes(&v, &r->x[0]) || v.places == 0)
        return false;
    o->x[0] = r->x[0].layout;
    o->scratch = oc__sums_scratch(&v) * sizeof(double);
    return true;
}

static void run_global(const struct execution *e)
{
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->x[0]);
    double *rows = e->scratch;
    float *y = e->y[0];
    oc__sums_of_pieces(&(struct sums_of){ .v = &v, .a = e->x[0], .threads = e->threads }, rows);
    for (int64_t i = 0; i < v.n * v.channels; i++) {
        const int64_t image = i / v.channels, c = i % v.channels;
        const int64_t piece = image * v.units + c / v.width;
        y[i] = (float)(rows[2 * LANES * piece + c % v.width] / (double)v.places);
    }
}

/* The input's layout is known from x, of which nothing else is read. */
static bool accept_global_grad(const struct request *r, struct offer *o)
{
    struct lanes v;
    if (!oc__all_f32(r) || !oc__dnn_lanes(&v, &r->x[1]))
        return false;
    o->x[1] = o->y[0] = r->x[1].layout;
    return true;
}

struct spreading {
    struct lanes v;
    const float *dy;
    float       *dx;
};

WIDE static void fill_piece(float *dx, const float *value, const struct lanes *v, int64_t lanes)
{
    for (int64_t i = 0; i < v->places; i++)
#pragma omp simd
        for (int64_t l = 0; l < lanes; l++)
            dx[i * v->place_step + l] = value[l];
}

static void fill_pieces(const void *context, int64_t first, int64_t last)
{
    const struct spreading *s = context;
    const struct lanes *v = &s->v;
    for (int64_t i = first; i < last; i++) {
        const float *dy = s->dy + i / v->units * v->channels + i % v->units * v->width;
        float value[LANES] = { 0 };
        for (int64_t l = 0; l < oc__piece_channels(v, i); l++)
            value[l] = dy[l] / (float)v->places;
        fill_piece(s->dx + oc__piece_at(v, i), value, v, oc__piece_lanes(v, i));
    }
}

static void run_global_grad(const struct execution *e)
{
    struct spreading s = { .dy = e->x[0], .dx = e->y[0] };
    oc__dnn_lanes(&s.v, &e->request->y[0]);
    oc__parallel(e->threads, oc__piece_count(&s.v), oc__piece_grain(&s.v), fill_pieces, &s);
}

const struct kernel oc__dnn_global_average_pool = {
    .op = "GlobalAveragePool", .name = "plane_average_lanes", .accept = accept_global,
    .run = run_global
};
const struct kernel oc__dnn_global_average_pool_grad = {
    .op = "GlobalAveragePoolGrad", .name = "plane_average_grad_lanes",
    .accept = accept_global_grad, .run = run_global_grad
};
