/* reference.c — the back end that runs whatever the others do not: an operator's own `run`.
 *
 * `run` computes in double, so operands of other types are converted to and from scratch;
 * doubles are used where they lie.  Slow, right, and on one thread. */
#include "backend/backend.h"

enum { ALIGNMENT = 64 };

static bool needs_copy(const struct operand *o) { return o->shape && o->dtype != OC_F64; }

static bool is_read(const struct request *r, int i)
{
    return r->x[i].shape && !(r->op->shape_only >> i & 1);
}

/* Adds room for the operand's elements as doubles. */
static bool add_room(size_t *bytes, const struct operand *o)
{
    size_t more;
    return oc__mul((size_t)oc_shape_count(o->shape), sizeof(double), &more) &&
           oc__add(more, ALIGNMENT - 1, &more) &&
           oc__add(*bytes, more / ALIGNMENT * ALIGNMENT, bytes);
}

static bool accept(const struct request *r, struct offer *o)
{
    if (!r->op->run)
        return false;
    for (int i = 0; i < r->n_in; i++)
        if (is_read(r, i) && needs_copy(&r->x[i]) && !add_room(&o->scratch, &r->x[i]))
            return false;
    for (int k = 0; k < r->n_out; k++)
        if (needs_copy(&r->y[k]) && !add_room(&o->scratch, &r->y[k]))
            return false;
    return true;
}

static double *take_room(char **scratch, const struct operand *o)
{
    size_t bytes = 0;
    double *const room = (double *)(void *)*scratch;
    add_room(&bytes, o);
    *scratch += bytes;
    return room;
}

/* The type's own elements as doubles. */
static const double *load(const struct operand *o, const void *data, char **scratch)
{
    if (!needs_copy(o))
        return data;
    const oc_tensor t = { o->dtype, *o->shape, (void *)(uintptr_t)data };
    const int64_t n = oc_shape_count(o->shape);
    double *const to = take_room(scratch, o);
    for (int64_t i = 0; i < n; i++)
        to[i] = oc_tensor_get(&t, i);
    return to;
}

static void store(const struct operand *o, const double *from, void *data)
{
    const oc_tensor t = { o->dtype, *o->shape, data };
    const int64_t n = oc_shape_count(o->shape);
    for (int64_t i = 0; i < n; i++)
        oc_tensor_set(&t, i, from[i]);
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const double *x[OP_MAX_INPUTS];
    double *y[OP_MAX_OUTPUTS];
    const oc_shape *xs[OP_MAX_INPUTS], *ys[OP_MAX_OUTPUTS];
    oc_dtype xt[OP_MAX_INPUTS], yt[OP_MAX_OUTPUTS];
    char *scratch = e->scratch;
    for (int i = 0; i < r->n_in; i++) {
        xs[i] = r->x[i].shape;
        xt[i] = r->x[i].dtype;
        x[i] = is_read(r, i) ? load(&r->x[i], e->x[i], &scratch) : NULL;
    }
    for (int k = 0; k < r->n_out; k++) {
        ys[k] = r->y[k].shape;
        yt[k] = r->y[k].dtype;
        y[k] = needs_copy(&r->y[k]) ? take_room(&scratch, &r->y[k]) : e->y[k];
    }
    const struct call c = { r->attr, r->n_in, r->n_out, x, xs, xt, y, ys, yt, e->seed, e->step };
    r->op->run(&c);
    for (int k = 0; k < r->n_out; k++)
        if (needs_copy(&r->y[k]))
            store(&r->y[k], y[k], e->y[k]);
}

static const struct kernel kernel = { .name = "run", .accept = accept, .run = run };
static const struct kernel *const kernels[] = { &kernel, NULL };

extern const struct backend oc__backend_reference;
const struct backend oc__backend_reference = { .name = "reference", .kernels = kernels };
