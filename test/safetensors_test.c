/* safetensors_test.c — reading files that lie, and writing files that read back. */
#include "test.h"

#include <math.h>

#include "base/status.h"
#include "format/safetensors.h"

/* ---- files made by others ------------------------------------------------------------------- */

static bool is_valid(const char *name)
{
    return strncmp(name, "valid_", strlen("valid_")) == 0;
}

static void malformed_files_are_refused_by_name_and_reason(void **state)
{
    (void)state;
    const char *const folder = shared_data("malformed/safetensors");
    struct names names;
    int valid = 0, refused = 0;
    assert_int_equal(oc__list_directory(folder, &names), OC_OK);
    for (size_t i = 0; i < names.n; i++) {
        char path[600];
        struct weights w;
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        const oc_status status = oc__weights_open(&w, path);
        if (status != (is_valid(names.name[i]) ? OC_OK : OC_EINPUT))
            fail_msg("%s gives %d (%s)", path, status, oc_error());
        if (status < 0) {
            assert_null(w.tensor);
            error_says(path);
            error_says("offset ");
            refused++;
        } else {
            valid++;
        }
        oc__weights_close(&w);
    }
    oc__names_free(&names);
    assert_int_equal(valid, 5);
    assert_int_equal(refused, 29);
}

static void a_malformed_file_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct { const char *file, *says; } cases[] = {
        { "empty_file", "offset 0: truncated: need 8 bytes, have 0" },
        { "short_7_bytes", "truncated: need 8 bytes, have 7" },
        { "header_len_zero", "header length: 0" },
        { "header_len_100mb_plus1", "exceeds the limit of 100000000" },
        { "header_len_beyond_file", "truncated: header length" },
        { "json_array", "begins with '['" },
        { "bad_utf8", "not UTF-8" },
        { "duplicate_key", "occurs twice" },
        { "deep_nesting", "" },
        { "unknown_dtype", "not a known type" },
        { "offsets_reversed", "before the begin" },
        { "offsets_negative", "wants at least 0" },
        { "offsets_overlap", "inside the one before" },
        { "offsets_hole", "leaving a hole" },
        { "trailing_bytes", "after the last tensor" },
        { "size_shape_mismatch", "shape and dtype ask for" },
        { "shape_overflow", "exceeds 2^63" },
        { "shape_negative", "wants at least 0" },
        { "shape_float", "wants a whole number" },
        { "shape_huge_rank", "more than 8 dimensions" },
        { "missing_field", "data_offsets is missing" },
        { "three_offsets", "wants two numbers" },
        { "metadata_not_strings", "where a string is expected" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[100];
        struct weights w;
        snprintf(name, sizeof name, "malformed/safetensors/%s.safetensors", cases[i].file);
        assert_int_equal(oc__weights_open(&w, shared_data(name)), OC_EINPUT);
        error_says(cases[i].says);
    }
}

static void models_of_others_are_listed(void **state)
{
    (void)state;
    struct weights w;
    assert_int_equal(oc__weights_open(&w, shared_data("models/burn_mnist/mnist.safetensors")),
                     OC_OK);
    const int i = oc__weights_find(&w, "conv1.weight");
    assert_true(i >= 0);
    assert_true(oc_shape_equal(&w.tensor[i].shape, &OC_SHAPE(8, 1, 3, 3)));
    assert_string_equal(w.tensor[i].type, "F32");
    assert_int_equal(oc__weights_find(&w, "conv1.weigh"), -1);
    float weights[72];
    double wide[72];
    int64_t nonfinite = -1;
    const oc_tensor into = { OC_F32, OC_SHAPE(8, 1, 3, 3), weights };
    const oc_tensor into_wide = { OC_F64, OC_SHAPE(8, 1, 3, 3), wide };
    assert_int_equal(oc__weights_read(&w, i, &into, &nonfinite), OC_OK);
    assert_int_equal(nonfinite, 0);
    assert_int_equal(oc__weights_read(&w, i, &into_wide, NULL), OC_OK);
    for (int k = 0; k < 72; k++)
        assert_true(wide[k] == (double)weights[k] && fabs(wide[k]) < 10);
    const oc_tensor wrong = { OC_F32, OC_SHAPE(72), weights };
    assert_int_equal(oc__weights_read(&w, i, &wrong, NULL), OC_EINPUT);
    error_says("[8, 1, 3, 3] is its shape, wanted is [72]");
    oc__weights_close(&w);
    const char *const other = shared_data("models/burn_mnist/multi_layer.safetensors");
    assert_int_equal(oc__weights_open(&w, other), OC_OK);
    assert_true(w.n > 0);
    oc__weights_close(&w);
}

