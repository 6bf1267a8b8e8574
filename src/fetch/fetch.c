/* fetch.c — brings the files of a set into a folder, one after the other.
 *
 * Every mirror is tried in turn, and each again while it gives something or its trouble may pass.
 * A beginning from an earlier attempt that leads to a wrong checksum is dropped once, for it may
 * have come from elsewhere.  What is in place already is left as it is. */
#include "fetch/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "base/str.h"

enum { TRIES = 3 };

/* One file on its way: where it will be, and what it is called until then. */
struct arrival {
    const struct fetch_file *file;
    const oc_fetch_options  *options;
    const char              *folder;
    struct str               place, part, url;
};

static const char *file_name(const struct fetch_file *f)
{
    return f->path + oc__parent_length(f->path);
}

/* ---- one address -------------------------------------------------------------------------- */

static void wait_before(int try)
{
    nanosleep(&(struct timespec){ .tv_sec = try - 1, .tv_nsec = 300000000 }, NULL);
}

/* Until nothing more comes in TRIES attempts. */
static oc_status download(struct download *d)
{
    oc_status status = OC_OK;
    for (int try = 0; try < TRIES && d->have < d->bytes; try++) {
        const int64_t before = d->have;
        if (try > 0)
            wait_before(try);
        status = oc__download(d);
        if (status < 0 && !d->again)
            return status;
        if (status < 0 && d->have > before) {
            oc__note("%s; going on", oc_error());
            try = 0;
        }
    }
    return status;
}

