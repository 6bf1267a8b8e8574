/* directory.c — what is in the file system, and locks on it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

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

/* Makes every directory that ends at a slash of `path`, and the last, by cutting it there. */
static oc_status make_each(char *cut, const char *path)
{
    for (char *p = cut + 1;; p++) {
        if (*p && *p != '/')
            continue;
        const char kept = *p;
        *p = '\0';
        if (mkdir(cut, 0777) != 0 && errno != EEXIST && !oc__is_directory(cut))
            return oc__fail_errno(errno, "%s: the directory cannot be made", path);
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

oc_status oc__lock(const char *path, int *fd)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    *fd = open(path, flags, 0644);
    if (*fd < 0)
        return oc__fail_errno(errno, "%s: the lock file cannot be opened", path);
    int locked;
    do
        locked = flock(*fd, LOCK_EX | LOCK_NB);
    while (locked != 0 && errno == EINTR);
    if (locked == 0)
        return OC_OK;
    const oc_status status = errno == EWOULDBLOCK
        ? oc__fail(OC_EIO, "%s: another process holds this lock", path)
        : oc__fail_errno(errno, "%s: cannot be locked", path);
    close(*fd);
    *fd = -1;
    return status;
}

void oc__unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
