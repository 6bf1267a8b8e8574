/* synth_test.c — sets drawn by the program: the same bits always, and what they claim to be. */
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "data/dataset.h"
#include "image/image.h"

enum { PIXELS = 28 * 28 };

static oc_data *open_spec(const char *spec)
{
    oc_data *d;
    if (oc_data_open(&d, spec) != OC_OK)
        fail_msg("%s", oc_error());
    return d;
}

static uint64_t hash_of(const char *spec)
{
    oc_data       *d = open_spec(spec);
    const uint64_t hash = oc_data_hash(d);
    oc_data_free(d);
    return hash;
}

static void the_same_seed_draws_the_same_bits_with_any_threads(void **state)
{
    (void)state;
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const uint64_t one = hash_of("synth:digits,train=300,test=50");
    omp_set_num_threads(3);
    const uint64_t three = hash_of("synth:digits,train=300,test=50");
    omp_set_num_threads(before);
    assert_true(one == three);
    assert_true(hash_of("synth:digits,train=300,test=50,seed=1") == one);
    assert_true(hash_of("synth:digits,train=300,test=50,seed=2") != one);
}

static void a_sample_does_not_depend_on_how_many_there_are(void **state)
{
    (void)state;
    oc_data *few = open_spec("synth:digits,train=40,test=20");
    oc_data *many = open_spec("synth:digits,train=60,test=20");
    assert_memory_equal(few->samples.pixel, many->samples.pixel, 40 * PIXELS);
    assert_memory_equal(few->samples.pixel + 40 * PIXELS, many->samples.pixel + 60 * PIXELS,
                        20 * PIXELS);
    assert_memory_not_equal(few->samples.pixel, few->samples.pixel + 40 * PIXELS, PIXELS);
    oc_data_free(few);
    oc_data_free(many);
}

static void the_defaults_are_ten_thousand_and_two_thousand(void **state)
{
    (void)state;
    oc_data *d = open_spec("synth:digits");
    int      of_class[10] = { 0 };
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), 10000);
    assert_int_equal(oc_data_count(d, OC_PART_TEST), 2000);
    for (int64_t i = 0; i < 10000; i++)
        of_class[d->samples.label[i]]++;
    for (int c = 0; c < 10; c++)
        assert_int_equal(of_class[c], 1000);
    assert_string_equal(oc_data_preparation(d), "grayscale; light_on_dark; digit 28; scale");
    oc_data_free(d);
}

/* The mean picture of each class of one half must be nearer to that of the same class of the other
 * half than to that of any other class. */
static void classes_look_different_and_halves_alike(void **state)
{
    (void)state;
    static double mean[2][10][PIXELS];
    oc_data      *d = open_spec("synth:digits,train=4000,test=1");
    for (int64_t i = 0; i < 4000; i++) {
        const oc_image image = oc__data_view(d, i);
        assert_false(oc__image_border_is_light(&image));
        for (int k = 0; k < PIXELS; k++)
            mean[i >= 2000][d->samples.label[i]][k] += image.pixel[k] / 200.0;
    }
    for (int a = 0; a < 10; a++) {
        int    nearest = -1;
        double least = 1e30;
        for (int b = 0; b < 10; b++) {
            double apart = 0;
            for (int k = 0; k < PIXELS; k++)
                apart += (mean[0][a][k] - mean[1][b][k]) * (mean[0][a][k] - mean[1][b][k]);
            if (apart < least) {
                least = apart;
                nearest = b;
            }
        }
        assert_int_equal(nearest, a);
    }
    oc_data_free(d);
}

static void numbers_are_fixed_and_only_divided_by_the_seed(void **state)
{
    (void)state;
    oc_data *one = open_spec("synth:numbers"), *other = open_spec("synth:numbers,seed=2");
    assert_int_equal(oc_data_count(one, OC_PART_TRAIN), 593);
    assert_int_equal(one->samples.n, 850);
    assert_true(oc_data_hash(one) == oc_data_hash(other));
    assert_memory_not_equal(one->part[OC_PART_TEST].index, other->part[OC_PART_TEST].index,
                            (size_t)one->part[OC_PART_TEST].n * sizeof(int64_t));
    oc_data_free(one);
    oc_data_free(other);
}

/* The brightness of a colour pixel. */
static int grey_of(const uint8_t *pixel)
{
    return (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) / 1000;
}

static void a_number_stands_on_a_plain_ground_and_is_told_from_it_in_grey(void **state)
{
    (void)state;
    oc_data *d = open_spec("synth:numbers");
    int      lighter = 0;
    for (int64_t i = 0; i < d->samples.n; i++) {
        const oc_image image = oc__data_view(d, i);
        const int      side = image.width, ground = grey_of(image.pixel);
        int            most = 0;
        for (int k = 0; k < side * side; k++) {
            const int x = k % side, y = k / side, away = grey_of(image.pixel + 3 * k) - ground;
            if (x == 0 || y == 0 || x == side - 1 || y == side - 1)
                assert_memory_equal(image.pixel + 3 * k, image.pixel, 3);
            most = abs(away) > abs(most) ? away : most;
        }
        assert_true(abs(most) >= 58);
        lighter += most > 0;
    }
    assert_in_range(lighter, 340, 510);
    oc_data_free(d);
}

static void colors_have_the_channels_of_their_names(void **state)
{
    (void)state;
    static const bool bright[6][3] = { { 1, 0, 0 }, { 1, 1, 0 }, { 0, 1, 0 },
                                       { 0, 1, 1 }, { 0, 0, 1 }, { 1, 0, 1 } };
    oc_data *d = open_spec("synth:colors");
    assert_int_equal(d->samples.n, 600);
    for (int64_t i = 0; i < d->samples.n; i++) {
        const oc_image image = oc__data_view(d, i);
        double         mean[2] = { 0 };
        int            channels[2] = { 0 };
        for (int c = 0; c < 3; c++) {
            const bool b = bright[d->samples.label[i]][c];
            channels[b]++;
            for (int k = 0; k < image.width * image.height; k++)
                mean[b] += image.pixel[3 * k + c];
        }
        assert_true(mean[1] / channels[1] > mean[0] / channels[0] + 40 * 110 * 110);
    }
    oc_data_free(d);
}

static void a_wrong_place_or_number_is_explained(void **state)
{
    (void)state;
    oc_data *d;
    assert_int_equal(oc_data_open(&d, "synth:letters"), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "synth:digits, synth:numbers, synth:colors"));
    assert_int_equal(oc_data_open(&d, "synth:digits,train=0"), OC_EUSAGE);
    assert_int_equal(oc_data_open(&d, "synth:digits,trian=10"), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "train"));
    assert_int_equal(oc_data_open(&d, "snyth:digits"), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "did you mean synth?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_draws_the_same_bits_with_any_threads),
        cmocka_unit_test(a_sample_does_not_depend_on_how_many_there_are),
        cmocka_unit_test(the_defaults_are_ten_thousand_and_two_thousand),
        cmocka_unit_test(classes_look_different_and_halves_alike),
        cmocka_unit_test(numbers_are_fixed_and_only_divided_by_the_seed),
        cmocka_unit_test(a_number_stands_on_a_plain_ground_and_is_told_from_it_in_grey),
        cmocka_unit_test(colors_have_the_channels_of_their_names),
        cmocka_unit_test(a_wrong_place_or_number_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
