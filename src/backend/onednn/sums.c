/* sums.c — sums over channels: pieces in floats for a short while, in doubles above. */
#include "backend/onednn/sums.h"

#include "backend/wide.h"
#include "base/parallel.h"

enum { SHORT_WHILE = 64 };                              /* places added up in float */

static inline void add_lanes(float *restrict sum, const float *restrict a,
                             const float *restrict shift, int64_t lanes)
{
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++)
        sum[l] += a[l] - shift[l];
}

/* Pointers to one piece's lanes at its first place; b may be NULL. */
struct piece {
    const float *a, *b;
    float        a_shift[LANES], b_shift[LANES];
};

static inline void add_products(float *restrict sum, float *restrict products,
                                const struct piece *p, int64_t i, int64_t lanes)
{
#pragma omp simd
    for (int64_t l = 0; l < lanes; l++) {
        const float a = p->a[i + l] - p->a_shift[l];
        sum[l] += a;
        products[l] += a * (p->b[i + l] - p->b_shift[l]);
    }
}

/* Adds one piece's sums to row[0 … LANES) and row[LANES … 2 LANES). */
static inline void sum_places(const struct lanes *v, const struct piece *p, double *row,
                              int64_t lanes)
{
    for (int64_t from = 0; from < v->places; from += SHORT_WHILE) {
        const int64_t to = from + SHORT_WHILE < v->places ? from + SHORT_WHILE : v->places;
        float sum[LANES] = { 0 }, products[LANES] = { 0 };
        for (int64_t i = from; i < to && p->b; i++)
            add_products(sum, products, p, i * v->place_step, lanes);
        for (int64_t i = from; i < to && !p->b; i++)
            add_lanes(sum, p->a + i * v->place_step, p->a_shift, lanes);
        for (int64_t l = 0; l < lanes; l++) {
            row[l] += (double)sum[l];
            row[LANES + l] += (double)products[l];
        }
    }
}

WIDE static void sum_piece(const struct sums_of *s, int64_t piece, double *row)
{
    const struct lanes *v = s->v;
    const int64_t at = oc__piece_at(v, piece), lanes = oc__piece_lanes(v, piece);
    const int64_t channel = piece % v->units * v->width;
    struct piece p = { .a = s->a + at, .b = s->b ? s->b + at : NULL };
    for (int64_t l = 0; l < 2 * LANES; l++)
        row[l] = 0;
    for (int64_t l = 0; l < oc__piece_channels(v, piece); l++) {
        p.a_shift[l] = s->a_shift ? s->a_shift[channel + l] : 0;
        p.b_shift[l] = s->b_shift ? s->b_shift[channel + l] : 0;
    }
    if (lanes == LANES)
        sum_places(v, &p, row, LANES);
    else
        sum_places(v, &p, row, lanes);
}

struct rows { const struct sums_of *of; double *row; };

static void sum_pieces(const void *context, int64_t first, int64_t last)
{
    const struct rows *rows = context;
    for (int64_t i = first; i < last; i++)
        sum_piece(rows->of, i, rows->row + 2 * LANES * i);
}

void oc__sums_of_pieces(const struct sums_of *s, double *rows)
{
    oc__parallel(s->threads, oc__piece_count(s->v), oc__piece_grain(s->v), sum_pieces,
                 &(struct rows){ s, rows });
}

void oc__sums(const struct sums_of *s, double *scratch, double *first, double *second)
{
    const struct lanes *v = s->v;
    oc__sums_of_pieces(s, scratch);
    for (int64_t c = 0; c < v->channels; c++) {
        double sum = 0, product = 0;
        for (int64_t n = 0; n < v->n; n++) {
            const double *row = scratch + 2 * LANES * (n * v->units + c / v->width) + c % v->width;
            sum += row[0];
            product += row[LANES];
        }
        first[c] = sum;
        if (s->b)
            second[c] = product;
    }
}
