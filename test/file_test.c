/* file_test.c — reading what is hostile, writing what must survive, locks and checksums. */
#include "test.h"

#include "base/footprint.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"

static void file_holds(const char *name, const char *text)
{
    char *data;
    size_t n;
    assert_int_equal(oc__file_load(place(name), 1000, &data, &n), OC_OK);
    assert_int_equal(n, strlen(text));
    assert_string_equal(data, text);
    oc__free(data);
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
    assert_int_equal(files_in_place(), 1);
    assert_int_equal(remove(place("a")), 0);
}

static void a_new_file_never_replaces_one(void **state)
{
    (void)state;
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_NEW), OC_OK);
    assert_int_equal(oc__write_file(place("a"), "new", 3, WRITE_NEW), OC_EIO);
    error_says("/a: exists already");
    file_holds("a", "old");
    assert_int_equal(files_in_place(), 1);
    assert_int_equal(remove(place("a")), 0);
}

static void an_abandoned_or_incomplete_write_leaves_nothing(void **state)
{
    (void)state;
    struct writer w;
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_NEW), OC_OK);
    assert_int_equal(oc__write_begin(&w, place("a"), 100), OC_OK);
    assert_int_equal(oc__write(&w, "new", 3), OC_OK);
    assert_int_equal(files_in_place(), 2);
    oc__write_abandon(&w);
    oc__write_abandon(&w);
    assert_int_equal(files_in_place(), 1);

    assert_int_equal(oc__write_begin(&w, place("a"), 100), OC_OK);
    assert_int_equal(oc__write(&w, "new", 3), OC_OK);
    assert_int_equal(oc__write_commit(&w, WRITE_REPLACE), OC_EBUG);
    assert_int_equal(oc__write(&w, "more", 4), OC_EBUG);
    assert_int_equal(oc__write_commit(&w, WRITE_REPLACE), OC_EBUG);
    assert_int_equal(files_in_place(), 1);
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
    assert_int_equal(files_in_place(), 0);
}

/* A limit on the size of files stands for a full disk: the write itself fails. */
static void a_write_that_fails_midway_leaves_the_old_file(void **state)
{
    (void)state;
    static char big[100000];
    struct rlimit before, small;
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_NEW), OC_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){ 50000, before.rlim_max };
    void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int announced = 0; announced < 2; announced++) {
        struct writer w;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        oc_status status = oc__write_begin(&w, place("a"), announced ? (int64_t)sizeof big : -1);
        assert_int_equal(status, announced ? OC_EIO : OC_OK);
        if (!announced)
            status = oc__write(&w, big, sizeof big);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, OC_EIO);
        error_says("/a: ");
        assert_int_equal(oc__write_commit(&w, WRITE_REPLACE), OC_EBUG);
        assert_int_equal(files_in_place(), 1);
        file_holds("a", "old");
    }
    signal(SIGXFSZ, handler);
    assert_int_equal(remove(place("a")), 0);
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
    (void)state;
    struct file f;
    assert_int_equal(mkfifo(place("fifo"), 0600), 0);
    assert_int_equal(symlink("loop", place("loop")), 0);
    assert_int_equal(oc__file_open(&f, place("fifo")), OC_EIO);
    error_says("/fifo: not a regular file");
    assert_int_equal(oc__file_open(&f, test_directory), OC_EIO);
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
    assert_true(oc__is_locked(place("lock")));
    error_says("another process");
    oc__unlock(first);
    assert_int_equal(oc__lock(place("lock"), &second), OC_OK);
    oc__unlock(second);
    assert_false(oc__is_locked(place("lock")));
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
        assert_int_equal(oc__crc32c(7, bytes + n % 8, n),
                         oc__crc32c_portable(7, bytes + n % 8, n));
}

/* ---- footprints ---------------------------------------------------------------------------- */

static void write_empty(const char *path)
{
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void what_was_made_goes_and_what_others_put_there_stays(void **state)
{
    (void)state;
    static const char *const made[] = { "run.json", "parts/inner", "parts", NULL };
    struct footprint f;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", place("new/deep"));
    for (int others = 0; others < 2; others++) {
        oc__footprint_look(&f, folder);
        assert_ok(oc__make_directories(place("new/deep/parts/inner")));
        remove_tree(place("new/deep/parts"));
        assert_ok(oc__footprint_list(&f, folder));
        assert_ok(oc__make_directories(place("new/deep/parts/inner")));
        write_empty(place("new/deep/run.json"));
        write_empty(place("new/deep/parts/inner/1"));
        if (others)
            write_empty(place("new/deep/notes"));
        oc__footprint_undo(&f, folder, made);
        oc__footprint_free(&f);
        assert_int_equal(oc__is_directory(place("new")), others);
        assert_false(oc__is_directory(place("new/deep/parts")));
        assert_false(oc__is_file(place("new/deep/run.json")));
        assert_int_equal(oc__is_file(place("new/deep/notes")), others);
    }
    remove_tree(place("new"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_file_is_there_whole),
        cmocka_unit_test(a_new_file_never_replaces_one),
        cmocka_unit_test(an_abandoned_or_incomplete_write_leaves_nothing),
        cmocka_unit_test(a_write_that_cannot_succeed_leaves_nothing),
        cmocka_unit_test(a_write_that_fails_midway_leaves_the_old_file),
        cmocka_unit_test(what_is_not_a_regular_file_is_refused),
        cmocka_unit_test(reading_past_the_end_is_an_error),
        cmocka_unit_test(directories_are_made_and_listed_in_order),
        cmocka_unit_test(a_lock_is_held_once),
        cmocka_unit_test(files_are_told_by_their_first_bytes),
        cmocka_unit_test(crc32c_gives_the_known_answer_either_way),
        cmocka_unit_test(what_was_made_goes_and_what_others_put_there_stays),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
