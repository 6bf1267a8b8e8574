/* row_normalization.c — normalisation of rows: LayerNormalization (Ba et al., 2016),
 * GroupNormalization (Wu and He, 2018) and InstanceNormalization (Ulyanov et al., 2016).
 *
 *     y = scale (x - mean) inv_std + bias,  inv_std = 1 / sqrt(var + epsilon),
 *
 * mean and biased variance over a row: the last dimensions from `axis` on, a group of channels, or
 * a plane.  They differ in what a row is and in which scale belongs to an element (norm.h), so they
 * share one loop and one gradient.  mean and inv_std are by-products for it: no gradient flows back
 * through them. */
#include "op/norm.h"
#include "op/op.h"

#include <math.h>

static int64_t count_from(const oc_shape *x, int axis)
{
    int64_t n = 1;
    for (int i = axis; i < x->rank; i++)
        n = oc__dim_mul(n, x->dim[i]);
    return n;
}

oc_status oc__layer_norm_rows(struct row_norm_dims *d, const struct layer_norm *a,
                              const oc_shape *x)
{
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    d->count = count_from(x, axis);
    d->rows = 1;
    for (int i = 0; i < axis; i++)
        d->rows = oc__dim_mul(d->rows, x->dim[i]);
    d->groups = d->plane = 1;
    return OC_OK;
}

oc_status oc__group_norm_rows(struct row_norm_dims *d, const struct group_norm *a,
                              const oc_shape *x)
{
    if (x->rank < 3)
        return oc__fail(OC_EUSAGE, "the input has %d dimensions, not 3 or more", x->rank);
    const int64_t channels = x->dim[1], groups = a->num_groups ? a->num_groups : channels;
    if (channels >= 0 && (groups == 0 || channels % groups != 0))
        return oc__fail(OC_EUSAGE, "%lld channels in %lld groups", (long long)channels,
                        (long long)groups);
    d->groups = groups;
    d->plane = count_from(x, 2);
    d->rows = oc__dim_mul(x->dim[0], groups);
    d->count = channels < 0 || groups < 0 ? OC_UNKNOWN : oc__dim_mul(channels / groups, d->plane);
    return OC_OK;
}

/* Number of the scale of element i of row r. */
static int64_t scale_at(const struct row_norm_dims *d, int64_t r, int64_t i)
{
    return r % d->groups * (d->count / d->plane) + i / d->plane;
}

static void run_rows(const struct row_norm_dims *d, double epsilon, const struct call *c)
{
    const double *scale = c->x[1], *bias = c->n_in > 2 ? c->x[2] : NULL;
    for (int64_t r = 0; r < d->rows; r++) {
        const double *x = c->x[0] + r * d->count;
        double *y = c->y[0] + r * d->count, sum = 0, squares = 0;
        for (int64_t i = 0; i < d->count; i++)
            sum += x[i];
        const double mean = sum / (double)d->count;
        for (int64_t i = 0; i < d->count; i++)
            squares += (x[i] - mean) * (x[i] - mean);
        const double inv_std = 1 / sqrt(squares / (double)d->count + epsilon);
        for (int64_t i = 0; i < d->count; i++) {
            const int64_t k = scale_at(d, r, i);
            y[i] = scale[k] * (x[i] - mean) * inv_std + (bias ? bias[k] : 0);
        }
        c->y[1][r] = mean;
        c->y[2][r] = inv_std;
    }
}

/* With h = (x - mean) inv_std and e = dy scale, over a row of m elements:
 * dx = inv_std (e - (sum e + h sum e h) / m); dscale and dbias gather dy h and dy. */
static void run_rows_grad(const struct row_norm_dims *d, const struct call *c)
{
    const double *scale = c->x[2];
    double *dscale = c->y[1], *dbias = c->y[2];
    for (int64_t k = 0; k < oc_shape_count(c->ys[1]); k++)
        dscale[k] = dbias[k] = 0;
    for (int64_t r = 0; r < d->rows; r++) {
        const double *dy = c->x[0] + r * d->count, *x = c->x[1] + r * d->count;
        const double mean = c->x[3][r], inv_std = c->x[4][r], m = (double)d->count;
        double e_sum = 0, eh_sum = 0;
        for (int64_t i = 0; i < d->count; i++) {
            const int64_t k = scale_at(d, r, i);
            const double h = (x[i] - mean) * inv_std;
            e_sum += dy[i] * scale[k];
            eh_sum += dy[i] * scale[k] * h;
            dscale[k] += dy[i] * h;
            dbias[k] += dy[i];
        }
        for (int64_t i = 0; i < d->count; i++) {
            const double h = (x[i] - mean) * inv_std, e = dy[i] * scale[scale_at(d, r, i)];
            c->y[0][r * d->count + i] = inv_std * (e - (e_sum + h * eh_sum) / m);
        }
    }
}

