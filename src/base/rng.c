/* rng.c — distributions and orders drawn from oc__bits(). */
#include "base/rng.h"

#include <math.h>

double oc__normal(uint64_t key, uint64_t counter)
{
    const uint64_t draw = oc__bits(key, counter);
    const double u = 1 - oc__uniform(draw, 0);          /* in (0, 1]: its logarithm is finite */
    const double angle = 6.283185307179586 * oc__uniform(draw, 1);
    return sqrt(-2 * log(u)) * cos(angle);
}

/* Lemire, "Fast random integer generation in an interval" (2019): the high half of a product is
 * uniform once the few products whose low half is below 2^64 mod n are drawn again. */
int64_t oc__below(uint64_t key, uint64_t counter, int64_t n)
{
    __extension__ typedef unsigned __int128 wide;
    const uint64_t range = (uint64_t)n, unfair = -range % range;
    uint64_t draw = oc__bits(key, counter);
    wide product = (wide)draw * range;
    while ((uint64_t)product < unfair) {
        draw = oc__bits(draw, counter);
        product = (wide)draw * range;
    }
    return (int64_t)(product >> 64);
}

void oc__permutation(uint64_t key, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = oc__below(key, (uint64_t)i, i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
