/* data_test.c — IDX files sound and broken, the kinds of data sets, and splitting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <zlib.h>
#include "base/file.h"
#include "base/mem.h"
#include "data/dataset.h"
#include "data/idx.h"

/* ---- help --------------------------------------------------------------------------------- */

static char folder[] = "/tmp/ocellus-data-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    struct names names;
    char         path[4400];
    if (oc__list_directory(folder, &names) < 0)
        return 1;
    for (size_t i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        unlink(path);
    }
    oc__names_free(&names);
    return rmdir(folder);
}

static const char *data_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("OC_DATA");
    snprintf(path, sizeof path, "%s/%s", root != NULL ? root : "../shared/data", name);
    return path;
}

static void need(const char *path)
{
    if (access(path, R_OK) == 0)
        return;
    printf("skipped: %s is absent\n", path);
    skip();
}

/* A path in the test's own folder; two may be in use at once. */
static const char *own_path(const char *name)
{
    static char path[2][128];
    static int  turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void put(const char *name, const void *bytes, size_t n)
{
    assert_int_equal(oc__write_file(own_path(name), bytes, n, WRITE_REPLACE), OC_OK);
}

/* As gzip would write it; `copies` members one after the other. */
static void put_gzip(const char *name, const void *bytes, size_t n, int copies)
{
    gzFile file = NULL;
    for (int i = 0; i < copies; i++) {
        file = gzopen(own_path(name), i == 0 ? "wb" : "ab");
        assert_non_null(file);
        assert_int_equal(gzwrite(file, bytes, (unsigned)n), n);
        assert_int_equal(gzclose(file), Z_OK);
    }
}

/* Images i of 2 x 2 pixels, all of value 20 + i, or labels i mod 10. */
enum { SMALL = 30 };
static const uint8_t images_header[16] = { 0, 0, 8, 3, 0, 0, 0, SMALL, 0, 0, 0, 2, 0, 0, 0, 2 };
static const uint8_t labels_header[8] = { 0, 0, 8, 1, 0, 0, 0, SMALL };

static void put_small_set(void)
{
    uint8_t images[16 + 4 * SMALL], labels[8 + SMALL];
    memcpy(images, images_header, 16);
    memcpy(labels, labels_header, 8);
    for (int i = 0; i < SMALL; i++) {
        memset(images + 16 + 4 * i, 20 + i, 4);
        labels[8 + i] = (uint8_t)(i % 10);
    }
    put("train-images-idx3-ubyte", images, sizeof images);
    put_gzip("train-labels-idx1-ubyte.gz", labels, sizeof labels, 1);
    put("t10k-images.idx3-ubyte", images, sizeof images);
    put("t10k-labels-idx1-ubyte", labels, sizeof labels);
}

static oc_status open_small(oc_data **d)
{
    char spec[128];
    snprintf(spec, sizeof spec, "mnist:%s", folder);
    return oc_data_open(d, spec);
}

/* ---- IDX ---------------------------------------------------------------------------------- */

/* Loads as what its name says it is. */
static oc_status load_by_name(const char *path)
{
    struct idx idx;
    const bool images = strstr(path, "idx3") != NULL;
    const bool labels = strstr(path, "idx1") != NULL || strstr(path, ".gz") != NULL;
    const oc_status status = oc__idx_load(&idx, path, images ? 3 : labels ? 1 : 0,
                                          labels ? 10 : 0);
    oc__idx_free(&idx);
    return status;
}

static void the_malformed_files_are_refused_and_the_valid_ones_load(void **state)
{
    (void)state;
    char *manifest, *line, *rest;
    size_t n, files = 0;
    need(data_path("malformed/MANIFEST.tsv"));
    assert_int_equal(oc__file_load(data_path("malformed/MANIFEST.tsv"), 1 << 20, &manifest, &n),
                     OC_OK);
    for (line = strtok_r(manifest, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char        name[256];
        char       *tab = strchr(line, '\t');
        const bool  valid = strncmp(tab + 1, "VALID", 5) == 0;
        if (strncmp(line, "idx/", 4) != 0)
            continue;
        snprintf(name, sizeof name, "malformed/%.*s", (int)(tab - line), line);
        const oc_status status = load_by_name(data_path(name));
        if (status != (valid ? OC_OK : OC_EINPUT))
            fail_msg("%s: status %d: %s", name, status, oc_error());
        if (!valid) {
            assert_non_null(strstr(oc_error(), data_path(name)));
            assert_non_null(strstr(oc_error(), ": offset "));
        }
        files++;
    }
    assert_int_equal(files, 15);
    oc__free(manifest);
}

static void every_truncation_and_flipped_bit_of_an_idx_header_is_refused(void **state)
{
    (void)state;
    uint8_t    bytes[24];
    struct idx idx;
    memcpy(bytes, images_header, 16);
    bytes[7] = 2;
    memset(bytes + 16, 9, 8);
    for (size_t n = 0; n < sizeof bytes; n++) {
        put("cut", bytes, n);
        assert_int_equal(oc__idx_load(&idx, own_path("cut"), 3, 0), OC_EINPUT);
        assert_non_null(strstr(oc_error(), ": offset "));
    }
    for (int bit = 0; bit < 8 * 24; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put("flip", bytes, sizeof bytes);
        const oc_status status = oc__idx_load(&idx, own_path("flip"), 3, 0);
        assert_int_equal(status, bit / 8 < 16 ? OC_EINPUT : OC_OK);
        oc__idx_free(&idx);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void every_truncation_and_flipped_bit_of_a_gzip_file_is_noticed(void **state)
{
    (void)state;
    uint8_t    plain[8 + SMALL];
    char      *bytes;
    size_t     n;
    struct idx idx;
    memcpy(plain, labels_header, 8);
    memset(plain + 8, 3, SMALL);
    put_gzip("sound.gz", plain, sizeof plain, 1);
    assert_int_equal(oc__file_load(own_path("sound.gz"), 1 << 20, &bytes, &n), OC_OK);
    for (size_t k = 0; k < n; k++) {
        put("cut.gz", bytes, k);
        assert_int_equal(oc__idx_load(&idx, own_path("cut.gz"), 1, 10), OC_EINPUT);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        put("flip.gz", bytes, n);
        /* Times and hints in gzip's own header are not the data's business. */
        if (oc__idx_load(&idx, own_path("flip.gz"), 1, 10) == OC_OK)
            assert_memory_equal(idx.data, plain + 8, SMALL);
        oc__idx_free(&idx);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    oc__free(bytes);
}

static void what_follows_the_data_is_an_error(void **state)
{
    (void)state;
    uint8_t    plain[8 + SMALL + 1] = { 0 };
    struct idx idx;
    memcpy(plain, labels_header, 8);
    put_gzip("two.gz", plain, 8 + SMALL, 2);
    assert_int_equal(oc__idx_load(&idx, own_path("two.gz"), 1, 10), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "after the end of the gzip member"));
    put_gzip("long.gz", plain, sizeof plain, 1);
    assert_int_equal(oc__idx_load(&idx, own_path("long.gz"), 1, 10), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "after the end of the data"));
}

static void a_header_that_promises_too_much_is_refused_before_memory_is_taken(void **state)
{
    (void)state;
    uint8_t    header[16];
    struct idx idx;
    memcpy(header, images_header, 16);
    memset(header + 5, 255, 3);                         /* 16,777,215 images */
    memset(header + 10, 255, 2);
    put_gzip("bomb.gz", header, sizeof header, 1);
    const uint64_t calls = oc__mem_calls();
    assert_int_equal(oc__idx_load(&idx, own_path("bomb.gz"), 3, 0), OC_EINPUT);
    assert_true(oc__mem_calls() - calls <= 1);          /* the reader's buffer */
    assert_non_null(strstr(oc_error(), "offset 4: dimensions: need"));
}

static void what_is_not_idx_is_named(void **state)
{
    (void)state;
    struct idx idx;
    put("png", "\x89PNG\r\n\x1a\n........", 16);
    assert_int_equal(oc__idx_load(&idx, own_path("png"), 3, 0), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "not an IDX file: this is a PNG"));
    put("labels", labels_header, 8);
    assert_int_equal(oc__idx_load(&idx, own_path("labels"), 3, 0), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "this is a file of labels"));
    assert_int_equal(oc__idx_load(&idx, folder, 3, 0), OC_EIO);
}

static void a_huge_file_is_a_limit_before_it_is_read(void **state)
{
    (void)state;
    struct idx idx;
    put("sparse", images_header, 16);
    assert_int_equal(truncate(own_path("sparse"), (off_t)1 << 40), 0);
    assert_int_equal(oc__idx_load(&idx, own_path("sparse"), 3, 0), OC_ELIMIT);
    unlink(own_path("sparse"));
}

/* ---- the kind mnist ----------------------------------------------------------------------- */

static void a_small_set_opens_under_all_its_names(void **state)
{
    (void)state;
    oc_data *d;
    oc_image image;
    int64_t  label;
    put_small_set();
    assert_int_equal(open_small(&d), OC_OK);
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), SMALL);
    assert_int_equal(oc_data_count(d, OC_PART_VAL), 0);
    assert_int_equal(oc_data_count(d, OC_PART_TEST), SMALL);
    assert_int_equal(oc_data_classes(d), 10);
    assert_string_equal(oc_data_class_name(d, 7), "7");
    const oc_shape shape = oc_data_shape(d);
    assert_true(oc_shape_equal(&shape, &OC_SHAPE(1, 2, 2)));
    assert_int_equal(oc_data_sample(d, OC_PART_TEST, 13, &image, &label), OC_OK);
    assert_int_equal(label, 3);
    assert_int_equal(image.pixel[3], 33);
    oc_image_free(&image);
    assert_int_equal(oc_data_sample(d, OC_PART_TEST, SMALL, &image, &label), OC_EUSAGE);
    oc_data_free(d);
}

