/* loader_test.c — batches are the same whatever prepares them, and from wherever one begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/loader.h"

/* A data set of 28 x 28 noise in memory, 103 samples for training. */
enum { TRAIN = 103, TEST = 20, PIXELS = 28 * 28 };

static oc_data *noise(void)
{
    oc_data             *d = oc__alloc(1, sizeof *d);
    const struct samples shape = { TRAIN + TEST, 28, 28, 1, NULL, NULL };
    assert_non_null(d);
    assert_int_equal(oc__data_make(d, shape, TRAIN), OC_OK);
    d->classes = 10;
    d->class_name = oc__digit_names;
    for (size_t i = 0; i < (TRAIN + TEST) * PIXELS; i++)
        d->samples.pixel[i] = (uint8_t)(oc__bits(3, i) % 200);
    for (size_t i = 0; i < TRAIN + TEST; i++)
        d->samples.label[i] = (uint8_t)(i % 10);
    return d;
}

struct setting { oc_data *data; struct prepare_program *prepare; };

static struct setting set_up(const char *program)
{
    struct setting s = { .data = noise() };
    assert_int_equal(oc__prepare_parse(&s.prepare, program), OC_OK);
    return s;
}

static void tear_down(struct setting *s)
{
    oc__prepare_free(s->prepare);
    oc_data_free(s->data);
}

/* A hash of everything a loader hands out until the end of the epoch. */
static uint64_t drain(struct loader *l, int64_t *samples)
{
    struct batch b;
    uint64_t     hash = 1;
    *samples = 0;
    for (;;) {
        assert_int_equal(oc__loader_next(l, &b), OC_OK);
        if (b.n == 0)
            return hash;
        *samples += b.n;
        for (int64_t i = 0; i < b.n * PIXELS; i++) {
            uint32_t bits;
            memcpy(&bits, &b.x[i], sizeof bits);
            hash = oc__bits(hash ^ bits, 0);
        }
        for (int64_t i = 0; i < b.n; i++)
            hash = oc__bits(hash ^ (uint64_t)b.label[i], 0);
    }
}

static struct loader *make(const struct setting *s, int workers)
{
    struct loader              *l;
    const struct loader_options o = { .data = s->data, .prepare = s->prepare, .batch = 8,
                                      .seed = 5, .shuffle = true, .workers = workers };
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    return l;
}

static void any_number_of_workers_gives_the_same_batches(void **state)
{
    (void)state;
    static const int workers[] = { 0, 1, 3, 7 };
    struct setting   s = set_up("grayscale; light_on_dark; digit 28; scale");
    uint64_t         expected[3] = { 0 };
    int64_t          samples;
    for (size_t w = 0; w < 4; w++) {
        struct loader *l = make(&s, workers[w]);
        for (int epoch = 0; epoch < 3; epoch++) {
            oc__loader_epoch(l, epoch, 0);
            const uint64_t hash = drain(l, &samples);
            assert_int_equal(samples, TRAIN);
            if (w == 0)
                expected[epoch] = hash;
            assert_true(hash == expected[epoch]);
        }
        oc__loader_free(l);
    }
    assert_true(expected[0] != expected[1] && expected[1] != expected[2]);
    tear_down(&s);
}

