/* event_test.c — the wire format as it is written, and files of events record by record. */
#include "test.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>
#include "format/protobuf_write.h"
#include "format/protobuf.h"
#include "watch/event.h"

/* ---- messages ------------------------------------------------------------------------------- */

static void assert_bytes(const struct pb_writer *w, const char *hex)
{
    assert_ok(oc__pb_written(w));
    assert_int_equal(w->out.n, strlen(hex) / 2);
    for (size_t i = 0; i < w->out.n; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        if ((uint8_t)w->out.text[i] != byte)
            fail_msg("byte %zu is %02x, not %02x", i, (uint8_t)w->out.text[i], byte);
    }
}

/* The bytes are those of the reference implementation: an Event of TensorFlow's. */
static void a_scalar_event_is_written_as_by_others(void **state)
{
    struct pb_writer w = { 0 };
    (void)state;
    oc__pb_put_double(&w, 1, 1.0);
    oc__pb_put_int(&w, 2, 7);
    oc__pb_begin(&w, 5);
    oc__pb_begin(&w, 1);
    oc__pb_put_text(&w, 1, "loss");
    oc__pb_put_float(&w, 2, 0.5f);
    oc__pb_end(&w);
    oc__pb_end(&w);
    assert_bytes(&w, "09000000000000f03f10072a0d0a0b0a046c6f7373150000003f");
    oc__pb_clear(&w);
    oc__pb_put_double(&w, 1, 1.0);
    oc__pb_put_text(&w, 3, "brain.Event:2");
    assert_bytes(&w, "09000000000000f03f1a0d627261696e2e4576656e743a32");
    oc__pb_free(&w);
}

static void numbers_take_as_few_bytes_as_they_can(void **state)
{
    struct pb_writer w = { 0 };
    (void)state;
    oc__pb_put_int(&w, 1, 0);
    oc__pb_put_int(&w, 1, 127);
    oc__pb_put_int(&w, 1, 128);
    oc__pb_put_int(&w, 16, -1);
    assert_bytes(&w, "0800" "087f" "088001" "8001ffffffffffffffffff01");
    oc__pb_clear(&w);
    oc__pb_put_ints(&w, 1, (int64_t[]){ 1, 300 }, 2);
    oc__pb_put_floats(&w, 2, (float[]){ 1 }, 1);
    oc__pb_put_doubles(&w, 3, NULL, 0);
    oc__pb_put_bytes(&w, 4, "\0x", 2);
    assert_bytes(&w, "0a0301ac02" "12040000803f" "1a00" "22020078");
    oc__pb_free(&w);
}

/* The length of what is inside takes more bytes than one, at every depth. */
static void messages_nest_whatever_their_length(void **state)
{
    struct pb_writer w = { 0 };
    char text[200];
    (void)state;
    memset(text, 'a', sizeof text);
    for (int i = 0; i < PB_NEST_MAX; i++)
        oc__pb_begin(&w, 1);
    oc__pb_put_bytes(&w, 1, text, sizeof text);
    for (int i = 0; i < PB_NEST_MAX; i++)
        oc__pb_end(&w);
    assert_ok(oc__pb_written(&w));
    size_t at = 0, left = w.out.n;
    for (int i = 0; i < PB_NEST_MAX + 1; i++) {
        const uint8_t *const b = (const uint8_t *)w.out.text + at;
        assert_true(b[0] == 0x0a && b[1] >= 0x80 && b[2] < 0x80);
        assert_int_equal((size_t)(b[1] & 0x7f) + 128 * (size_t)b[2], left - 3);
        at += 3;
        left -= 3;
    }
    assert_memory_equal(w.out.text + at, text, sizeof text);
    oc__pb_free(&w);
}

static void what_is_not_closed_is_told(void **state)
{
    struct pb_writer w = { 0 };
    (void)state;
    oc__pb_begin(&w, 1);
    assert_int_equal(oc__pb_written(&w), OC_EBUG);
    oc__pb_end(&w);
    assert_ok(oc__pb_written(&w));
    oc__pb_end(&w);
    assert_int_equal(oc__pb_written(&w), OC_EBUG);
    oc__pb_clear(&w);
    for (int i = 0; i <= PB_NEST_MAX; i++)
        oc__pb_begin(&w, 1);
    assert_int_equal(oc__pb_written(&w), OC_EBUG);
    oc__pb_free(&w);
}

/* ---- our own reader reads it ----------------------------------------------------------------- */

struct leaf { struct pb_int number; const char *text; };
struct tree { struct leaf *leaf; struct pb_list leaves; struct pb_list ints; };
static const struct pb_message leaf_message = {
    "leaf", sizeof(struct leaf), (const struct pb_field[]){
        { 1, "number", PB_INT, offsetof(struct leaf, number), NULL },
        { 2, "text", PB_TEXT, offsetof(struct leaf, text), NULL }, { 0 } }
};
static const struct pb_message tree_message = {
    "tree", sizeof(struct tree), (const struct pb_field[]){
        { 1, "leaf", PB_MESSAGE, offsetof(struct tree, leaf), &leaf_message },
        { 2, "leaves", PB_MESSAGES, offsetof(struct tree, leaves), &leaf_message },
        { 3, "ints", PB_INTS, offsetof(struct tree, ints), NULL }, { 0 } }
};

