/* crash_test.c — what a disk may hold when the power fails in the middle of saving.
 *
 * A kill cannot show a sync that is missing, because the kernel still writes what the process left
 * behind.  So the calls that save are recorded (they are defined here, in front of the C library's)
 * and every state is generated in which they could leave a disk: after each call, data that was
 * not synced is not there, half there, zeros, or all there; of the names that were not synced, any
 * first few are changed.  In every state the newest valid save must not be older than the last one
 * that was acknowledged.  The same suite must fail on four writers that are broken: their calls
 * are made from the recorded ones. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "train/checkpoint.h"

enum { CALLS = 256, FILES = 16, NAME = 80, BYTES = 4096, SAVES = 4 };

/* ---- recording ------------------------------------------------------------------------------- */

enum kind { CREATE, RESERVE, WRITE, SYNC_FILE, RENAME, UNLINK, SYNC_NAMES, ACKNOWLEDGE };

struct call {
    enum kind kind;
    int       file;                                     /* CREATE to SYNC_FILE: which */
    size_t    n;                                        /* RESERVE, WRITE: bytes */
    char      name[NAME], to[NAME];                     /* CREATE, RENAME, UNLINK */
    char      data[BYTES];                              /* WRITE */
    int64_t   save;                                     /* ACKNOWLEDGE: its number, from 1 */
};

struct record { struct call call[CALLS]; int n; };

static struct { struct record *to; int fd, files; } recorder = { NULL, -1, 0 };

static struct call *add(struct record *r, enum kind kind)
{
    assert_true(r->n < CALLS);
    r->call[r->n] = (struct call){ .kind = kind, .file = recorder.files - 1 };
    return &r->call[r->n++];
}

static void set_name(char to[NAME], const char *path)
{
    const char *const slash = strrchr(path, '/');
    snprintf(to, NAME, "%s", slash ? slash + 1 : path);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (recorder.to && fd >= 0 && flags & O_CREAT) {
        assert_true(recorder.files < FILES);
        recorder.files++;
        recorder.fd = fd;
        set_name(add(recorder.to, CREATE)->name, path);
    }
    return fd;
}

int posix_fallocate(int fd, off_t offset, off_t n)
{
    if (recorder.to && fd == recorder.fd)
        add(recorder.to, RESERVE)->n = (size_t)(offset + n);
    return syscall(SYS_fallocate, fd, 0, offset, n) == 0 ? 0 : errno;
}

ssize_t write(int fd, const void *data, size_t n)
{
    if (recorder.to && fd == recorder.fd) {
        struct call *const c = add(recorder.to, WRITE);
        assert_true(n <= BYTES);
        memcpy(c->data, data, n);
        c->n = n;
    }
    return syscall(SYS_write, fd, data, n);
}

int fsync(int fd)
{
    struct stat st;
    if (recorder.to && fstat(fd, &st) == 0)
        add(recorder.to, S_ISDIR(st.st_mode) ? SYNC_NAMES : SYNC_FILE);
    return (int)syscall(SYS_fsync, fd);
}

static void record_rename(const char *from, const char *to)
{
    if (!recorder.to)
        return;
    struct call *const c = add(recorder.to, RENAME);
    set_name(c->name, from);
    set_name(c->to, to);
}

int rename(const char *from, const char *to)
{
    record_rename(from, to);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to,
              unsigned flags)
{
    record_rename(from, to);
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
}

