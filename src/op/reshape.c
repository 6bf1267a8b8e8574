/* reshape.c — the same elements in the same order under another shape.
 *
 * Reshape, Flatten, Squeeze and Unsqueeze follow ONNX, with shapes and axes as attributes.  The
 * gradient of each is ReshapeTo(dy, x), which needs of x only the shape. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr reshape_attrs[] = {
    ATTR(struct reshape, INTS, shape, "", "dimensions; 0 copies that of x, one -1 is what remains"),
    ATTR(struct reshape, BOOL, allowzero, "false", "0 means no elements"),
    { 0 }
};
static const struct attr flatten_attrs[] = {
    ATTR(struct flatten, INT, axis, "1",
         "dimensions before it become the first, the others the second"),
    { 0 }
};
static const struct attr squeeze_attrs[] = {
    ATTR(struct squeeze, INTS, axes, "", "dimensions of 1 to drop; none: all of them"), { 0 }
};
static const struct attr unsqueeze_attrs[] = {
    ATTR(struct squeeze, INTS, axes, "", "where in y dimensions of 1 are put"), { 0 }
};

static oc_status same_count(const oc_shape *x, const oc_shape *y)
{
    const int64_t nx = oc_shape_count(x), ny = oc_shape_count(y);
    if (oc__dim_fits(nx, ny))
        return OC_OK;
    char tx[OC_SHAPE_TEXT], ty[OC_SHAPE_TEXT];
    return oc__fail(OC_EUSAGE, "%lld elements of %s do not fill %s", (long long)nx,
                    oc__shape_text(x, tx), oc__shape_text(y, ty));
}

/* The dimension that -1 stands for.  Unknown dimensions that y copied from x cancel; a single one
 * that is left over is the answer where the known factors agree. */
static oc_status remaining(const oc_shape *x, const oc_shape *y, const bool *copied, int64_t *out)
{
    int64_t nx = 1, ny = 1, unknown = 1;
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[i] >= 0)
            nx = oc__dim_mul(nx, x->dim[i]);
        else if (!copied[i])
            unknown = oc__dim_mul(unknown, x->dim[i]);
    }
    for (int i = 0; i < y->rank; i++)
        ny = y->dim[i] >= 0 ? oc__dim_mul(ny, y->dim[i]) : ny;
    *out = OC_UNKNOWN;
    if (unknown == 1 && nx >= 0 && ny >= 0) {
        if (ny == 0 || nx % ny)
            return oc__fail(OC_EUSAGE, "shape: %lld elements are not a multiple of %lld",
                            (long long)nx, (long long)ny);
        *out = nx / ny;
    } else if (nx == ny && nx > 0) {
        *out = unknown;
    }
    return OC_OK;
}

static oc_status reshape_shape(const struct infer *s)
{
    const struct reshape *const a = s->attr;
    const oc_shape *const x = s->x[0];
    oc_shape y = { .rank = a->shape.n };
    bool copied[OC_MAX_RANK] = { false };
    int open = -1;
    for (int i = 0; i < y.rank; i++) {
        y.dim[i] = a->shape.v[i];
        if (y.dim[i] < -1 || (y.dim[i] == -1 && open >= 0))
            return oc__fail(OC_EUSAGE, "shape: only one dimension may be -1, none less");
        if (y.dim[i] == -1) {
            open = i;
            y.dim[i] = 1;
        } else if (y.dim[i] == 0 && !a->allowzero) {
            if (i >= x->rank)
                return oc__fail(OC_EUSAGE, "shape: x has no dimension %d to copy", i);
            y.dim[i] = x->dim[i];
            copied[i] = true;
        }
    }
    if (open >= 0)
        TRY(remaining(x, &y, copied, &y.dim[open]));
    s->y[0] = y;
    return same_count(x, &y);
}

static oc_status reshape_take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct reshape *)attr)->shape);
}

/* How many dimensions there are follows from the shape of `shape`. */
static oc_status reshape_pending(const struct infer *s)
{
    const oc_shape *const shape = s->x[1];
    if (shape->rank != 1 || shape->dim[0] < 0)
        return OC_OK;
    if (shape->dim[0] > OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "shape: more than %d dimensions", OC_MAX_RANK);
    s->y[0].rank = (int)shape->dim[0];
    for (int i = 0; i < s->y[0].rank; i++)
        s->y[0].dim[i] = OC_UNKNOWN;
    return OC_OK;
}

static oc_status squeeze_take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 1, &((struct squeeze *)attr)->axes);
}

static oc_status reshape_to_shape(const struct infer *s)
{
    s->y[0] = *s->x[1];
    return same_count(s->x[0], s->x[1]);
}

