/* resize.c — Resize and its gradient where channels lie innermost. */
#include "backend/onednn/lanes.h"
#include "backend/onednn/onednn.h"
#include "backend/resample.h"

/* The first operand's layout is kept, for the result's shape. */
static bool accept_shapes(const struct request *r, struct offer *o, const oc_shape *x,
                          const oc_shape *y)
{
    struct lanes v;
    if (r->x[0].dtype != OC_F32 || r->y[0].dtype != OC_F32 || !oc__dnn_lanes(&v, &r->x[0]) ||
        !oc__dnn_lanes_layout(r->x[0].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    struct resample *const how = oc__resample_new(r, x, y, &o->no_memory);
    o->state = how;
    o->scratch = how ? oc__resample_scratch(how) : 0;
    return how != NULL;
}

static bool accept(const struct request *r, struct offer *o)
{
    return accept_shapes(r, o, r->x[0].shape, r->y[0].shape);
}

static bool accept_grad(const struct request *r, struct offer *o)
{
    return accept_shapes(r, o, r->y[0].shape, r->x[0].shape);
}

static struct plot plot_of(const void *context, int64_t i)
{
    const struct lanes *const v = context;
    return (struct plot){ oc__piece_at(v, i), oc__piece_lanes(v, i) };
}

static void run_by(const struct execution *e, void (*run)(const struct resampling *r))
{
    struct lanes from, to;
    oc__dnn_lanes(&from, &e->request->x[0]);
    oc__dnn_lanes(&to, &e->request->y[0]);
    run(&(struct resampling){
        .how = e->state, .from = { &from, plot_of, from.place_step },
        .to = { &to, plot_of, to.place_step }, .n = oc__piece_count(&from), .x = e->x[0],
        .y = e->y[0], .scratch = e->scratch, .threads = e->threads });
}

static void run(const struct execution *e)      { run_by(e, oc__resample_run); }
static void run_grad(const struct execution *e) { run_by(e, oc__resample_grad); }

const struct kernel oc__dnn_resize = {
    .op = "Resize", .name = "resize_lanes", .accept = accept, .run = run,
    .close = oc__resample_close,
};
const struct kernel oc__dnn_resize_grad = {
    .op = "ResizeGrad", .name = "resize_grad_lanes", .accept = accept_grad, .run = run_grad,
    .close = oc__resample_close,
};
