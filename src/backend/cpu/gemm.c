/* gemm.c — blocking, packing and threads around the micro kernel (gemm.h).
 *
 * For each block of columns and of k, B's panels are packed; for each block of rows A's are;
 * then the micro kernel runs over all pairs.  A block of A stays in the second cache, a panel
 * of B in the first.  Threads take rectangles of C. */
#include "backend/cpu/gemm.h"

#include <string.h>

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/micro.h"
#include "backend/cpu/vector.h"

enum { BLOCK_K = 256, BLOCK_M = 192, BLOCK_N = 512, LINE = 16 };
static const double flops_per_thread = 4e5;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* k in blocks of equal size. */
static int64_t block_k(int64_t k)
{
    const int64_t blocks = (k + BLOCK_K - 1) / BLOCK_K;
    return blocks ? round_up((k + blocks - 1) / blocks, 4) : 1;
}

/* ---- packing ------------------------------------------------------------------------------ */

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

/* to[p * width + i] = from[i * step + p] for four i and four p. */
static void transpose_four(const float *from, int64_t step, float *to, int width)
{
    const four a = *(const four *)from, b = *(const four *)(from + step);
    const four c = *(const four *)(from + 2 * step), d = *(const four *)(from + 3 * step);
    const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(four *)(to + width) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(four *)(to + 2 * width) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(four *)(to + 3 * width) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

void oc__cpu_pack_across(const float *from, int64_t step, int count, int64_t k, float *to,
                         int width)
{
    const int64_t whole = k / 4 * 4;
    int i = 0;
    for (; i + 4 <= count; i += 4) {
        for (int64_t p = 0; p < whole; p += 4)
            transpose_four(from + i * step + p, step, to + p * width + i, width);
        for (int64_t p = whole; p < k; p++)
            for (int j = i; j < i + 4; j++)
                to[p * width + j] = from[j * step + p];
    }
    for (; i < count; i++)
        for (int64_t p = 0; p < k; p++)
            to[p * width + i] = from[i * step + p];
}

/* to[p * width + i] = from[p * step + i * lane]. */
static void pack_along(const float *from, int64_t step, int64_t lane, int count, int64_t k,
                       float *to, int width)
{
    for (int64_t p = 0; p < k; p++, from += step, to += width) {
        int i = 0;
        for (; lane == 1 && i + 4 <= count; i += 4)
            *(four *)(to + i) = *(const four *)(from + i);
        for (; i < count; i++)
            to[i] = from[i * lane];
    }
}

/* A panel whose lanes are `lane` apart and whose k are `step` apart. */
static void pack_panel(const float *from, int64_t lane, int64_t step, int count, int64_t k,
                       float *to, int width)
{
    if (step == 1 && lane != 1)
        oc__cpu_pack_across(from, lane, count, k, to, width);
    else
        pack_along(from, step, lane, count, k, to, width);
    for (int64_t p = 0; count < width && p < k; p++)
        memset(to + p * width + count, 0, (size_t)(width - count) * sizeof *to);
}

void oc__cpu_pack_matrix(const void *context, const struct cpu_panel *p)
{
    const struct cpu_matrix *b = context;
    pack_panel(b->data + p->k_first * b->row + p->first * b->column, b->column, b->row, p->count,
               p->k, p->to, p->width);
}

/* Rows m_first … of A in panels, one after the other. */
static void pack_rows(const struct cpu_matrix *a, int64_t m_first, int64_t m, int64_t k_first,
                      int64_t k, float *to)
{
    const int rows = oc__cpu_micro()->rows;
    for (int64_t i = 0; i < m; i += rows)
        pack_panel(a->data + (m_first + i) * a->row + k_first * a->column, a->row, a->column,
                   (int)smaller(rows, m - i), k, to + i * k, rows);
}

int64_t oc__cpu_gemm_packed(int64_t m, int64_t k)
{
    return round_up(round_up(m, oc__cpu_micro()->rows) * k, LINE);
}

void oc__cpu_gemm_pack(const struct cpu_matrix *a, int64_t m, int64_t k, float *to)
{
    const int64_t step = block_k(k), padded = round_up(m, oc__cpu_micro()->rows);
    for (int64_t p = 0; p < k; p += step)
        pack_rows(a, 0, m, p, smaller(step, k - p), to + padded * p);
}

/* ---- one thread --------------------------------------------------------------------------- */

/* A block of the loops: rows i …, columns j …, and k in k_first …. */
struct block { int64_t i, m, j, n, k_first, k; };

static void finish_rows(const struct cpu_gemm *g, int64_t i, int64_t m, int64_t j, int64_t n)
{
    const struct cpu_epilogue *e = &g->epilogue;
    for (int64_t row = i; row < i + m; row++) {
        float *const c = g->c + row * g->c_row + j;
        const float bias = e->bias ? e->bias[row] : 0;
        if (e->z.data) {
            const float *z = e->z.data + row * e->z.row + j * e->z.column;
            for (int64_t x = 0; x < n; x++)
                c[x] += bias + e->factor * z[x * e->z.column];
        } else if (e->bias) {
            for (int64_t x = 0; x < n; x++)
                c[x] += bias;
        }
        if (e->activation)
            oc__cpu_activate(e->activation, c, n);
    }
}

/* One tile; one that reaches over the edge of C is computed aside and its inside copied. */
static void run_tile(const struct micro_kernel *kernel, struct micro_tile t, int64_t m, int64_t n,
                     int width)
{
    void (*const run)(const struct micro_tile *) =
        width > kernel->vector ? kernel->wide : kernel->narrow;
    if (m >= kernel->rows && n >= width) {
        run(&t);
        return;
    }
    float aside[MICRO_ROWS_MAX * MICRO_COLUMNS_MAX];
    struct micro_tile whole = t;
    whole.c = aside;
    whole.c_step = width;
    whole.add = false;
    run(&whole);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            t.c[i * t.c_step + j] = aside[i * width + j] + (t.add ? t.c[i * t.c_step + j] : 0);
}

/* All tiles of one panel of B with the packed rows of a block. */
static void run_panel(const struct cpu_gemm *g, const struct block *b, const float *rows,
                      const float *panel, int64_t j, int width)
{
    const struct micro_kernel *kernel = oc__cpu_micro();
    const int64_t n = smaller(width, b->n - j);
    const bool first = b->k_first == 0, last = b->k_first + b->k == g->k;
    for (int64_t i = 0; i < b->m; i += kernel->rows) {
        const int64_t m = smaller(kernel->rows, b->m - i);
        float *const c = g->c + (b->i + i) * g->c_row + b->j + j;
        const struct micro_tile t = { b->k, rows + i * b->k, panel, width, g->alpha, c, g->c_row,
                                      g->add || !first };
        run_tile(kernel, t, m, n, width);
        if (last)
            finish_rows(g, b->i + i, m, b->j + j, n);
    }
}

/* Width of the panel of B that begins at column j of n. */
static int panel_width(const struct micro_kernel *kernel, int64_t left)
{
    return left > kernel->vector ? 2 * kernel->vector : kernel->vector;
}

static void pack_columns(const struct cpu_gemm *g, const struct block *b, float *to)
{
    const struct micro_kernel *kernel = oc__cpu_micro();
    for (int64_t j = 0; j < b->n;) {
        const int width = panel_width(kernel, b->n - j);
        const struct cpu_panel p = { b->k_first, b->k, g->b_first + b->j + j,
                                     (int)smaller(width, b->n - j), width, to + j * b->k };
        g->b.pack(g->b.context, &p);
        j += width;
    }
}

static void run_block(const struct cpu_gemm *g, const struct block *b, const float *rows,
                      const float *columns)
{
    const struct micro_kernel *kernel = oc__cpu_micro();
    for (int64_t j = 0; j < b->n;) {
        const int width = panel_width(kernel, b->n - j);
        run_panel(g, b, rows, columns + j * b->k, j, width);
        j += width;
    }
}

/* The packed rows of a block: packed here, or found in what was packed before. */
static const float *block_rows(const struct cpu_gemm *g, const struct block *b, float *to)
{
    if (g->packed)
        return g->packed + round_up(g->packed_m, oc__cpu_micro()->rows) * b->k_first +
               (g->packed_first + b->i) * b->k;
    pack_rows(&g->a, b->i, b->m, b->k_first, b->k, to);
    return to;
}

static int64_t rows_room(int64_t m, int64_t k)
{
    return round_up(round_up(smaller(m, BLOCK_M), oc__cpu_micro()->rows) * smaller(k, BLOCK_K + 4),
                    LINE);
}

static int64_t columns_room(int64_t n, int64_t k)
{
    return round_up(round_up(smaller(n, BLOCK_N), MICRO_COLUMNS_MAX) * smaller(k, BLOCK_K + 4),
                    LINE);
}

static void run_alone(const struct cpu_gemm *g, float *scratch)
{
    const int64_t rows = oc__cpu_micro()->rows;
    const int64_t step_k = block_k(g->k), step_m = BLOCK_M / rows * rows;
    float *const columns = scratch + rows_room(g->m, g->k);
    for (int64_t j = 0; j < g->n; j += BLOCK_N)
        for (int64_t p = 0; p < g->k; p += step_k) {
            struct block b = { .j = j, .n = smaller(BLOCK_N, g->n - j), .k_first = p,
                               .k = smaller(step_k, g->k - p) };
            pack_columns(g, &b, columns);
            for (b.i = 0; b.i < g->m; b.i += step_m) {
                b.m = smaller(step_m, g->m - b.i);
                run_block(g, &b, block_rows(g, &b, scratch), columns);
            }
        }
}

/* ---- threads ------------------------------------------------------------------------------ */

int oc__cpu_gemm_threads(int64_t m, int64_t n, int64_t k, int threads)
{
    const double worth = 2.0 * (double)m * (double)n * (double)k / flops_per_thread;
    return worth < 2 || threads < 2 ? 1 : worth < threads ? (int)worth : threads;
}

static int64_t units(int64_t n, int64_t unit) { return (n + unit - 1) / unit; }

/* Cuts [0, n) in `parts` at multiples of `unit`; part i is [*first, *first + *count). */
static void cut(int64_t n, int64_t unit, int parts, int i, int64_t *first, int64_t *count)
{
    const int64_t all = units(n, unit);
    *first = smaller(all * i / parts * unit, n);
    *count = smaller(all * (i + 1) / parts * unit, n) - *first;
}

/* Into how many parts the rows are cut, the columns taking the rest, so that the largest part is
 * small. */
static int row_parts(const struct micro_kernel *kernel, int64_t m, int64_t n, int parts)
{
    const int64_t rows = units(m, kernel->rows), columns = units(n, 2 * kernel->vector);
    int best = 1;
    int64_t least = INT64_MAX;
    for (int r = 1; r <= parts; r++) {
        const int64_t largest = units(rows, r) * units(columns, parts / r);
        if (parts % r == 0 && largest < least) {
            best = r;
            least = largest;
        }
    }
    return best;
}

bool oc__cpu_gemm_part(const struct cpu_gemm *whole, int parts, int i, struct cpu_gemm *part)
{
    const struct micro_kernel *kernel = oc__cpu_micro();
    const int rows = row_parts(kernel, whole->m, whole->n, parts);
    int64_t first_row, first_column;
    *part = *whole;
    cut(whole->m, kernel->rows, rows, i % rows, &first_row, &part->m);
    cut(whole->n, 2 * kernel->vector, parts / rows, i / rows, &first_column, &part->n);
    if (part->m <= 0 || part->n <= 0)
        return false;
    part->a.data += first_row * whole->a.row;
    part->packed_first += first_row;
    part->b_first += first_column;
    part->c += first_row * whole->c_row + first_column;
    if (part->epilogue.bias)
        part->epilogue.bias += first_row;
    if (part->epilogue.z.data)
        part->epilogue.z.data += first_row * part->epilogue.z.row +
                                 first_column * part->epilogue.z.column;
    return true;
}

size_t oc__cpu_gemm_scratch(int64_t m, int64_t n, int64_t k, int threads)
{
    return (size_t)oc__cpu_gemm_threads(m, n, k, threads) *
           (size_t)(rows_room(m, k) + columns_room(n, k)) * sizeof(float);
}

/* With nothing to sum up, C is what the epilogue makes of zero. */
static void run_empty(const struct cpu_gemm *g)
{
    for (int64_t i = 0; i < g->m && !g->add; i++)
        memset(g->c + i * g->c_row, 0, (size_t)g->n * sizeof(float));
    finish_rows(g, 0, g->m, 0, g->n);
}

/* ---- one row ------------------------------------------------------------------------------ */

/* With one row of A every element of B is needed once, so B is read where it lies.  Columns of B
 * that are contiguous give a scalar product each, else its rows are added up. */
static bool is_row_product(const struct cpu_gemm *g)
{
    const struct cpu_matrix *b = g->b.context;
    return g->m == 1 && g->b.pack == oc__cpu_pack_matrix && !g->packed && !g->add &&
           g->a.column == 1 && (b->row == 1 || b->column == 1);
}

WIDE static float scalar_product(const float *a, const float *b, int64_t n)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

WIDE static void add_row(float factor, const float *b, float *c, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        c[i] += factor * b[i];
}

static void run_columns(const void *context, int64_t first, int64_t last)
{
    const struct cpu_gemm *g = context;
    const struct cpu_matrix *b = g->b.context;
    const float *from = b->data + first * b->column;
    if (b->row == 1) {
        for (int64_t j = first; j < last; j++, from += b->column)
            g->c[j] = g->alpha * scalar_product(g->a.data, from, g->k);
    } else {
        memset(g->c + first, 0, (size_t)(last - first) * sizeof(float));
        for (int64_t p = 0; p < g->k; p++, from += b->row)
            add_row(g->alpha * g->a.data[p], from, g->c + first, last - first);
    }
    finish_rows(g, 0, 1, first, last - first);
}

/* ---- all of it ---------------------------------------------------------------------------- */

struct division {
    const struct cpu_gemm *whole;
    int                    parts;
    int64_t                room;                        /* floats of scratch for each part */
    float                 *scratch;
};

static void run_parts(const void *context, int64_t first, int64_t last)
{
    const struct division *d = context;
    struct cpu_gemm part;
    for (int64_t i = first; i < last; i++)
        if (oc__cpu_gemm_part(d->whole, d->parts, (int)i, &part))
            run_alone(&part, d->scratch + d->room * i);
}

void oc__cpu_gemm(const struct cpu_gemm *g, int threads, void *scratch)
{
    const int parts = oc__cpu_gemm_threads(g->m, g->n, g->k, threads);
    const int64_t room = rows_room(g->m, g->k) + columns_room(g->n, g->k);
    const struct division d = { g, parts, room, scratch };
    if (g->k == 0)
        run_empty(g);
    else if (is_row_product(g))
        oc__parallel(threads, g->n, CPU_GRAIN / g->k + 1, run_columns, g);
    else if (parts == 1)
        run_alone(g, scratch);
    else
        oc__parallel(parts, parts, 1, run_parts, &d);
}
