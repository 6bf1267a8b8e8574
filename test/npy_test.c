/* npy_test.c — NumPy arrays, sound and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/mem.h"
#include "format/npy.h"

static char path[] = "/tmp/ocellus-npy-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

/* Writes a file of this version and header, then `bytes` of data 0, 1, 2 …; returns its size. */
static size_t put(int version, const char *header, size_t bytes)
{
    uint8_t      b[512] = "\x93NUMPY";
    const size_t n = strlen(header), length = version == 1 ? 2 : 4, at = 8 + length;
    assert_true(at + n + bytes <= sizeof b);
    b[6] = (uint8_t)version;
    b[8] = (uint8_t)n;
    memcpy(b + at, header, n);
    for (size_t i = 0; i < bytes; i++)
        b[at + n + i] = (uint8_t)i;
    assert_int_equal(oc__write_file(path, b, at + n + bytes, WRITE_REPLACE), OC_OK);
    return at + n + bytes;
}

static void bytes_and_floats_of_every_version_are_read(void **state)
{
    (void)state;
    static const struct { const char *descr; oc_dtype dtype; } types[] = {
        { "|u1", OC_U8 }, { "<f4", OC_F32 }, { "<f8", OC_F64 },
    };
    for (int version = 1; version <= 3; version++)
        for (int i = 0; i < 3; i++) {
            char      header[128];
            oc_tensor t;
            snprintf(header, sizeof header,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }   \n",
                     types[i].descr);
            put(version, header, 6 * oc_dtype_size(types[i].dtype));
            assert_int_equal(oc__npy_load(&t, path), OC_OK);
            assert_int_equal(t.dtype, types[i].dtype);
            assert_true(oc_shape_equal(&t.shape, &OC_SHAPE(2, 3)));
            assert_int_equal(((uint8_t *)t.data)[5], 5);
            oc__npy_free(&t);
        }
}

static void any_rank_up_to_eight_is_read(void **state)
{
    (void)state;
    oc_tensor t;
    put(1, "{'shape': (), 'descr': '|u1', 'fortran_order': False}", 1);
    assert_int_equal(oc__npy_load(&t, path), OC_OK);
    assert_int_equal(t.shape.rank, 0);
    oc__npy_free(&t);
    put(1, "{'shape': (7,), 'descr': '|u1', 'fortran_order': False}", 7);
    assert_int_equal(oc__npy_load(&t, path), OC_OK);
    assert_int_equal(t.shape.dim[0], 7);
    oc__npy_free(&t);
    put(1, "{'shape': (1,1,1,1,1,1,1,1,1), 'descr': '|u1', 'fortran_order': False}", 1);
    assert_int_equal(oc__npy_load(&t, path), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "at most 8 dimensions"));
}

static void unsound_headers_are_refused_with_their_place(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "", "{", "{}", "[]", "{'descr': '<f4'}",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (4,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': 4}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-4,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4 4)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'shape': (4,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4,)} x",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'more': 1}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4000000000, 4000000000)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        oc_tensor t;
        put(1, headers[i], 4);
        assert_int_equal(oc__npy_load(&t, path), OC_EINPUT);
        assert_non_null(strstr(oc_error(), path));
        assert_null(t.data);
    }
}

static void every_truncation_is_refused_and_every_flipped_bit_survived(void **state)
{
    (void)state;
    oc_tensor    t;
    char        *bytes;
    size_t       n;
    const size_t size = put(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}", 4);
    assert_int_equal(oc__file_load(path, 1 << 10, &bytes, &n), OC_OK);
    assert_int_equal(n, size);
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(oc__write_file(path, bytes, k, WRITE_REPLACE), OC_OK);
        assert_int_equal(oc__npy_load(&t, path), OC_EINPUT);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(oc__write_file(path, bytes, n, WRITE_REPLACE), OC_OK);
        if (oc__npy_load(&t, path) == OC_OK)
            assert_true(oc_shape_count(&t.shape) <= 4);
        oc__npy_free(&t);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    oc__free(bytes);
}

static void another_format_is_named(void **state)
{
    (void)state;
    oc_tensor t;
    assert_int_equal(oc__write_file(path, "\x89PNG\r\n\x1a\n........", 16, WRITE_REPLACE), OC_OK);
    assert_int_equal(oc__npy_load(&t, path), OC_EINPUT);
    assert_non_null(strstr(oc_error(), "not a NumPy array: this is a PNG"));
    assert_int_equal(oc__npy_load(&t, "/nonexistent.npy"), OC_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_floats_of_every_version_are_read),
        cmocka_unit_test(any_rank_up_to_eight_is_read),
        cmocka_unit_test(unsound_headers_are_refused_with_their_place),
        cmocka_unit_test(every_truncation_is_refused_and_every_flipped_bit_survived),
        cmocka_unit_test(another_format_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
