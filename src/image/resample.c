/* resample.c — antialiased resizing, of rows as they come: along the row first and then along
 * columns, as taps.h weighs.  Only a band of rows is kept, those that the next columns need.
 *
 * Columns are worked on LANES neighbouring bytes at a time; for rows see row_pass.h. */
#include "base/mem.h"
#include "base/status.h"
#include "image/row_pass.h"
#include "image/weigh.h"

static const struct row_pass *const passes[] = { &oc__row_pass_permute, &oc__row_pass_interleave };

/* ---- along columns ------------------------------------------------------------------------ */

/* n neighbours, LANES at least; the last of them overlap those before. */
WIDE static void weigh_columns(const uint8_t *x, size_t step, const int32_t *weight, int taps,
                               uint8_t *y, size_t n)
{
    for (size_t j = 0; j + LANES < n; j += LANES)
        oc__weigh(x + j, step, weight, taps, y + j);
    oc__weigh(x + n - LANES, step, weight, taps, y + n - LANES);
}

/* The same for fewer. */
static void weigh_few(const uint8_t *x, size_t step, const int32_t *weight, int taps, uint8_t *y,
                      size_t n)
{
    for (size_t j = 0; j < n; j++) {
        int32_t sum = 1 << (FRACTION_BITS - 1);
        for (int i = 0; i < taps; i++)
            sum += x[(size_t)i * step + j] * weight[i];
        sum >>= FRACTION_BITS;
        y[j] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

/* ---- both --------------------------------------------------------------------------------- */

/* Rows lo … hi - 1 of the image, resized along the row: those that the next columns need. */
struct band {
    size_t   lo, hi, room;                              /* of at most `room` rows */
    size_t   line;                                      /* bytes of a row */
    uint8_t *row;                                       /* [room, line] */
};

/* What resizing needs besides the result. */
struct work {
    const struct rows *in;
    struct taps   across, down;
    struct band   band;
    const struct row_pass *pass;
    void         *own;                                  /* the pass's */
    size_t        rows;                                 /* it does at a time */
};

static oc_status make_pass(struct work *w)
{
    const struct row_work row = { &w->across, w->in->channels };
    for (size_t i = 0; !w->pass; i++)                   /* the last suits always */
        w->pass = passes[i]->suits(&row) ? passes[i] : NULL;
    TRY(w->pass->make(&w->own, &row));
    w->rows = (size_t)w->pass->rows(w->own);
    return OC_OK;
}

static oc_status make_work(struct work *w, int width, int height, enum filter filter)
{
    TRY(oc__taps_make(&w->across, filter, w->in->width, width));
    TRY(oc__taps_make(&w->down, filter, w->in->height, height));
    TRY(make_pass(w));
    const size_t all = (size_t)w->in->height, twice = 2 * (size_t)w->down.width;
    w->band.room = (twice < all ? twice : all) + 2 * w->rows;
    w->band.line = (size_t)width * (size_t)w->in->channels;
    w->band.row = oc__alloc_raw(w->band.room, w->band.line);
    return w->band.row ? OC_OK : OC_ELIMIT;
}

static void free_work(struct work *w)
{
    if (w->pass)
        w->pass->end(w->own);
    oc__free(w->band.row);
    oc__taps_free(&w->across);
    oc__taps_free(&w->down);
}

/* Adds the next rows to the band.  Where the image ends its last row is done again. */
static oc_status add_rows(struct work *w)
{
    struct band *const b = &w->band;
    const size_t       left = (size_t)w->in->height - b->hi, n = left < w->rows ? left : w->rows;
    const uint8_t     *x[ROWS_MAX];
    uint8_t           *y[ROWS_MAX];
    TRY(w->in->next(w->in->context, (int)n, x));
    for (size_t r = 0; r < w->rows; r++) {
        x[r] = x[r < n ? r : n - 1];
        y[r] = b->row + (b->hi - b->lo + (r < n ? r : n - 1)) * b->line;
    }
    w->pass->run(w->own, x, y);
    b->hi += n;
    return OC_OK;
}

/* Passes over the rows before `first`, of which nothing is made. */
static oc_status skip_rows(struct work *w, size_t first)
{
    struct band *const b = &w->band;
    const uint8_t     *x[ROWS_MAX];
    for (size_t n; b->hi < first; b->hi += n) {
        n = first - b->hi < ROWS_MAX ? first - b->hi : ROWS_MAX;
        TRY(w->in->next(w->in->context, (int)n, x));
        b->lo = b->hi + n;
    }
    return OC_OK;
}

/* Makes the band hold rows first … end - 1; earlier ones will not be asked for again. */
static oc_status need_rows(struct work *w, size_t first, size_t end, const uint8_t **row)
{
    struct band *const b = &w->band;
    TRY(skip_rows(w, first));
    while (b->hi < end) {
        if (b->hi + w->rows > b->lo + b->room) {
            memmove(b->row, b->row + (first - b->lo) * b->line, (b->hi - first) * b->line);
            b->lo = first;
        }
        TRY(add_rows(w));
    }
    *row = b->row + (first - b->lo) * b->line;
    return OC_OK;
}

static oc_status make_row(struct work *w, size_t o, uint8_t *y)
{
    const size_t         n = w->band.line, first = (size_t)w->down.first[o];
    const int            count = w->down.count[o];
    const int32_t *const weight = w->down.weight + o * (size_t)w->down.width;
    const uint8_t       *row;
    TRY(need_rows(w, first, first + (size_t)count, &row));
    (n < LANES ? weigh_few : weigh_columns)(row, n, weight, count, y, n);
    return OC_OK;
}

oc_status oc__image_resize_rows(oc_image *out, const struct rows *in, int width, int height,
                                enum filter filter)
{
    struct work w = { .in = in };
    *out = (oc_image){ 0 };
    TRY(oc__image_check_size("resized image", width, height));
    oc_status status = make_work(&w, width, height, filter);
    if (status == OC_OK)
        status = oc__image_room(out, "resized image", width, height, in->channels);
    for (size_t o = 0; status == OC_OK && o < (size_t)height; o++)
        status = make_row(&w, o, out->pixel + o * w.band.line);
    if (status == OC_OK)
        status = skip_rows(&w, (size_t)in->height);
    free_work(&w);
    if (status < 0)
        oc_image_free(out);
    return status;
}

oc_status oc__image_resize(oc_image *out, const oc_image *in, int width, int height,
                           enum filter filter)
{
    struct rows_at    at = { in, 0 };
    const struct rows rows = oc__image_rows(&at);
    return oc__image_resize_rows(out, &rows, width, height, filter);
}
