/* unpack_test.c — archives, hostile ones too, and whole sets from file: addresses. */
#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <unistd.h>
#include <zlib.h>
#include "base/str.h"
#include "fetch/fetch.h"
#include "test.h"

enum { BLOCK = 512 };

/* Appends a tar entry (POSIX.1-1988, ustar): a header of one block, and data in whole blocks. */
static void add(struct str *tar, const char *name, char type, const char *link, const char *data)
{
    char header[BLOCK] = { 0 }, nothing[BLOCK] = { 0 };
    const size_t n = data ? strlen(data) : 0;
    snprintf(header, 100, "%s", name);
    snprintf(header + 100, 8, "%07o", 0777);
    snprintf(header + 124, 12, "%011o", (unsigned)n);
    memset(header + 148, ' ', 8);
    header[156] = type;
    snprintf(header + 157, 100, "%s", link ? link : "");
    memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    oc__str_add(tar, header, BLOCK);
    oc__str_add(tar, data ? data : "", n);
    oc__str_add(tar, nothing, (BLOCK - n % BLOCK) % BLOCK);
}

static void finish(struct str *tar, const char *name)
{
    const char end[2 * BLOCK] = { 0 };
    oc__str_add(tar, end, sizeof end);
    assert_ok(oc__write_file(place(name), tar->text, tar->n, WRITE_REPLACE));
    oc__str_free(tar);
}

static void holds(const char *name, const char *text)
{
    char  *data;
    size_t n;
    assert_ok(oc__file_load(place(name), 1 << 20, &data, &n));
    assert_string_equal(data, text);
    oc__free(data);
}

static void an_archive_gives_its_files_and_folders(void **state)
{
    (void)state;
    struct str tar = { 0 };
    add(&tar, "set/", '5', NULL, NULL);
    add(&tar, "set/a.txt", '0', NULL, "hello");
    add(&tar, "set/deep/er/b.txt", '0', NULL, "there");
    add(&tar, "./set/..c", '0', NULL, "dots are no way up");
    finish(&tar, "good.tar");
    assert_ok(oc__unpack(place("good.tar"), place("good")));
    holds("good/set/a.txt", "hello");
    holds("good/set/deep/er/b.txt", "there");
    holds("good/set/..c", "dots are no way up");
    assert_int_equal(oc__unpack(place("good.tar"), place("good")), OC_EIO);
    error_says("the directory cannot be made");
    assert_ok(oc__remove_tree(place("good")));
    assert_ok(oc__remove_tree(place("good")));
}

static void zip(const char *archive, const char *name, const char *text)
{
    struct archive *const       a = archive_write_new();
    struct archive_entry *const e = archive_entry_new();
    archive_write_set_format_zip(a);
    assert_int_equal(archive_write_open_filename(a, place(archive)), ARCHIVE_OK);
    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, (int64_t)strlen(text));
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, text, strlen(text)), (int)strlen(text));
    archive_entry_free(e);
    assert_int_equal(archive_write_free(a), ARCHIVE_OK);
}

static void a_zip_archive_is_unpacked_under_the_same_rules(void **state)
{
    (void)state;
    zip("good.zip", "set/a.txt", "hello, hello, hello, hello");
    assert_ok(oc__unpack(place("good.zip"), place("zip")));
    holds("zip/set/a.txt", "hello, hello, hello, hello");
    assert_ok(oc__remove_tree(place("zip")));
    zip("bad.zip", "../evil", "evil");
    assert_int_equal(oc__unpack(place("bad.zip"), place("zip")), OC_EINPUT);
    error_says("its name leads out");
    assert_false(oc__is_file(place("evil")));
    assert_ok(oc__remove_tree(place("zip")));
}

