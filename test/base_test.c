/* base_test.c — the lowest layer: text, attributes, maps, memory, libraries and random numbers. */
#include "test.h"

#include <math.h>
#include <zlib.h>

#include "base/attr.h"
#include "base/library.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/status.h"

/* ---- text ----------------------------------------------------------------------------------- */

static void a_quote_lets_no_control_byte_through(void **state)
{
    (void)state;
    assert_string_equal(oc__quote_z("a\x1b[31m'\"\\\xff"), "'a\\x1b[31m\\x27\\x22\\x5c\\xff'");
    assert_string_equal(oc__quote("a\0b", 3), "'a\\x00b'");
    char longer[101] = { 0 };
    memset(longer, 'x', 100);
    assert_int_equal(strlen(oc__quote_z(longer)), 64 + 2 + strlen("…"));
}

static void an_error_may_be_made_from_the_last_one(void **state)
{
    (void)state;
    assert_int_equal(oc__fail(OC_EINPUT, "inner"), OC_EINPUT);
    assert_int_equal(oc__fail(OC_EIO, "outer: %s", oc_error()), OC_EIO);
    assert_string_equal(oc_error(), "outer: inner");
}

static void a_string_grows(void **state)
{
    (void)state;
    struct str s = { 0 };
    assert_string_equal(oc__str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        oc__str_addf(&s, "%d,", i);
    assert_int_equal(s.n, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(s.text), s.n);
    assert_memory_equal(s.text + s.n - 8, "998,999,", 9);
    oc__str_clear(&s);
    assert_string_equal(oc__str_text(&s), "");
    oc__str_free(&s);
}

static void the_nearest_word_is_near(void **state)
{
    (void)state;
    const char *const words[] = { "conv", "linear", "maxpool", NULL };
    assert_string_equal(oc__nearest("cnov", words), "conv");
    assert_string_equal(oc__nearest("lineer", words), "linear");
    assert_string_equal(oc__nearest("maxpol", words), "maxpool");
    assert_null(oc__nearest("dropout", words));
    assert_null(oc__nearest("", words));
}

static void a_double_is_written_shortest_and_reads_back(void **state)
{
    (void)state;
    static const struct { double v; const char *text; } cases[] = {
        { 0.1, "0.1" }, { 1e-8, "1e-08" }, { 3, "3" }, { 10000, "10000" }, { -0.0, "-0" },
        { 1.0 / 3, "0.3333333333333333" }, { 5e-324, "5e-324" }, { 1e300, "1e+300" },
        { INFINITY, "inf" }, { -INFINITY, "-inf" }, { NAN, "nan" },
    };
    char text[32];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(oc__double_text(cases[i].v, text), cases[i].text);
    for (uint64_t i = 0; i < 20000; i++) {
        const uint64_t bits = oc__bits(1, i);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        assert_true(oc__double_read(oc__double_text(v, text), &back));
        assert_memory_equal(&v, &back, sizeof v);
    }
}

static void only_whole_finite_decimals_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "3x", " 3", "3 ", "nan", "inf", "0x10", "1e999", "1e",
                                       "--1", ".", "1.2.3", "e5", "+" };
    double v;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(oc__double_read(bad[i], &v));
    assert_true(oc__double_read("-1.5e3", &v));
    assert_true(v == -1500);
}

/* ---- attributes ----------------------------------------------------------------------------- */

static const char *const modes[] = { "same", "valid", NULL };

struct conv {
    int64_t     channels;
    struct ints kernel;
    double      slope;
    bool        bias;
    int         mode;
    char        name[ATTR_TEXT_MAX];
};

static const struct attr conv_attrs[] = {
    ATTR_RANGE(struct conv, INT, channels, "8", "channels made", 1, 4096),
    ATTR_RANGE(struct conv, INTS, kernel, "3,3", "height and width", 1, INFINITY),
    ATTR_RANGE(struct conv, FLOAT, slope, "0.1", "below zero", 0, 1),
    ATTR(struct conv, BOOL, bias, NULL, "adds a bias"),
    ATTR_WORDS(struct conv, mode, "same", "padding", modes),
    ATTR(struct conv, TEXT, name, NULL, "of its parameters"),
    { 0 },
};

static const struct entry conv = { .name = "conv", .summary = "convolution",
                                   .attrs = conv_attrs, .size = sizeof(struct conv) };
static const struct entry relu = { .name = "relu", .summary = "max(x, 0)" };
static const struct entry *const layers[] = { &conv, &relu, NULL };

