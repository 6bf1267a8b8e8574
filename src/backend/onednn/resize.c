/* resize.c — Resize and its gradient where channels lie innermost. */
#include "backend/onednn/lanes.h"
#include "backend/onednn/onednn.h"
#include "backend/resample.h"

/* The first operand's layout is kept, for the result's shape. */
static bool accept_lanes(const struct request *r, struct offer *o, bool grad)
{
    struct lanes v;
    if (!oc__dnn_lanes(&v, &r->x[0]) ||
        !oc__dnn_lanes_layout(r->x[0].layout, r->y[0].shape, &o->y[0]))
        return false;
    o->x[0] = r->x[0].layout;
    return oc__resample_offer(r, o, grad);
}

static bool accept(const struct request *r, struct offer *o) { return accept_lanes(r, o, false); }

static bool accept_grad(const struct request *r, struct offer *o)
{
    return accept_lanes(r, o, true);
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
