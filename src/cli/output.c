/* output.c — JSON and text to a file or to standard output. */
#include "cli/output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/term.h"

bool oc__output_is_stdout(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

/* What stands at a path: nothing, something that may be replaced, or something to be kept. */
enum place { PLACE_FREE, PLACE_REPLACE, PLACE_STREAM, PLACE_TAKEN };

static enum place look(const char *path, bool force)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return PLACE_FREE;
    if (S_ISCHR(s.st_mode) || S_ISFIFO(s.st_mode))
        return PLACE_STREAM;
    return S_ISREG(s.st_mode) && (force || s.st_size == 0) ? PLACE_REPLACE : PLACE_TAKEN;
}

static oc_status taken(const char *path)
{
    if (oc__is_directory(path))
        return oc__fail(OC_EIO, "%s: is a directory", path);
    return oc__fail(OC_EIO, "%s: exists already; --force replaces it", path);
}

/* The folder must be there now; whether there is room then, only writing can tell. */
static oc_status check_folder(const char *path)
{
    const char *const slash = strrchr(path, '/');
    struct str folder = { 0 };
    if (!slash)
        oc__str_addz(&folder, ".");
    else
        oc__str_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    oc_status status = OC_OK;
    if (folder.failed)
        status = OC_ELIMIT;
    else if (!oc__is_directory(oc__str_text(&folder)))
        status = oc__fail(OC_EIO, "%s: there is no folder %s", path, oc__str_text(&folder));
    else if (access(oc__str_text(&folder), W_OK | X_OK) != 0)
        status = oc__fail_errno(errno, "%s: the folder %s cannot be written to", path,
                                oc__str_text(&folder));
    oc__str_free(&folder);
    return status;
}

oc_status oc__output_check(const char *path, bool force)
{
    if (!path || oc__output_is_stdout(path))
        return OC_OK;
    if (look(path, force) == PLACE_TAKEN)
        return taken(path);
    return check_folder(path);
}

static oc_status write_stream(FILE *f, const char *path, const char *text, size_t n)
{
    const bool good = fwrite(text, 1, n, f) == n && fflush(f) == 0;
    return good ? OC_OK : oc__fail_errno(errno, "%s", path);
}

oc_status oc__output_text(const char *path, bool force, const char *text, size_t n)
{
    if (oc__output_is_stdout(path))
        return write_stream(stdout, "standard output", text, n);
    const enum place place = look(path, force);
    if (place == PLACE_TAKEN)
        return taken(path);
    if (place != PLACE_STREAM)
        return oc__write_file(path, text, n,
                              place == PLACE_REPLACE ? WRITE_REPLACE : WRITE_NEW);
    FILE *const f = fopen(path, "we");
    if (!f)
        return oc__fail_errno(errno, "%s", path);
    const oc_status status = write_stream(f, path, text, n);
    return fclose(f) == 0 || status < 0 ? status : oc__fail_errno(errno, "%s", path);
}

/* Receives JSON piece by piece. */
static int append(const char *text, size_t n, void *to)
{
    oc__str_add(to, text, n);
    return ((struct str *)to)->failed ? -1 : 0;
}

oc_status oc__output_json(const char *path, bool force, json_t *root)
{
    if (!root)
        return oc__fail(OC_ELIMIT, "no memory for the JSON result");
    struct str text = { 0 };
    oc_status status = OC_OK;
    if (path) {
        const size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(15);
        const int failed = json_dump_callback(root, append, &text, flags);
        oc__str_addz(&text, "\n");
        status = failed || text.failed
                     ? oc__fail(OC_ELIMIT, "no memory for the JSON result")
                     : oc__output_text(path, force, text.text, text.n);
    }
    oc__str_free(&text);
    json_decref(root);
    return status;
}

json_t *oc__number_json(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

json_t *oc__text_json(const char *text)
{
    json_t *const sound = json_string(text);
    return sound ? sound : json_string(oc__printable(text));
}
