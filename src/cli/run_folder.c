/* run_folder.c — finds a free folder for a run, or frees one.
 *
 * What is removed is named here, file by file: a folder that holds anything else keeps it. */
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

/* Its files, by their names: step-*.safetensors and what a killed process left of them. */
static oc_status discard_checkpoints(const char *folder)
{
    struct str path = { 0 };
    struct names names = { 0 };
    oc__str_addf(&path, "%s/checkpoints", folder);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && oc__is_directory(path.text)) {
        status = oc__list_directory(path.text, &names);
        for (size_t i = 0; status >= 0 && i < names.n; i++)
            status = discard(path.text, names.name[i], unlink);
        oc__names_free(&names);
    }
    oc__str_free(&path);
    return status < 0 ? status : discard(folder, "checkpoints", rmdir);
}

/* run.json goes last, so that what is half removed is still known as a run. */
static oc_status discard_run(const char *folder)
{
    static const char *const files[] = { "metrics.csv", "model.safetensors", "last.safetensors",
                                         "lock", "run.json" };
    TRY(discard_checkpoints(folder));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        TRY(discard(folder, files[i], unlink));
    return OC_OK;
}

oc_status oc__run_folder_clear(const char *folder, bool force)
{
    struct names names;
    if (!exists(folder))
        return OC_OK;
    if (!oc__is_directory(folder))
        return oc__fail(OC_EIO, "%s: exists and is not a folder", folder);
    TRY(oc__list_directory(folder, &names));
    bool run = false;
    for (size_t i = 0; i < names.n; i++)
        run |= strcmp(names.name[i], "run.json") == 0;
    const size_t n = names.n;
    oc__names_free(&names);
    if (n == 0)
        return OC_OK;
    if (!run)
        return oc__fail(OC_EIO, "%s: is not empty and holds no run", folder);
    if (!force)
        return oc__fail(OC_EIO, "%s: holds a run; --resume %s continues it, --force replaces it",
                        folder, folder);
    return discard_run(folder);
}
