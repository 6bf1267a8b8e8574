/* concat.c — joining images along their channels, and parting them, where channels lie innermost.
 *
 * Concat, its gradient and Split carry ranges of channels between operands.  In a blocked
 * layout a range is whole units, which lie together; with channels last it is a stretch of every
 * place.  Ranges that begin inside a unit are declined. */
#include <string.h>

#include "backend/onednn/lanes.h"
#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"
#include "base/parallel.h"
#include "op/attributes.h"

enum { CHANNELS = 1 };                                  /* their dimension */

/* ---- carrying ----------------------------------------------------------------------------- */

/* Channels of x from `at_x` on become those of y from `at_y` on. */
struct carry {
    struct lanes x, y;
    int64_t      at_x, at_y, channels;
    const float *from;
    float       *to;
};

static int64_t units_of(const struct carry *c)
{
    return (c->channels + c->x.width - 1) / c->x.width;
}

static void carry_units(const void *context, int64_t first, int64_t last)
{
    const struct carry *c = context;
    const int64_t units = units_of(c);
    for (int64_t i = first; i < last; i++) {
        const int64_t image = i / units, unit = i % units;
        const float *const from =
            c->from + image * c->x.image_step + (c->at_x / c->x.width + unit) * c->x.unit_step;
        float *const to =
            c->to + image * c->y.image_step + (c->at_y / c->y.width + unit) * c->y.unit_step;
        memcpy(to, from, (size_t)c->x.unit_step * sizeof *to);
    }
}

static void carry_places(const void *context, int64_t first, int64_t last)
{
    const struct carry *c = context;
    for (int64_t i = first; i < last; i++)
        memcpy(c->to + i * c->y.channels + c->at_y, c->from + i * c->x.channels + c->at_x,
               (size_t)c->channels * sizeof *c->to);
}

static void carry(const struct carry *c, int threads)
{
    const int64_t grain = 1 + 8192 / (c->x.blocked ? c->x.unit_step : c->channels + 1);
    if (c->x.blocked)
        oc__parallel(threads, c->x.n * units_of(c), grain, carry_units, c);
    else
        oc__parallel(threads, c->x.n * c->x.places, grain, carry_places, c);
}

/* ---- offers ------------------------------------------------------------------------------- */

static bool joins_channels(const struct request *r, int64_t axis)
{
    int found;
    const int rank = r->x[0].shape->rank;
    return oc__all_f32(r) && rank >= 3 && oc__axis(axis, rank, &found) == OC_OK
        && found == CHANNELS;
}

/* The layout of `like` for an operand. */
static bool lay(const struct layout *like, const struct operand *x, const struct layout **out)
{
    return oc_shape_count(x->shape) > 0 && oc__dnn_lanes_layout(like, x->shape, out);
}

/* Every part but the last fills its units. */
static bool parts_fit(const struct lanes *v, const struct operand *part, int n)
{
    for (int i = 0; v->blocked && i + 1 < n; i++)
        if (part[i].shape->dim[CHANNELS] % v->width)
            return false;
    return true;
}

/* The first layout with channels innermost, and its lanes. */
static const struct layout *layout_among(const struct operand *x, int n, struct lanes *v)
{
    for (int i = 0; i < n; i++)
        if (oc__dnn_lanes(v, &x[i]))
            return x[i].layout;
    return NULL;
}

static struct lanes lanes_of(const struct operand *x, const struct layout *layout)
{
    const struct operand own = { OC_F32, x->shape, layout, false };
    struct lanes v = { 0 };
    oc__dnn_lanes(&v, &own);
    return v;
}

static bool accept_concat(const struct request *r, struct offer *o)
{
    struct lanes v;
    const struct layout *const like = layout_among(r->x, r->n_in, &v);
    bool good = like && joins_channels(r, ((const struct concat *)r->attr)->axis)
             && parts_fit(&v, r->x, r->n_in) && lay(like, &r->y[0], &o->y[0]);
    for (int i = 0; i < r->n_in && good; i++)
        good = lay(like, &r->x[i], &o->x[i]);
    return good;
}

static void run_concat(const struct execution *e)
{
    const struct request *r = e->request;
    struct carry c = { .y = lanes_of(&r->y[0], r->y[0].layout), .to = e->y[0] };
    for (int i = 0; i < r->n_in; i++, c.at_y += c.channels) {
        c.x = lanes_of(&r->x[i], r->x[i].layout);
        c.channels = c.x.channels;
        c.from = e->x[i];
        carry(&c, e->threads);
    }
}

/* The operands behind dy are the parts up to the one that is wanted. */
static bool accept_grad(const struct request *r, struct offer *o)
{
    struct lanes dy;
    if (!joins_channels(r, ((const struct concat *)r->attr)->axis)
        || !oc__dnn_lanes(&dy, &r->x[0]) || !parts_fit(&dy, r->x + 1, r->n_in)
        || !lay(r->x[0].layout, &r->y[0], &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    return true;
}

static void run_grad(const struct execution *e)
{
    const struct request *r = e->request;
    struct carry c = { .x = lanes_of(&r->x[0], r->x[0].layout), .from = e->x[0],
                       .y = lanes_of(&r->y[0], r->y[0].layout), .to = e->y[0] };
    for (int i = 1; i < r->n_in - 1; i++)
        c.at_x += r->x[i].shape->dim[CHANNELS];
    c.channels = c.y.channels;
    carry(&c, e->threads);
}

static bool accept_split(const struct request *r, struct offer *o)
{
    struct lanes x;
    bool good = joins_channels(r, ((const struct split *)r->attr)->axis)
             && oc__dnn_lanes(&x, &r->x[0]) && parts_fit(&x, r->y, r->n_out);
    for (int k = 0; k < r->n_out && good; k++)
        good = lay(r->x[0].layout, &r->y[k], &o->y[k]);
    o->x[0] = good ? r->x[0].layout : NULL;
    return good;
}

static void run_split(const struct execution *e)
{
    const struct request *r = e->request;
    struct carry c = { .x = lanes_of(&r->x[0], r->x[0].layout), .from = e->x[0] };
    for (int k = 0; k < r->n_out; k++, c.at_x += c.channels) {
        c.y = lanes_of(&r->y[k], r->y[k].layout);
        c.channels = c.y.channels;
        c.to = e->y[k];
        carry(&c, e->threads);
    }
}

const struct kernel oc__dnn_concat = {
    .op = "Concat", .name = "concat_lanes", .accept = accept_concat, .run = run_concat,
};
const struct kernel oc__dnn_concat_grad = {
    .op = "ConcatGrad", .name = "concat_grad_lanes", .accept = accept_grad, .run = run_grad,
};
const struct kernel oc__dnn_split = {
    .op = "Split", .name = "split_lanes", .accept = accept_split, .run = run_split,
};
