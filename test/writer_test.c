/* writer_test.c — the durable writer while the system below it fails.
 *
 * The calls that the writer makes are defined here, in front of the C library's, so that each can
 * be recorded, made to fail, or made to do only a part. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    bool armed, hit;
    int  at, calls, error;                              /* call number `at` fails with `error` */
    bool one_byte;                                      /* write() writes one byte at a time */
    char trace[20000];
} fault;

/* Records a call; tells whether it is the one to fail. */
static bool fails(const char *name)
{
    if (!fault.armed)
        return false;
    const size_t n = strlen(fault.trace);
    snprintf(fault.trace + n, sizeof fault.trace - n, "%s ", name);
    if (++fault.calls != fault.at)
        return false;
    fault.hit = true;
    errno = fault.error;
    return true;
}

ssize_t write(int fd, const void *data, size_t n)
{
    if (fails("write"))
        return -1;
    return syscall(SYS_write, fd, data, fault.armed && fault.one_byte && n > 1 ? 1 : n);
}

int fsync(int fd)
{
    return fails("fsync") ? -1 : (int)syscall(SYS_fsync, fd);
}

/* A descriptor is closed even where close() says otherwise. */
int close(int fd)
{
    const bool failed = fails("close");
    const int error = errno, closed = (int)syscall(SYS_close, fd);
    if (failed)
        errno = error;
    return failed ? -1 : closed;
}

int rename(const char *from, const char *to)
{
    return fails("rename") ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
    if (fails("renameat2"))
        return -1;
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

int posix_fallocate(int fd, off_t offset, off_t n)
{
    if (fails("reserve"))
        return fault.error;
    return syscall(SYS_fallocate, fd, 0, offset, n) == 0 ? 0 : errno;
}

/* Writes "new" while call number `at` (0: none) fails. */
static oc_status write_with_fault(int at, int error, enum write_flags flags)
{
    fault.hit = false;
    fault.at = at;
    fault.error = error;
    fault.calls = 0;
    fault.trace[0] = '\0';
    fault.armed = true;
    const oc_status status = oc__write_file(place("a"), "new", 3, flags);
    fault.armed = false;
    return status;
}

static void expect_file(const char *text)
{
    char *data;
    size_t n;
    assert_int_equal(files_in_place(), 1);
    assert_int_equal(oc__file_load(place("a"), 100, &data, &n), OC_OK);
    assert_string_equal(data, text);
    oc__free(data);
}

static void the_steps_come_in_the_order_that_survives_power_loss(void **state)
{
    (void)state;
    assert_int_equal(write_with_fault(0, 0, WRITE_NEW), OC_OK);
    assert_string_equal(fault.trace, "reserve write fsync close renameat2 fsync close ");
    assert_int_equal(write_with_fault(0, 0, WRITE_REPLACE), OC_OK);
    assert_string_equal(fault.trace, "reserve write fsync close rename fsync close ");
    assert_int_equal(remove(place("a")), 0);
}

static void whatever_fails_the_old_file_or_the_new_one_is_whole(void **state)
{
    (void)state;
    static const int errors[] = { ENOSPC, EIO, EINTR, EDQUOT };
    int failures = 0;
    for (size_t e = 0; e < COUNT(errors); e++)
        for (int at = 1;; at++) {
            assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_REPLACE), OC_OK);
            const oc_status status = write_with_fault(at, errors[e], WRITE_REPLACE);
            if (!fault.hit)
                break;
            const bool renamed = status >= 0 || strstr(oc_error(), "is written, but");
            expect_file(renamed ? "new" : "old");
            if (status < 0)
                error_says(place("a"));
            failures += status < 0;
        }
    assert_true(failures >= 4 * 5);
    assert_int_equal(remove(place("a")), 0);
}

static void a_failed_sync_is_not_tried_again(void **state)
{
    (void)state;
    assert_int_equal(write_with_fault(3, EIO, WRITE_NEW), OC_EIO);
    assert_string_equal(fault.trace, "reserve write fsync close ");
    error_says("cannot be synced");
    assert_int_equal(files_in_place(), 0);
}

static void a_new_file_whose_name_is_not_on_the_disk_is_taken_back(void **state)
{
    (void)state;
    assert_int_equal(write_with_fault(6, EIO, WRITE_NEW), OC_EIO);
    error_says("/a: its directory cannot be synced");
    assert_int_equal(files_in_place(), 0);
    assert_int_equal(write_with_fault(0, 0, WRITE_NEW), OC_OK);
    assert_int_equal(remove(place("a")), 0);
}

static void made_directories_are_on_the_disk(void **state)
{
    (void)state;
    fault.at = fault.calls = 0;
    fault.trace[0] = '\0';
    fault.armed = true;
    const oc_status status = oc__make_directories(place("d/e"));
    fault.armed = false;
    assert_int_equal(status, OC_OK);
    assert_string_equal(fault.trace, "fsync close fsync close ");
    assert_int_equal(remove(place("d/e")), 0);
    assert_int_equal(remove(place("d")), 0);
}

static void a_full_disk_is_told_with_what_is_free(void **state)
{
    (void)state;
    assert_int_equal(write_with_fault(1, ENOSPC, WRITE_NEW), OC_EIO);
    error_says("/a: needs 3 bytes, ");
    error_says(" are free");
    assert_int_equal(files_in_place(), 0);
}

static void short_and_interrupted_writes_are_continued(void **state)
{
    (void)state;
    fault.one_byte = true;
    assert_int_equal(write_with_fault(3, EINTR, WRITE_NEW), OC_OK);
    fault.one_byte = false;
    assert_string_equal(fault.trace,
                        "reserve write write write write fsync close renameat2 fsync close ");
    expect_file("new");
    assert_int_equal(remove(place("a")), 0);
}

static void a_kernel_that_cannot_rename_without_replacing_links(void **state)
{
    (void)state;
    assert_int_equal(write_with_fault(5, EINVAL, WRITE_NEW), OC_OK);
    expect_file("new");
    assert_int_equal(oc__write_file(place("a"), "old", 3, WRITE_REPLACE), OC_OK);
    assert_int_equal(write_with_fault(5, ENOSYS, WRITE_NEW), OC_EIO);
    error_says("/a: exists already");
    expect_file("old");
    assert_int_equal(remove(place("a")), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_steps_come_in_the_order_that_survives_power_loss),
        cmocka_unit_test(whatever_fails_the_old_file_or_the_new_one_is_whole),
        cmocka_unit_test(a_failed_sync_is_not_tried_again),
        cmocka_unit_test(a_new_file_whose_name_is_not_on_the_disk_is_taken_back),
        cmocka_unit_test(made_directories_are_on_the_disk),
        cmocka_unit_test(a_full_disk_is_told_with_what_is_free),
        cmocka_unit_test(short_and_interrupted_writes_are_continued),
        cmocka_unit_test(a_kernel_that_cannot_rename_without_replacing_links),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