/* As a training with any number of workers, killed anywhere, would see them. */
static void augmented_batches_follow_from_seed_and_epoch_alone(void **state)
{
    (void)state;
    struct setting          s = set_up("scale");
    struct augment_program *augment;
    uint64_t                expected = 0;
    assert_int_equal(oc__augment_parse(&augment, "clones 2; flip; rotate 20; noise; mixup"), OC_OK);
    for (int workers = 0; workers < 6; workers += 2) {
        const struct loader_options o = { .data = s.data, .prepare = s.prepare,
                                          .augment = augment, .batch = 8, .seed = 5,
                                          .shuffle = true, .workers = workers };
        struct loader *l, *late;
        struct batch   a, b;
        int64_t        samples;
        assert_int_equal(oc__loader_new(&l, &o), OC_OK);
        assert_int_equal(oc__loader_new(&late, &o), OC_OK);
        const uint64_t first = drain(l, &samples);
        assert_int_equal(samples, 2 * TRAIN);
        oc__loader_epoch(l, 1, 0);
        const uint64_t second = drain(l, &samples);
        assert_true(first != second && (workers == 0 || first == expected));
        expected = first;
        oc__loader_epoch(l, 3, 0);
        oc__loader_epoch(late, 3, 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(oc__loader_next(l, &a), OC_OK);
        assert_int_equal(oc__loader_next(late, &b), OC_OK);
        assert_memory_equal(a.x, b.x, (size_t)a.n * PIXELS * sizeof(float));
        assert_memory_equal(a.other, b.other, (size_t)a.n * sizeof(int64_t));
        assert_true(a.share == b.share && a.other[1] == a.label[0] && a.other[0] == a.label[7]);
        oc__loader_free(l);
        oc__loader_free(late);
    }
    oc__augment_free(augment);
    tear_down(&s);
}

/* The crop replaces the resizing that would come before it, and the shape is the crop's. */
static void an_augmentation_may_change_the_shape(void **state)
{
    (void)state;
    struct setting          s = set_up("resize 40; centercrop 20; scale");
    struct augment_program *augment;
    struct loader          *l;
    struct batch            b;
    assert_int_equal(oc__augment_parse(&augment, "resizedcrop 20 filter=nearest"), OC_OK);
    const struct loader_options o = { .data = s.data, .prepare = s.prepare, .augment = augment,
                                      .batch = 8 };
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    const oc_shape shape = oc__loader_shape(l);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(1, 20, 20)));
    assert_int_equal(oc__loader_next(l, &b), OC_OK);
    assert_null(b.other);
    for (int i = 0; i < 8 * 400; i++)                   /* values of the original, unfiltered */
        assert_true(b.x[i] * 255 < 200);
    oc__loader_free(l);
    oc__augment_free(augment);
    tear_down(&s);
}

static void an_epoch_can_begin_at_any_batch(void **state)
{
    (void)state;
    struct setting s = set_up("scale");
    for (int workers = 0; workers < 4; workers += 3) {
        struct loader *l = make(&s, workers), *late = make(&s, workers);
        struct batch   a, b;
        assert_int_equal(oc__loader_batches(l), 13);
        oc__loader_epoch(l, 2, 0);
        for (int i = 0; i <= 5; i++)
            assert_int_equal(oc__loader_next(l, &a), OC_OK);
        oc__loader_next(late, &b);                      /* some of another epoch first */
        oc__loader_epoch(late, 2, 5);
        assert_int_equal(oc__loader_next(late, &b), OC_OK);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.x, b.x, (size_t)a.n * PIXELS * sizeof(float));
        assert_memory_equal(a.label, b.label, (size_t)a.n * sizeof(int64_t));
        oc__loader_epoch(late, 2, 13);
        assert_int_equal(oc__loader_next(late, &b), OC_OK);
        assert_int_equal(b.n, 0);
        oc__loader_free(late);
        oc__loader_free(l);
    }
    tear_down(&s);
}

static void every_sample_comes_once_an_epoch(void **state)
{
    (void)state;
    struct setting s = set_up("scale");
    struct loader *l;
    struct batch   b;
    int            seen[TRAIN] = { 0 };
    /* The first pixel tells which sample it is. */
    for (size_t i = 0; i < TRAIN; i++)
        s.data->samples.pixel[i * PIXELS] = (uint8_t)i;
    const struct loader_options o = { .data = s.data, .prepare = s.prepare, .seed = 1,
                                      .shuffle = true };
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    assert_int_equal(oc__loader_next(l, &b), OC_OK);
    assert_int_equal(b.n, TRAIN);                       /* batch 0 is the whole part */
    for (int64_t i = 0; i < b.n; i++) {
        const int64_t sample = (int64_t)(b.x[i * PIXELS] * 255 + 0.5f);
        assert_int_equal(b.label[i], sample % 10);
        seen[sample]++;
    }
    for (int i = 0; i < TRAIN; i++)
        assert_int_equal(seen[i], 1);
    oc__loader_free(l);
    tear_down(&s);
}