static void a_hostile_entry_is_refused_by_name(void **state)
{
    (void)state;
    static const struct { const char *name; char type; const char *link, *says; } cases[] = {
        { "/tmp/evil", '0', NULL, "'/tmp/evil': its name leads out" },
        { "../evil", '0', NULL, "'../evil': its name leads out" },
        { "a/../../evil", '0', NULL, "its name leads out" },
        { "a/..", '5', NULL, "its name leads out" },
        { "..", '5', NULL, "its name leads out" },
        { "..\\evil", '0', NULL, "its name leads out" },
        { "link", '2', "/etc", "'link': is a link" },
        { "link", '1', "good.txt", "'link': is a link" },
        { "device", '3', NULL, "neither a file nor a folder" },
        { "pipe", '6', NULL, "neither a file nor a folder" },
        { "good.txt", '0', NULL, "is there twice" },
        { "good.txt/more", '0', NULL, "good.txt: the directory cannot be made" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str tar = { 0 };
        add(&tar, "good.txt", '0', NULL, "good");
        add(&tar, cases[i].name, cases[i].type, cases[i].link, NULL);
        finish(&tar, "bad.tar");
        assert_true(oc__unpack(place("bad.tar"), place("bad")) < 0);
        if (i + 1 < COUNT(cases))
            error_says(cases[i].says);
        assert_false(oc__is_file(place("evil")));
        assert_ok(oc__remove_tree(place("bad")));
    }
}

static void a_file_never_goes_through_a_link(void **state)
{
    (void)state;
    struct str tar = { 0 };
    add(&tar, "way", '2', test_directory, NULL);
    add(&tar, "way/evil", '0', NULL, "evil");
    finish(&tar, "link.tar");
    assert_int_equal(oc__unpack(place("link.tar"), place("link")), OC_EINPUT);
    assert_false(oc__is_file(place("evil")));
    assert_ok(oc__remove_tree(place("link")));
}

static void a_bomb_stops_at_its_limit(void **state)
{
    (void)state;
    enum { BIG = 40 << 20 };
    char *const big = oc__alloc(BIG + 1, 1);
    struct str  tar = { 0 };
    memset(big, 'x', BIG);
    add(&tar, "big", '0', NULL, big);
    gzFile gz = gzopen(place("bomb.tar.gz"), "wb");
    assert_int_equal(gzwrite(gz, tar.text, (unsigned)tar.n), (int)tar.n);
    assert_int_equal(gzclose(gz), Z_OK);
    assert_int_equal(oc__unpack(place("bomb.tar.gz"), place("bomb")), OC_EINPUT);
    error_says("'big': unpacks to more than 32 times the archive");
    assert_ok(oc__remove_tree(place("bomb")));
    oc__str_free(&tar);
    oc__free(big);
}

static void an_archive_cut_anywhere_is_an_error_or_a_beginning(void **state)
{
    (void)state;
    struct str tar = { 0 };
    add(&tar, "a.txt", '0', NULL, "hello");
    for (size_t n = 0; n < tar.n; n += 31) {
        assert_ok(oc__write_file(place("cut.tar"), tar.text, n, WRITE_REPLACE));
        const oc_status status = oc__unpack(place("cut.tar"), place("cut"));
        assert_true(status == OC_EINPUT || (status == OC_OK && n >= BLOCK) || n == 0);
        assert_ok(oc__remove_tree(place("cut")));
    }
    oc__str_free(&tar);
}

/* ---- sets --------------------------------------------------------------------------------- */

static char digest[80], address[600], folder[512];

/* A set of the one archive good.tar in the folder "mirror", which is made. */
static struct fetch_set one_set(const char *content)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned      n;
    struct str    tar = { 0 };
    add(&tar, "set/a.txt", '0', NULL, content);
    const int64_t size = (int64_t)tar.n + 2 * BLOCK;
    assert_ok(oc__make_directories(place("mirror")));
    finish(&tar, "mirror/good.tar");
    char  *data;
    size_t length;
    assert_ok(oc__file_load(place("mirror/good.tar"), 1 << 20, &data, &length));
    assert_int_equal(EVP_Digest(data, length, bytes, &n, EVP_sha256(), NULL), 1);
    oc__free(data);
    strcpy(digest, "sha256:");
    for (unsigned i = 0; i < n; i++)
        snprintf(digest + 7 + 2 * (size_t)i, 3, "%02x", bytes[i]);
    snprintf(address, sizeof address, "file://%s/", place("mirror"));
    snprintf(folder, sizeof folder, "%s", place("sets"));
    return (struct fetch_set){
        .entry = { .name = "one" }, .mirror = { "file:///nonexistent/", address },
        .file = { { .path = "good.tar", .bytes = size, .digest = digest, .holds = "set" } },
    };
}

