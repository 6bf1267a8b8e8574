/* sequence.c — sequences in a batch: ReverseSequence and TensorScatter.
 *
 * ReverseSequence turns the first lengths[b] places of sequence b round; it is its own gradient.
 * TensorScatter writes an update into a cache from place write_indices[b] on, in mode circular
 * round its end. */
#include <math.h>
#include <string.h>

#include "op/attributes.h"
#include "op/walk.h"

/* ---- ReverseSequence ---------------------------------------------------------------------- */

static const struct attr reverse_attrs[] = {
    ATTR_RANGE(struct reverse_sequence, INT, batch_axis, "1", "axis of the sequences", 0, 1),
    ATTR_RANGE(struct reverse_sequence, INT, time_axis, "0", "axis along them", 0, 1),
    { 0 }
};

static oc_status reverse_shape(const struct infer *s)
{
    const struct reverse_sequence *const a = s->attr;
    if (s->x[0]->rank < 2 || a->batch_axis == a->time_axis)
        return oc__fail(OC_EUSAGE, "the two axes do not fit rank %d", s->x[0]->rank);
    TRY(oc__shape_match("lengths", &OC_SHAPE(s->x[0]->dim[a->batch_axis]), s->x[1]));
    return oc__shape_same(s);
}

static void reverse_run(const struct call *c)
{
    const struct reverse_sequence *const a = c->attr;
    const oc_shape *const x = c->xs[0];
    int64_t inner = 1;
    for (int i = 2; i < x->rank; i++)
        inner *= x->dim[i];
    for (int64_t i = 0; i < x->dim[0] * x->dim[1]; i++) {
        const int64_t place[] = { i / x->dim[1], i % x->dim[1] };
        const double n = c->x[1][place[a->batch_axis]];
        const int64_t t = place[a->time_axis];
        int64_t from[] = { place[0], place[1] };
        if ((double)t < n && n <= (double)x->dim[a->time_axis])
            from[a->time_axis] = (int64_t)n - 1 - t;
        memcpy(c->y[0] + i * inner, c->x[0] + (from[0] * x->dim[1] + from[1]) * inner,
               (size_t)inner * sizeof(double));
    }
}

static void reverse_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                         oc_value *dx)
{
    if (want[0])
        dx[0] = oc__apply(g, &oc__op_reverse_sequence, n->attr, OC_IN(dy[0], n->in[1]));
}

static const char *const reverse_cases[] = {
    "4x3 i5:3", "2x5x3 i6:2 batch_axis=0 time_axis=1", NULL
};

const struct op oc__op_reverse_sequence = {
    .entry = { "ReverseSequence", "y = x with the start of each sequence turned round",
               reverse_attrs, sizeof(struct reverse_sequence) },
    .inputs = "x lengths", .outputs = "y", .flops = oc__flops_none,
    .shape = reverse_shape, .grad = reverse_grad, .run = reverse_run, .cases = reverse_cases,
};

/* ---- TensorScatter ------------------------------------------------------------------------ */

enum { MODE_LINEAR, MODE_CIRCULAR };

static const char *const modes[] = { "linear", "circular", NULL };
static const struct attr scatter_attrs[] = {
    ATTR(struct tensor_scatter, INT, axis, "-2", "axis along the sequences"),
    ATTR_WORDS(struct tensor_scatter, mode, "linear", "what happens at the end", modes),
    { 0 }
};

/* The cache and the update are inputs `first` and `first + 1`. */
static oc_status check_cache(const struct infer *s, int first)
{
    const oc_shape *const cache = s->x[first];
    int axis;
    TRY(oc__axis(((const struct tensor_scatter *)s->attr)->axis, cache->rank, &axis));
    oc_shape expected = *cache;
    if (axis == 0)
        return oc__fail(OC_EUSAGE, "axis 0 is that of the batch");
    if (s->x[first + 1]->rank == cache->rank)
        expected.dim[axis] = s->x[first + 1]->dim[axis];
    TRY(oc__shape_match("the update", &expected, s->x[first + 1]));
    if (cache->dim[axis] >= 0 && expected.dim[axis] > cache->dim[axis])
        return oc__fail(OC_EUSAGE, "the update is longer than the cache");
    if (s->n_in > first + 2 && s->x[first + 2])
        TRY(oc__shape_match("write_indices", &OC_SHAPE(cache->dim[0]), s->x[first + 2]));
    return OC_OK;
}