static void what_is_written_reads_back(void **state)
{
    struct pb_writer w = { 0 };
    struct pool pool = { 0 };
    struct tree tree = { 0 };
    struct file f;
    (void)state;
    oc__pb_begin(&w, 1);
    oc__pb_put_int(&w, 1, INT64_MIN);
    oc__pb_put_text(&w, 2, "größer");
    oc__pb_end(&w);
    for (int i = 0; i < 3; i++) {
        oc__pb_begin(&w, 2);
        oc__pb_put_int(&w, 1, i);
        oc__pb_end(&w);
    }
    oc__pb_put_ints(&w, 3, (int64_t[]){ -5, 1000000 }, 2);
    assert_ok(oc__pb_written(&w));
    assert_ok(oc__write_file(place("tree.pb"), w.out.text, w.out.n, WRITE_REPLACE));
    assert_ok(oc__file_open(&f, place("tree.pb")));
    assert_ok(oc__pb_read(&f, &tree_message, &tree, &pool));
    assert_true(tree.leaf->number.v == INT64_MIN);
    assert_string_equal(tree.leaf->text, "größer");
    assert_int_equal(tree.leaves.n, 3);
    assert_int_equal(((struct leaf *)tree.leaves.item)[2].number.v, 2);
    assert_int_equal(tree.ints.n, 2);
    assert_int_equal(((int64_t *)tree.ints.item)[0], -5);
    oc__file_close(&f);
    oc__pool_free(&pool);
    oc__pb_free(&w);
}

/* ---- records --------------------------------------------------------------------------------- */

static uint64_t le(const char *bytes, int n)
{
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | (uint8_t)bytes[i];
    return v;
}

static uint32_t unmasked(uint64_t v)
{
    const uint32_t rotated = (uint32_t)v - 0xa282ead8u;
    return rotated >> 17 | rotated << 15;
}

/* How many records a file holds; each one's checksums, by the portable code, must be right. */
static int count_records(const char *path)
{
    char *data;
    size_t n, at = 0;
    int records = 0;
    assert_ok(oc__file_load(path, 1 << 24, &data, &n));
    while (at < n) {
        assert_true(n - at >= 16);
        const size_t length = le(data + at, 8);
        assert_true(length <= n - at - 16);
        assert_int_equal(unmasked(le(data + at + 8, 4)), oc__crc32c_portable(0, data + at, 8));
        assert_int_equal(unmasked(le(data + at + 12 + length, 4)),
                         oc__crc32c_portable(0, data + at + 12, length));
        at += length + 16;
        records++;
    }
    oc__free(data);
    return records;
}

static void remove_file(struct event_file *f)
{
    unlink(f->path);
    oc__event_close(f);
}

static void records_are_framed_and_checked(void **state)
{
    struct event_file f;
    (void)state;
    assert_ok(oc__event_open(&f, test_directory));
    assert_true(strstr(f.path, "/events.out.tfevents.") != NULL);
    for (int i = 0; i < 5; i++) {
        oc__event_begin(&f, EVENT_SUMMARY, i);
        oc__event_scalar(&f, "loss", i == 3 ? NAN : 1.0 / i);
        assert_ok(oc__event_end(&f));
    }
    assert_int_equal(count_records(f.path), 6);
    remove_file(&f);
}

static void files_of_one_second_have_names_of_their_own(void **state)
{
    struct event_file f[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_ok(oc__event_open(&f[i], test_directory));
    assert_string_not_equal(f[0].path, f[1].path);
    assert_string_not_equal(f[1].path, f[2].path);
    for (int i = 0; i < 3; i++)
        remove_file(&f[i]);
}

/* A graph, numbers that are not finite, and one value alone: nothing breaks the framing. */
static void histograms_of_odd_numbers_are_written(void **state)
{
    const float odd[] = { NAN, INFINITY, -INFINITY, 3, 3, 3 };
    struct event_file f;
    (void)state;
    assert_ok(oc__event_open(&f, test_directory));
    oc__event_begin(&f, EVENT_SUMMARY, 0);
    oc__event_histogram(&f, "one value", odd, 6);
    oc__event_histogram(&f, "none", odd, 3);
    assert_ok(oc__event_end(&f));
    assert_int_equal(count_records(f.path), 2);
    char *data;
    size_t n;
    assert_ok(oc__file_load(f.path, 1 << 20, &data, &n));
    assert_non_null(memmem(data, n, "one value", 9));
    assert_null(memmem(data, n, "none", 4));
    oc__free(data);
    remove_file(&f);
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    struct event_file f;
    (void)state;
    assert_ok(oc__write_file(place("file"), "x", 1, WRITE_REPLACE));
    assert_int_equal(oc__event_open(&f, place("file/events")), OC_EIO);
    error_says("file");
    oc__event_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_event_is_written_as_by_others),
        cmocka_unit_test(numbers_take_as_few_bytes_as_they_can),
        cmocka_unit_test(messages_nest_whatever_their_length),
        cmocka_unit_test(what_is_not_closed_is_told),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(records_are_framed_and_checked),
        cmocka_unit_test(files_of_one_second_have_names_of_their_own),
        cmocka_unit_test(histograms_of_odd_numbers_are_written),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
