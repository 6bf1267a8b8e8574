/* weave.c — pictures from planes to channels last, where a network's first layer wants them so.
 *
 * The library's reorder moves one number at a time where there are so few channels; a loop over a
 * constant number of them is one of vectors. */
#include "backend/onednn/onednn.h"

#include "backend/onednn/lanes.h"
#include "backend/onednn/prim.h"
#include "backend/wide.h"
#include "base/parallel.h"

enum { COLOURS = 3, WORTH = 8192 };                     /* planes; places that are worth a thread */

/* n places of planes that are `step` apart. */
WIDE static void weave(const float *restrict x, int64_t step, int64_t n, float *restrict y)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < COLOURS; k++)
            y[i * COLOURS + k] = x[k * step + i];
}

struct weaving { const float *x; float *y; int64_t places; };

static void weave_images(const void *context, int64_t first, int64_t last)
{
    const struct weaving *w = context;
    for (int64_t at = first, n; at < last; at += n) {
        const int64_t image = at / w->places, i = at % w->places;
        n = w->places - i < last - at ? w->places - i : last - at;
        weave(w->x + image * w->places * COLOURS + i, w->places, n, w->y + at * COLOURS);
    }
}

static void run(const struct execution *e)
{
    struct lanes v;
    oc__dnn_lanes(&v, &e->request->y[0]);
    const struct weaving w = { e->x[0], e->y[0], v.places };
    oc__parallel(e->threads, v.n * v.places, WORTH, weave_images, &w);
}

static const struct kernel weave_kernel = { .op = "Reorder", .name = "weave", .run = run };

bool oc__dnn_weaves(const struct operand *from, const struct operand *to, struct offer *o)
{
    struct lanes v;
    if (from->layout || from->dtype != OC_F32 || !oc__dnn_lanes(&v, to) || v.blocked ||
        v.channels != COLOURS)
        return false;
    o->kernel = &weave_kernel;
    o->detail = "weave";
    return true;
}