static void the_order_is_that_of_storage_unless_shuffled(void **state)
{
    (void)state;
    struct setting s = set_up("");
    struct loader *l;
    struct batch   b;
    const struct loader_options o = { .data = s.data, .prepare = s.prepare, .batch = 6,
                                      .part = OC_PART_TEST, .drop_last = true };
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    assert_int_equal(oc__loader_samples(l), 18);
    for (int64_t at = 0; at < 18; at += 6) {
        assert_int_equal(oc__loader_next(l, &b), OC_OK);
        assert_int_equal(b.n, 6);
        for (int64_t i = 0; i < 6 * PIXELS; i++)
            assert_true(b.x[i] == s.data->samples.pixel[(TRAIN + at) * PIXELS + i]);
    }
    assert_int_equal(oc__loader_next(l, &b), OC_OK);
    assert_int_equal(b.n, 0);
    oc__loader_free(l);
    tear_down(&s);
}

static void nothing_is_allocated_after_creation(void **state)
{
    (void)state;
    struct setting s = set_up("grayscale; light_on_dark; digit 28; scale; normalize 0.13 std=0.3");
    struct loader *l = make(&s, 2);
    int64_t        samples;
    const uint64_t calls = oc__mem_calls();
    for (int epoch = 0; epoch < 3; epoch++) {
        oc__loader_epoch(l, epoch, 0);
        drain(l, &samples);
    }
    assert_true(oc__mem_calls() == calls);
    oc__loader_free(l);
    tear_down(&s);
}

static void the_failure_of_a_sample_reaches_the_caller(void **state)
{
    (void)state;
    struct setting s = set_up("digit 28; scale");
    for (int workers = 0; workers < 3; workers += 2) {
        struct loader *l = make(&s, workers);
        struct batch   b;
        oc__loader_epoch(l, 0, oc__loader_batches(l));  /* no worker has anything to do now */
        s.data->samples.channels = 2;                   /* what the loader was not made for */
        oc__loader_epoch(l, 1, 0);
        assert_int_equal(oc__loader_next(l, &b), OC_EUSAGE);
        assert_string_equal(oc_error(), "preparation: digit takes one channel, not 2");
        oc__loader_free(l);
        s.data->samples.channels = 1;
    }
    tear_down(&s);
}

static void what_cannot_be_loaded_is_refused_at_creation(void **state)
{
    (void)state;
    struct setting        s = set_up("resize 14");
    struct loader        *l;
    struct loader_options o = { .data = s.data, .prepare = s.prepare, .part = OC_PART_VAL };
    assert_int_equal(oc__loader_new(&l, &o), OC_EUSAGE);
    assert_string_equal(oc_error(), "data: it has no samples for validation");
    o.part = OC_PART_TRAIN;
    o.batch = -1;
    assert_int_equal(oc__loader_new(&l, &o), OC_EUSAGE);
    o.batch = 4;
    assert_int_equal(oc__loader_new(&l, &o), OC_OK);
    const oc_shape shape = oc__loader_shape(l);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(1, 14, 14)));
    oc__loader_free(l);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_workers_gives_the_same_batches),
        cmocka_unit_test(augmented_batches_follow_from_seed_and_epoch_alone),
        cmocka_unit_test(an_augmentation_may_change_the_shape),
        cmocka_unit_test(an_epoch_can_begin_at_any_batch),
        cmocka_unit_test(every_sample_comes_once_an_epoch),
        cmocka_unit_test(the_order_is_that_of_storage_unless_shuffled),
        cmocka_unit_test(nothing_is_allocated_after_creation),
        cmocka_unit_test(the_failure_of_a_sample_reaches_the_caller),
        cmocka_unit_test(what_cannot_be_loaded_is_refused_at_creation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
