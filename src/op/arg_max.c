/* arg_max.c — ArgMax and ArgMin: the index of the largest or least element along an axis; of equal
 * ones the first, or the last.  Hardmax has 1 in the place of the first largest, else 0. */
#include "op/attributes.h"
#include "op/walk.h"

static const struct attr attrs[] = {
    ATTR(struct arg_max, INT, axis, "0", "along which axis"),
    ATTR(struct arg_max, BOOL, keepdims, "true", "leave the axis in the shape as 1"),
    ATTR(struct arg_max, BOOL, select_last_index, "false", "of equal ones the last"),
    { 0 }
};

static oc_status shape(const struct infer *s)
{
    const struct arg_max *const a = s->attr;
    const oc_shape *const x = s->x[0];
    oc_shape y = { 0 };
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    if (x->dim[axis] == 0)
        return oc__fail(OC_EUSAGE, "axis %d is empty", axis);
    for (int i = 0; i < x->rank; i++)
        if (i != axis || a->keepdims)
            y.dim[y.rank++] = i == axis ? 1 : x->dim[i];
    s->y[0] = y;
    s->yt[0] = OC_I64;
    return OC_OK;
}

/* Finds the largest of sign * x. */
static void find(const struct call *c, double sign)
{
    const struct arg_max *const a = c->attr;
    const struct lanes l = oc__lanes_of(c->xs[0], a->axis);
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t i = 0; i < l.inner; i++) {
            const double *const x = c->x[0] + o * l.n * l.inner + i;
            int64_t best = 0;
            for (int64_t j = 1; j < l.n; j++) {
                const double more = sign * (x[j * l.inner] - x[best * l.inner]);
                if (more > 0 || (more == 0 && a->select_last_index))
                    best = j;
            }
            c->y[0][o * l.inner + i] = (double)best;
        }
}

static void run_max(const struct call *c) { find(c, 1); }
static void run_min(const struct call *c) { find(c, -1); }

static const char *const cases[] = {
    "3x5 axis=1", "2x3x4 axis=-2 keepdims=false", "7", "i3:4x6 axis=1 select_last_index=true", NULL
};

#define ROW(id, onnx, summary, run_)                                                           \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, attrs, sizeof(struct arg_max) },                             \
        .inputs = "x", .outputs = "y", .flops = oc__flops_input,                               \
        .shape = shape, .run = run_, .cases = cases,                                           \
    };
ROW(arg_max, "ArgMax", "y = the index of the largest x", run_max)
ROW(arg_min, "ArgMin", "y = the index of the least x", run_min)

static const struct attr hardmax_attrs[] = {
    ATTR(struct softmax, INT, axis, "-1", "along which axis"), { 0 }
};

static oc_status hardmax_shape(const struct infer *s)
{
    int axis;
    TRY(oc__axis(((const struct softmax *)s->attr)->axis, s->x[0]->rank, &axis));
    return oc__shape_same(s);
}

static void hardmax_run(const struct call *c)
{
    const struct lanes l = oc__lanes_of(c->xs[0], ((const struct softmax *)c->attr)->axis);
    for (int64_t k = 0; k < l.outer * l.inner; k++) {
        const int64_t at = k / l.inner * l.n * l.inner + k % l.inner;
        int64_t best = 0;
        for (int64_t j = 0; j < l.n; j++) {
            if (c->x[0][at + j * l.inner] > c->x[0][at + best * l.inner])
                best = j;
            c->y[0][at + j * l.inner] = 0;
        }
        if (l.n)
            c->y[0][at + best * l.inner] = 1;
    }
}

static const char *const hardmax_cases[] = { "3x5", "2x3x4 axis=1", NULL };

const struct op oc__op_hardmax = {
    .entry = { "Hardmax", "y = 1 in the place of the largest x, else 0", hardmax_attrs,
               sizeof(struct softmax) },
    .inputs = "x", .outputs = "y", .flops = oc__flops_input,
    .shape = hardmax_shape, .grad = oc__grad_flat, .run = hardmax_run, .cases = hardmax_cases,
};
