/* directory.c — what is in the file system, and locks on it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"

bool oc__is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool oc__is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

size_t oc__parent_length(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? (size_t)(slash + 1 - path) : 0;
}

oc_status oc__open_parent(const char *path, int *fd)
{
    const size_t n = oc__parent_length(path);
    struct str name = { 0 };
    oc__str_addf(&name, "%.*s", (int)(n ? n : 1), n ? path : ".");
    *fd = name.failed ? -1 : open(name.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const oc_status status = name.failed ? OC_ELIMIT
        : *fd < 0 ? oc__fail_errno(errno, "%s: its directory cannot be opened", path) : OC_OK;
    oc__str_free(&name);
    return status;
}

/* A name is on the disk when the directory that holds it is. */
static oc_status sync_parent(const char *path)
{
    int fd;
    TRY(oc__open_parent(path, &fd));
    const oc_status status = fsync(fd) == 0 || errno == EINVAL ? OC_OK
        : oc__fail_errno(errno, "%s: its directory cannot be synced", path);
    close(fd);
    return status;
}

static oc_status make_one(const char *directory, const char *path)
{
    if (mkdir(directory, 0777) == 0)
        return sync_parent(directory);
    if (errno == EEXIST || oc__is_directory(directory))
        return OC_OK;
    return oc__fail_errno(errno, "%s: the directory cannot be made", path);
}

/* Makes every directory that ends at a slash of `path`, and the last, by cutting it there. */
static oc_status make_each(char *cut, const char *path)
{
    for (char *p = cut + 1;; p++) {
        if (*p && *p != '/')
            continue;
        const char kept = *p;
        *p = '\0';
        TRY(make_one(cut, path));
        *p = kept;
        if (!kept)
            break;
    }
    return oc__is_directory(path) ? OC_OK : oc__fail(OC_EIO, "%s: not a directory", path);
}

oc_status oc__make_directories(const char *path)
{
    if (!*path)
        return oc__fail(OC_EIO, "'': names no directory");
    char *const cut = oc__strdup(path);
    if (!cut)
        return OC_ELIMIT;
    const oc_status status = make_each(cut, path);
    oc__free(cut);
    return status;
}

static oc_status add_name(struct names *names, size_t *room, const char *name)
{
    if (names->n == *room) {
        const size_t more = *room ? 2 * *room : 64;
        char **const grown = oc__grow(names->name, *room, more, sizeof *names->name);
        if (!grown)
            return OC_ELIMIT;
        names->name = grown;
        *room = more;
    }
    char *const copy = oc__strdup(name);
    if (!copy)
        return OC_ELIMIT;
    names->name[names->n++] = copy;
    return OC_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static oc_status read_names(DIR *directory, const char *path, struct names *out)
{
    size_t room = 0;
    for (;;) {
        errno = 0;
        const struct dirent *const d = readdir(directory);
        if (!d && errno)
            return oc__fail_errno(errno, "%s: the directory cannot be read", path);
        if (!d)
            return OC_OK;
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            TRY(add_name(out, &room, d->d_name));
    }
}

oc_status oc__list_directory(const char *path, struct names *out)
{
    *out = (struct names){ 0 };
    DIR *const directory = opendir(path);
    if (!directory)
        return oc__fail_errno(errno, "%s: the directory cannot be opened", path);
    const oc_status status = read_names(directory, path, out);
    closedir(directory);
    if (status < 0)
        oc__names_free(out);
    else if (out->n)
        qsort(out->name, out->n, sizeof *out->name, compare_names);
    return status;
}

void oc__names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        oc__free(names->name[i]);
    oc__free(names->name);
    *names = (struct names){ 0 };
}

/* Whoever only looks whether it is held has it for a moment. */
static bool lock_within_moments(int fd)
{
    enum { TRIES = 5 };
    const struct timespec moment = { .tv_nsec = 2000000 };
    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            nanosleep(&moment, NULL);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
    }
    return false;
}

static oc_status open_and_lock(const char *path, int *fd)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    *fd = open(path, flags, 0644);
    if (*fd < 0)
        return oc__fail_errno(errno, "%s: the lock file cannot be opened", path);
    if (lock_within_moments(*fd))
        return OC_OK;
    const oc_status status = errno == EWOULDBLOCK
        ? oc__fail(OC_EIO, "%s: another process holds this lock", path)
        : oc__fail_errno(errno, "%s: cannot be locked", path);
    close(*fd);
    *fd = -1;
    return status;
}

/* Whoever held the lock may have removed its file before letting go. */
static bool is_still_named(const char *path, int fd)
{
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino
        && ours.st_dev == there.st_dev;
}

oc_status oc__lock(const char *path, int *fd)
{
    for (;;) {
        TRY(open_and_lock(path, fd));
        if (is_still_named(path, *fd))
            return OC_OK;
        oc__unlock(*fd);
    }
}

bool oc__is_locked(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == EACCES;
    const bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

void oc__unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
