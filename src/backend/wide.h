/* wide.h — loops for whatever vector unit the machine has.
 *
 * A function marked WIDE is compiled once for each generation of vector units, and the program
 * picks one when it starts; everything else stays runnable on the oldest processor.  Such a
 * function holds plain loops (`#pragma omp simd`) and what it inlines; threads are started
 * outside, because the bodies of parallel regions are compiled apart, for the oldest; so would be
 * a function that the compiler finds too large to inline, unless it is a WIDE_PART. */
#ifndef OC_BACKEND_WIDE_H
#define OC_BACKEND_WIDE_H

#define WIDE_PART __attribute__((always_inline)) inline

#if defined(__x86_64__) && defined(__ELF__)
#define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
static inline const char *oc__wide_units(void)          /* what this machine picks */
{
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return "avx512";
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "avx2" : "sse2";
}
#else
#define WIDE
static inline const char *oc__wide_units(void)
{
    return "plain";
}
#endif

#endif
