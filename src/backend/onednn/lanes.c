/* lanes.c — from layouts to lanes. */
#include "backend/onednn/lanes.h"

#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"

bool oc__dnn_lanes(struct lanes *v, const struct operand *x)
{
    int64_t lanes;
    if (!x->layout || x->layout->owner != &oc__backend_onednn ||
        !oc__desc_lanes(x->layout->detail, &lanes))
        return false;
    const oc_shape *s = x->shape;
    *v = (struct lanes){ .n = s->dim[0], .channels = s->dim[1], .places = 1, .blocked = lanes > 0 };
    for (int i = 2; i < s->rank; i++)
        v->places *= s->dim[i];
    v->width = lanes > 0 ? lanes : LANES;
    v->units = (v->channels + v->width - 1) / v->width;
    v->place_step = lanes > 0 ? lanes : v->channels;
    v->unit_step = lanes > 0 ? v->places * lanes : LANES;
    v->image_step = lanes > 0 ? v->units * v->unit_step : v->places * v->channels;
    return true;
}

bool oc__dnn_lanes_layout(const struct layout *like, const oc_shape *shape,
                          const struct layout **out)
{
    static const char *const letters[] = { [3] = "ncw", [4] = "nchw", [5] = "ncdhw" };
    struct desc d;
    int64_t lanes;
    /* With one place per image, channels last is plain, which has no lanes: that is no layout. */
    return oc__desc_lanes(like->detail, &lanes) &&
           oc__desc_with_lanes(&d, shape->rank, shape->dim, lanes) &&
           oc__dnn_layout(&d, letters[shape->rank], out) && *out;
}
