/* shape.c — shapes as values: Shape and Size of an input, and constants of a given shape.
 *
 * While a graph is bound every shape is known, so what is computed from shapes alone is computed
 * then, and nothing of it is left in a plan. */
#include "op/attributes.h"
#include "op/op.h"

/* ---- Shape, Size -------------------------------------------------------------------------- */

static const struct attr shape_attrs[] = {
    ATTR(struct shape, INT, start, "0", "first dimension"),
    ATTR(struct shape, INT, end, "9223372036854775807", "where to stop"),
    { 0 }
};

static int hold(int64_t at, int rank)
{
    at += at < 0 ? rank : 0;
    return at < 0 ? 0 : at > rank ? rank : (int)at;
}

static oc_status shape_shape(const struct infer *s)
{
    const struct shape *const a = s->attr;
    const int first = hold(a->start, s->x[0]->rank), last = hold(a->end, s->x[0]->rank);
    s->y[0] = OC_SHAPE(last > first ? last - first : 0);
    s->yt[0] = OC_I64;
    return OC_OK;
}

static void shape_run(const struct call *c)
{
    const struct shape *const a = c->attr;
    const int first = hold(a->start, c->xs[0]->rank);
    for (int64_t i = 0; i < c->ys[0]->dim[0]; i++)
        c->y[0][i] = (double)c->xs[0]->dim[first + i];
}

static oc_status size_shape(const struct infer *s)
{
    s->y[0] = (oc_shape){ 0 };
    s->yt[0] = OC_I64;
    return OC_OK;
}

static void size_run(const struct call *c) { c->y[0][0] = (double)oc_shape_count(c->xs[0]); }

/* ---- ConstantOfShape ---------------------------------------------------------------------- */

static const struct attr constant_attrs[] = {
    ATTR(struct constant_of_shape, INTS, shape, "", "dimensions of y"),
    ATTR(struct constant_of_shape, FLOAT, value, "0", "of every element"),
    ATTR_WORDS(struct constant_of_shape, type, "f32", "of the elements", oc__type_words),
    { 0 }
};

static oc_status constant_take(void *attr, const struct infer *s)
{
    return oc__take_ints(s, 0, &((struct constant_of_shape *)attr)->shape);
}

static oc_status constant_pending(const struct infer *s)
{
    const struct constant_of_shape *const a = s->attr;
    s->yt[0] = (oc_dtype)a->type;
    return OC_OK;
}

static oc_status constant_shape(const struct infer *s)
{
    const struct constant_of_shape *const a = s->attr;
    s->y[0] = (oc_shape){ .rank = a->shape.n };
    for (int i = 0; i < a->shape.n; i++) {
        s->y[0].dim[i] = a->shape.v[i];
        if (a->shape.v[i] < 0)
            return oc__fail(OC_EUSAGE, "shape: dimension %d is %lld", i,
                            (long long)a->shape.v[i]);
    }
    return constant_pending(s);
}

static void constant_run(const struct call *c)
{
    const struct constant_of_shape *const a = c->attr;
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = a->value;
}

static const char *const shape_cases[] = {
    "2x3x4", "2x3x4 start=-2", "2x3x4 start=1 end=-1", "() start=0", NULL
};
static const char *const constant_cases[] = {
    "shape=2,3", "shape=3 value=1.5 type=f64", "value=7 type=i64", "shape=0,2", NULL
};
static const char *const size_cases[] = { "2x3x4", "()", NULL };

const struct op oc__op_shape = {
    .entry = { "Shape", "y = the dimensions of x", shape_attrs, sizeof(struct shape) },
    .inputs = "x", .outputs = "y", .shape_only = 1, .flops = oc__flops_none,
    .shape = shape_shape, .run = shape_run, .cases = shape_cases,
};

const struct op oc__op_size = {
    .entry = { "Size", "y = the number of elements of x", NULL, 0 },
    .inputs = "x", .outputs = "y", .shape_only = 1, .flops = oc__flops_none,
    .shape = size_shape, .run = size_run, .cases = size_cases,
};

const struct op oc__op_constant_of_shape = {
    .entry = { "ConstantOfShape", "y = a number in every place of a shape", constant_attrs,
               sizeof(struct constant_of_shape) },
    .inputs = "shape?", .outputs = "y", .flops = oc__flops_none,
    .by_value = 1, .take = constant_take, .pending = constant_pending,
    .shape = constant_shape, .run = constant_run, .cases = constant_cases,
};