int unlink(const char *path)
{
    if (recorder.to)
        set_name(add(recorder.to, UNLINK)->name, path);
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* ---- what is saved --------------------------------------------------------------------------- */

/* A way to save, and the number of the newest save that a folder holds: 0 for none, -1 for damage
 * that nothing can be made of. */
struct scenario {
    void    (*save)(const char *folder, int64_t number);
    int64_t (*newest)(const char *folder);
};

static struct state state;
static oc_store    *store;

static struct checkpoint checkpoint(int64_t number)
{
    static int index;
    state = (struct state){ .count.updates = number };
    assert_ok(oc__store_declare(store, "w", &OC_SHAPE(40), OC_TRAINABLE, NULL, &index));
    assert_ok(oc__store_ready(store, ROLE_VALUE));
    oc__store_place(store, ROLE_VALUE, index)[0] = (float)number;
    return (struct checkpoint){ .state = &state, .store = store, .settings = 7 };
}

/* Only the newest is kept: nothing else may hide that it is damaged. */
static void save_checkpoint(const char *folder, int64_t number)
{
    const struct checkpoint c = checkpoint(number);
    assert_ok(oc__checkpoint_save(&c, folder, 1));
}

static void keep_quiet(void *context, oc_log_level level, const char *line)
{
    (void)context, (void)level, (void)line;
}

static int64_t newest_checkpoint(const char *folder)
{
    const struct checkpoint c = checkpoint(0);
    bool found;
    if (oc__checkpoint_restore(&c, folder, &found) < 0)
        return -1;
    if (found)
        assert_true(oc__store_place(store, ROLE_VALUE, 0)[0] == (float)state.count.updates);
    return found ? state.count.updates : 0;
}

/* Number n is n copies of the digit n. */
static void replace_file(const char *folder, int64_t number)
{
    char path[600], text[16] = "";
    snprintf(path, sizeof path, "%s/run.json", folder);
    memset(text, '0' + (int)number, (size_t)number);
    assert_ok(oc__write_file(path, text, (size_t)number, WRITE_REPLACE));
}

static int64_t newest_file(const char *folder)
{
    char path[600], *text;
    size_t n, same = 0;
    snprintf(path, sizeof path, "%s/run.json", folder);
    if (!oc__is_file(path))
        return 0;
    assert_ok(oc__file_load(path, 100, &text, &n));
    while (same < n && text[same] == '0' + (int)n)
        same++;
    oc__free(text);
    return n > 0 && same == n ? (int64_t)n : -1;
}

static const struct scenario checkpoints = { save_checkpoint, newest_checkpoint };
static const struct scenario replacing = { replace_file, newest_file };

static void record_saves(const struct scenario *s, struct record *r)
{
    *r = (struct record){ .n = 0 };
    recorder.files = 0;
    for (int64_t number = 1; number <= SAVES; number++) {
        recorder.to = r;
        s->save(place("live"), number);
        add(r, ACKNOWLEDGE)->save = number;
        recorder.to = NULL;
    }
}

/* ---- a disk ---------------------------------------------------------------------------------- */

struct content { char data[BYTES]; size_t n; };

struct names_now { struct { char name[NAME]; int file; } entry[FILES]; int n; };

struct disk {
    struct content     now[FILES], synced[FILES];
    size_t             cursor[FILES];                   /* where the next write goes */
    bool               dirty[FILES];                    /* data was not synced */
    struct names_now   names;                           /* those synced */
    const struct call *pending[CALLS];                  /* changes of names that were not */
    int                n_pending;
    int64_t            acknowledged;
};

static void forget(struct names_now *names, const char *name)
{
    for (int i = 0; i < names->n; i++)
        if (!strcmp(names->entry[i].name, name))
            names->entry[i--] = names->entry[--names->n];
}

static void change_names(struct names_now *names, const struct call *c)
{
    int file = c->file;
    for (int i = 0; c->kind == RENAME && i < names->n; i++)
        if (!strcmp(names->entry[i].name, c->name))
            file = names->entry[i].file;
    forget(names, c->name);
    if (c->kind == UNLINK)
        return;
    const char *const name = c->kind == RENAME ? c->to : c->name;
    forget(names, name);
    assert_true(names->n < FILES);
    snprintf(names->entry[names->n].name, NAME, "%s", name);
    names->entry[names->n++].file = file;
}

static void change_data(struct disk *d, const struct call *c)
{
    struct content *const now = &d->now[c->file];
    if (c->kind == CREATE)
        now->n = d->cursor[c->file] = 0;                /* a file that is there is cut */
    const size_t end = c->kind == WRITE ? d->cursor[c->file] + c->n : c->n;
    assert_true(end <= BYTES);
    if (end > now->n) {
        memset(now->data + now->n, 0, end - now->n);
        now->n = end;
    }
    if (c->kind == WRITE) {
        memcpy(now->data + d->cursor[c->file], c->data, c->n);
        d->cursor[c->file] = end;
    }
    d->dirty[c->file] = true;
}

static void sync_names(struct disk *d)
{
    for (int i = 0; i < d->n_pending; i++)
        change_names(&d->names, d->pending[i]);
    d->n_pending = 0;
}

static void apply(struct disk *d, const struct call *c)
{
    if (c->kind == CREATE || c->kind == RENAME || c->kind == UNLINK)
        d->pending[d->n_pending++] = c;
    if (c->kind <= WRITE)
        change_data(d, c);
    if (c->kind == SYNC_FILE) {
        d->synced[c->file] = d->now[c->file];
        d->dirty[c->file] = false;
    }
    if (c->kind == SYNC_NAMES)
        sync_names(d);
    if (c->kind == ACKNOWLEDGE)
        d->acknowledged = c->save;
}

/* ---- every state ----------------------------------------------------------------------------- */

enum data_left { NONE, HALF, ZERO, ALL, WAYS };

static struct content left_of(const struct disk *d, int file, enum data_left way)
{
    struct content left = d->now[file];
    if (!d->dirty[file] || way == ALL)
        return left;
    if (way == NONE)
        return d->synced[file];
    if (way == HALF)
        left.n /= 2;
    else
        memset(left.data, 0, left.n);
    return left;
}

static void empty_folder(const char *folder)
{
    struct names names;
    char path[700];
    assert_ok(oc__list_directory(folder, &names));
    for (size_t i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names.name[i]);
        assert_int_equal(unlink(path), 0);
    }
    oc__names_free(&names);
}

