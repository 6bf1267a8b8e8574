/* unpack.c — archives taken apart, through libarchive, trusting none of their names.
 *
 * Only tar, gzip and ZIP are understood.  Entries are files and folders below the one that is given
 * and nothing else; files are created, never replaced, with our own permissions.  All data is on
 * the disk when the function returns. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/library.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "fetch/fetch.h"

#define ARCHIVE(F)                                                                             \
    F(archive_, read_new) F(archive_, read_free) F(archive_, read_open_fd)                     \
    F(archive_, read_support_filter_gzip) F(archive_, read_support_format_tar)                 \
    F(archive_, read_support_format_zip) F(archive_, read_next_header) F(archive_, read_data)  \
    F(archive_, error_string) F(archive_, entry_pathname) F(archive_, entry_hardlink)          \
    F(archive_, entry_symlink) F(archive_, entry_filetype)
LIBRARY(archive, SONAME_archive, "archives", ARCHIVE)

enum { BLOCK = 1 << 18, NAME_BYTES_MAX = 1024, ENTRIES_MAX = 1 << 20, FOLDERS_OPEN = 32 };

/* Text packs to a tenth and pictures hardly at all. */
static const int64_t ratio_max = 32, room_more = 1 << 20;

struct unpacking {
    struct archive *archive;
    const char     *path, *folder;
    int64_t         left;                               /* bytes that may still come */
    int             entries;
    struct str      parent;                             /* the folder that was made last */
};

static oc_status damaged(const struct unpacking *u)
{
    const char *const text = archive.error_string(u->archive);
    return oc__fail(OC_EINPUT, "%s: archive: %s", u->path, text ? text : "damaged");
}

static oc_status refuse(const struct unpacking *u, const char *name, const char *why)
{
    return oc__fail(OC_EINPUT, "%s: archive: entry %s: %s", u->path, oc__quote_z(name), why);
}

/* ---- names -------------------------------------------------------------------------------- */

/* Whether every part between slashes is a name that stays where it is. */
static bool leads_nowhere_else(const char *name)
{
    if (*name == '/' || strchr(name, '\\'))
        return false;
    for (const char *part = name; *part;) {
        const size_t n = strcspn(part, "/");
        if (n == 2 && part[0] == '.' && part[1] == '.')
            return false;
        part += n + (part[n] == '/');
    }
    return true;
}

static oc_status check_name(const struct unpacking *u, const char *name)
{
    if (!name || !*name)
        return refuse(u, "", "has no name");
    if (strlen(name) > NAME_BYTES_MAX)
        return refuse(u, name, "its name is too long");
    if (!leads_nowhere_else(name))
        return refuse(u, name, "its name leads out of the folder");
    return OC_OK;
}

static oc_status make_parent(struct unpacking *u, const char *path)
{
    struct str parent = { 0 };
    oc__str_add(&parent, path, oc__parent_length(path));
    oc_status status = parent.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && strcmp(oc__str_text(&parent), oc__str_text(&u->parent)) != 0)
        status = oc__make_directories(parent.text);
    oc__str_free(&u->parent);
    u->parent = parent;
    return status;
}

/* ---- entries ------------------------------------------------------------------------------ */

static oc_status write_all(const char *path, int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t r = write(fd, bytes, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return oc__fail_errno(r < 0 ? errno : ENOSPC, "%s: cannot be written", path);
        bytes += r;
        n -= (size_t)r;
    }
    return OC_OK;
}

static oc_status copy_data(struct unpacking *u, const char *name, const char *path, int fd)
{
    char *const block = oc__alloc(BLOCK, 1);
    oc_status   status = block ? OC_OK : OC_ELIMIT;
    while (status >= 0) {
        const la_ssize_t n = archive.read_data(u->archive, block, BLOCK);
        if (n == 0)
            break;
        if (n < 0)
            status = damaged(u);
        else if ((u->left -= n) < 0)
            status = refuse(u, name, "unpacks to more than 32 times the archive");
        else
            status = write_all(path, fd, block, (size_t)n);
    }
    oc__free(block);
    return status;
}

static oc_status unpack_file(struct unpacking *u, const char *name, const char *path)
{
    TRY(make_parent(u, path));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno == EEXIST ? refuse(u, name, "is there twice")
                               : oc__fail_errno(errno, "%s: cannot be created", path);
    oc_status status = copy_data(u, name, path, fd);
    if (close(fd) != 0 && status >= 0)
        status = oc__fail_errno(errno, "%s: cannot be closed", path);
    return status;
}

static oc_status unpack_entry(struct unpacking *u, struct archive_entry *entry)
{
    const char *const name = archive.entry_pathname(entry);
    struct str        path = { 0 };
    TRY(check_name(u, name));
    if (archive.entry_hardlink(entry) || archive.entry_symlink(entry))
        return refuse(u, name, "is a link");
    const mode_t type = archive.entry_filetype(entry);
    if (type != AE_IFREG && type != AE_IFDIR)
        return refuse(u, name, "is neither a file nor a folder");
    oc__str_addf(&path, "%s/%s", u->folder, name);
    oc_status status = path.failed ? OC_ELIMIT
                       : type == AE_IFDIR ? oc__make_directories(path.text)
                       : unpack_file(u, name, path.text);
    oc__str_free(&path);
    return status;
}

static oc_status unpack_all(struct unpacking *u)
{
    for (;;) {
        struct archive_entry *entry;
        const int             code = archive.read_next_header(u->archive, &entry);
        if (code == ARCHIVE_EOF)
            return OC_OK;
        if (code != ARCHIVE_OK)
            return damaged(u);
        if (u->entries++ == ENTRIES_MAX)
            return oc__fail(OC_ELIMIT, "%s: archive: more than %d entries", u->path, ENTRIES_MAX);
        TRY(unpack_entry(u, entry));
    }
}

/* ---- the whole ---------------------------------------------------------------------------- */

static oc_status sync_disk(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return oc__fail_errno(errno, "%s: cannot be opened", folder);
    const oc_status status
        = syncfs(fd) == 0 ? OC_OK : oc__fail_errno(errno, "%s: cannot be synced", folder);
    close(fd);
    return status;
}

static oc_status read_archive(struct unpacking *u, const struct file *f)
{
    archive.read_support_filter_gzip(u->archive);
    archive.read_support_format_tar(u->archive);
    archive.read_support_format_zip(u->archive);
    if (archive.read_open_fd(u->archive, f->fd, BLOCK) != ARCHIVE_OK)
        return damaged(u);
    TRY(unpack_all(u));
    return sync_disk(u->folder);
}

oc_status oc__unpack(const char *path, const char *folder)
{
    struct unpacking u = { .path = path, .folder = folder };
    struct file      f;
    TRY(archive_open());
    TRY(oc__file_open(&f, path));
    u.left = ratio_max * f.size + room_more;
    u.archive = archive.read_new();
    oc_status status = u.archive ? OC_OK : oc__fail(OC_ELIMIT, "%s: no memory", path);
    if (status >= 0 && mkdir(folder, 0777) != 0)
        status = oc__fail_errno(errno, "%s: the directory cannot be made", folder);
    if (status >= 0)
        status = read_archive(&u, &f);
    archive.read_free(u.archive);
    oc__str_free(&u.parent);
    oc__file_close(&f);
    return status;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

oc_status oc__remove_tree(const char *path)
{
    if (nftw(path, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return OC_OK;
    return oc__fail_errno(errno, "%s: cannot be removed", path);
}
