/* copy.c — operators that change nothing but the shape: Reshape, Flatten and their like.
 *
 * The result takes over the input's buffer where the planner allows it, and then there is
 * nothing to do; else the bytes are copied. */
#include <string.h>

#include "backend/cpu/cpu.h"

static const char *const names[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity",
                                     "ReshapeTo", NULL };

static bool accept(const struct request *r, struct offer *o)
{
    for (const char *const *p = names; *p; p++)
        if (!strcmp(*p, r->op->entry.name)) {
            o->in_place = 0;
            return r->x[0].dtype == r->y[0].dtype;
        }
    return false;
}

static void run(const struct execution *e)
{
    const struct operand *y = &e->request->y[0];
    if (e->x[0] != e->y[0])
        memcpy(e->y[0], e->x[0], (size_t)oc__cpu_count(y) * oc_dtype_size(y->dtype));
}

const struct kernel oc__cpu_copy = { .name = "copy", .accept = accept, .run = run };