/* Fills the folder "after": the first `changes` changes of names, data left in one way. */
static const char *make_state(const struct disk *d, int changes, enum data_left way)
{
    const char *const folder = place("after");
    struct names_now names = d->names;
    char path[700];
    empty_folder(folder);
    for (int i = 0; i < changes; i++)
        change_names(&names, d->pending[i]);
    for (int i = 0; i < names.n; i++) {
        const struct content left = left_of(d, names.entry[i].file, way);
        snprintf(path, sizeof path, "%s/%s", folder, names.entry[i].name);
        FILE *const f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(left.data, 1, left.n, f), left.n);
        assert_int_equal(fclose(f), 0);
    }
    return folder;
}

struct verdict { int states, bad; };

static struct verdict try_states(const struct scenario *s, const struct record *r)
{
    static struct disk disk;
    struct verdict v = { 0, 0 };
    disk = (struct disk){ .n_pending = 0 };
    for (int call = 0; call < r->n; call++) {
        apply(&disk, &r->call[call]);
        for (int changes = 0; changes <= disk.n_pending; changes++)
            for (int way = NONE; way < WAYS; way++) {
                const char *const folder = make_state(&disk, changes, (enum data_left)way);
                v.states++;
                v.bad += s->newest(folder) < disk.acknowledged;
            }
    }
    return v;
}

/* ---- broken writers -------------------------------------------------------------------------- */

static void leave_out(struct record *r, enum kind kind)
{
    int n = 0;
    for (int i = 0; i < r->n; i++)
        if (r->call[i].kind != kind)
            r->call[n++] = r->call[i];
    r->n = n;
}

static void no_file_sync(struct record *r)      { leave_out(r, SYNC_FILE); }
static void no_directory_sync(struct record *r) { leave_out(r, SYNC_NAMES); }

/* Each removal moves before the renaming that it followed. */
static void delete_before_rename(struct record *r)
{
    for (int i = 0, rename_at = 0; i < r->n; i++) {
        if (r->call[i].kind == RENAME)
            rename_at = i;
        if (r->call[i].kind != UNLINK)
            continue;
        const struct call removal = r->call[i];
        memmove(&r->call[rename_at + 1], &r->call[rename_at],
                (size_t)(i - rename_at) * sizeof removal);
        r->call[rename_at] = removal;
    }
}

/* Every save gives the one file its name, cuts it and writes into it. */
static void write_in_place(struct record *r)
{
    for (int i = r->n - 1, renaming = i; i >= 0; i--) {
        if (r->call[i].kind == RENAME)
            renaming = i;
        if (r->call[i].kind == CREATE)
            memcpy(r->call[i].name, r->call[renaming].to, NAME);
        r->call[i].file = 0;
    }
    leave_out(r, RENAME);
    leave_out(r, UNLINK);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static int make_folders(void **context)
{
    (void)context;
    return mkdir(place("live"), 0755) || mkdir(place("after"), 0755);
}

static int remove_folders(void **context)
{
    (void)context;
    empty_folder(place("live"));
    empty_folder(place("after"));
    return rmdir(place("live")) || rmdir(place("after"));
}

static void expect_verdicts(const struct scenario *s, void (*const *broken)(struct record *), int n)
{
    static struct record right, wrong;
    record_saves(s, &right);
    struct verdict v = try_states(s, &right);
    print_message("as it is: %d states, %d bad\n", v.states, v.bad);
    assert_true(v.states > 100 && v.bad == 0);
    for (int i = 0; i < n; i++) {
        wrong = right;
        broken[i](&wrong);
        v = try_states(s, &wrong);
        print_message("broken writer %d: %d states, %d bad\n", i + 1, v.states, v.bad);
        assert_true(v.bad > 0);
    }
}

static void no_crash_loses_a_checkpoint_that_was_acknowledged(void **context)
{
    (void)context;
    expect_verdicts(&checkpoints, (void (*const[])(struct record *)){
        no_file_sync, no_directory_sync, delete_before_rename, write_in_place }, 4);
}

static void no_crash_leaves_a_replaced_file_torn_or_old(void **context)
{
    (void)context;
    expect_verdicts(&replacing, (void (*const[])(struct record *)){
        no_file_sync, no_directory_sync, write_in_place }, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_crash_loses_a_checkpoint_that_was_acknowledged,
                                        make_folders, remove_folders),
        cmocka_unit_test_setup_teardown(no_crash_leaves_a_replaced_file_torn_or_old,
                                        make_folders, remove_folders),
    };
    oc_log_set(keep_quiet, NULL);                       /* damage is what is expected here */
    if (oc_store_new(&store, 1) < 0)
        return 1;
    const int failed = cmocka_run_group_tests(tests, make_place, remove_place);
    oc_store_free(store);
    return failed;
}