static void a_file_of_another_format_is_named(void **state)
{
    (void)state;
    struct weights w;
    static const char png[64] = "\x89PNG\r\n\x1a\n";
    assert_int_equal(oc__write_file(place("p"), png, sizeof png, WRITE_NEW), OC_OK);
    assert_int_equal(oc__weights_open(&w, place("p")), OC_EINPUT);
    error_says("this is a PNG");
    assert_int_equal(oc__weights_open(&w, "/dev/zero"), OC_EIO);
    assert_int_equal(oc__weights_open(&w, place("missing")), OC_EIO);
    assert_int_equal(remove(place("p")), 0);
}

/* ---- files made here ------------------------------------------------------------------------ */

/* Writes a header and `data` bytes behind it, and opens that. */
static oc_status open_header(struct weights *w, const char *header, size_t data)
{
    char bytes[4096] = { 0 };
    const uint64_t n = strlen(header);
    memcpy(bytes, &n, sizeof n);
    memcpy(bytes + sizeof n, header, n);
    assert_int_equal(oc__write_file(place("h"), bytes, sizeof n + n + data, WRITE_REPLACE), OC_OK);
    const oc_status status = oc__weights_open(w, place("h"));
    assert_int_equal(remove(place("h")), 0);
    return status;
}

static void headers_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct { const char *header, *says; size_t data; } cases[] = {
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1e0],\"data_offsets\":[0,1]}}", "whole number", 1 },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[01],\"data_offsets\":[0,1]}}", "begins with 0", 1 },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-0],\"data_offsets\":[0,0]}}", "whole number", 0 },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}}",
          "64 bits", 0 },
        { "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", "no whole bytes", 2 },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}",
          "not a known field", 4 },
        { "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
          "occurs twice", 4 },
        { "{\"a\":{\"dtype\":\"U8\",\"shape\":[[4]],\"data_offsets\":[0,4]}}", "a number", 4 },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", "occurs twice", 0 },
        { "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "'k' occurs twice", 0 },
        { "{\"__metadata__\":{\"k\":null}}", "a string", 0 },
        { "{\"\\u0000\":{}}", "null character", 0 },
        { "{\"\\ud800\":{}}", "surrogate", 0 },
        { "{} x", "the end", 0 },
        { "{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}", "not a known field", 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct weights w;
        const oc_status status = open_header(&w, cases[i].header, cases[i].data);
        if (status != OC_EINPUT)
            fail_msg("%s gives %d", cases[i].header, status);
        error_says(cases[i].says);
    }
}

static void types_of_others_are_listed_but_not_read(void **state)
{
    (void)state;
    struct weights w;
    char bytes[4];
    assert_int_equal(open_header(&w,
        "{\"b\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[4,6]},"
        "\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}  ", 6), OC_OK);
    assert_int_equal(w.n, 2);
    assert_string_equal(w.tensor[0].name, "a");
    assert_string_equal(w.tensor[0].type, "F8_E4M3");
    assert_int_equal(w.tensor[0].dtype, -1);
    const oc_tensor into = { OC_U8, OC_SHAPE(4), bytes };
    assert_int_equal(oc__weights_read(&w, 0, &into, NULL), OC_EINPUT);
    error_says("tensor 'a': its type F8_E4M3 is listed but cannot be read");
    oc__weights_close(&w);
}