static void pictures_with_a_light_border_are_not_prepared_as_digits(void **state)
{
    (void)state;
    uint8_t  bytes[16 + 4 * SMALL] = { 0 };
    oc_data *d;
    put_small_set();
    assert_int_equal(open_small(&d), OC_OK);
    assert_string_equal(oc_data_preparation(d), "grayscale; light_on_dark; digit 28; scale");
    oc_data_free(d);
    memcpy(bytes, images_header, 16);
    memset(bytes + 16 + 4, 130, 4);
    put("t10k-images.idx3-ubyte", bytes, sizeof bytes);
    assert_int_equal(open_small(&d), OC_OK);
    assert_string_equal(oc_data_preparation(d), "grayscale; resize 28,28; scale");
    oc_data_free(d);
}

static void counts_and_sides_must_agree(void **state)
{
    (void)state;
    uint8_t  bytes[16 + 4 * SMALL] = { 0 };
    oc_data *d;
    put_small_set();
    memcpy(bytes, labels_header, 8);
    bytes[7] = SMALL - 1;
    put("t10k-labels-idx1-ubyte", bytes, 8 + SMALL - 1);
    assert_int_equal(open_small(&d), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "29 labels, but 30 images"));
    put_small_set();
    memcpy(bytes, images_header, 16);
    bytes[11] = 4;
    bytes[15] = 1;
    put("t10k-images.idx3-ubyte", bytes, sizeof bytes);
    assert_int_equal(open_small(&d), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "offset 8: side: 4, but 2"));
    put_small_set();
    memset(bytes, 9, sizeof bytes);
    memcpy(bytes, labels_header, 8);
    bytes[8 + 11] = 10;
    put("t10k-labels-idx1-ubyte", bytes, 8 + SMALL);
    assert_int_equal(open_small(&d), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "offset 19: label[11]: 10: must be below 10"));
    assert_null(d);
}

