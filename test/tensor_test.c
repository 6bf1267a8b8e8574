/* tensor_test.c — 16-bit numbers, elements of every type, shapes. */
#include "test.h"

#include <math.h>

#include "tensor/half.h"

static void every_16_bit_number_survives_the_way_to_double(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        assert_int_equal(oc__f16_from_double(oc__f16_to_double((uint16_t)i)), i);
        assert_int_equal(oc__bf16_from_double(oc__bf16_to_double((uint16_t)i)), i);
    }
}

/* Between two neighbours the middle goes to the even one; what is nearer to one goes there. */
static void narrowing_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 0x7bff; i++) {
        const double a = oc__f16_to_double(i), b = oc__f16_to_double((uint16_t)(i + 1));
        const double middle = (a + b) / 2;
        assert_int_equal(oc__f16_from_double(middle), i + (i & 1));
        assert_int_equal(oc__f16_from_double(nextafter(middle, 0)), i);
        assert_int_equal(oc__f16_from_double(nextafter(middle, b)), i + 1);
        assert_int_equal(oc__f16_from_double(-nextafter(middle, b)), 0x8000 + i + 1);
    }
    assert_int_equal(oc__f16_from_double(65520), 0x7c00);
    assert_int_equal(oc__f16_from_double(65519.99), 0x7bff);
    assert_int_equal(oc__f16_from_double(0x1p-25), 0);
    assert_int_equal(oc__f16_from_double(1e300), 0x7c00);
    assert_int_equal(oc__f16_from_double(-1e-300), 0x8000);
    assert_int_equal(oc__bf16_from_double(1 + 0x1p-8), 0x3f80);
    assert_int_equal(oc__bf16_from_double(1 + 3 * 0x1p-8), 0x3f82);
    assert_int_equal(oc__bf16_from_double(INFINITY), 0x7f80);
    assert_true(isnan(oc__bf16_to_double(oc__bf16_from_double(NAN))));
}

static void whole_numbers_are_rounded_and_held_in_range(void **state)
{
    (void)state;
    static const struct { oc_dtype type; double v, back; } cases[] = {
        { OC_U8, 254.5, 254 }, { OC_U8, 300, 255 }, { OC_U8, -3, 0 }, { OC_U8, NAN, 0 },
        { OC_I8, -128.4, -128 }, { OC_I8, -1.5, -2 }, { OC_I32, 3e9, 2147483647 },
        { OC_I64, 1e300, 0x1p63 }, { OC_I64, -1e300, -0x1p63 }, { OC_I64, -7, -7 },
        { OC_U16, 70000, 65535 }, { OC_U32, 5e9, 4294967295 }, { OC_U32, -1, 0 },
        { OC_I16, -40000, -32768 }, { OC_I16, 2.5, 2 }, { OC_U64, 1e300, 0x1p64 },
        { OC_U64, 0x1p63, 0x1p63 }, { OC_U64, -7, 0 },
        { OC_BOOL, 0.25, 1 }, { OC_BOOL, 0, 0 }, { OC_F32, 0.1, 0.1f }, { OC_F64, 0.1, 0.1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t memory[2] = { 0 };
        const oc_tensor t = { cases[i].type, OC_SHAPE(2), memory };
        oc_tensor_set(&t, 1, cases[i].v);
        assert_true(oc_tensor_get(&t, 1) == cases[i].back);
        assert_true(oc_tensor_get(&t, 0) == 0);
    }
}

static void shapes_are_counted_without_wrapping(void **state)
{
    (void)state;
    const int64_t big = INT64_C(1) << 40;
    assert_int_equal(oc_shape_count(&(oc_shape){ 0 }), 1);
    assert_int_equal(oc_shape_count(&OC_SHAPE(2, 3, 4)), 24);
    assert_int_equal(oc_shape_count(&OC_SHAPE(2, OC_UNKNOWN)), OC_UNKNOWN);
    assert_int_equal(oc_shape_count(&OC_SHAPE(big, big)), INT64_MAX);
    assert_int_equal(oc_shape_count(&OC_SHAPE(big, big, 0)), 0);
    assert_true(oc_shape_equal(&OC_SHAPE(2, 3), &OC_SHAPE(2, 3)));
    assert_false(oc_shape_equal(&OC_SHAPE(2, 3), &OC_SHAPE(2, 3, 1)));
    const oc_tensor t = { OC_F64, OC_SHAPE(big, big), NULL };
    assert_true(oc_tensor_bytes(&t) == SIZE_MAX);
    for (int i = 0; i < OC_DTYPES; i++)
        assert_true(oc_dtype_size((oc_dtype)i) > 0 && oc_dtype_name((oc_dtype)i)[0]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_16_bit_number_survives_the_way_to_double),
        cmocka_unit_test(narrowing_rounds_to_nearest_even),
        cmocka_unit_test(whole_numbers_are_rounded_and_held_in_range),
        cmocka_unit_test(shapes_are_counted_without_wrapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
