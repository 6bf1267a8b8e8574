/* resize.c — Resize and its gradient over the last two dimensions of plain images. */
#include "backend/cpu/cpu.h"
#include "backend/resample.h"

static bool accept(const struct request *r, struct offer *o)
{
    return oc__resample_offer(r, o, false);
}

static bool accept_grad(const struct request *r, struct offer *o)
{
    return oc__resample_offer(r, o, true);
}

/* A plane of places that are one number each. */
static struct plot plane(const void *context, int64_t i)
{
    const oc_shape *const s = context;
    return (struct plot){ i * s->dim[2] * s->dim[3], 1 };
}

static struct resampling task_of(const struct execution *e)
{
    const struct operand *const x = &e->request->x[0], *const y = &e->request->y[0];
    return (struct resampling){
        .how = e->state, .from = { x->shape, plane, 1 }, .to = { y->shape, plane, 1 },
        .n = x->shape->dim[0] * x->shape->dim[1], .x = e->x[0], .y = e->y[0],
        .scratch = e->scratch, .threads = e->threads,
    };
}

static void run(const struct execution *e)
{
    const struct resampling r = task_of(e);
    oc__resample_run(&r);
}

static void run_grad(const struct execution *e)
{
    const struct resampling r = task_of(e);
    oc__resample_grad(&r);
}

const struct kernel oc__cpu_resize = {
    .op = "Resize", .name = "rows", .accept = accept, .run = run, .close = oc__resample_close,
};
const struct kernel oc__cpu_resize_grad = {
    .op = "ResizeGrad", .name = "rows", .accept = accept_grad, .run = run_grad,
    .close = oc__resample_close,
};
