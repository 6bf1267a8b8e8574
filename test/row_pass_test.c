/* row_pass_test.c — every way along rows gives the bytes that the weights say, and a picture's rows
 * may come from anywhere. */
#include "test.h"

#include "base/rng.h"
#include "image/row_pass.h"

static const struct row_pass *const passes[] = { &oc__row_pass_permute, &oc__row_pass_interleave };

/* What the sum of one byte is, with nothing clever. */
static uint8_t weighed(const struct taps *t, const uint8_t *x, int o, int c, int channel)
{
    int64_t sum = 1 << (FRACTION_BITS - 1);
    for (int i = 0; i < t->count[o]; i++)
        sum += (int64_t)t->weight[o * t->width + i] * x[(t->first[o] + i) * c + channel];
    sum >>= FRACTION_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Rows of noise, half of it black and white, so that sums leave 0 … 255; each in a block of its own
 * size, so that a byte read past it is seen by tools that watch memory. */
static uint8_t *noise(int n, uint64_t seed)
{
    uint8_t *const x = oc__alloc((size_t)n, 1);
    assert_non_null(x);
    for (int i = 0; i < n; i++) {
        const uint64_t bits = oc__key(seed, (uint64_t)i);
        x[i] = bits >> 20 & 1 ? (uint8_t)(bits >> 32) : bits >> 21 & 1 ? 255 : 0;
    }
    return x;
}

static void try_pass(const struct row_pass *pass, const struct row_work *work)
{
    const struct taps *const t = work->taps;
    const int in = t->in * work->channels, out = t->out * work->channels;
    uint8_t  *x[ROWS_MAX], *y[ROWS_MAX];
    void     *own;
    assert_ok(pass->make(&own, work));
    const int rows = pass->rows(own);
    assert_in_range(rows, 1, ROWS_MAX);
    for (int r = 0; r < rows; r++) {
        x[r] = noise(in, (uint64_t)(r + in));
        y[r] = oc__alloc((size_t)out, 1);
        assert_non_null(y[r]);
    }
    pass->run(own, (const uint8_t *const *)x, y);
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < out; i++)
            if (y[r][i] != weighed(t, x[r], i / work->channels, work->channels, i % work->channels))
                fail_msg("%d to %d pixels of %d: row %d, byte %d is %d", t->in, t->out,
                         work->channels, r, i, y[r][i]);
        oc__free(x[r]);
        oc__free(y[r]);
    }
    pass->end(own);
}

static void every_pass_gives_the_same_bytes(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 500, 224 }, { 375, 224 }, { 224, 224 }, { 32, 224 },
                                    { 1, 40 },    { 640, 100 }, { 97, 61 },   { 61, 97 },
                                    { 300, 3 },   { 3, 2 },     { 23, 16 },   { 1000, 28 } };
    int suited[COUNT(passes)] = { 0 };
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int filter = FILTER_NEAREST; filter <= FILTER_LANCZOS; filter++) {
            struct taps t;
            assert_ok(oc__taps_make(&t, (enum filter)filter, sizes[i][0], sizes[i][1]));
            for (int c = 1; c <= 4; c++)
                for (size_t p = 0; p < COUNT(passes); p++) {
                    const struct row_work work = { &t, c };
                    if (!passes[p]->suits(&work))
                        continue;
                    suited[p]++;
                    try_pass(passes[p], &work);
                }
            oc__taps_free(&t);
        }
    assert_int_equal(suited[1], (int)COUNT(sizes) * 4 * 4);
    printf("rows are permuted in %d cases of %d\n", suited[0], suited[1]);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni"))
        assert_true(suited[0] > suited[1] / 2);
#endif
}

/* ---- rows that come ----------------------------------------------------------------------- */

/* Hands out rows from one buffer that the next call overwrites, and fails before row `end`. */
struct stream { const oc_image *image; uint8_t *buffer; int gone, end; };

static oc_status next(void *context, int n, const uint8_t **row)
{
    struct stream *const s = context;
    const size_t line = (size_t)s->image->width * (size_t)s->image->channels;
    assert_in_range(n, 1, ROWS_MAX);
    if (s->gone + n > s->end)
        return OC_EIO;
    memset(s->buffer, 0x55, ROWS_MAX * line);
    for (int i = 0; i < n; i++) {
        memcpy(s->buffer + (size_t)i * line, s->image->pixel + (size_t)s->gone++ * line, line);
        row[i] = s->buffer + (size_t)i * line;
    }
    return OC_OK;
}

static void rows_may_come_one_after_another(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 224, 224 }, { 7, 300 }, { 90, 2 }, { 50, 40 } };
    oc_image image = { 50, 100, 3, noise(50 * 100 * 3, 7) };
    uint8_t *const buffer = oc__alloc(ROWS_MAX, 150);
    assert_non_null(buffer);
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int filter = FILTER_NEAREST; filter <= FILTER_LANCZOS; filter++) {
            struct stream     s = { &image, buffer, 0, 100 };
            const struct rows rows = { 50, 100, 3, next, &s };
            oc_image whole, streamed;
            assert_ok(oc__image_resize(&whole, &image, sizes[i][0], sizes[i][1],
                                       (enum filter)filter));
            assert_ok(oc__image_resize_rows(&streamed, &rows, sizes[i][0], sizes[i][1],
                                            (enum filter)filter));
            assert_memory_equal(whole.pixel, streamed.pixel, oc__image_bytes(&whole));
            oc_image_free(&whole);
            oc_image_free(&streamed);
        }
    struct stream     s = { &image, buffer, 0, 60 };
    const struct rows rows = { 50, 100, 3, next, &s };
    oc_image          none;
    assert_int_equal(oc__image_resize_rows(&none, &rows, 20, 20, FILTER_BICUBIC), OC_EIO);
    assert_null(none.pixel);
    oc__free(buffer);
    oc_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pass_gives_the_same_bytes),
        cmocka_unit_test(rows_may_come_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
