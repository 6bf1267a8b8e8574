/* formula.h — weights and inputs that are functions of a name and an index, so that two programs
 * compute the same numbers and compare what they make of them (golden/make.py says the same). */
#ifndef OC_TEST_FORMULA_H
#define OC_TEST_FORMULA_H

#include <math.h>
#include <string.h>

#include "base/map.h"
#include "ocellus.h"

/* Uniform in [0, 1): splitmix64 of the name's hash and the index. */
static inline double formula_draw(uint64_t key, int64_t i)
{
    uint64_t z = key + (uint64_t)i + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 40) / 0x1p24;
}

static inline bool formula_ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* value = base + factor * u, with u from formula_draw(). */
struct formula { double base, factor; };

static inline struct formula formula_of(const char *name, const oc_shape *s)
{
    int64_t fan_in = 1;
    for (int k = 1; k < s->rank; k++)
        fan_in *= s->dim[k];
    const double bound = sqrt(6 / (double)fan_in);
    if (!strcmp(name, "input"))
        return (struct formula){ -1, 2 };
    if (formula_ends_in(name, "running_var"))
        return (struct formula){ 1, 0.5 };
    if (formula_ends_in(name, "bias") || formula_ends_in(name, "running_mean"))
        return (struct formula){ -0.1, 0.2 };
    return s->rank < 2 ? (struct formula){ 0.9, 0.2 } : (struct formula){ -bound, 2 * bound };
}

static inline void formula_fill(const char *name, const oc_shape *s, float *value)
{
    const struct formula f = formula_of(name, s);
    const uint64_t key = oc__hash(name);
    for (int64_t i = 0; i < oc_shape_count(s); i++)
        value[i] = (float)(f.base + f.factor * formula_draw(key, i));
}

#endif