static float f32_values[6] = { 1, -0.0f, 0.1f, INFINITY, 1e-45f, NAN };
static uint16_t f16_values[2] = { 0x3c00, 0x8001 };
static int64_t i64_values[1] = { INT64_MIN };
static uint8_t u8_values[3] = { 0, 128, 255 };
static struct named_tensor some_tensors[] = {
    { "z.u8", { OC_U8, { 1, { 3 } }, u8_values } },
    { "b.weight", { OC_F32, { 2, { 2, 3 } }, f32_values } },
    { "half", { OC_F16, { 1, { 2 } }, f16_values } },
    { "a \"é\"\n", { OC_F32, { 2, { 0, 3 } }, f32_values } },
    { "steps", { OC_I64, { 0 }, i64_values } },
};
static const struct pair some_metadata[] = { { "task", "classify" }, { "classes", "0,1\t\"2\"" } };
static const struct weights_content some_content = {
    some_tensors, COUNT(some_tensors), some_metadata, COUNT(some_metadata),
};

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct weights w;
    assert_int_equal(oc__weights_write(place("w"), &some_content, WRITE_NEW), OC_OK);
    assert_int_equal(oc__weights_open(&w, place("w")), OC_OK);
    assert_string_equal(w.format, "safetensors");
    assert_int_equal(w.data_at % 8, 0);
    assert_int_equal(w.n, COUNT(some_tensors));
    static const char *const order[] = { "steps", "a \"é\"\n", "b.weight", "half", "z.u8" };
    for (int i = 0; i < w.n; i++)
        assert_string_equal(w.tensor[i].name, order[i]);
    for (size_t i = 0; i < COUNT(some_tensors); i++) {
        char bytes[64];
        const oc_tensor *const t = &some_tensors[i].tensor;
        const oc_tensor into = { t->dtype, t->shape, bytes };
        const int at = oc__weights_find(&w, some_tensors[i].name);
        int64_t nonfinite;
        assert_true(at >= 0);
        assert_int_equal(oc__weights_read(&w, at, &into, &nonfinite), OC_OK);
        assert_memory_equal(bytes, t->data, oc_tensor_bytes(t));
        assert_int_equal(nonfinite, i == 1 ? 2 : 0);
    }
    assert_string_equal(oc__weights_metadata(&w, "task"), "classify");
    assert_string_equal(oc__weights_metadata(&w, "classes"), "0,1\t\"2\"");
    assert_null(oc__weights_metadata(&w, "other"));
    oc__weights_close(&w);
    assert_int_equal(remove(place("w")), 0);
}

static void the_same_content_gives_the_same_bytes(void **state)
{
    (void)state;
    struct named_tensor reversed[COUNT(some_tensors)];
    for (size_t i = 0; i < COUNT(reversed); i++)
        reversed[i] = some_tensors[COUNT(reversed) - 1 - i];
    const struct pair metadata[] = { some_metadata[1], some_metadata[0] };
    const struct weights_content other = { reversed, COUNT(reversed), metadata, COUNT(metadata) };
    char *a, *b;
    size_t n, m;
    assert_int_equal(oc__safetensors_write(place("a"), &some_content, WRITE_NEW), OC_OK);
    assert_int_equal(oc__safetensors_write(place("b"), &other, WRITE_NEW), OC_OK);
    assert_int_equal(oc__file_load(place("a"), 10000, &a, &n), OC_OK);
    assert_int_equal(oc__file_load(place("b"), 10000, &b, &m), OC_OK);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    assert_memory_equal(a + 8, "{\"__metadata__\":{\"classes\":", 26);
    oc__free(a);
    oc__free(b);
    assert_int_equal(remove(place("a")), 0);
    assert_int_equal(remove(place("b")), 0);
}

/* The first Python that has a reader of the format, or NULL. */
static const char *python_with_reader(void)
{
    static const char *const pythons[] = { "build/peers/bin/python3", "python3",
                                           "/usr/bin/python3" };
    for (size_t i = 0; i < COUNT(pythons); i++) {
        char command[200];
        snprintf(command, sizeof command, "%s -c 'import numpy, safetensors.numpy' 2>/dev/null",
                 pythons[i]);
        if (system(command) == 0)
            return pythons[i];
    }
    return NULL;
}

