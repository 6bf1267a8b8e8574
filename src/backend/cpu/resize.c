/* resize.c — Resize and its gradient over the last two dimensions of plain images. */
#include "backend/cpu/cpu.h"
#include "backend/resample.h"

static bool accept_shapes(const struct request *r, struct offer *o, const oc_shape *x,
                          const oc_shape *y)
{
    if (r->x[0].dtype != OC_F32 || r->y[0].dtype != OC_F32)
        return false;
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
