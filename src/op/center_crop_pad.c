/* center_crop_pad.c — CenterCropPad: the middle of x, with 0 around it where it is too small.
 *
 * What is left over when a difference is odd is at the end.  The gradient is the same with the
 * shapes exchanged. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct center_crop_pad, INTS, shape, "", "sizes along the axes"),
    ATTR(struct center_crop_pad, INTS, axes, "", "which axes; none: all"),
    { 0 }
};

static oc_status take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct center_crop_pad *)attr)->shape);
}

static oc_status shape(const struct infer *s)
{
    const struct center_crop_pad *const a = s->attr;
    bool chosen[OC_MAX_RANK];
    TRY(oc__axes(&a->axes, s->x[0]->rank, chosen));
    if (a->shape.n != (a->axes.n ? a->axes.n : s->x[0]->rank))
        return oc__fail(OC_EUSAGE, "%d sizes for %d axes", a->shape.n,
                        a->axes.n ? a->axes.n : s->x[0]->rank);
    s->y[0] = *s->x[0];
    for (int i = 0; i < a->shape.n; i++) {
        const int64_t axis = a->axes.n ? a->axes.v[i] : i;
        s->y[0].dim[axis < 0 ? axis + s->x[0]->rank : axis] = a->shape.v[i];
        if (a->shape.v[i] < 0)
            return oc__fail(OC_EUSAGE, "size %lld", (long long)a->shape.v[i]);
    }
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    s->y[0] = *s->x[1];
    return OC_OK;
}

static void run(const struct call *c)
{
    const oc_shape *const x = c->xs[0], *const y = c->ys[0];
    int64_t stride[OC_MAX_RANK], offset[OC_MAX_RANK];
    struct walk w;
    oc__strides(x, stride);
    for (int i = 0; i < x->rank; i++)                   /* both divisions cut towards 0 */
        offset[i] = (x->dim[i] - y->dim[i]) / 2;
    oc__walk(&w, y);
    for (int64_t i = 0; i < w.count; i++, oc__walk_next(&w)) {
        int64_t at = 0;
        bool inside = true;
        for (int k = 0; k < x->rank; k++) {
            const int64_t here = w.index[k] + offset[k];
            inside &= here >= 0 && here < x->dim[k];
            at += here * stride[k];
        }
        c->y[0][i] = inside ? c->x[0][at] : 0;
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_center_crop_pad_grad, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = {
    "5x4 shape=2,7", "2x3x6 shape=3,4 axes=-1,1", "3 =i9:1", NULL
};

const struct op oc__op_center_crop_pad = {
    .entry = { "CenterCropPad", "y = the middle of x, with 0 around", attrs,
               sizeof(struct center_crop_pad) },
    .inputs = "x shape?", .outputs = "y", .by_value = 1 << 1, .take = take,
    .pending = oc__pending_like, .flops = oc__flops_none,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_center_crop_pad_grad = {
    .entry = { "CenterCropPadGrad", "dx = the middle of dy, with 0 around", NULL, 0 },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1,
    .shape = grad_shape, .run = run,
};
