/* explain_field.c — where the maps of a layer lie on the image.
 *
 * A cell of a map sees a field of the image.  The middles of these fields are `step` pixels apart
 * and begin at `first`; a window with kernel k, stride s, dilation d and padding p makes of them
 *
 *     first' = first + ((k - 1) d / 2 - p) step,      step' = s step
 *
 * (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, section 2.4).
 * Networks that do not pad (SqueezeNet) have maps whose first cell lies a good way inside. */
#include "base/mem.h"
#include "op/op.h"
#include "op/window.h"
#include "task/explain.h"

enum { SIDES = 2 };                                     /* height, width */

struct field { bool known; double first[SIDES], step[SIDES]; };

static bool same_places(const oc_shape *a, const oc_shape *b)
{
    return a->rank == 4 && b->rank == 4 && a->dim[2] == b->dim[2] && a->dim[3] == b->dim[3];
}

/* Their attributes begin with a window. */
static bool has_window(const struct op *op)
{
    return op == &oc__op_conv || op == &oc__op_max_pool || op == &oc__op_average_pool;
}

static struct field through_window(struct field f, const struct window *w)
{
    for (int i = 0; i < SIDES; i++) {
        const int k = i + WINDOW_DIMS - SIDES;
        const double reach = 0.5 * (double)((w->kernel[k] - 1) * w->dilation[k]);
        f.first[i] += (reach - (double)w->pad[k]) * f.step[i];
        f.step[i] *= (double)w->stride[k];
    }
    return f;
}

/* The field of a node's result, given that of one of its inputs. */
static struct field field_after(const oc_graph *g, const struct node *n, oc_value in,
                                struct field f)
{
    const oc_shape x = oc_value_shape(g, in), y = oc_value_shape(g, n->out);
    if (has_window(n->op)) {
        struct window w;
        const bool conv = n->op == &oc__op_conv;
        const oc_shape kernel = conv ? oc_value_shape(g, n->in[1]) : (oc_shape){ 0 };
        const bool fits = x.rank == 4 && oc__window(&w, n->attr, &x, conv ? &kernel : NULL) >= 0;
        return fits ? through_window(f, &w) : (struct field){ 0 };
    }
    return same_places(&x, &y) ? f : (struct field){ 0 };
}

struct view oc__explain_field(const oc_explainer *e, oc_value maps)
{
    const oc_graph *const g = e->graph;
    const oc_shape shape = oc_value_shape(g, maps);
    struct view box = { 0 };
    struct field *const field = oc__alloc((size_t)g->values + 1, sizeof *field);
    if (!field)
        return box;
    field[e->x.id] = (struct field){ true, { 0, 0 }, { 1, 1 } };
    for (int k = 0; k < e->network_nodes; k++) {
        const struct node *const n = &g->node[k];
        for (int i = 0; i < n->n_in && !field[n->out.id].known; i++)
            if (field[n->in[i].id].known)
                field[n->out.id] = field_after(g, n, n->in[i], field[n->in[i].id]);
    }
    const struct field f = field[maps.id];
    if (f.known)
        box = (struct view){ f.first[1] + 0.5 - f.step[1] / 2, f.first[0] + 0.5 - f.step[0] / 2,
                             f.step[1] * (double)shape.dim[3], f.step[0] * (double)shape.dim[2] };
    oc__free(field);
    return box;
}
