/* row_interleave.c — rows as columns: 32, 16 or 8 rows are interleaved, pixels of 1, 2 or 4 bytes
 * each, so that neighbours in memory are the same place of different rows, and taken apart again.
 * Suits every picture and every machine. */
#include "base/mem.h"
#include "base/status.h"
#include "image/row_pass.h"
#include "image/weigh.h"

/* LANES / room lines of pixels, x[r] and y[r] the first of line r, in steps of so many bytes. */
struct lines {
    const uint8_t *x[LANES];
    uint8_t       *y[LANES];
    size_t         from, to;
};

/* Copies pixels `first` to n - 1 of each line, `room` bytes of each (a constant): of three bytes
 * four at once, the fourth falls into a gap, or where the next pixel comes.  Of the last, c bytes
 * alone. */
static inline void copy_pixels(const struct lines *l, size_t first, size_t n, size_t room, size_t c)
{
    const struct lines s = *l;                          /* which no store can change */
    for (size_t i = first; i + 1 < n; i++)
        for (size_t r = 0; r < LANES / room; r++)
            memcpy(s.y[r] + i * s.to, s.x[r] + i * s.from, room);
    for (size_t r = 0; r < LANES / room; r++)
        memcpy(s.y[r] + (n - 1) * s.to, s.x[r] + (n - 1) * s.from, c);
}

typedef uint32_t pixels __attribute__((vector_size(VECTOR)));

/* Four pixels of four lines become four lines of four pixels. */
static inline void transpose(pixels q[4])
{
    const pixels a = __builtin_shufflevector(q[0], q[1], 0, 4, 1, 5);
    const pixels b = __builtin_shufflevector(q[0], q[1], 2, 6, 3, 7);
    const pixels c = __builtin_shufflevector(q[2], q[3], 0, 4, 1, 5);
    const pixels d = __builtin_shufflevector(q[2], q[3], 2, 6, 3, 7);
    q[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
    q[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
    q[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
    q[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

static inline bytes spread(bytes b)                     /* of three bytes to four */
{
    return __builtin_shufflevector(b, b, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12);
}

static inline bytes close_up(bytes b)                   /* and back; the end is of no matter */
{
    return __builtin_shufflevector(b, b, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 12, 13, 14, 15);
}

/* As copy_pixels, four lines of three bytes a pixel, side by side in y; tells where it ended. */
WIDE static size_t gather_threes(const struct lines *l, size_t line, size_t n)
{
    const uint8_t *const x[] = { l->x[line], l->x[line + 1], l->x[line + 2], l->x[line + 3] };
    uint8_t *y = l->y[line];
    size_t i = 0;
    for (; 3 * i + VECTOR <= 3 * n; i += 4, y += 4 * LANES) {
        pixels q[4];
        bytes b;
        for (size_t r = 0; r < 4; r++) {
            memcpy(&b, x[r] + 3 * i, sizeof b);
            q[r] = (pixels)spread(b);
        }
        transpose(q);
        for (size_t k = 0; k < 4; k++)
            memcpy(y + k * LANES, &q[k], sizeof q[k]);
    }
    return i;
}

/* The way back. */
WIDE static size_t scatter_threes(const struct lines *l, size_t line, size_t n)
{
    uint8_t *const y[] = { l->y[line], l->y[line + 1], l->y[line + 2], l->y[line + 3] };
    const uint8_t *x = l->x[line];
    size_t i = 0;
    for (; 3 * i + VECTOR <= 3 * n; i += 4, x += 4 * LANES) {
        pixels q[4];
        bytes b;
        for (size_t k = 0; k < 4; k++)
            memcpy(&q[k], x + k * LANES, sizeof q[k]);
        transpose(q);
        for (size_t r = 0; r < 4; r++) {
            b = close_up((bytes)q[r]);
            memcpy(y[r] + 3 * i, &b, sizeof b);
        }
    }
    return i;
}

static void copy_lines(const struct lines *l, size_t n, size_t c)
{
    size_t first = 0;
    for (size_t line = 0; c == 3 && line < LANES / 4; line += 4)
        first = (l->from == 3 ? gather_threes : scatter_threes)(l, line, n);
    if (c == 1)
        copy_pixels(l, 0, n, 1, 1);
    else if (c == 2)
        copy_pixels(l, 0, n, 2, 2);
    else
        copy_pixels(l, first, n, 4, c);
}

/* x [in, LANES] to y [out, LANES] */
WIDE static void weigh_rows(const struct taps *t, const uint8_t *x, uint8_t *y)
{
    for (int o = 0; o < t->out; o++)
        oc__weigh(x + (size_t)t->first[o] * LANES, LANES, t->weight + (size_t)o * (size_t)t->width,
              t->count[o], y + (size_t)o * LANES);
}

/* ---- the pass ----------------------------------------------------------------------------- */

struct interleave {
    struct row_work work;
    size_t          rows;                               /* at a time */
    uint8_t        *from, *to;                          /* [in, LANES], [out, LANES] */
};

static bool suits(const struct row_work *work)
{
    (void)work;
    return true;
}

static void free_interleave(void *own)
{
    struct interleave *const p = own;
    if (!p)
        return;
    oc__free(p->from);
    oc__free(p->to);
    oc__free(p);
}

static oc_status make(void **own, const struct row_work *work)
{
    struct interleave *const p = *own = oc__alloc(1, sizeof *p);
    if (!p)
        return OC_ELIMIT;
    p->work = *work;
    p->rows = LANES / (work->channels == 3 ? 4 : (size_t)work->channels);
    p->from = oc__alloc((size_t)work->taps->in, LANES);
    p->to = oc__alloc((size_t)work->taps->out, LANES);
    return p->from && p->to ? OC_OK : OC_ELIMIT;
}

static int rows(const void *own)
{
    return (int)((const struct interleave *)own)->rows;
}

static void run(void *own, const uint8_t *const *x, uint8_t *const *y)
{
    const struct interleave *const p = own;
    const struct taps *const taps = p->work.taps;
    const size_t c = (size_t)p->work.channels;
    struct lines gather = { .from = c, .to = LANES }, scatter = { .from = LANES, .to = c };
    for (size_t r = 0; r < p->rows; r++) {
        const size_t at = r * (LANES / p->rows);
        gather.x[r] = x[r];
        gather.y[r] = p->from + at;
        scatter.x[r] = p->to + at;
        scatter.y[r] = y[r];
    }
    copy_lines(&gather, (size_t)taps->in, c);
    weigh_rows(taps, p->from, p->to);
    copy_lines(&scatter, (size_t)taps->out, c);
}

const struct row_pass oc__row_pass_interleave = { suits, make, rows, run, free_interleave };
