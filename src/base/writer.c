/* writer.c — files that are either not there or whole, and on the disk.
 *
 * The order is what makes it so: reserve the space, write a temporary file, sync it, close it,
 * rename it, sync the directory.  A sync that failed is never tried again on the same descriptor:
 * the kernel has then dropped the pages and marked them clean, so a second try would lie. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"

enum { NAME_KEPT = 200, NAME_TRIES = 100 };             /* bytes of the name in the temporary's */

static oc_status create_temporary(struct writer *w)
{
    static atomic_uint counter;
    const size_t n = oc__parent_length(w->path);
    for (int try = 0; try < NAME_TRIES; try++) {
        struct str name = { 0 };
        oc__str_addf(&name, "%.*s.tmp-%ld-%u-%.*s", (int)n, w->path, (long)getpid(),
                     atomic_fetch_add(&counter, 1), NAME_KEPT, w->path + n);
        if (name.failed) {
            oc__str_free(&name);
            return OC_ELIMIT;
        }
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        w->fd = open(name.text, flags, 0644);
        if (w->fd >= 0) {
            w->temporary = name.text;
            return OC_OK;
        }
        oc__str_free(&name);
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return oc__fail_errno(errno, "%s: cannot be created", w->path);
}

/* Takes the space at once, so that a full disk is told before the work is done. */
static oc_status reserve(const struct writer *w)
{
    int error;
    do
        error = posix_fallocate(w->fd, 0, (off_t)w->size);
    while (error == EINTR);
    if (error == 0 || error == EOPNOTSUPP || error == EINVAL)
        return OC_OK;                                   /* a file system that cannot reserve */
    struct statvfs fs;
    if (error != ENOSPC || fstatvfs(w->fd, &fs) != 0)
        return oc__fail_errno(error, "%s: %lld bytes cannot be reserved", w->path,
                              (long long)w->size);
    return oc__fail_errno(error, "%s: needs %lld bytes, %llu are free", w->path,
                          (long long)w->size, (unsigned long long)fs.f_bavail * fs.f_frsize);
}

oc_status oc__write_begin(struct writer *w, const char *path, int64_t size)
{
    *w = (struct writer){ .fd = -1, .size = size };
    if (!path[oc__parent_length(path)])
        return oc__fail(OC_EIO, "%s: names no file", *path ? path : "''");
    w->path = oc__strdup(path);
    oc_status status = w->path ? create_temporary(w) : OC_ELIMIT;
    if (status >= 0 && size > 0)
        status = reserve(w);
    if (status < 0)
        oc__write_abandon(w);
    return status;
}

oc_status oc__write(struct writer *w, const void *data, size_t n)
{
    if (w->fd < 0)
        return oc__fail(OC_EBUG, "a file is written after it failed or was closed");
    for (const char *p = data; n > 0;) {
        const ssize_t r = write(w->fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            const oc_status status = oc__fail_errno(r < 0 ? errno : ENOSPC,
                "%s: offset %lld: cannot be written", w->path, (long long)w->written);
            oc__write_abandon(w);
            return status;
        }
        p += r;
        n -= (size_t)r;
        w->written += r;
    }
    return OC_OK;
}

static oc_status sync_and_close(struct writer *w, enum write_flags flags)
{
    if (w->size >= 0 && w->written != w->size)
        return oc__fail(OC_EBUG, "%s: %lld bytes were announced, %lld written", w->path,
                        (long long)w->size, (long long)w->written);
    if (!(flags & WRITE_LIGHTLY) && fsync(w->fd) != 0)
        return oc__fail_errno(errno, "%s: cannot be synced", w->path);
    const int fd = w->fd;
    w->fd = -1;
    return close(fd) == 0 ? OC_OK : oc__fail_errno(errno, "%s: cannot be closed", w->path);
}

/* Gives the temporary file its name unless that is taken, on any kernel and file system. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) == 0 ? unlink(from) : -1;
}

static oc_status publish(struct writer *w, enum write_flags flags, int directory)
{
    const int renamed = flags & WRITE_REPLACE ? rename(w->temporary, w->path)
                                              : rename_new(w->temporary, w->path);
    if (renamed != 0 && errno == EEXIST)
        return oc__fail(OC_EIO, "%s: exists already", w->path);
    if (renamed != 0)
        return oc__fail_errno(errno, "%s: cannot be renamed into place", w->path);
    oc__free(w->temporary);
    w->temporary = NULL;
    if (flags & WRITE_LIGHTLY || fsync(directory) == 0 || errno == EINVAL)
        return OC_OK;
    const int error = errno;
    const bool replaced = flags & WRITE_REPLACE;
    if (!replaced)
        unlink(w->path);                                /* so that it can be written once more */
    return oc__fail_errno(error, "%s: %sits directory cannot be synced", w->path,
                          replaced ? "is written, but " : "");
}

oc_status oc__write_commit(struct writer *w, enum write_flags flags)
{
    if (w->fd < 0)
        return oc__fail(OC_EBUG, "a file is committed after it failed or was closed");
    int directory = -1;
    oc_status status = sync_and_close(w, flags);
    if (status >= 0)
        status = oc__open_parent(w->path, &directory);
    if (status >= 0)
        status = publish(w, flags, directory);
    if (directory >= 0 && close(directory) != 0 && status >= 0)
        status = oc__fail_errno(errno, "%s: is written, but its directory cannot be closed",
                                w->path);
    oc__write_abandon(w);
    return status;
}

void oc__write_abandon(struct writer *w)
{
    if (w->path && w->fd >= 0)                          /* a writer of zeros never began */
        close(w->fd);
    if (w->temporary)
        unlink(w->temporary);
    oc__free(w->temporary);
    oc__free(w->path);
    *w = (struct writer){ .fd = -1 };
}

oc_status oc__write_file(const char *path, const void *data, size_t n, enum write_flags flags)
{
    struct writer w;
    TRY(oc__write_begin(&w, path, (int64_t)n));
    TRY(oc__write(&w, data, n));
    return oc__write_commit(&w, flags);
}
