/* micro.c — the micro kernels, and the table from which the machine's best is taken.
 *
 * The tile is as large as the registers allow: with 32 vectors 8 rows by 2 vectors leave room for
 * the operands and have twice as many sums under way as the multipliers' latency asks for. */
#include "backend/cpu/micro.h"

#define MICRO_UNROLL _Pragma("GCC unroll 8")

#if defined(__x86_64__)
#define MICRO_TARGET __attribute__((target("avx512f,fma")))
#define MICRO_VECTOR 64
#define MICRO_ROWS 8
#define MICRO_NAME avx512_narrow
#define MICRO_WIDTH 1
#include "backend/cpu/micro_body.h"
#define MICRO_NAME avx512_wide
#define MICRO_WIDTH 2
#include "backend/cpu/micro_body.h"
#undef MICRO_TARGET
#undef MICRO_VECTOR
#undef MICRO_ROWS

#define MICRO_TARGET __attribute__((target("avx2,fma")))
#define MICRO_VECTOR 32
#define MICRO_ROWS 6
#define MICRO_NAME avx2_narrow
#define MICRO_WIDTH 1
#include "backend/cpu/micro_body.h"
#define MICRO_NAME avx2_wide
#define MICRO_WIDTH 2
#include "backend/cpu/micro_body.h"
#undef MICRO_TARGET
#undef MICRO_VECTOR
#undef MICRO_ROWS
#endif

#define MICRO_TARGET
#define MICRO_VECTOR 16
#define MICRO_ROWS 4
#define MICRO_NAME plain_narrow
#define MICRO_WIDTH 1
#include "backend/cpu/micro_body.h"
#define MICRO_NAME plain_wide
#define MICRO_WIDTH 2
#include "backend/cpu/micro_body.h"

const struct micro_kernel *oc__cpu_micro(void)
{
    static const struct micro_kernel plain = { "plain", 4, 4, plain_narrow, plain_wide };
#if defined(__x86_64__)
    static const struct micro_kernel avx512 = { "avx512", 8, 16, avx512_narrow, avx512_wide };
    static const struct micro_kernel avx2 = { "avx2", 6, 8, avx2_narrow, avx2_wide };
    if (__builtin_cpu_supports("avx512f"))
        return &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &avx2;
#endif
    return &plain;
}
