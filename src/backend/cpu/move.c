/* move.c — operators that carry elements elsewhere unchanged: Transpose, Gather, Concat, Split.
 *
 * Elements are bytes here, so every type will do.  What lies together in memory on both sides is
 * carried together. */
#include <string.h>

#include "backend/cpu/cpu.h"
#include "op/attributes.h"
#include "op/walk.h"

static bool accept_any(const struct request *r, struct offer *o)
{
    (void)o;
    return r->x[0].dtype == r->y[0].dtype;
}

/* ---- Transpose ---------------------------------------------------------------------------- */

/* n elements of `size` bytes, `step` elements apart, to adjacent ones. */
static void gather_line(const char *from, int64_t step, int64_t n, size_t size, char *to)
{
    if (step == 1) {
        memcpy(to, from, (size_t)n * size);
    } else if (size == sizeof(float)) {
        for (int64_t i = 0; i < n; i++)
            ((float *)(void *)to)[i] = ((const float *)(const void *)from)[i * step];
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(to + (size_t)i * size, from + (size_t)(i * step) * size, size);
    }
}

static void run_transpose(const struct execution *e)
{
    const struct request *r = e->request;
    const struct transpose *a = r->attr;
    const oc_shape *y = r->y[0].shape;
    const size_t size = oc_dtype_size(r->y[0].dtype);
    int64_t dense[OC_MAX_RANK], stride[OC_MAX_RANK] = { 0 };
    oc_shape lines = *y;
    struct walk w;
    oc__strides(r->x[0].shape, dense);
    for (int i = 0; i < y->rank; i++) {
        int from = y->rank - 1 - i;
        if (a->perm.n)
            oc__axis(a->perm.v[i], y->rank, &from);
        stride[i] = dense[from];
    }
    const int64_t n = y->rank ? y->dim[y->rank - 1] : 1;
    lines.rank = y->rank ? y->rank - 1 : 0;
    oc__walk(&w, &lines);
    oc__walk_follow(&w, stride, 0);
    for (int64_t i = 0; n > 0 && i < w.count; i++, oc__walk_next(&w))
        gather_line((const char *)e->x[0] + (size_t)w.at[0] * size,
                    y->rank ? stride[y->rank - 1] : 1, n, size,
                    (char *)e->y[0] + (size_t)(i * n) * size);
}

const struct kernel oc__cpu_transpose = {
    .op = "Transpose", .name = "lines", .accept = accept_any, .run = run_transpose,
};

/* ---- Gather ------------------------------------------------------------------------------- */

static void run_gather(const struct execution *e)
{
    const struct request *r = e->request;
    const struct gather *a = r->attr;
    const struct lanes l = oc__lanes_of(r->x[0].shape, a->axis);
    const bool wide = r->x[1].dtype == OC_I64;
    const int64_t n = oc__cpu_count(&r->x[1]);
    const size_t bytes = (size_t)l.inner * oc_dtype_size(r->y[0].dtype);
    char *to = e->y[0];
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t k = 0; k < n; k++, to += bytes) {
            int64_t at = wide ? ((const int64_t *)e->x[1])[k] : ((const int32_t *)e->x[1])[k];
            at = at < 0 ? at + l.n : at;
            if (at >= 0 && at < l.n)
                memcpy(to, (const char *)e->x[0] + (size_t)(o * l.n + at) * bytes, bytes);
            else
                memset(to, 0, bytes);
        }
}

const struct kernel oc__cpu_gather = {
    .op = "Gather", .name = "lines", .accept = accept_any, .run = run_gather,
};

/* ---- Concat and Split --------------------------------------------------------------------- */

/* Copies n positions along the axis, from position `from` of x to position `to` of y. */
static void copy_part(const void *x, struct lanes lx, int64_t from, void *y, struct lanes ly,
                      int64_t to, int64_t n, size_t size)
{
    const size_t bytes = (size_t)(n * lx.inner) * size;
    for (int64_t o = 0; bytes > 0 && o < lx.outer; o++)
        memcpy((char *)y + (size_t)((o * ly.n + to) * ly.inner) * size,
               (const char *)x + (size_t)((o * lx.n + from) * lx.inner) * size, bytes);
}

static void run_concat(const struct execution *e)
{
    const struct request *r = e->request;
    const struct concat *a = r->attr;
    const struct lanes y = oc__lanes_of(r->y[0].shape, a->axis);
    int64_t at = 0;
    for (int i = 0; i < r->n_in; i++) {
        const struct lanes x = oc__lanes_of(r->x[i].shape, a->axis);
        copy_part(e->x[i], x, 0, e->y[0], y, at, x.n, oc_dtype_size(r->y[0].dtype));
        at += x.n;
    }
}

/* The part of dy that belongs to the last of the operands, behind all others. */
static void run_concat_grad(const struct execution *e)
{
    const struct request *r = e->request;
    const struct concat *a = r->attr;
    const struct lanes x = oc__lanes_of(r->x[0].shape, a->axis);
    const struct lanes y = oc__lanes_of(r->y[0].shape, a->axis);
    int64_t at = 0;
    for (int i = 1; i < r->n_in - 1; i++)
        at += oc__lanes_of(r->x[i].shape, a->axis).n;
    copy_part(e->x[0], x, at, e->y[0], y, 0, y.n, oc_dtype_size(r->y[0].dtype));
}

static void run_split(const struct execution *e)
{
    const struct request *r = e->request;
    const struct split *a = r->attr;
    const struct lanes x = oc__lanes_of(r->x[0].shape, a->axis);
    int64_t at = 0;
    for (int k = 0; k < r->n_out; k++) {
        const struct lanes y = oc__lanes_of(r->y[k].shape, a->axis);
        copy_part(e->x[0], x, at, e->y[k], y, 0, y.n, oc_dtype_size(r->y[k].dtype));
        at += y.n;
    }
}

const struct kernel oc__cpu_concat = {
    .op = "Concat", .name = "lines", .accept = accept_any, .run = run_concat,
};
const struct kernel oc__cpu_concat_grad = {
    .op = "ConcatGrad", .name = "lines", .accept = accept_any, .run = run_concat_grad,
};
const struct kernel oc__cpu_split = {
    .op = "Split", .name = "lines", .accept = accept_any, .run = run_split,
};