static void attributes_have_their_defaults(void **state)
{
    (void)state;
    struct conv c;
    oc__attr_defaults(&conv, &c);
    assert_int_equal(c.channels, 8);
    assert_int_equal(c.kernel.n, 2);
    assert_int_equal(c.kernel.v[1], 3);
    assert_true(c.slope == 0.1);
    assert_false(c.bias);
    assert_int_equal(c.mode, 0);
    assert_string_equal(c.name, "");
}

static void attributes_are_read_from_text(void **state)
{
    (void)state;
    struct conv c;
    oc__attr_defaults(&conv, &c);
    assert_int_equal(oc__attr_parse(&conv, &c, "here",
        " 32 kernel=5,7\tslope=2.5e-1 bias mode=valid name=\"a \\\"b\\\"; c=d\" "), OC_OK);
    assert_int_equal(c.channels, 32);
    assert_int_equal(c.kernel.v[0], 5);
    assert_int_equal(c.kernel.v[1], 7);
    assert_true(c.slope == 0.25);
    assert_true(c.bias);
    assert_int_equal(c.mode, 1);
    assert_string_equal(c.name, "a \"b\"; c=d");
}

static void bad_attributes_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } cases[] = {
        { "3x", "'3x': wants a whole number" },
        { "channels=0", "'0': wants 1 to 4096" },
        { "channels=4097", "1 to 4096" },
        { "channels=99999999999999999999", "64 bits" },
        { "channels=1.5", "whole number" },
        { "channels=", "wants a value" },
        { "channels=1 channels=2", "given twice" },
        { "8 channels=2", "given twice" },
        { "8 9", "'9': wants key=value" },
        { "8 slope", "'slope': wants key=value" },
        { "kernel=3,", "whole number" },
        { "kernel=,3", "whole number" },
        { "kernel=0,3", "at least 1" },
        { "kernel=1,1,1,1,1,1,1,1,1", "at most 8" },
        { "slope=nan", "finite" },
        { "slope=inf", "finite" },
        { "slope=1e999", "finite" },
        { "slope=1.0001", "0 to 1" },
        { "slope=-0.1", "0 to 1" },
        { "bias=yes", "true or false" },
        { "mode=vlid", "did you mean valid? Known: same, valid" },
        { "kernle=3", "did you mean kernel? Known: channels, kernel, slope, bias, mode, name" },
        { "=3", "a name before" },
        { "name=\"x", "not closed" },
        { "name=0123456789012345678901234567890123456789012345678901234567890123"
          "0123456789012345678901234567890123456789012345678901234567890123", "127 bytes" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct conv c;
        oc__attr_defaults(&conv, &c);
        const oc_status status = oc__attr_parse(&conv, &c, "layer 7", cases[i].text);
        if (status != OC_EUSAGE)
            fail_msg("\"%s\" gives %d", cases[i].text, status);
        error_says("layer 7: ");
        error_says(cases[i].says);
    }
}

static void help_names_default_and_range(void **state)
{
    (void)state;
    struct str help = { 0 };
    oc__attr_help(&conv, "  ", &help);
    assert_non_null(strstr(help.text, "  channels  8      channels made (1 to 4096)\n"));
    assert_non_null(strstr(help.text, "  kernel    3,3    height and width (at least 1)\n"));
    assert_non_null(strstr(help.text, "  mode      same   padding (same, valid)\n"));
    oc__str_free(&help);
}