static void an_archive_of_a_set_is_unpacked_and_removed(void **state)
{
    (void)state;
    const struct fetch_set set = one_set("hello");
    const oc_fetch_options o = { .folder = folder };
    assert_ok(oc__fetch_set(&set, &o));
    holds("sets/set/a.txt", "hello");
    assert_false(oc__is_file(place("sets/good.tar")));
    assert_false(oc__is_directory(place("sets/good.tar.unpacking")));
    assert_ok(oc__remove_tree(place("mirror")));
    assert_ok(oc__fetch_set(&set, &o));                 /* is there, nothing is asked for */
    assert_ok(oc__remove_tree(place("sets")));
}

static void an_archive_without_its_folder_is_refused(void **state)
{
    (void)state;
    struct fetch_set set = one_set("hello");
    set.file[0].holds = "elsewhere";
    assert_int_equal(oc__fetch_set(&set, &(oc_fetch_options){ .folder = folder }),
                     OC_EINPUT);
    error_says("holds no folder elsewhere");
    assert_false(oc__is_directory(place("sets/good.tar.unpacking")));
    assert_ok(oc__remove_tree(place("sets")));
    assert_ok(oc__remove_tree(place("mirror")));
}

static void a_wrong_digest_leaves_nothing(void **state)
{
    (void)state;
    const struct fetch_set set = one_set("hello");
    digest[10] = digest[10] == '0' ? '1' : '0';
    assert_int_equal(oc__fetch_set(&set, &(oc_fetch_options){ .folder = folder }),
                     OC_EINPUT);
    error_says("sha256 is ");
    error_says(digest + 7);
    struct names names;
    assert_ok(oc__list_directory(place("sets"), &names));
    assert_int_equal(names.n, 0);
    oc__names_free(&names);
    assert_ok(oc__remove_tree(place("sets")));
    assert_ok(oc__remove_tree(place("mirror")));
}

static void two_processes_do_not_write_one_file(void **state)
{
    (void)state;
    const struct fetch_set set = one_set("hello");
    int lock;
    assert_ok(oc__make_directories(place("sets")));
    assert_ok(oc__lock(place("sets/good.tar.part"), &lock));
    assert_int_equal(oc__fetch_set(&set, &(oc_fetch_options){ .folder = folder }), OC_EIO);
    error_says("another process holds this lock");
    oc__unlock(lock);
    assert_ok(oc__remove_tree(place("sets")));
    assert_ok(oc__remove_tree(place("mirror")));
}

static int leave_place(void **state)
{
    (void)state;
    return oc__remove_tree(test_directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_gives_its_files_and_folders),
        cmocka_unit_test(a_zip_archive_is_unpacked_under_the_same_rules),
        cmocka_unit_test(a_hostile_entry_is_refused_by_name),
        cmocka_unit_test(a_file_never_goes_through_a_link),
        cmocka_unit_test(a_bomb_stops_at_its_limit),
        cmocka_unit_test(an_archive_cut_anywhere_is_an_error_or_a_beginning),
        cmocka_unit_test(an_archive_of_a_set_is_unpacked_and_removed),
        cmocka_unit_test(an_archive_without_its_folder_is_refused),
        cmocka_unit_test(a_wrong_digest_leaves_nothing),
        cmocka_unit_test(two_processes_do_not_write_one_file),
    };
    return cmocka_run_group_tests(tests, make_place, leave_place);
}
