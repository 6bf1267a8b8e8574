/* row_permute.c — rows by permuting bytes, on x86 with AVX-512 VBMI and VNNI.
 *
 * Sixteen neighbouring bytes of an output row, whatever their channels, are made of taps that lie
 * within 64 bytes of the input row, unless the picture shrinks too much.  One permutation brings
 * four taps of each beside each other, and one instruction multiplies all 64 bytes and adds them
 * four by four.  It takes weights of 8 bits, so those of 22 are written as three signed digits,
 *
 *     weight = 65536 high + 256 middle + low,    -128 <= digit < 128,
 *
 * and the sums of high digits are shifted before those of the next are added: all of it is whole
 * numbers, and the bytes are the same as ever. */
#include "image/row_pass.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"

#define UNITS __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,bmi2")))

enum { WINDOW = 64, GROUP = 16, TAPS = 4, DIGITS = 3, BLOCKS_MAX = 4, ROWS = 16, LOT = 4 };

/* GROUP bytes of the output row from byte `to` on; lane l's taps 4 b … 4 b + 3 are bytes
 * index[l] of the window that begins 4 b pixels after byte `from`. */
struct group {
    uint8_t  index[GROUP][TAPS];
    uint64_t there[BLOCKS_MAX];                         /* bytes of the window that the row has */
    int      from, to;
};

struct permute {
    struct row_work work;
    int             groups, blocks;
    struct group   *group;                              /* [groups] */
    int8_t         *digit;                              /* [groups, DIGITS, blocks, GROUP, TAPS] */
};

/* ---- making ------------------------------------------------------------------------------- */

static int blocks_of(const struct taps *t)
{
    int most = 1;
    for (int o = 0; o < t->out; o++)
        most = t->count[o] > most ? t->count[o] : most;
    return (most + TAPS - 1) / TAPS;
}

/* The first byte of group g: the last ones overlap those before. */
static int start_of(int g, int bytes)
{
    return (g + 1) * GROUP <= bytes ? g * GROUP : bytes - GROUP;
}

static bool suits(const struct row_work *work)
{
    const struct taps *const t = work->taps;
    const int c = work->channels, bytes = t->out * c;
    if (!__builtin_cpu_supports("avx512vbmi") || !__builtin_cpu_supports("avx512vnni")
        || bytes < GROUP || blocks_of(t) > BLOCKS_MAX)
        return false;
    for (int at = 0; at < bytes; at += GROUP) {
        const int start = start_of(at / GROUP, bytes), last = (start + GROUP - 1) / c;
        if ((t->first[last] - t->first[start / c] + TAPS) * c > WINDOW)
            return false;
    }
    return true;
}

static void fill_group(const struct row_work *work, int blocks, struct group *group)
{
    const struct taps *const t = work->taps;
    const int c = work->channels, first = t->first[group->to / c];
    group->from = first * c;
    for (int lane = 0; lane < GROUP; lane++) {
        const int at = group->to + lane;
        for (int k = 0; k < TAPS; k++)
            group->index[lane][k] = (uint8_t)((t->first[at / c] - first + k) * c + at % c);
    }
    for (int b = 0; b < blocks; b++) {
        const int left = (t->in - first - b * TAPS) * c;
        group->there[b] = left >= WINDOW ? UINT64_MAX : left > 0 ? (1ULL << left) - 1 : 0;
    }
}

/* The digits of an output's weights, the highest first: [DIGITS, blocks, TAPS] */
static void split(const struct taps *t, int o, int blocks, int8_t *digit)
{
    const int32_t *const weight = t->weight + (size_t)o * (size_t)t->width;
    const int n = blocks * TAPS;
    for (int i = 0; i < n; i++) {
        int32_t left = i < t->count[o] ? weight[i] : 0;
        for (int d = DIGITS - 1; d >= 0; d--) {
            digit[d * n + i] = (int8_t)left;
            left = (left - (int8_t)left) / 256;
        }
    }
}

static void fill_digits(const struct permute *p, const struct group *group, int8_t *to)
{
    const int c = p->work.channels, words = DIGITS * p->blocks;
    int8_t digit[DIGITS * BLOCKS_MAX * TAPS];
    for (int lane = 0, o = -1; lane < GROUP; lane++) {
        if ((group->to + lane) / c != o)
            split(p->work.taps, o = (group->to + lane) / c, p->blocks, digit);
        for (int w = 0; w < words; w++)
            memcpy(to + (w * GROUP + lane) * TAPS, digit + w * TAPS, TAPS);
    }
}