static void what_was_looked_for_is_told(void **state)
{
    (void)state;
    oc_data *d;
    assert_int_equal(oc_data_open(&d, "mnist:/nonexistent"), OC_EIO);
    assert_non_null(strstr(oc_error(), "/nonexistent: no such folder"));
    assert_non_null(strstr(oc_error(), "train-images-idx3-ubyte"));
    put_small_set();
    unlink(own_path("t10k-labels-idx1-ubyte"));
    assert_int_equal(open_small(&d), OC_EIO);
    assert_non_null(strstr(oc_error(), "no file t10k-labels-idx1-ubyte here"));
}

static void a_wrong_specification_is_explained(void **state)
{
    (void)state;
    oc_data *d;
    assert_int_equal(oc_data_open(&d, "mnits:/tmp"), OC_EUSAGE);
    assert_non_null(strstr(oc_error(), "did you mean mnist?"));
    assert_int_equal(oc_data_open(&d, "mnist"), OC_EUSAGE);
    assert_int_equal(oc_data_open(&d, "mnist:"), OC_EUSAGE);
    assert_int_equal(oc_data_open(&d, "mnist:/tmp,speed=3"), OC_EUSAGE);
    assert_int_equal(oc_data_open(&d, "mnist:/tmp/a,b"), OC_EIO);
    assert_non_null(strstr(oc_error(), "/tmp/a,b: no such folder"));
}

static void the_real_mnist_has_known_counts_and_hash(void **state)
{
    (void)state;
    char     spec[4200];
    oc_data *d;
    int64_t  label, of_class[10] = { 0 };
    oc_image image;
    need(data_path("mnist"));
    snprintf(spec, sizeof spec, "mnist:%s", data_path("mnist"));
    assert_int_equal(oc_data_open(&d, spec), OC_OK);
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), 60000);
    assert_int_equal(oc_data_count(d, OC_PART_TEST), 10000);
    assert_string_equal(oc_data_preparation(d), "grayscale; light_on_dark; digit 28; scale");
    for (int64_t i = 0; i < 60000; i++)
        of_class[d->samples.label[i]]++;
    assert_int_equal(of_class[1], 6742);
    assert_int_equal(of_class[5], 5421);
    assert_int_equal(oc_data_sample(d, OC_PART_TRAIN, 0, &image, &label), OC_OK);
    assert_int_equal(label, 5);
    oc_image_free(&image);
    assert_true(oc_data_hash(d) == 0xf8df46d3b5f0e7bbu);
    assert_int_equal(oc_data_split(d, 0.1, 1), OC_OK);
    assert_int_equal(oc_data_count(d, OC_PART_VAL), 6000);
    assert_true(oc_data_hash(d) == 0xf8df46d3b5f0e7bbu);
    oc_data_free(d);
}

