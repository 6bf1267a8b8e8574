/* col2im.c — Col2Im: columns of blocks put back into a picture, added up where they overlap.
 *
 * x [n, c * block, blocks] holds in each column the elements of one block for each channel; y is
 * [n, c, image…].  Blocks lie as the windows of a convolution do.  The gradient takes the blocks
 * out again. */
#include <string.h>

#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR(struct col2im, INTS, image_shape, "", "spatial size of y"),
    ATTR(struct col2im, INTS, block_shape, "", "spatial size of a block"),
    ATTR(struct col2im, INTS, dilations, "", "distance between elements of a block; none: 1"),
    ATTR(struct col2im, INTS, pads, "", "padding of the picture: begins, then ends; none: 0"),
    ATTR(struct col2im, INTS, strides, "", "from one block to the next; none: 1"),
    { 0 }
};

static oc_status take(void *attr, const struct infer *s)
{
    struct col2im *const a = attr;
    TRY(oc__take_ints(s, 1, &a->image_shape));
    return oc__take_ints(s, 2, &a->block_shape);
}

static int64_t at(const struct ints *list, int i, int64_t otherwise)
{
    return i < list->n ? list->v[i] : otherwise;
}

/* Numbers so large that their products would not fit are refused. */
static bool is_modest(const struct ints *list)
{
    bool modest = true;
    for (int i = 0; i < list->n; i++)
        modest &= list->v[i] >= 0 && list->v[i] <= 1 << 24;
    return modest;
}

/* How many blocks lie along dimension i. */
static int64_t blocks(const struct col2im *a, int i)
{
    const int dims = a->image_shape.n;
    const int64_t room = a->image_shape.v[i] + at(&a->pads, i, 0) + at(&a->pads, dims + i, 0) -
                         at(&a->dilations, i, 1) * (a->block_shape.v[i] - 1) - 1;
    return room < 0 ? 0 : room / at(&a->strides, i, 1) + 1;
}

static oc_status shape(const struct infer *s)
{
    const struct col2im *const a = s->attr;
    const oc_shape *const x = s->x[0];
    const int dims = a->image_shape.n;
    int64_t count = 1, block = 1;
    if (dims < 1 || dims > OC_MAX_RANK - 2 || a->block_shape.n != dims || x->rank != 3)
        return oc__fail(OC_EUSAGE, "image_shape, block_shape and an x of rank %d do not fit",
                        x->rank);
    if (!is_modest(&a->image_shape) || !is_modest(&a->block_shape) || !is_modest(&a->pads) ||
        !is_modest(&a->strides) || !is_modest(&a->dilations))
        return oc__fail(OC_EUSAGE, "numbers from 0 to %d are possible", 1 << 24);
    s->y[0] = (oc_shape){ .rank = dims + 2, .dim = { x->dim[0] } };
    for (int i = 0; i < dims; i++) {
        if (a->image_shape.v[i] < 1 || a->block_shape.v[i] < 1 || at(&a->strides, i, 1) < 1 ||
            at(&a->dilations, i, 1) < 1)
            return oc__fail(OC_EUSAGE, "dimension %d: sizes, strides and dilations begin at 1", i);
        s->y[0].dim[2 + i] = a->image_shape.v[i];
        count = oc__dim_mul(count, blocks(a, i));
        block = oc__dim_mul(block, a->block_shape.v[i]);
    }
    if (x->dim[1] >= 0 && (block < 1 || x->dim[1] % block))
        return oc__fail(OC_EUSAGE, "%lld rows are not blocks of %lld", (long long)x->dim[1],
                        (long long)block);
    if (!oc__dim_fits(x->dim[2], count))
        return oc__fail(OC_EUSAGE, "%lld columns for %lld blocks", (long long)x->dim[2],
                        (long long)count);
    s->y[0].dim[1] = x->dim[1] < 0 ? OC_UNKNOWN : x->dim[1] / block;
    return OC_OK;
}

static oc_status pending(const struct infer *s)
{
    s->y[0] = (oc_shape){ .rank = OC_UNKNOWN };
    return OC_OK;
}

static oc_status grad_shape(const struct infer *s)
{
    s->y[0] = *s->x[1];
    return OC_OK;
}

/* The place in the picture of element i of x [n, c * block, blocks]; -1: in the padding. */
static int64_t place_of(const struct col2im *a, const oc_shape *x, int64_t i)
{
    int64_t block = i % x->dim[2], row = i / x->dim[2], place = 0, stride = 1;
    for (int k = a->image_shape.n - 1; k >= 0; k--) {
        const int64_t size = a->image_shape.v[k], n = blocks(a, k), tap = a->block_shape.v[k];
        const int64_t here = block % n * at(&a->strides, k, 1) - at(&a->pads, k, 0) +
                             row % tap * at(&a->dilations, k, 1);
        if (here < 0 || here >= size)
            return -1;
        place += here * stride;
        stride *= size;
        block /= n;
        row /= tap;
    }
    return row * stride + place;                        /* what is left of row is n * c + channel */
}

static void run(const struct call *c)
{
    memset(c->y[0], 0, (size_t)oc_shape_count(c->ys[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++) {
        const int64_t place = place_of(c->attr, c->xs[0], i);
        if (place >= 0)
            c->y[0][place] += c->x[0][i];
    }
}

static void run_grad(const struct call *c)
{
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++) {
        const int64_t place = place_of(c->attr, c->ys[0], i);
        c->y[0][i] = place < 0 ? 0 : c->x[0][place];
    }
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_col2im_grad, n->attr, OC_IN(dy[0], n->in[0]));
}

static const char *const cases[] = {
    "2x8x9 image_shape=4,4 block_shape=2,2", "1x6x4 image_shape=5,4 block_shape=2,3 strides=2,2 "
    "pads=0,1,0,1", "1x4x2 image_shape=6 block_shape=2 dilations=3 strides=2", NULL
};

const struct op oc__op_col2im = {
    .entry = { "Col2Im", "y = blocks put into a picture", attrs, sizeof(struct col2im) },
    .inputs = "x image_shape? block_shape?", .outputs = "y", .by_value = 6, .take = take,
    .pending = pending, .flops = oc__flops_input,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};

const struct op oc__op_col2im_grad = {
    .entry = { "Col2ImGrad", "dx = the blocks of dy", attrs, sizeof(struct col2im) },
    .inputs = "dy x", .outputs = "dx", .shape_only = 1 << 1,
    .shape = grad_shape, .run = run_grad,
};
