/* composed_norm.c — normalisations that are composed of reductions and arithmetic.
 *
 *     RMSNormalization           y = scale x / sqrt(mean(x^2) + epsilon)   (Zhang, Sennrich, 2019)
 *     MeanVarianceNormalization  y = (x - mean) / (standard deviation + 1e-9)
 *     LpNormalization            y = x / |x|_p, 0 where the norm is
 *     GlobalLpPool               y = |x|_p over each plane */
#include "op/compose.h"

/* The axes first … rank - 1. */
static struct ints axes_from(int64_t first, int rank)
{
    struct ints axes = { 0 };
    for (int64_t i = first < 0 ? first + rank : first; i >= 0 && i < rank; i++)
        axes.v[axes.n++] = i;
    return axes;
}

static bool is_half(oc_dtype t) { return t == OC_F16 || t == OC_BF16; }

/* ---- RMSNormalization --------------------------------------------------------------------- */

static const struct attr rms_attrs[] = {
    ATTR(struct rms_norm, INT, axis, "-1", "first dimension that is normalised"),
    ATTR(struct rms_norm, FLOAT, epsilon, "1e-5", "added to the mean square"),
    ATTR_WORDS(struct rms_norm, stash_type, "f32", "half precision is computed in this type",
               oc__type_words),
    { 0 }
};

static void compose_rms(oc_graph *g, const struct composition *c)
{
    const struct rms_norm *const a = c->attr;
    const oc_dtype type = oc__type_of(g, c->in[0]);
    const struct ints axes = axes_from(a->axis, oc__shape_of(g, c->in[0]).rank);
    if (!axes.n) {
        oc__graph_fail(g, OC_EUSAGE, "RMSNormalization: axis %lld is outside of the input",
                       (long long)a->axis);
        return;
    }
    const oc_value x = is_half(type) ? oc__as_type(g, c->in[0], (oc_dtype)a->stash_type) : c->in[0];
    const oc_value square = oc__reduced(g, &oc__op_reduce_mean, oc_mul(g, x, x), axes);
    const oc_value lifted = oc_add(g, square, oc__scalar_like(g, a->epsilon, square));
    const oc_value y = oc_div(g, x, oc__apply(g, &oc__op_sqrt, NULL, OC_IN(lifted)));
    c->y[0] = oc_mul(g, oc__as_type(g, y, type), c->in[1]);
}

static const char *const rms_cases[] = {
    "3x8 8", "2x3x5 3x5 axis=1", "2x3x5 5 epsilon=0.1", "2x3 2x3 axis=-2", NULL
};

const struct op oc__op_rms_normalization = {
    .entry = { "RMSNormalization", "y = scale x / sqrt(mean(x^2) + epsilon), by row", rms_attrs,
               sizeof(struct rms_norm) },
    .inputs = "x scale", .outputs = "y", .compose = compose_rms, .cases = rms_cases,
};

/* ---- MeanVarianceNormalization ------------------------------------------------------------ */

static const struct attr mean_variance_attrs[] = {
    ATTR(struct mean_variance_norm, INTS, axes, "0,2,3", "which axes are normalised together"),
    { 0 }
};

static void compose_mean_variance(oc_graph *g, const struct composition *c)
{
    const struct mean_variance_norm *const a = c->attr;
    const oc_value x = c->in[0];
    const oc_value middle = oc_sub(g, x, oc__reduced(g, &oc__op_reduce_mean, x, a->axes));
    const oc_value variance =
        oc__reduced(g, &oc__op_reduce_mean, oc_mul(g, middle, middle), a->axes);
    const oc_value deviation = oc__apply(g, &oc__op_sqrt, NULL, OC_IN(variance));
    c->y[0] = oc_div(g, middle, oc_add(g, deviation, oc__scalar_like(g, 1e-9, x)));
}

static const char *const mean_variance_cases[] = { "2x3x4x5", "3x7 axes=1", NULL };

const struct op oc__op_mean_variance_normalization = {
    .entry = { "MeanVarianceNormalization", "y = (x - mean) / (standard deviation + 1e-9)",
               mean_variance_attrs, sizeof(struct mean_variance_norm) },
    .inputs = "x", .outputs = "y", .compose = compose_mean_variance,
    .cases = mean_variance_cases,
};

/* ---- norms -------------------------------------------------------------------------------- */

/* The root of degree p of the sum of |x|^p over the axes. */
static oc_value norm(oc_graph *g, oc_value x, int64_t p, struct ints axes)
{
    if (p == 1 || p == 2)
        return oc__reduced(g, p == 1 ? &oc__op_reduce_l1 : &oc__op_reduce_l2, x, axes);
    const oc_value size = oc__apply(g, &oc__op_abs, NULL, OC_IN(x));
    const oc_value powers =
        oc__apply(g, &oc__op_pow, NULL, OC_IN(size, oc__scalar_like(g, (double)p, x)));
    const oc_value sum = oc__reduced(g, &oc__op_reduce_sum, powers, axes);
    return oc__apply(g, &oc__op_pow, NULL, OC_IN(sum, oc__scalar_like(g, 1 / (double)p, x)));
}

static const struct attr lp_attrs[] = {
    ATTR(struct lp_norm, INT, axis, "-1", "along which axis"),
    ATTR_RANGE(struct lp_norm, INT, p, "2", "degree of the norm", 1, 1024),
    { 0 }
};
static const struct attr pool_attrs[] = {
    ATTR_RANGE(struct lp_norm, INT, p, "2", "degree of the norm", 1, 1024), { 0 }
};

/* Where the norm is 0, so is x: it is divided by the least number instead. */
static void compose_lp(oc_graph *g, const struct composition *c)
{
    const struct lp_norm *const a = c->attr;
    const double least = oc__type_of(g, c->in[0]) == OC_F16 ? 0x1p-24 : 0x1p-126;
    const oc_value size = norm(g, c->in[0], a->p, INTS(a->axis));
    const oc_value some =
        oc__apply(g, &oc__op_larger, NULL, OC_IN(size, oc__scalar_like(g, least, size)));
    c->y[0] = oc_div(g, c->in[0], some);
}

static void compose_global_lp_pool(oc_graph *g, const struct composition *c)
{
    const struct lp_norm *const a = c->attr;
    c->y[0] = norm(g, c->in[0], a->p, axes_from(2, oc__shape_of(g, c->in[0]).rank));
}

static const char *const lp_cases[] = { "3x5", "2x3x4 axis=1 p=1", "2x5 p=3", NULL };
static const char *const pool_cases[] = { "2x3x4x5", "2x3x7 p=1", "1x2x3x4 p=3", NULL };

const struct op oc__op_lp_normalization = {
    .entry = { "LpNormalization", "y = x / (sum of |x|^p)^(1/p), along an axis", lp_attrs,
               sizeof(struct lp_norm) },
    .inputs = "x", .outputs = "y", .compose = compose_lp, .cases = lp_cases,
};

const struct op oc__op_global_lp_pool = {
    .entry = { "GlobalLpPool", "y = (sum of |x|^p)^(1/p) over each plane", pool_attrs,
               sizeof(struct lp_norm) },
    .inputs = "x", .outputs = "y", .compose = compose_global_lp_pool, .cases = pool_cases,
};