/* ---- splitting ---------------------------------------------------------------------------- */

/* Counts how often each sample is in training and validation, by class. */
static void count_parts(const oc_data *d, int train[10], int val[10])
{
    bool seen[SMALL] = { false };
    memset(train, 0, 10 * sizeof *train);
    memset(val, 0, 10 * sizeof *val);
    for (int p = OC_PART_TRAIN; p <= OC_PART_VAL; p++)
        for (int64_t i = 0; i < d->part[p].n; i++) {
            const int64_t index = d->part[p].index[i];
            assert_false(seen[index]);
            seen[index] = true;
            (p == OC_PART_TRAIN ? train : val)[d->samples.label[index]]++;
        }
    for (int i = 0; i < SMALL; i++)
        assert_true(seen[i]);
}

static void a_split_takes_the_same_of_every_class_and_is_seeded(void **state)
{
    (void)state;
    oc_data *d;
    int      train[10], val[10];
    int64_t  first[10];
    put_small_set();
    assert_int_equal(open_small(&d), OC_OK);
    assert_int_equal(oc_data_split(d, 0.34, 7), OC_OK);
    count_parts(d, train, val);
    for (int c = 0; c < 10; c++) {
        assert_int_equal(train[c], 2);
        assert_int_equal(val[c], 1);
    }
    memcpy(first, d->part[OC_PART_VAL].index, sizeof first);
    assert_int_equal(oc_data_split(d, 0.34, 8), OC_OK);
    assert_memory_not_equal(first, d->part[OC_PART_VAL].index, sizeof first);
    assert_int_equal(oc_data_split(d, 0.34, 7), OC_OK);
    assert_memory_equal(first, d->part[OC_PART_VAL].index, sizeof first);
    assert_int_equal(oc_data_split(d, 0, 7), OC_OK);
    assert_int_equal(oc_data_count(d, OC_PART_TRAIN), SMALL);
    assert_int_equal(oc_data_split(d, 1, 7), OC_EUSAGE);
    oc_data_free(d);
}

static void folds_cover_every_sample_once(void **state)
{
    (void)state;
    oc_data *d;
    int      train[10], val[10], times[SMALL] = { 0 };
    put_small_set();
    assert_int_equal(open_small(&d), OC_OK);
    for (int fold = 0; fold < 3; fold++) {
        assert_int_equal(oc_data_folds(d, 3, fold, 5), OC_OK);
        count_parts(d, train, val);
        for (int c = 0; c < 10; c++)
            assert_int_equal(val[c], 1);
        for (int64_t i = 0; i < d->part[OC_PART_VAL].n; i++)
            times[d->part[OC_PART_VAL].index[i]]++;
    }
    for (int i = 0; i < SMALL; i++)
        assert_int_equal(times[i], 1);
    assert_int_equal(oc_data_folds(d, 3, 3, 5), OC_EUSAGE);
    oc_data_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_malformed_files_are_refused_and_the_valid_ones_load),
        cmocka_unit_test(every_truncation_and_flipped_bit_of_an_idx_header_is_refused),
        cmocka_unit_test(every_truncation_and_flipped_bit_of_a_gzip_file_is_noticed),
        cmocka_unit_test(what_follows_the_data_is_an_error),
        cmocka_unit_test(a_header_that_promises_too_much_is_refused_before_memory_is_taken),
        cmocka_unit_test(what_is_not_idx_is_named),
        cmocka_unit_test(a_huge_file_is_a_limit_before_it_is_read),
        cmocka_unit_test(a_small_set_opens_under_all_its_names),
        cmocka_unit_test(pictures_with_a_light_border_are_not_prepared_as_digits),
        cmocka_unit_test(counts_and_sides_must_agree),
        cmocka_unit_test(what_was_looked_for_is_told),
        cmocka_unit_test(a_wrong_specification_is_explained),
        cmocka_unit_test(the_real_mnist_has_known_counts_and_hash),
        cmocka_unit_test(a_split_takes_the_same_of_every_class_and_is_seeded),
        cmocka_unit_test(folds_cover_every_sample_once),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
