/* footprint.c — see footprint.h. */
#include "base/footprint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"

/* ---- before -------------------------------------------------------------------------------- */

/* The end of the path's next part. */
static size_t next_end(const char *path, size_t at)
{
    at += strspn(path + at, "/");
    return at + strcspn(path + at, "/");
}

static size_t existing_length(const char *path)
{
    size_t existed = 0;
    struct str part = { 0 };
    for (size_t end = next_end(path, 0); end > existed; end = next_end(path, end)) {
        oc__str_clear(&part);
        oc__str_add(&part, path, end);
        if (!part.failed && !oc__is_directory(part.text))
            break;
        existed = end;                                  /* in doubt it is left alone */
    }
    oc__str_free(&part);
    return existed;
}

static bool exists_in(const char *folder, const char *name)
{
    struct stat s;
    struct str path = { 0 };
    oc__str_addf(&path, "%s/%s", folder, name);
    const bool there = path.failed || lstat(path.text, &s) == 0;
    oc__str_free(&path);
    return there;
}

void oc__footprint_look(struct footprint *f, const char *folder)
{
    *f = (struct footprint){ .existed = existing_length(folder),
                             .locked_before = exists_in(folder, FOOTPRINT_LOCK) };
}

oc_status oc__footprint_list(struct footprint *f, const char *folder)
{
    TRY(oc__list_directory(folder, &f->names));
    f->listed = true;
    return OC_OK;
}

/* ---- undoing ------------------------------------------------------------------------------- */

/* A file, or a folder with the files that are directly in it; never what a link leads to. */
static void remove_made(const char *path)
{
    struct stat s;
    struct names names;
    if (lstat(path, &s) != 0)
        return;
    if (!S_ISDIR(s.st_mode)) {
        unlink(path);
        return;
    }
    if (oc__list_directory(path, &names) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct str inner = { 0 };
        oc__str_addf(&inner, "%s/%s", path, names.name[i]);
        if (!inner.failed)
            unlink(inner.text);                         /* of a folder this does nothing */
        oc__str_free(&inner);
    }
    oc__names_free(&names);
    rmdir(path);
}

static int compare(const void *key, const void *name)
{
    return strcmp(key, *(char *const *)name);
}

static bool was_there(const struct footprint *f, const char *name)
{
    if (strcmp(name, FOOTPRINT_LOCK) == 0)
        return f->locked_before;
    return f->names.n && bsearch(name, f->names.name, f->names.n, sizeof *f->names.name, compare);
}

/* Folders that were made on the way, from the innermost; one that holds anything stays. */
static void remove_way(const struct footprint *f, const char *folder)
{
    char *const way = oc__strdup(folder);
    for (size_t n = way ? strlen(way) : 0; n > f->existed; n--) {
        if (way[n] && way[n] != '/')
            continue;
        way[n] = '\0';
        if (rmdir(way) != 0 && errno != ENOENT)         /* as behind a slash at the end */
            break;
    }
    oc__free(way);
}

void oc__footprint_undo(const struct footprint *f, const char *folder, const char *const *made)
{
    for (int i = 0; f->listed && made[i]; i++) {
        struct str first = { 0 }, path = { 0 };
        oc__str_add(&first, made[i], strcspn(made[i], "/"));
        oc__str_addf(&path, "%s/%s", folder, made[i]);
        if (!first.failed && !path.failed && !was_there(f, first.text))
            remove_made(path.text);
        oc__str_free(&first);
        oc__str_free(&path);
    }
    if (f->listed)
        remove_way(f, folder);
}

void oc__footprint_free(struct footprint *f)
{
    oc__names_free(&f->names);
    *f = (struct footprint){ 0 };
}