static double flops(const struct infer *s) { return 8.0 * (double)oc_shape_count(&s->y[0]); }

/* The gradient node is the same for all three, but for its operator. */
static void grad_rows(oc_graph *g, const struct op *op, const struct node *n, oc_value dy,
                      const bool *want, oc_value *dx)
{
    if (oc__is_none(dy))
        return;
    const oc_value d = oc__apply(g, op, n->attr,
                                 OC_IN(dy, n->in[0], n->in[1], oc_output(g, n->out, 1),
                                       oc_output(g, n->out, 2)));
    for (int i = 0; i < n->n_in; i++)
        if (want[i])
            dx[i] = oc_output(g, d, i);
}

/* dx like x, dscale and dbias like scale; all operands as `forward` has them. */
static oc_status shape_grad(const struct infer *s, oc_status (*forward)(const struct infer *))
{
    oc_shape y[3];
    oc_dtype types[3] = { s->xt[0], s->xt[0], s->xt[0] };
    TRY(forward(&(struct infer){ s->attr, 2, 3, &s->x[1], &s->xt[1], y, types, NULL }));
    TRY(oc__shape_match("dy", &y[0], s->x[0]));
    TRY(oc__shape_match("the mean", &y[1], s->x[3]));
    TRY(oc__shape_match("inv_std", &y[2], s->x[4]));
    s->y[0] = *s->x[1];
    s->y[1] = s->y[2] = *s->x[2];
    return OC_OK;
}

/* ---- LayerNormalization ------------------------------------------------------------------- */

static oc_status check_tail(const oc_shape *x, int axis, const oc_shape *p, const char *what)
{
    bool same = p->rank == x->rank - axis;
    for (int i = 0; same && i < p->rank; i++)
        same = p->dim[i] < 0 || x->dim[axis + i] < 0 || p->dim[i] == x->dim[axis + i];
    return same ? OC_OK : oc__fail(OC_EUSAGE, "the %s has not the shape that is normalised", what);
}

static oc_status shape_layer(const struct infer *s)
{
    const struct layer_norm *a = s->attr;
    const oc_shape *x = s->x[0];
    int axis;
    TRY(oc__axis(a->axis, x->rank, &axis));
    TRY(check_tail(x, axis, s->x[1], "scale"));
    if (s->n_in > 2 && s->x[2])
        TRY(check_tail(x, axis, s->x[2], "bias"));
    s->y[0] = s->y[1] = *x;
    for (int i = axis; i < x->rank; i++)
        s->y[1].dim[i] = 1;
    s->y[2] = s->y[1];
    return OC_OK;
}

static oc_status shape_layer_grad(const struct infer *s) { return shape_grad(s, shape_layer); }

static void run_layer(const struct call *c)
{
    const struct layer_norm *a = c->attr;
    struct row_norm_dims d;
    oc__layer_norm_rows(&d, a, c->xs[0]);
    run_rows(&d, a->epsilon, c);
}

static void run_layer_grad(const struct call *c)
{
    struct row_norm_dims d;
    oc__layer_norm_rows(&d, c->attr, c->xs[1]);
    run_rows_grad(&d, c);
}

static void grad_layer(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                       oc_value *dx)
{
    grad_rows(g, &oc__op_layer_normalization_grad, n, dy[0], want, dx);
}

static const struct attr layer_attrs[] = {
    ATTR(struct layer_norm, INT, axis, "-1", "first dimension that is normalised"),
    ATTR(struct layer_norm, FLOAT, epsilon, "1e-5", "added to the variance"),
    { 0 }
};

static const char *const layer_cases[] = {
    "3x8 8 8", "2x3x5 5 -", "2x3x5 3x5 3x5 axis=1", "4x7 7 7 axis=1 epsilon=0.01", NULL
};

const struct op oc__op_layer_normalization = {
    .entry = { "LayerNormalization", "y = scale (x - mean) inv_std + bias, by row", layer_attrs,
               sizeof(struct layer_norm) },
    .inputs = "x scale bias?", .outputs = "y mean inv_std", .detached = ~UINT64_C(1),
    .shape = shape_layer, .grad = grad_layer, .run = run_layer, .flops = flops,
    .cases = layer_cases,
};

