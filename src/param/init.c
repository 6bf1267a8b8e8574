/* init.c — how parameters begin.
 *
 * For a weight [out, in, k…] fan_in = in * k…, fan_out = out * k…; Kaiming is He et al. 2015
 * ("Delving deep into rectifiers", eq. 10, 14), Glorot is Glorot and Bengio 2010 (eq. 16).
 * PyTorch's default for linear and convolution is kaiming_uniform with slope sqrt(5), which is
 * uniform in ±1/sqrt(fan_in). */
#include "param/store.h"

#include <math.h>
#include "base/rng.h"

static const char *const fan_words[] = { "fan_in", "fan_out", NULL };

struct constant { double value; };
struct uniform  { double low, high; };
struct normal   { double mean, std; };
struct kaiming  { double slope; int fan; };
struct glorot   { double gain; };

static const struct attr constant_attrs[] = {
    ATTR(struct constant, FLOAT, value, "0", "every element"), { 0 }
};
static const struct attr uniform_attrs[] = {
    ATTR(struct uniform, FLOAT, low, "0", "lower bound"),
    ATTR(struct uniform, FLOAT, high, "1", "upper bound, excluded"), { 0 }
};
static const struct attr normal_attrs[] = {
    ATTR(struct normal, FLOAT, mean, "0", "mean"),
    ATTR(struct normal, FLOAT, std, "1", "standard deviation"), { 0 }
};
static const struct attr kaiming_attrs[] = {
    ATTR(struct kaiming, FLOAT, slope, "0", "negative slope of the rectifier that follows"),
    ATTR_WORDS(struct kaiming, fan, "fan_in", "what to keep the variance of", fan_words), { 0 }
};
static const struct attr glorot_attrs[] = {
    ATTR(struct glorot, FLOAT, gain, "1", "factor on the deviation"), { 0 }
};

static double fan(const oc_shape *s, bool out)
{
    double area = 1;
    for (int i = 2; i < s->rank; i++)
        area *= (double)s->dim[i];
    const int axis = out || s->rank < 2 ? 0 : 1;
    return s->rank ? area * (double)s->dim[axis] : 1;
}

static void fill_uniform(double low, double high, uint64_t key, float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(low + (high - low) * oc__uniform(key, (uint64_t)i));
}

static void fill_normal(double mean, double std, uint64_t key, float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(mean + std * oc__normal(key, (uint64_t)i));
}

static void fill_constant(double value, float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)value;
}

static void zeros(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    (void)a, (void)s, (void)key;
    fill_constant(0, v, n);
}

static void ones(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    (void)a, (void)s, (void)key;
    fill_constant(1, v, n);
}

static void constant(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    (void)s, (void)key;
    fill_constant(((const struct constant *)a)->value, v, n);
}

static void uniform(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    (void)s;
    fill_uniform(((const struct uniform *)a)->low, ((const struct uniform *)a)->high, key, v, n);
}

static void normal(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    (void)s;
    fill_normal(((const struct normal *)a)->mean, ((const struct normal *)a)->std, key, v, n);
}

static double kaiming_std(const struct kaiming *k, const oc_shape *s)
{
    return sqrt(2 / (1 + k->slope * k->slope) / fan(s, k->fan == 1));
}

static void kaiming_uniform(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    const double bound = sqrt(3) * kaiming_std(a, s);
    fill_uniform(-bound, bound, key, v, n);
}

static void kaiming_normal(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    fill_normal(0, kaiming_std(a, s), key, v, n);
}

static double glorot_std(const struct glorot *g, const oc_shape *s)
{
    return g->gain * sqrt(2 / (fan(s, false) + fan(s, true)));
}

static void glorot_uniform(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    const double bound = sqrt(3) * glorot_std(a, s);
    fill_uniform(-bound, bound, key, v, n);
}

static void glorot_normal(const void *a, const oc_shape *s, uint64_t key, float *v, int64_t n)
{
    fill_normal(0, glorot_std(a, s), key, v, n);
}

/* ROW(name, summary, attribute table, attribute size) */
#define INITS(ROW)                                                                                 \
    ROW(zeros, "0 everywhere", NULL, 0)                                                            \
    ROW(ones, "1 everywhere", NULL, 0)                                                             \
    ROW(constant, "one value everywhere", constant_attrs, sizeof(struct constant))                 \
    ROW(uniform, "uniform in [low, high)", uniform_attrs, sizeof(struct uniform))                  \
    ROW(normal, "normal distribution", normal_attrs, sizeof(struct normal))                        \
    ROW(kaiming_uniform, "uniform, variance 2 / ((1 + slope^2) fan)", kaiming_attrs,               \
        sizeof(struct kaiming))                                                                    \
    ROW(kaiming_normal, "normal, variance 2 / ((1 + slope^2) fan)", kaiming_attrs,                 \
        sizeof(struct kaiming))                                                                    \
    ROW(glorot_uniform, "uniform, variance gain^2 2 / (fan_in + fan_out)", glorot_attrs,           \
        sizeof(struct glorot))                                                                     \
    ROW(glorot_normal, "normal, variance gain^2 2 / (fan_in + fan_out)", glorot_attrs,             \
        sizeof(struct glorot))

#define ROW(id, text, table, bytes)                                                         \
    static const struct init init_##id                                                      \
        = { { .name = #id, .summary = text, .attrs = table, .size = bytes }, id };
INITS(ROW)
#undef ROW

#define ROW(id, text, table, bytes) &init_##id.entry,
const struct entry *const oc__init_list[] = { INITS(ROW) NULL };
