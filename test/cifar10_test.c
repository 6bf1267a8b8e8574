/* cifar10_test.c — the binary batches of CIFAR-10, sound and damaged. */
#include "data/dataset.h"
#include "test.h"

enum { PLANE = 32 * 32, RECORD = 1 + 3 * PLANE, OF_BATCH = 3 };

static const char *const names[] = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                     "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin" };

/* Record i of file k has label (3 k + i) mod 10; its planes count up from k, k + 1 and k + 2. */
static void make_batches(const char *below)
{
    uint8_t batch[OF_BATCH * RECORD];
    for (int k = 0; k < 6; k++) {
        for (int i = 0; i < OF_BATCH; i++) {
            uint8_t *const record = batch + i * RECORD;
            record[0] = (uint8_t)((OF_BATCH * k + i) % 10);
            for (int p = 0; p < 3 * PLANE; p++)
                record[1 + p] = (uint8_t)(k + p / PLANE + p % PLANE);
        }
        char name[64];
        snprintf(name, sizeof name, "%s%s", below, names[k]);
        assert_ok(oc__write_file(place(name), batch, sizeof batch, WRITE_REPLACE));
    }
}

static void spoil(const char *name, const void *bytes, size_t n, const char *says)
{
    char     spec[600];
    oc_data *d;
    assert_ok(oc__write_file(place(name), bytes, n, WRITE_REPLACE));
    snprintf(spec, sizeof spec, "cifar10:%s", test_directory);
    assert_int_equal(oc_data_open(&d, spec), OC_EINPUT);
    error_says(says);
    make_batches("");
}

static void records_become_pixels_and_labels_in_their_parts(void **state)
{
    (void)state;
    char     spec[600];
    oc_image image;
    int64_t  label;
    oc_data *d;
    make_batches("");
    snprintf(spec, sizeof spec, "cifar10:%s", test_directory);
    assert_ok(oc_data_open(&d, spec));
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), 5 * OF_BATCH);
    assert_int_equal(oc_data_count(d, OC_PART_TEST), OF_BATCH);
    assert_string_equal(oc_data_class_name(d, 9), "truck");
    assert_ok(oc_data_sample(d, OC_PART_TRAIN, 2 * OF_BATCH + 1, &image, &label));
    assert_int_equal(label, 7);
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(image.pixel[3 * p + c], (uint8_t)(2 + c + p));
    oc_image_free(&image);
    oc_data_free(d);
}

static void the_folder_of_the_archive_is_looked_into(void **state)
{
    (void)state;
    char     spec[600];
    oc_data *d;
    assert_ok(oc__make_directories(place("set/cifar-10-batches-bin")));
    make_batches("set/cifar-10-batches-bin/");
    snprintf(spec, sizeof spec, "cifar10:%s", place("set"));
    assert_ok(oc_data_open(&d, spec));
    oc_data_free(d);
    for (int k = 0; k < 6; k++) {
        char name[64];
        snprintf(name, sizeof name, "set/cifar-10-batches-bin/%s", names[k]);
        remove(place(name));
    }
    remove(place("set/cifar-10-batches-bin"));
}

static void damage_is_told_with_its_file_and_place(void **state)
{
    (void)state;
    const uint8_t wrong[2 * RECORD] = { [RECORD] = 10 };
    make_batches("");
    spoil(names[3], wrong, RECORD - 1, "data_batch_4.bin: offset 3072: truncated");
    spoil(names[5], wrong, 0, "test_batch.bin: offset 0: truncated");
    spoil(names[0], wrong, sizeof wrong, "data_batch_1.bin: offset 3073: label: 10: is not below");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_pixels_and_labels_in_their_parts),
        cmocka_unit_test(the_folder_of_the_archive_is_looked_into),
        cmocka_unit_test(damage_is_told_with_its_file_and_place),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