static const char *const layer_grad_cases[] = {
    "3x8 3x8 8 3x1 p:3x1", "2x3x5 2x3x5 3x5 2x1x1 p:2x1x1 axis=1", NULL
};

const struct op oc__op_layer_normalization_grad = {
    .entry = { "LayerNormalizationGrad", "gradients of LayerNormalization", layer_attrs,
               sizeof(struct layer_norm) },
    .inputs = "dy x scale mean inv_std", .outputs = "dx dscale dbias",
    .shape = shape_layer_grad, .run = run_layer_grad, .flops = flops, .cases = layer_grad_cases,
};

/* ---- GroupNormalization and InstanceNormalization ----------------------------------------- */

static oc_status shape_group(const struct infer *s)
{
    struct row_norm_dims d;
    TRY(oc__group_norm_rows(&d, s->attr, s->x[0]));
    const int64_t channels = s->x[0]->dim[1];
    for (int i = 1; i < s->n_in; i++)
        if (s->x[i]->rank != 1 ||
            (s->x[i]->dim[0] >= 0 && channels >= 0 && s->x[i]->dim[0] != channels))
            return oc__fail(OC_EUSAGE, "input %d is not one number for each channel", i);
    s->y[0] = *s->x[0];
    s->y[1] = s->y[2] = OC_SHAPE(s->x[0]->dim[0], d.groups < 0 ? OC_UNKNOWN : d.groups);
    return OC_OK;
}

static oc_status shape_group_grad(const struct infer *s) { return shape_grad(s, shape_group); }

static void run_group(const struct call *c)
{
    const struct group_norm *a = c->attr;
    struct row_norm_dims d;
    oc__group_norm_rows(&d, a, c->xs[0]);
    run_rows(&d, a->epsilon, c);
}

static void run_group_grad(const struct call *c)
{
    struct row_norm_dims d;
    oc__group_norm_rows(&d, c->attr, c->xs[1]);
    run_rows_grad(&d, c);
}

static void grad_group(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                       oc_value *dx)
{
    grad_rows(g, &oc__op_group_normalization_grad, n, dy[0], want, dx);
}

static const struct attr group_attrs[] = {
    ATTR_RANGE(struct group_norm, INT, num_groups, "1", "groups of channels; 0: one per channel", 0,
               65536),
    ATTR(struct group_norm, FLOAT, epsilon, "1e-5", "added to the variance"),
    { 0 }
};

static const char *const group_cases[] = {
    "2x4x3x5 4 4 num_groups=2", "2x6x7 6 6 num_groups=3 epsilon=0.01", "1x3x2x2 3 3", NULL
};

const struct op oc__op_group_normalization = {
    .entry = { "GroupNormalization", "y = scale (x - mean) inv_std + bias, by group of channels",
               group_attrs, sizeof(struct group_norm) },
    .inputs = "x scale bias", .outputs = "y mean inv_std", .detached = ~UINT64_C(1),
    .shape = shape_group, .grad = grad_group, .run = run_group, .flops = flops,
    .cases = group_cases,
};

static const char *const group_grad_cases[] = {
    "2x4x3x5 2x4x3x5 4 2x2 p:2x2 num_groups=2", NULL
};

const struct op oc__op_group_normalization_grad = {
    .entry = { "GroupNormalizationGrad",
               "gradients of GroupNormalization and InstanceNormalization", group_attrs,
               sizeof(struct group_norm) },
    .inputs = "dy x scale mean inv_std", .outputs = "dx dscale dbias", .flops = flops,
    .shape = shape_group_grad, .run = run_group_grad, .cases = group_grad_cases,
};

static const struct attr instance_attrs[] = {
    ATTR(struct group_norm, FLOAT, epsilon, "1e-5", "added to the variance"),
    { 0 }
};

static const char *const instance_cases[] = { "2x3x4x5 3 3", "2x3x7 3 3 epsilon=0.01", NULL };

const struct op oc__op_instance_normalization = {
    .entry = { "InstanceNormalization", "y = scale (x - mean) inv_std + bias, by plane",
               instance_attrs, sizeof(struct group_norm) },
    .inputs = "x scale bias", .outputs = "y mean inv_std", .detached = ~UINT64_C(1),
    .shape = shape_group, .grad = grad_group, .run = run_group, .flops = flops,
    .cases = instance_cases,
};
