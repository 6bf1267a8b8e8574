/* base_test.c — the lowest layer: text, attributes, random numbers, files, and half precision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/status.h"
#include "tensor/half.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void error_says(const char *part)
{
    if (!strstr(oc_error(), part))
        fail_msg("the error is \"%s\", without \"%s\"", oc_error(), part);
}

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

static const struct entry conv = { "conv", "convolution", conv_attrs, sizeof(struct conv) };
static const struct entry relu = { "relu", "max(x, 0)", NULL, 0 };
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
        { "name=0123456789012345678901234567890123456789012345678901234567890123", "63 bytes" },
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

/* ---- files ---------------------------------------------------------------------------------- */

static char directory[] = "/tmp/oc-base-XXXXXX";

static const char *place(const char *name)
{
    static char path[4][256];
    static int turn;
    char *const p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", directory, name);
    return p;
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    struct names names;
    if (oc__list_directory(directory, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++)
        remove(place(names.name[i]));
    oc__names_free(&names);
    return rmdir(directory);
}

static void file_holds(const char *name, const char *text)
{
    char *data;
    size_t n;
    assert_int_equal(oc__file_load(place(name), 1000, &data, &n), OC_OK);
    assert_int_equal(n, strlen(text));
    assert_string_equal(data, text);
    oc__free(data);
}

static size_t files_in_directory(void)
{
    struct names names;
    assert_int_equal(oc__list_directory(directory, &names), OC_OK);
    const size_t n = names.n;
    oc__names_free(&names);
    return n;
}

static void a_written_file_is_there_whole(void **state)
{
    (void)state;
    assert_int_equal(oc__write_file(place("a"), "first", 5, WRITE_NEW), OC_OK);
    file_holds("a", "first");
    assert_int_equal(oc__write_file(place("a"), "second!", 7, WRITE_REPLACE), OC_OK);
    file_holds("a", "second!");
    assert_int_equal(oc__write_file(place("a"), "", 0, WRITE_REPLACE), OC_OK);
    file_holds("a", "");
    assert_int_equal(files_in_directory(), 1);
    assert_int_equal(remove(place("a")), 0);
}

static void a_new_file_never_replaces_one(void **state)
{
    (void)state;
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_NEW), OC_OK);
    assert_int_equal(oc__write_file(place("a"), "new", 3, WRITE_NEW), OC_EIO);
    error_says("/a: exists already");
    file_holds("a", "old");
    assert_int_equal(files_in_directory(), 1);
    assert_int_equal(remove(place("a")), 0);
}

static void an_abandoned_or_incomplete_write_leaves_nothing(void **state)
{
    (void)state;
    struct writer w;
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_NEW), OC_OK);
    assert_int_equal(oc__write_begin(&w, place("a"), 100), OC_OK);
    assert_int_equal(oc__write(&w, "new", 3), OC_OK);
    assert_int_equal(files_in_directory(), 2);
    oc__write_abandon(&w);
    oc__write_abandon(&w);
    assert_int_equal(files_in_directory(), 1);

    assert_int_equal(oc__write_begin(&w, place("a"), 100), OC_OK);
    assert_int_equal(oc__write(&w, "new", 3), OC_OK);
    assert_int_equal(oc__write_commit(&w, WRITE_REPLACE), OC_EBUG);
    assert_int_equal(oc__write(&w, "more", 4), OC_EBUG);
    assert_int_equal(oc__write_commit(&w, WRITE_REPLACE), OC_EBUG);
    assert_int_equal(files_in_directory(), 1);
    file_holds("a", "old");
    assert_int_equal(remove(place("a")), 0);
}

static void a_write_that_cannot_succeed_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(oc__write_file(place("no/such"), "x", 1, WRITE_NEW), OC_EIO);
    error_says("/no/such: ");
    assert_int_equal(oc__write_file(place(""), "x", 1, WRITE_NEW), OC_EIO);
    assert_int_equal(oc__write_file("", "x", 1, WRITE_NEW), OC_EIO);
    struct writer w;
    assert_int_equal(oc__write_begin(&w, place("huge"), INT64_MAX / 2), OC_EIO);
    error_says("/huge: ");
    assert_int_equal(mkdir(place("d"), 0755), 0);
    assert_int_equal(oc__write_file(place("d"), "x", 1, WRITE_REPLACE), OC_EIO);
    assert_int_equal(rmdir(place("d")), 0);
    assert_int_equal(files_in_directory(), 0);
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
    (void)state;
    struct file f;
    assert_int_equal(mkfifo(place("fifo"), 0600), 0);
    assert_int_equal(symlink("loop", place("loop")), 0);
    assert_int_equal(oc__file_open(&f, place("fifo")), OC_EIO);
    error_says("/fifo: not a regular file");
    assert_int_equal(oc__file_open(&f, directory), OC_EIO);
    error_says("not a regular file");
    assert_int_equal(oc__file_open(&f, "/dev/zero"), OC_EIO);
    error_says("/dev/zero: not a regular file");
    assert_int_equal(oc__file_open(&f, place("loop")), OC_EIO);
    assert_int_equal(oc__file_open(&f, place("missing")), OC_EIO);
    error_says("/missing: ");
    assert_int_equal(remove(place("fifo")), 0);
    assert_int_equal(remove(place("loop")), 0);
}