static void printed_steps_read_back_equal(void **state)
{
    (void)state;
    static const struct { const char *text, *canonical; } cases[] = {
        { "", "" },
        { " \n", "" },
        { "relu", "relu" },
        { "relu;", "relu" },
        { "conv 8; relu", "conv; relu" },
        { "conv 32 kernel=5;relu ; conv bias", "conv channels=32 kernel=5; relu; conv bias=true" },
        { "conv name=\"a; b\"", "conv name=\"a; b\"" },
        { "conv kernel=\"\" name=\"\\\\\"", "conv kernel=\"\" name=\"\\\\\"" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct steps steps, again;
        struct str text = { 0 }, second = { 0 };
        assert_int_equal(oc__steps_parse(&steps, layers, "layer", cases[i].text), OC_OK);
        oc__steps_print(&steps, &text);
        assert_string_equal(oc__str_text(&text), cases[i].canonical);
        assert_int_equal(oc__steps_parse(&again, layers, "layer", oc__str_text(&text)), OC_OK);
        assert_int_equal(again.n, steps.n);
        oc__steps_print(&again, &second);
        assert_string_equal(oc__str_text(&second), cases[i].canonical);
        oc__steps_free(&steps);
        oc__steps_free(&again);
        oc__str_free(&text);
        oc__str_free(&second);
    }
}

static void bad_steps_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct { const char *text, *says; } cases[] = {
        { "cnov 3", "unknown layer 'cnov': did you mean conv? Known: conv, relu" },
        { "relu; xyzzy", "unknown layer 'xyzzy'; known: conv, relu" },
        { "relu;; relu", "step 2 is empty" },
        { ";", "step 1 is empty" },
        { "relu 3", "step 1 (relu): '3': takes no attributes" },
        { "relu; conv 3x", "step 2 (conv): channels: '3x'" },
        { "conv 3 kernel=40x", "kernel: '40x': wants whole numbers with , or x between them" },
        { "conv 3 kernel=x5", "kernel: 'x5': wants whole numbers" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct steps steps;
        assert_int_equal(oc__steps_parse(&steps, layers, "layer", cases[i].text), OC_EUSAGE);
        assert_int_equal(steps.n, 0);
        error_says(cases[i].says);
    }
}

/* ---- maps, memory, random numbers ----------------------------------------------------------- */

static void a_map_finds_what_was_put(void **state)
{
    (void)state;
    static char keys[5000][16];
    struct map m = { 0 };
    assert_int_equal(oc__map_get(&m, "k0", -1), -1);
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        assert_true(oc__map_put(&m, keys[i], i));
    }
    assert_true(oc__map_put(&m, "k7", 70));
    assert_int_equal(m.n, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(oc__map_get(&m, keys[i], -1), i == 7 ? 70 : i);
    assert_int_equal(oc__map_get(&m, "k5000", -1), -1);
    oc__map_free(&m);
}

static void an_impossible_allocation_is_an_error(void **state)
{
    (void)state;
    assert_null(oc__alloc(SIZE_MAX / 2, 3));
    error_says("out of memory");
    assert_null(oc__block_alloc(SIZE_MAX - 8));
    struct pool pool = { 0 };
    assert_null(oc__pool_alloc(&pool, SIZE_MAX - 3));
    oc__pool_free(&pool);
}

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct pool pool = { 0 };
    for (size_t n = 1; n < 10000; n = n * 3 / 2 + 1) {
        const char *const p = oc__pool_alloc(&pool, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
    }
    oc__pool_free(&pool);
    char *const block = oc__block_alloc(3 << 20);
    assert_int_equal((uintptr_t)block % (2 << 20), 0);
    assert_true(block[0] == 0 && memcmp(block, block + 1, (3 << 20) - 1) == 0);
    oc__block_free(block);
}

static void draws_are_a_function_of_key_and_counter(void **state)
{
    (void)state;
    /* splitmix64 with seed 1234567, by its authors' own code. */
    assert_true(oc__bits(1234567, 0) == 6457827717110365317u);
    assert_true(oc__bits(1234567, 1) == 3203168211198807973u);
    assert_true(oc__key(1, 2) != oc__key(2, 1));
    assert_true(oc__key(oc__key(1, 2), 3) != oc__key(oc__key(1, 3), 2));
}

static void draws_are_roughly_uniform_and_normal(void **state)
{
    (void)state;
    enum { N = 200000, BINS = 20 };
    int bin[BINS] = { 0 }, below[7] = { 0 };
    double mean = 0, square = 0;
    for (uint64_t i = 0; i < N; i++) {
        const double u = oc__uniform(5, i), z = oc__normal(6, i);
        assert_true(u >= 0 && u < 1 && isfinite(z));
        bin[(int)(u * BINS)]++;
        below[oc__below(7, i, 7)]++;
        mean += z / N;
        square += z * z / N;
    }
    for (int i = 0; i < BINS; i++)
        assert_in_range(bin[i], N / BINS - 500, N / BINS + 500);
    for (int i = 0; i < 7; i++)
        assert_in_range(below[i], N / 7 - 800, N / 7 + 800);
    assert_true(fabs(mean) < 0.01 && fabs(square - 1) < 0.02);
    for (uint64_t i = 0; i < 1000; i++)
        assert_in_range(oc__below(8, i, INT64_MAX), 0, INT64_MAX - 1);
}

static void a_permutation_holds_each_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t order[N], again[N], moved = 0;
    bool seen[N] = { 0 };
    oc__permutation(3, N, order);
    oc__permutation(3, N, again);
    assert_memory_equal(order, again, sizeof order);
    for (int i = 0; i < N; i++) {
        assert_in_range(order[i], 0, N - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        moved += order[i] != i;
    }
    assert_true(moved > N - 10);
    oc__permutation(3, 0, order);
}

static void keep_line(void *context, oc_log_level level, const char *line)
{
    snprintf(context, 64, "%d %s", (int)level, line);
}

static void warnings_reach_the_function_that_was_set(void **state)
{
    (void)state;
    char line[64] = "";
    oc__warn("dropped");
    oc_log_set(keep_line, line);
    oc__warn("%d rows", 3);
    assert_string_equal(line, "1 3 rows");
    oc__note("n");
    assert_string_equal(line, "0 n");
    oc_log_set(NULL, NULL);
    oc__warn("dropped");
    assert_string_equal(line, "0 n");
}

/* ---- libraries ------------------------------------------------------------------------------ */

#define ZLIB(F)    F(, crc32) F(, adler32)
#define UNKNOWN(F) F(, crc32) F(oc_, error)
LIBRARY(zlib, "libz.so.1", "checksums", ZLIB)
LIBRARY(lacking, "libz.so.1", "checksums", UNKNOWN)
LIBRARY(missing, "libnot-there.so.7", "wishes", ZLIB)

static void a_library_is_opened_when_it_is_needed(void **state)
{
    (void)state;
    assert_null(zlib.crc32);
    for (int i = 0; i < 2; i++)
        assert_ok(zlib_open());
    assert_true(zlib.crc32(0, (const unsigned char *)"123456789", 9) == 0xcbf43926);
    assert_true(zlib.adler32(1, (const unsigned char *)"a", 1) == 0x620062);
}

static void a_library_that_is_missing_or_another_is_told(void **state)
{
    (void)state;
    assert_int_equal(missing_open(), OC_EIO);
    error_says("wishes need a library");
    error_says("libnot-there.so.7");
    assert_int_equal(lacking_open(), OC_EIO);
    error_says("libz.so.1: has no function oc_error");
    assert_int_equal(lacking_open(), OC_EIO);           /* and stays closed */
}

static void count_lines(void *context, oc_log_level level, const char *line)
{
    (void)line;
    *(int *)context += level == OC_WARNING;
}

static void what_is_wrong_with_a_file_is_told_once(void **state)
{
    (void)state;
    int heard = 0;
    oc_log_set(count_lines, &heard);
    for (int epoch = 0; epoch < 10; epoch++)
        for (int file = 0; file < 100; file++)
            oc__warn_once("%d.jpg: is damaged", file);
    assert_int_equal(heard, 100);
    for (int file = 100; file < 50000; file++)          /* far more than can be remembered */
        oc__warn_once("%d.jpg: is damaged", file);
    assert_int_equal(heard, 50000);
    oc__warn("said again");
    oc__warn("said again");
    assert_int_equal(heard, 50002);
    oc_log_set(count_lines, &heard);
    oc__warn_once("0.jpg: is damaged");                 /* to whom it is news */
    assert_int_equal(heard, 50003);
    oc_log_set(NULL, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quote_lets_no_control_byte_through),
        cmocka_unit_test(an_error_may_be_made_from_the_last_one),
        cmocka_unit_test(a_string_grows),
        cmocka_unit_test(the_nearest_word_is_near),
        cmocka_unit_test(a_double_is_written_shortest_and_reads_back),
        cmocka_unit_test(only_whole_finite_decimals_are_read),
        cmocka_unit_test(attributes_have_their_defaults),
        cmocka_unit_test(attributes_are_read_from_text),
        cmocka_unit_test(bad_attributes_are_refused_with_the_reason),
        cmocka_unit_test(help_names_default_and_range),
        cmocka_unit_test(printed_steps_read_back_equal),
        cmocka_unit_test(bad_steps_are_refused_with_the_reason),
        cmocka_unit_test(a_map_finds_what_was_put),
        cmocka_unit_test(an_impossible_allocation_is_an_error),
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(draws_are_a_function_of_key_and_counter),
        cmocka_unit_test(draws_are_roughly_uniform_and_normal),
        cmocka_unit_test(a_permutation_holds_each_once),
        cmocka_unit_test(a_library_is_opened_when_it_is_needed),
        cmocka_unit_test(a_library_that_is_missing_or_another_is_told),
        cmocka_unit_test(warnings_reach_the_function_that_was_set),
        cmocka_unit_test(what_is_wrong_with_a_file_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
