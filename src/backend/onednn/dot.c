/* dot.c — products x w^T with few rows of x, as inner products of rows.
 *
 * Weights lie [n, k], and while they are trained they change at every step, so the library packs
 * them anew for every product: a fifth of the time of a batch of 64.  Here nothing is packed.  Both
 * operands are read along k, LANES products at a time, into 16 sums: four rows of x by four of w.
 * Then the lanes of each sum are added up, two sums at a time:
 *
 *     [a a a a] [b b b b]  ->  [aa aa bb bb]  ->  ...  ->  one lane a sum
 *
 * It needs 24 wide registers and an x that stays in the cache; elsewhere the library is asked. */
#include "backend/onednn/onednn.h"
#include "backend/onednn/prim.h"
#include "backend/wide.h"
#include "base/parallel.h"
#include "op/gemm.h"

#if defined(__x86_64__)
#include <math.h>
#include <string.h>

enum {
    LANES = 16, TILE = 4,
    LONG = 128,                                         /* the least k that is worth it */
    CACHE = 224 << 10,                                  /* bytes of x that stay near */
    WORTH = 1 << 18                                     /* products that are worth a thread */
};

#define AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma")))
#define UNROLL _Pragma("GCC unroll 4")

typedef float   wide __attribute__((vector_size(LANES * sizeof(float))));
typedef float   loose __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef float   four __attribute__((vector_size(TILE * sizeof(float))));
typedef int32_t mask __attribute__((vector_size(TILE * sizeof(float))));

struct product { const float *x, *w, *bias; float *y, floor; int64_t m, n, k; };

static bool dimensions(struct gemm_dims *d, const struct request *r)
{
    const struct gemm *a = r->attr;
    oc__gemm_dims(d, a, r->x[0].shape, r->x[1].shape);
    return !a->transA && a->transB;
}

static bool accept(const struct request *r, struct offer *o)
{
    const struct gemm *a = r->attr;
    const oc_shape *c = r->n_in > 2 && a->beta != 0 ? r->x[2].shape : NULL;
    const int kind = a->activation.kind;
    struct gemm_dims d;
    o->detail = "dot:avx512";
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           oc__all_f32(r) && !r->x[1].is_static && dimensions(&d, r) && a->alpha == 1 &&
           (kind == ACTIVATION_NONE || kind == ACTIVATION_RELU) &&
           (!c || (a->beta == 1 && oc__gemm_is_row(c, d.n))) &&
           d.m > 0 && d.n > 0 && d.k >= LONG && d.m <= CACHE / (int64_t)sizeof(float) / d.k;
}

/* The halves of a and b, the quarters and so on, added to each other: a's sums beside b's. */
#define HALVES(a, b)                                                                        \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +  \
     __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define QUARTERS(a, b)                                                                      \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) + \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31))
#define PAIRS(a, b)                                                                         \
    (__builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) + \
     __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#define SINGLES(a, b)                                                                       \
    (__builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30) + \
     __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31))

/* Fewer than LANES numbers, zeros after them. */
AVX512 WIDE_PART static wide rest_of(const float *p, int64_t n)
{
    wide v = { 0 };
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}

/* Sums of four rows of x by four of w: out[i][j]. */
AVX512 WIDE_PART static void multiply(const float *const x[TILE], const float *const w[TILE],
                                      int64_t k, four out[TILE])
{
    wide sum[TILE][TILE] = { { { 0 } } }, left[TILE], right[TILE], row[TILE];
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) {
        UNROLL for (int j = 0; j < TILE; j++)
            right[j] = *(const loose *)(w[j] + p);
        UNROLL for (int i = 0; i < TILE; i++) {
            left[i] = *(const loose *)(x[i] + p);
            UNROLL for (int j = 0; j < TILE; j++)
                sum[i][j] += left[i] * right[j];
        }
    }
    if (p < k) {
        UNROLL for (int j = 0; j < TILE; j++)
            right[j] = rest_of(w[j] + p, k - p);
        UNROLL for (int i = 0; i < TILE; i++) {
            left[i] = rest_of(x[i] + p, k - p);
            UNROLL for (int j = 0; j < TILE; j++)
                sum[i][j] += left[i] * right[j];
        }
    }
    UNROLL for (int j = 0; j < TILE; j++) {
        const wide low = HALVES(sum[0][j], sum[1][j]), high = HALVES(sum[2][j], sum[3][j]);
        row[j] = QUARTERS(low, high);
    }
    const wide even = PAIRS(row[0], row[1]), odd = PAIRS(row[2], row[3]);
    const wide all = SINGLES(even, odd);
    memcpy(out, &all, sizeof all);
}

/* What is no number stays so. */
AVX512 WIDE_PART static void put(four v, float floor, int64_t columns, float *y)
{
    const four lowest = (four){ 0 } + floor;
    const mask low = v < lowest;
    v = (four)(((mask)lowest & low) | ((mask)v & ~low));
    if (columns == TILE)
        memcpy(y, &v, sizeof v);
    else
        memcpy(y, &v, (size_t)columns * sizeof *y);
}

/* Four columns of y from `first` on; where rows or columns run out the last is done again. */
AVX512 static void columns_of(const struct product *p, int64_t first)
{
    const int64_t columns = p->n - first < TILE ? p->n - first : TILE;
    const float *x[TILE], *w[TILE];
    four bias = { 0 }, out[TILE];
    for (int64_t j = 0; j < TILE; j++)
        w[j] = p->w + (first + (j < columns ? j : columns - 1)) * p->k;
    if (p->bias)
        memcpy(&bias, p->bias + first, (size_t)columns * sizeof *p->bias);
    for (int64_t i = 0; i < p->m; i += TILE) {
        const int64_t rows = p->m - i < TILE ? p->m - i : TILE;
        for (int64_t r = 0; r < TILE; r++)
            x[r] = p->x + (i + (r < rows ? r : rows - 1)) * p->k;
        multiply(x, w, p->k, out);
        for (int64_t r = 0; r < rows; r++)
            put(out[r] + bias, p->floor, columns, p->y + (i + r) * p->n + first);
    }
}

static void share(const void *context, int64_t first, int64_t last)
{
    for (int64_t t = first; t < last; t++)
        columns_of(context, t * TILE);
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const struct gemm *a = r->attr;
    struct gemm_dims d;
    dimensions(&d, r);
    const struct product p = {
        .x = e->x[0], .w = e->x[1], .bias = r->n_in > 2 && a->beta != 0 ? e->x[2] : NULL,
        .y = e->y[0], .floor = a->activation.kind == ACTIVATION_RELU ? 0 : -INFINITY,
        .m = d.m, .n = d.n, .k = d.k,
    };
    oc__parallel(e->threads, (d.n + TILE - 1) / TILE, 1 + WORTH / (TILE * d.m * d.k), share, &p);
}
#else
static bool accept(const struct request *r, struct offer *o)
{
    (void)r, (void)o;
    return false;
}

static void run(const struct execution *e) { (void)e; }
#endif

const struct kernel oc__dnn_dot = { .op = "Gemm", .name = "dot", .accept = accept, .run = run };
const struct kernel oc__dnn_fused_dot = {
    .op = "FusedGemm", .name = "dot", .accept = accept, .run = run
};