static void free_permute(void *own)
{
    struct permute *const p = own;
    if (!p)
        return;
    oc__free(p->group);
    oc__free(p->digit);
    oc__free(p);
}

static oc_status make(void **own, const struct row_work *work)
{
    struct permute *const p = *own = oc__alloc(1, sizeof *p);
    if (!p)
        return OC_ELIMIT;
    const int bytes = work->taps->out * work->channels;
    p->work = *work;
    p->blocks = blocks_of(work->taps);
    p->groups = (bytes + GROUP - 1) / GROUP;
    const size_t digits = (size_t)p->blocks * DIGITS * WINDOW;
    p->group = oc__alloc((size_t)p->groups, sizeof *p->group);
    p->digit = oc__alloc((size_t)p->groups, digits);
    if (!p->group || !p->digit)
        return OC_ELIMIT;
    for (int g = 0; g < p->groups; g++) {
        p->group[g].to = start_of(g, bytes);
        fill_group(work, p->blocks, &p->group[g]);
        fill_digits(p, &p->group[g], p->digit + (size_t)g * digits);
    }
    return OC_OK;
}

/* ---- running ------------------------------------------------------------------------------ */

static int rows(const void *own)
{
    (void)own;
    return ROWS;
}

UNITS static inline void finish(__m512i sum, uint8_t *y)
{
    sum = _mm512_max_epi32(_mm512_srai_epi32(sum, FRACTION_BITS), _mm512_setzero_si512());
    _mm_storeu_si128((__m128i *)y, _mm512_cvtusepi32_epi8(sum));
}

/* One group of LOT rows; `blocks` is a constant. */
UNITS __attribute__((always_inline)) static inline void
run_group(const struct group *group, const int8_t *digit, int blocks, int step,
          const uint8_t *const *x, uint8_t *const *y)
{
    const __m512i index = _mm512_loadu_si512(group->index);
    const __m512i half = _mm512_set1_epi32(1 << (FRACTION_BITS - 1 - 16));
    __m512i v[LOT][BLOCKS_MAX], sum[LOT];
    for (int r = 0; r < LOT; r++) {
        sum[r] = half;                                  /* of what is shifted out in the end */
        for (int b = 0; b < blocks; b++)
            v[r][b] = _mm512_permutexvar_epi8(
                index, _mm512_maskz_loadu_epi8(group->there[b], x[r] + group->from + b * step));
    }
    for (int d = 0; d < DIGITS; d++) {
        for (int r = 0; d > 0 && r < LOT; r++)
            sum[r] = _mm512_slli_epi32(sum[r], 8);
        for (int b = 0; b < blocks; b++, digit += WINDOW) {
            const __m512i weight = _mm512_loadu_si512(digit);
            for (int r = 0; r < LOT; r++)
                sum[r] = _mm512_dpbusd_epi32(sum[r], v[r][b], weight);
        }
    }
    for (int r = 0; r < LOT; r++)
        finish(sum[r], y[r] + group->to);
}

UNITS __attribute__((always_inline)) static inline void
run_groups(const struct permute *p, int blocks, const uint8_t *const *x, uint8_t *const *y)
{
    const int step = TAPS * p->work.channels, digits = DIGITS * blocks * WINDOW;
    for (int g = 0; g < p->groups; g++)
        for (int r = 0; r < ROWS; r += LOT)             /* while the tables are at hand */
            run_group(&p->group[g], p->digit + (ptrdiff_t)g * digits, blocks, step, x + r, y + r);
}

UNITS static void run(void *own, const uint8_t *const *x, uint8_t *const *y)
{
    const struct permute *const p = own;
    switch (p->blocks) {                                /* so that all loops but one unroll */
    case 1: run_groups(p, 1, x, y); break;
    case 2: run_groups(p, 2, x, y); break;
    case 3: run_groups(p, 3, x, y); break;
    case 4: run_groups(p, 4, x, y); break;
    }
}

const struct row_pass oc__row_pass_permute = { suits, make, rows, run, free_permute };

#else

static bool suits(const struct row_work *work)
{
    (void)work;
    return false;
}

const struct row_pass oc__row_pass_permute = { .suits = suits };

#endif