static oc_status scatter_shape(const struct infer *s)
{
    TRY(check_cache(s, 0));
    return oc__shape_same(s);
}

static oc_status scatter_grad_shape(const struct infer *s)
{
    TRY(check_cache(s, 1));
    s->y[0] = *s->x[1];
    s->y[1] = *s->x[2];
    return OC_OK;
}

/* The place in the cache of element i of the update; -1: beyond its end. */
static int64_t place_of(const struct tensor_scatter *a, const oc_shape *cache,
                        const oc_shape *update, const double *first, int64_t i)
{
    const struct lanes to = oc__lanes_of(cache, a->axis), from = oc__lanes_of(update, a->axis);
    const int64_t lane = i / from.inner / from.n, per_batch = to.outer / cache->dim[0];
    const double start = first ? first[lane / per_batch] : 0;
    if (!(fabs(start) < 0x1p52))
        return -1;
    int64_t at = (int64_t)start + i / from.inner % from.n;
    if (a->mode == MODE_CIRCULAR)
        at %= to.n;
    return at < 0 || at >= to.n ? -1 : (lane * to.n + at) * to.inner + i % from.inner;
}

static void scatter_run(const struct call *c)
{
    const double *const first = c->n_in > 2 ? c->x[2] : NULL;
    memcpy(c->y[0], c->x[0], (size_t)oc_shape_count(c->xs[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[1]); i++) {
        const int64_t at = place_of(c->attr, c->xs[0], c->xs[1], first, i);
        if (at >= 0)
            c->y[0][at] = c->x[1][i];
    }
}

static void scatter_grad_run(const struct call *c)
{
    const double *const first = c->n_in > 3 ? c->x[3] : NULL;
    memcpy(c->y[0], c->x[0], (size_t)oc_shape_count(c->xs[0]) * sizeof(double));
    for (int64_t i = 0; i < oc_shape_count(c->xs[2]); i++) {
        const int64_t at = place_of(c->attr, c->xs[1], c->xs[2], first, i);
        c->y[1][i] = at < 0 ? 0 : c->x[0][at];
        if (at >= 0)
            c->y[0][at] = 0;
    }
}

static void scatter_grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                         oc_value *dx)
{
    const oc_value d = oc__apply(g, &oc__op_tensor_scatter_grad, n->attr,
                                 OC_IN(dy[0], n->in[0], n->in[1],
                                       n->n_in > 2 ? n->in[2] : OC_NONE));
    dx[0] = d;
    if (want[1])
        dx[1] = oc_output(g, d, 1);
}

static const char *const scatter_cases[] = {
    "2x4x3 2x2x3", "2x2x5x3 2x2x3x3 i3:2", "2x5x2 2x3x2 i5:2 mode=circular axis=1", NULL
};

const struct op oc__op_tensor_scatter = {
    .entry = { "TensorScatter", "y = the cache with an update written into it", scatter_attrs,
               sizeof(struct tensor_scatter) },
    .inputs = "cache update write_indices?", .outputs = "y", .flops = oc__flops_none,
    .shape = scatter_shape, .grad = scatter_grad, .run = scatter_run, .cases = scatter_cases,
};

const struct op oc__op_tensor_scatter_grad = {
    .entry = { "TensorScatterGrad", "gradients of TensorScatter", scatter_attrs,
               sizeof(struct tensor_scatter) },
    .inputs = "dy cache update write_indices?", .outputs = "dcache dupdate",
    .shape_only = 3 << 1, .shape = scatter_grad_shape, .run = scatter_grad_run,
};
