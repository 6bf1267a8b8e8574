/* nodes.c — see nodes.h. */
#include "image/nodes.h"

#include "base/status.h"
#include "op/op.h"

/* ---- one node ----------------------------------------------------------------------------- */

oc_value oc__node(struct nodes *n, const char *op, const char *attributes, int count,
                  const oc_value *in)
{
    oc_graph *const g = n->g;
    const oc_value y = oc_apply(g, op, count, in, attributes ? "%s" : NULL, attributes);
    if (y.id <= 0)
        return y;
    const struct node *const made = oc__maker(g, y);
    if (made && made->n_out == 1 && oc__is_constant(g, made->op, made->n_in, made->in)
        && !oc__evaluate(g))
        return oc__graph_fail(g, OC_ELIMIT, NULL);
    return y;
}

oc_value oc__node_of(struct nodes *n, const char *op, oc_value a)
{
    return oc__node(n, op, NULL, OC_IN(a));
}

oc_value oc__node_with(struct nodes *n, const char *op, oc_value a, oc_value b)
{
    return oc__node(n, op, NULL, OC_IN(a, b));
}

oc_value oc__node_by(struct nodes *n, const char *op, oc_value a, double b)
{
    if (a.id <= 0)
        return OC_FAILED;
    return oc__node(n, op, NULL, OC_IN(a, oc__scalar_like(n->g, b, a)));
}

oc_value oc__node_negative(struct nodes *n)
{
    return oc__node_by(n, "Add", oc__node_of(n, "Neg", n->x), 255);
}

/* ---- constants ---------------------------------------------------------------------------- */

oc_value oc__node_side(struct nodes *n, double v)
{
    return oc_constant(n->g, &(oc_tensor){ OC_F64, { 0 }, &v });
}

bool oc__node_known(const struct nodes *n, oc_value side, double *v)
{
    if (side.id <= 0 || oc__value(n->g, side)->kind != VALUE_CONSTANT)
        return false;
    *v = *(const double *)oc__value(n->g, side)->data;
    return true;
}

oc_value oc__node_list(struct nodes *n, int count, const int64_t *v)
{
    return oc_constant(n->g, &(oc_tensor){ OC_I64, OC_SHAPE(count), (void *)(uintptr_t)v });
}

oc_value oc__node_sides(struct nodes *n, int count, const oc_value *side)
{
    oc_value list[2 * OC_MAX_RANK];
    for (int i = 0; i < count; i++)
        list[i] = oc__node(n, "Unsqueeze", "axes=0", OC_IN(side[i]));
    return oc__node(n, "Cast", "to=i64", OC_IN(oc__node(n, "Concat", "axis=0", count, list)));
}

oc_value oc__node_channels(struct nodes *n, int count, const double *v)
{
    float number[3];
    for (int i = 0; i < count; i++)
        number[i] = (float)v[i];
    return oc_constant(n->g, &(oc_tensor){ OC_F32, OC_SHAPE(count, 1, 1), number });
}

/* ---- cutting ------------------------------------------------------------------------------ */

static bool is_zero(const struct nodes *n, oc_value side)
{
    double v;
    return oc__node_known(n, side, &v) && v == 0;
}

/* Rows or columns that the box has beyond the border. */
static oc_value beyond(struct nodes *n, oc_value start, oc_value length, oc_value side)
{
    const oc_value end = oc__node_with(n, "Add", start, length);
    return oc__node_by(n, "Larger", oc__node_with(n, "Sub", end, side), 0);
}

static oc_value before(struct nodes *n, oc_value start)
{
    return oc__node_by(n, "Larger", oc__node_of(n, "Neg", start), 0);
}

void oc__nodes_crop(struct nodes *n, struct node_box box, int64_t fill)
{
    const oc_value none = oc__node_side(n, 0);
    const oc_value top = before(n, box.top), left = before(n, box.left);
    const oc_value bottom = beyond(n, box.top, box.height, n->height);
    const oc_value right = beyond(n, box.left, box.width, n->width);
    if (!is_zero(n, top) || !is_zero(n, left) || !is_zero(n, bottom) || !is_zero(n, right)) {
        const oc_value pads = oc__node_sides(n, 8, (oc_value[]){ none, none, top, left, none, none,
                                                                 bottom, right });
        n->x = oc__node(n, "Pad", NULL, OC_IN(n->x, pads, oc_scalar(n->g, (double)fill)));
    }
    const oc_value from[] = { oc__node_with(n, "Add", box.top, top),
                              oc__node_with(n, "Add", box.left, left) };
    const oc_value to[] = { oc__node_with(n, "Add", from[0], box.height),
                            oc__node_with(n, "Add", from[1], box.width) };
    const oc_value axes = oc__node_list(n, 2, (int64_t[]){ 2, 3 });
    n->x = oc__node(n, "Slice", NULL, OC_IN(n->x, oc__node_sides(n, 2, from),
                                            oc__node_sides(n, 2, to), axes));
    n->height = box.height;
    n->width = box.width;
}

/* ---- begin and end ------------------------------------------------------------------------ */

static oc_value side_of(struct nodes *n, oc_value image, int axis)
{
    const oc_shape shape = oc_value_shape(n->g, image);
    if (shape.dim[axis] >= 0)
        return oc__node_side(n, (double)shape.dim[axis]);
    const int64_t at = axis;
    const oc_value place = oc_constant(n->g, &(oc_tensor){ OC_I64, { 0 }, (void *)(uintptr_t)&at });
    const oc_value sides = oc__node_of(n, "Shape", image);
    return oc__node(n, "Cast", "to=f64", OC_IN(oc__node_with(n, "Gather", sides, place)));
}

void oc__nodes_begin(struct nodes *n, oc_graph *g, oc_value image)
{
    *n = (struct nodes){ .g = g, .white = 255,
                         .channels = (int)oc_value_shape(g, image).dim[3] };
    n->height = side_of(n, image, 1);
    n->width = side_of(n, image, 2);
    n->x = oc__node(n, "Cast", "to=f32",
                    OC_IN(oc__node(n, "Transpose", "perm=0,3,1,2", OC_IN(image))));
}

/* What is known only where the nodes run is said here, since networks want to know. */
oc_status oc__nodes_end(struct nodes *n, const oc_shape *shape)
{
    double height = (double)shape->dim[1], width = (double)shape->dim[2];
    oc__node_known(n, n->height, &height);
    oc__node_known(n, n->width, &width);
    TRY(oc_graph_check(n->g));
    if (n->channels != shape->dim[0] || (int64_t)height != shape->dim[1]
        || (int64_t)width != shape->dim[2])
        return oc__fail(OC_EUSAGE, "preparation: makes [%d, %g, %g], but [%lld, %lld, %lld] is "
                                   "wanted", n->channels, height, width, (long long)shape->dim[0],
                        (long long)shape->dim[1], (long long)shape->dim[2]);
    const int64_t sizes[] = { 0, shape->dim[0], shape->dim[1], shape->dim[2] };
    n->x = oc__node_with(n, "Reshape", n->x, oc__node_list(n, 4, sizes));
    return oc_graph_check(n->g);
}