static void the_formats_own_reader_agrees(void **state)
{
    (void)state;
    const char *const python = python_with_reader();
    char command[600];
    if (!python) {
        printf("skipped: no Python with safetensors and numpy is here\n");
        skip();
    }
    assert_int_equal(oc__safetensors_write(place("w"), &some_content, WRITE_NEW), OC_OK);
    snprintf(command, sizeof command,
             "%s -c 'import sys, numpy; from safetensors.numpy import load_file; "
             "t = load_file(sys.argv[1]); w = t[\"b.weight\"]; "
             "assert len(t) == 5 and w.shape == (2, 3) and w.dtype == numpy.float32; "
             "assert w[0, 2] == numpy.float32(0.1) and numpy.isnan(w[1, 2]); "
             "assert t[\"steps\"] == -2**63 and list(t[\"z.u8\"]) == [0, 128, 255]' %s",
             python, place("w"));
    assert_int_equal(system(command), 0);
    assert_int_equal(remove(place("w")), 0);
}

static void content_that_cannot_be_written_leaves_no_file(void **state)
{
    (void)state;
    static const char *const paths[] = { "x.safetensors", "x.json" };
    const oc_tensor one = { OC_U8, OC_SHAPE(1), u8_values };
    const struct named_tensor twice[] = { { "a", one }, { "a", one } }, bad = { "\xff", one };
    const struct pair bad_value = { "k", "\xc0\x80" }, keys[] = { { "k", "1" }, { "k", "2" } };
    const struct weights_content contents[] = {
        { twice, 2, NULL, 0 }, { &bad, 1, NULL, 0 }, { NULL, 0, &bad_value, 1 },
        { NULL, 0, keys, 2 },
    };
    for (size_t i = 0; i < COUNT(contents) * COUNT(paths); i++) {
        const char *const path = place(paths[i % COUNT(paths)]);
        assert_int_equal(oc__weights_write(path, &contents[i / COUNT(paths)], WRITE_NEW),
                         OC_EUSAGE);
        error_says(path);
    }
    assert_int_equal(files_in_place(), 0);
}

/* ---- damage --------------------------------------------------------------------------------- */

/* A small valid file as bytes. */
static char *small_file(size_t *n)
{
    char *bytes;
    assert_int_equal(oc__safetensors_write(place("s"), &some_content, WRITE_REPLACE), OC_OK);
    assert_int_equal(oc__file_load(place("s"), 10000, &bytes, n), OC_OK);
    return bytes;
}

static oc_status open_bytes(const char *bytes, size_t n)
{
    struct weights w;
    FILE *const f = fopen(place("s"), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    const oc_status status = oc__weights_open(&w, place("s"));
    for (int i = 0; i < w.n; i++) {
        char data[64];
        const oc_tensor into = { (oc_dtype)w.tensor[i].dtype, w.tensor[i].shape, data };
        if (w.tensor[i].dtype >= 0 && oc_tensor_bytes(&into) <= sizeof data)
            assert_int_equal(oc__weights_read(&w, i, &into, NULL), OC_OK);
    }
    oc__weights_close(&w);
    return status;
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    size_t n;
    char *const bytes = small_file(&n);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(open_bytes(bytes, cut), OC_EINPUT);
    assert_int_equal(open_bytes(bytes, n), OC_OK);
    oc__free(bytes);
    assert_int_equal(remove(place("s")), 0);
}

static void a_file_with_any_bit_flipped_is_read_or_refused(void **state)
{
    (void)state;
    size_t n;
    char *const bytes = small_file(&n);
    int refused = 0;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        const oc_status status = open_bytes(bytes, n);
        assert_true(status == OC_OK || status == OC_EINPUT || status == OC_ELIMIT);
        refused += status < 0;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    assert_true(refused > 64);
    oc__free(bytes);
    assert_int_equal(remove(place("s")), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_files_are_refused_by_name_and_reason),
        cmocka_unit_test(a_malformed_file_says_what_is_wrong),
        cmocka_unit_test(models_of_others_are_listed),
        cmocka_unit_test(a_file_of_another_format_is_named),
        cmocka_unit_test(headers_that_lie_are_refused),
        cmocka_unit_test(types_of_others_are_listed_but_not_read),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_same_content_gives_the_same_bytes),
        cmocka_unit_test(the_formats_own_reader_agrees),
        cmocka_unit_test(content_that_cannot_be_written_leaves_no_file),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_file_with_any_bit_flipped_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
