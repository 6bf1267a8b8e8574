/* rng.h — random numbers as a function, not a state.
 *
 * A draw is a function of a key and a counter: the splitmix64 finaliser (Steele, Lea, Flood, "Fast
 * splittable pseudorandom number generators", 2014) of key + counter * golden ratio.  A key is
 * made from whatever names the draw — seed, epoch, sample, purpose — by oc__key(), so any thread
 * can draw any number at any time and the same run gives the same bits whatever the number of
 * threads. */
#ifndef OC_BASE_RNG_H
#define OC_BASE_RNG_H

#include <stdint.h>

static inline uint64_t oc__bits(uint64_t key, uint64_t counter)
{
    uint64_t z = key + (counter + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* A key below another: oc__key(oc__key(seed, epoch), sample). */
static inline uint64_t oc__key(uint64_t key, uint64_t name)
{
    return oc__bits(oc__bits(key, 0) ^ name, 1);
}

/* Uniform in [0, 1): 53 random bits. */
static inline double oc__uniform(uint64_t key, uint64_t counter)
{
    return (double)(oc__bits(key, counter) >> 11) * 0x1p-53;
}

double  oc__normal(uint64_t key, uint64_t counter);     /* mean 0, deviation 1 (Box-Muller) */
int64_t oc__below(uint64_t key, uint64_t counter, int64_t n);  /* uniform in [0, n), n > 0 */

/* Writes a random order of 0 … n-1 (Fisher-Yates). */
void oc__permutation(uint64_t key, int64_t n, int64_t *order);

#endif