static oc_status flatten_shape(const struct infer *s)
{
    const struct flatten *const a = s->attr;
    const oc_shape *const x = s->x[0];
    const int64_t axis = a->axis < 0 ? a->axis + x->rank : a->axis;
    if (axis < 0 || axis > x->rank)
        return oc__fail(OC_EUSAGE, "axis %lld is outside rank %d", (long long)a->axis, x->rank);
    s->y[0] = OC_SHAPE(1, 1);
    for (int i = 0; i < x->rank; i++)
        s->y[0].dim[i >= axis] = oc__dim_mul(s->y[0].dim[i >= axis], x->dim[i]);
    return OC_OK;
}

static oc_status squeeze_shape(const struct infer *s)
{
    const struct squeeze *const a = s->attr;
    const oc_shape *const x = s->x[0];
    bool drop[OC_MAX_RANK];
    oc_shape y = { 0 };
    TRY(oc__axes(&a->axes, x->rank, drop));
    for (int i = 0; i < x->rank; i++) {
        if (a->axes.n == 0 && x->dim[i] < 0)
            return oc__fail(OC_EUSAGE, "axes must be given where dimensions are unknown");
        if (drop[i] && !oc__dim_fits(x->dim[i], 1))
            return oc__fail(OC_EUSAGE, "dimension %d is %lld, not 1", i, (long long)x->dim[i]);
        if (!drop[i] && (a->axes.n > 0 || x->dim[i] != 1))
            y.dim[y.rank++] = x->dim[i];
    }
    s->y[0] = y;
    return OC_OK;
}

static oc_status unsqueeze_shape(const struct infer *s)
{
    const struct squeeze *const a = s->attr;
    const oc_shape *const x = s->x[0];
    bool insert[OC_MAX_RANK];
    const int rank = x->rank + a->axes.n;
    if (rank > OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "rank %d is more than %d", rank, OC_MAX_RANK);
    TRY(oc__axes(&a->axes, rank, insert));
    oc_shape y = { .rank = rank };
    for (int i = 0, from = 0; i < rank; i++)
        y.dim[i] = insert[i] ? 1 : x->dim[from++];
    s->y[0] = y;
    return OC_OK;
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_reshape_to, NULL, OC_IN(dy[0], n->in[0]));
}

static const char *const reshape_cases[] = {
    "2x3x4 shape=6,4", "2x3x4 shape=0,-1", "2x12 shape=0,3,-1", "6 shape=2,3", "1", NULL
};
static const char *const reshape_to_cases[] = { "2x3x4 6x4", "6 2x3", "() 1x1", NULL };
static const char *const flatten_cases[] = { "2x3x4", "2x3x4 axis=0", "2x3x4 axis=-1", "5", NULL };
static const char *const squeeze_cases[] = { "1x3x1", "1x3x1 axes=0", "2x1x3 axes=-2", NULL };
static const char *const unsqueeze_cases[] = { "3 axes=0", "2x3 axes=1,-1", "() axes=0", NULL };

const struct op oc__op_reshape = {
    .entry = { "Reshape", "y = x under another shape", reshape_attrs, sizeof(struct reshape) },
    .inputs = "x shape?", .outputs = "y", .view = true, .flops = oc__flops_none,
    .by_value = 1 << 1, .take = reshape_take, .pending = reshape_pending,
    .shape = reshape_shape, .grad = grad, .run = oc__copy, .cases = reshape_cases,
};

const struct op oc__op_reshape_to = {
    .entry = { "ReshapeTo", "y = x under the shape of `like`", NULL, 0 },
    .inputs = "x like", .outputs = "y", .view = true, .shape_only = 1 << 1,
    .flops = oc__flops_none,
    .shape = reshape_to_shape, .grad = grad, .run = oc__copy, .cases = reshape_to_cases,
};

const struct op oc__op_flatten = {
    .entry = { "Flatten", "y = x as a matrix", flatten_attrs, sizeof(struct flatten) },
    .inputs = "x", .outputs = "y", .view = true, .flops = oc__flops_none,
    .shape = flatten_shape, .grad = grad, .run = oc__copy, .cases = flatten_cases,
};

const struct op oc__op_squeeze = {
    .entry = { "Squeeze", "y = x without dimensions of 1", squeeze_attrs, sizeof(struct squeeze) },
    .inputs = "x axes?", .outputs = "y", .view = true, .flops = oc__flops_none,
    .by_value = 1 << 1, .take = squeeze_take,
    .shape = squeeze_shape, .grad = grad, .run = oc__copy, .cases = squeeze_cases,
};

const struct op oc__op_unsqueeze = {
    .entry = { "Unsqueeze", "y = x with more dimensions of 1", unsqueeze_attrs,
               sizeof(struct squeeze) },
    .inputs = "x axes?", .outputs = "y", .view = true, .flops = oc__flops_none,
    .by_value = 1 << 1, .take = squeeze_take,
    .shape = unsqueeze_shape, .grad = grad, .run = oc__copy, .cases = unsqueeze_cases,
};