/* Opens the part file for this process alone; a longer one than the whole is none of it. */
static oc_status open_part(const struct arrival *a, struct download *d)
{
    struct stat st;
    TRY(oc__lock(a->part.text, &d->fd));
    if (fstat(d->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return oc__fail(OC_EIO, "%s: not a regular file", a->part.text);
    d->have = st.st_size <= d->bytes ? st.st_size : 0;
    if (d->have < st.st_size && ftruncate(d->fd, 0) != 0)
        return oc__fail_errno(errno, "%s: cannot be cut", a->part.text);
    return OC_OK;
}

static oc_status check(const struct arrival *a, const struct download *d)
{
    if (fsync(d->fd) != 0)
        return oc__fail_errno(errno, "%s: cannot be synced", a->part.text);
    const oc_status status = oc__digest_check(a->part.text, a->file->digest);
    return status == OC_EINPUT ? oc__fail(status, "%s: %s", d->url, oc_error()) : status;
}

/* Bytes that turn out to be wrong are not kept. */
static oc_status fetch_and_check(const struct arrival *a, struct download *d)
{
    const bool resumed = d->have > 0;
    oc_status  status = download(d);
    if (status >= 0)
        status = check(a, d);
    if (status != OC_EINPUT)
        return status;
    d->have = 0;
    if (ftruncate(d->fd, 0) != 0)
        return oc__fail_errno(errno, "%s: cannot be cut", a->part.text);
    return resumed ? fetch_and_check(a, d) : status;
}

/* ---- all addresses ------------------------------------------------------------------------ */

/* What may stand in an address is plain, and so may be printed. */
static oc_status join_url(struct arrival *a, const char *base, const char *path)
{
    const size_t n = strlen(base);
    for (size_t i = 0; i < n; i++)
        if (base[i] <= ' ' || base[i] > '~')
            return oc__fail(OC_EUSAGE, "fetch: %s: no address", oc__quote_z(base));
    oc__str_clear(&a->url);
    oc__str_addf(&a->url, "%s%s%s", base, n && base[n - 1] == '/' ? "" : "/", path);
    return a->url.failed ? OC_ELIMIT : OC_OK;
}

/* A mirror's failure may be another's success; what is wrong here is wrong with every mirror. */
static oc_status try_mirrors(struct arrival *a, const struct fetch_set *set, struct download *d)
{
    if (a->options->from) {
        TRY(join_url(a, a->options->from, d->name));
        d->url = a->url.text;
        return fetch_and_check(a, d);
    }
    oc_status status = OC_OK;
    for (int i = 0; i < FETCH_MIRRORS_MAX && set->mirror[i]; i++) {
        if (i > 0)
            oc__note("%s; trying another address", oc_error());
        TRY(join_url(a, set->mirror[i], a->file->path));
        d->url = a->url.text;
        status = fetch_and_check(a, d);
        if (status != OC_EIO && status != OC_EINPUT)
            break;
    }
    return status;
}

static oc_status rename_into_place(const char *from, const char *to)
{
    int       directory;
    oc_status status = OC_OK;
    TRY(oc__open_parent(to, &directory));
    if (rename(from, to) != 0)
        status = oc__fail_errno(errno, "%s: cannot be renamed into place", to);
    else if (fsync(directory) != 0 && errno != EINVAL)
        status = oc__fail_errno(errno, "%s: its directory cannot be synced", to);
    close(directory);
    return status;
}

static oc_status bring(struct arrival *a, const struct fetch_set *set)
{
    struct download d = { .name = file_name(a->file), .fd = -1, .bytes = a->file->bytes,
                          .options = a->options };
    oc_status status = open_part(a, &d);
    if (status >= 0)
        status = try_mirrors(a, set, &d);
    if (status >= 0)
        status = rename_into_place(a->part.text, a->place.text);
    if (status < 0 && d.fd >= 0 && d.have == 0)
        unlink(a->part.text);
    oc__unlock(d.fd);
    return status;
}

/* ---- archives ----------------------------------------------------------------------------- */

static oc_status move_out(const struct arrival *a, const char *temporary, const char *to)
{
    struct str from = { 0 };
    oc__str_addf(&from, "%s/%s", temporary, a->file->holds);
    oc_status status = from.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && !oc__is_directory(from.text))
        status = oc__fail(OC_EINPUT, "%s: archive: holds no folder %s", a->place.text,
                          a->file->holds);
    if (status >= 0)
        status = rename_into_place(from.text, to);
    oc__str_free(&from);
    return status;
}

static oc_status make_parent_of(const char *path)
{
    struct str parent = { 0 };
    oc__str_add(&parent, path, oc__parent_length(path));
    const oc_status status = parent.failed ? OC_ELIMIT : oc__make_directories(parent.text);
    oc__str_free(&parent);
    return status;
}

static oc_status take_apart(const struct arrival *a, const char *to)
{
    struct str temporary = { 0 };
    oc__str_addf(&temporary, "%s.unpacking", a->place.text);
    oc_status status = temporary.failed ? OC_ELIMIT : oc__remove_tree(temporary.text);
    if (status >= 0)
        status = oc__unpack(a->place.text, temporary.text);
    if (status >= 0)
        status = make_parent_of(to);
    if (status >= 0)
        status = move_out(a, temporary.text, to);
    if (status >= 0 && unlink(a->place.text) != 0)
        status = oc__fail_errno(errno, "%s: cannot be removed", a->place.text);
    const oc_status removed = temporary.failed ? OC_OK : oc__remove_tree(temporary.text);
    oc__str_free(&temporary);
    return status < 0 ? status : removed;
}

/* ---- sets --------------------------------------------------------------------------------- */

static void tell_whole(const struct arrival *a)
{
    if (a->options->progress)
        a->options->progress(a->options->context, file_name(a->file), a->file->bytes,
                             a->file->bytes);
}

/* A file in place must be the right one; of an archive the folder that it held is enough. */
static oc_status fetch_file(struct arrival *a, const struct fetch_set *set)
{
    const struct fetch_file *const f = a->file;
    struct str held = { 0 };
    oc__str_addf(&held, "%s/%s", a->folder, f->holds ? f->holds : "");
    oc__str_addf(&a->place, "%s/%s", a->folder, file_name(f));
    oc__str_addf(&a->part, "%s.part", oc__str_text(&a->place));
    oc_status status = held.failed || a->place.failed || a->part.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && f->holds && oc__is_directory(held.text)) {
        oc__note("%s is there already", held.text);
    } else if (status >= 0) {
        const bool there = oc__is_file(a->place.text);
        status = there ? oc__digest_check(a->place.text, f->digest) : bring(a, set);
        if (status >= 0 && there)
            tell_whole(a);
        if (status >= 0 && f->holds)
            status = take_apart(a, held.text);
    }
    oc__str_free(&held);
    return status;
}

oc_status oc__fetch_set(const struct fetch_set *set, const oc_fetch_options *o)
{
    const char *const folder = o->folder ? o->folder : set->entry.name;
    TRY(oc__make_directories(folder));
    for (int i = 0; i < FETCH_FILES_MAX && set->file[i].path; i++) {
        struct arrival  a = { .file = &set->file[i], .options = o, .folder = folder };
        const oc_status status = fetch_file(&a, set);
        oc__str_free(&a.place);
        oc__str_free(&a.part);
        oc__str_free(&a.url);
        TRY(status);
    }
    return OC_OK;
}

oc_status oc_data_fetch(const oc_fetch_options *o, const char **kind)
{
    enum { MOST = 32 };
    const struct entry *list[MOST + 1] = { NULL }, *found;
    for (int i = 0; i < MOST && oc__fetch_list[i]; i++)
        list[i] = &oc__fetch_list[i]->entry;
    TRY(oc__entry_find(list, "data set", o->set, &found));
    const struct fetch_set *const set = (const struct fetch_set *)found;
    *kind = set->kind;
    return oc__fetch_set(set, o);
}
