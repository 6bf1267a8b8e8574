/* run_folder.c — finds a free folder for a run, or frees one.
 *
 * What is removed is named here, file by file: a folder that holds anything else keeps it.  A
 * folder is a run's when it holds the lock that every training takes first; the lock stays, for the
 * run that comes. */
#include "cli/run_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"

static bool exists(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0;
}

oc_status oc__run_folder_next(const char *name, struct str *out)
{
    enum { MOST = 1000000 };
    const size_t before = out->n;
    for (int i = 1; i < MOST; i++) {
        out->n = before;
        oc__str_addf(out, "runs/%s-%d", name, i);
        if (out->failed)
            return OC_ELIMIT;
        if (!exists(out->text))
            return OC_OK;
    }
    return oc__fail(OC_ELIMIT, "runs/%s-%d: so many runs exist already", name, MOST - 1);
}

/* Removes what is there; that nothing is there is fine. */
static oc_status discard(const char *folder, const char *name, int (*how)(const char *))
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/%s", folder, name);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && how(path.text) != 0 && errno != ENOENT)
        status = oc__fail_errno(errno, "%s", path.text);
    oc__str_free(&path);
    return status;
}

/* Whatever is in a folder that is the run's own, also what was set aside or left half written. */
static oc_status discard_folder(const char *folder, const char *name)
{
    struct str path = { 0 };
    struct names names = { 0 };
    oc__str_addf(&path, "%s/%s", folder, name);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && oc__is_directory(path.text)) {
        status = oc__list_directory(path.text, &names);
        for (size_t i = 0; status >= 0 && i < names.n; i++)
            status = discard(path.text, names.name[i], unlink);
        oc__names_free(&names);
    }
    oc__str_free(&path);
    return status < 0 ? status : discard(folder, name, rmdir);
}

/* What a training that got anywhere leaves.  run.json goes first: what is half removed can no
 * longer be resumed, only replaced again. */
static const char *const results[] = { "run.json", "metrics.csv", "model.safetensors",
                                       "last.safetensors", "report.html", "study.txt",
                                       "study.csv", "study.json" };
enum { RESULTS = sizeof results / sizeof *results };

/* And its folders, each before the one that it is in. */
static const char *const folders[] = { "plots", "events/train", "events/validation",
                                       "events/test", "events", "checkpoints" };
enum { FOLDERS = sizeof folders / sizeof *folders };

static oc_status discard_run(const char *folder)
{
    for (int i = 0; i < RESULTS; i++)
        TRY(discard(folder, results[i], unlink));
    for (int i = 0; i < FOLDERS; i++)
        TRY(discard_folder(folder, folders[i]));
    return OC_OK;
}

static bool holds(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

/* Whether what is in the folder may go. */
static oc_status may_replace(const char *folder, const struct names *names, bool force)
{
    if (!holds(names, "lock") && !holds(names, "run.json"))
        return oc__fail(OC_EIO, "%s: is not empty and holds no run", folder);
    if (force)
        return OC_OK;
    if (holds(names, "run.json"))
        return oc__fail(OC_EIO, "%s: holds a run; --resume %s continues it, --force replaces it",
                        folder, folder);
    for (int i = 0; i < RESULTS; i++)
        if (holds(names, results[i]))
            return oc__fail(OC_EIO, "%s: holds %s; --force replaces it", folder, results[i]);
    return OC_OK;                                       /* it was killed as it began */
}

/* Nobody trains there while it is emptied. */
static oc_status discard_locked(const char *folder)
{
    struct str path = { 0 };
    int lock = -1;
    oc__str_addf(&path, "%s/lock", folder);
    oc_status status = path.failed ? OC_ELIMIT : oc__lock(path.text, &lock);
    if (status >= 0)
        status = discard_run(folder);
    oc__unlock(lock);
    oc__str_free(&path);
    return status;
}

oc_status oc__run_folder_clear(const char *folder, bool force)
{
    struct names names;
    if (!exists(folder))
        return OC_OK;
    if (!oc__is_directory(folder))
        return oc__fail(OC_EIO, "%s: exists and is not a folder", folder);
    TRY(oc__list_directory(folder, &names));
    oc_status status = OC_OK;
    if (names.n > 0) {
        status = may_replace(folder, &names, force);
        if (status >= 0)
            status = discard_locked(folder);
    }
    oc__names_free(&names);
    return status;
}