static void reading_past_the_end_is_an_error(void **state)
{
    (void)state;
    struct file f;
    char byte[8];
    assert_int_equal(oc__write_file(place("a"), "12345", 5, WRITE_NEW), OC_OK);
    assert_int_equal(oc__file_open(&f, place("a")), OC_OK);
    assert_int_equal(oc__file_read(&f, 1, byte, 4), OC_OK);
    assert_memory_equal(byte, "2345", 4);
    assert_int_equal(oc__file_read(&f, 1, byte, 5), OC_EINPUT);
    error_says("/a: offset 1: truncated: need 5 bytes, have 4");
    assert_int_equal(oc__file_read(&f, 9, byte, 1), OC_EINPUT);
    assert_int_equal(truncate(place("a"), 2), 0);
    assert_int_equal(oc__file_read(&f, 1, byte, 4), OC_EIO);
    oc__file_close(&f);
    assert_int_equal(truncate(place("a"), (off_t)1 << 40), 0);
    char *data;
    size_t n;
    assert_int_equal(oc__file_load(place("a"), 1000, &data, &n), OC_ELIMIT);
    assert_int_equal(remove(place("a")), 0);
}

static void directories_are_made_and_listed_in_order(void **state)
{
    (void)state;
    assert_int_equal(oc__make_directories(place("p/q//r/")), OC_OK);
    assert_int_equal(oc__make_directories(place("p/q/r")), OC_OK);
    assert_true(oc__is_directory(place("p/q/r")));
    assert_int_equal(oc__write_file(place("p/f"), "", 0, WRITE_NEW), OC_OK);
    assert_true(oc__is_file(place("p/f")));
    assert_int_equal(oc__make_directories(place("p/f")), OC_EIO);
    assert_int_equal(oc__make_directories(place("p/f/g")), OC_EIO);
    struct names names;
    assert_int_equal(oc__list_directory(place("p"), &names), OC_OK);
    assert_int_equal(names.n, 2);
    assert_string_equal(names.name[0], "f");
    assert_string_equal(names.name[1], "q");
    oc__names_free(&names);
    static const char *const made[] = { "p/q/r", "p/q", "p/f", "p" };
    for (size_t i = 0; i < COUNT(made); i++)
        assert_int_equal(remove(place(made[i])), 0);
}

static void a_lock_is_held_once(void **state)
{
    (void)state;
    int first, second;
    assert_int_equal(oc__lock(place("lock"), &first), OC_OK);
    assert_int_equal(oc__lock(place("lock"), &second), OC_EIO);
    error_says("another process");
    oc__unlock(first);
    assert_int_equal(oc__lock(place("lock"), &second), OC_OK);
    oc__unlock(second);
    assert_int_equal(remove(place("lock")), 0);
}

static void files_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    assert_string_equal(oc__file_kind("\x89PNG\r\n\x1a\n", 8), "a PNG");
    assert_string_equal(oc__file_kind("\x02\0\0\0\0\0\0\0{}", 10), "safetensors");
    assert_null(oc__file_kind("\x89PN", 3));
    assert_null(oc__file_kind("", 0));
}

static void crc32c_gives_the_known_answer_either_way(void **state)
{
    (void)state;
    char bytes[300];
    assert_int_equal(oc__crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(oc__crc32c(oc__crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)oc__bits(9, i);
    for (size_t n = 0; n < sizeof bytes - 8; n++)
        assert_int_equal(oc__crc32c(7, bytes + n % 8, n), oc__crc32c_portable(7, bytes + n % 8, n));
}

/* ---- tensors -------------------------------------------------------------------------------- */

static void every_16_bit_number_survives_the_way_to_double(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        assert_int_equal(oc__f16_from_double(oc__f16_to_double((uint16_t)i)), i);
        assert_int_equal(oc__bf16_from_double(oc__bf16_to_double((uint16_t)i)), i);
    }
}

/* Between two neighbours a < b the middle goes to the even one, what is nearer to one goes there. */
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
        cmocka_unit_test(warnings_reach_the_function_that_was_set),
        cmocka_unit_test(a_written_file_is_there_whole),
        cmocka_unit_test(a_new_file_never_replaces_one),
        cmocka_unit_test(an_abandoned_or_incomplete_write_leaves_nothing),
        cmocka_unit_test(a_write_that_cannot_succeed_leaves_nothing),
        cmocka_unit_test(what_is_not_a_regular_file_is_refused),
        cmocka_unit_test(reading_past_the_end_is_an_error),
        cmocka_unit_test(directories_are_made_and_listed_in_order),
        cmocka_unit_test(a_lock_is_held_once),
        cmocka_unit_test(files_are_told_by_their_first_bytes),
        cmocka_unit_test(crc32c_gives_the_known_answer_either_way),
        cmocka_unit_test(every_16_bit_number_survives_the_way_to_double),
        cmocka_unit_test(narrowing_rounds_to_nearest_even),
        cmocka_unit_test(whole_numbers_are_rounded_and_held_in_range),
        cmocka_unit_test(shapes_are_counted_without_wrapping),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
