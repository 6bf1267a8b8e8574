/* csv.c — the observer that keeps a table of epochs in a file.
 *
 * The file is like a run folder's metrics.csv and is replaced whole after each epoch.  A training
 * that goes on keeps the rows of the epochs before it and drops those that it will repeat. */
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "train/run.h"
#include "watch/watch.h"

enum { SIZE_MAX_KEPT = 1 << 28 };

struct table { char file[ATTR_LINE_MAX]; };

struct csv {
    int64_t    finished;                                /* epochs before this training */
    bool       written;                                 /* by this training */
    struct str rows;
    char       path[ATTR_LINE_MAX];
};

/* The rows of an existing file whose epoch is finished; anything else in it is left out. */
static void keep_rows(struct csv *c, const char *text)
{
    for (const char *line = text; *line;) {
        const char *const end = strchr(line, '\n');
        if (!end)
            break;                                      /* an unfinished line */
        char *after;
        const long long epoch = strtoll(line, &after, 10);
        if (*after == ',' && epoch >= 1 && epoch <= c->finished)
            oc__str_add(&c->rows, line, (size_t)(end + 1 - line));
        line = end + 1;
    }
}

/* Whether a file can be written there, without writing one. */
static oc_status try_place(const char *path)
{
    struct writer w;
    TRY(oc__write_begin(&w, path, -1));
    oc__write_abandon(&w);
    return OC_OK;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct csv *const c = context;
    char *text;
    size_t n;
    c->written = false;
    c->finished = info->resumed_step / info->steps;
    oc__str_clear(&c->rows);
    oc__metrics_row(NULL, &c->rows);
    if (c->finished && oc__is_file(c->path)) {
        const oc_status status = oc__file_load(c->path, SIZE_MAX_KEPT, &text, &n);
        if (status < 0)
            return status;
        keep_rows(c, text);
        oc__free(text);
    }
    return c->rows.failed ? OC_ELIMIT : try_place(c->path);
}

static oc_status write_rows(struct csv *c)
{
    c->written = true;
    return c->rows.failed ? OC_ELIMIT
        : oc__write_file(c->path, c->rows.text, c->rows.n, WRITE_REPLACE);
}

/* A training that makes no step leaves no file. */
static oc_status step(void *context, const oc_progress *now)
{
    struct csv *const c = context;
    (void)now;
    return c->written ? OC_OK : write_rows(c);
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct csv *const c = context;
    (void)watched;
    oc__metrics_row(e, &c->rows);
    return write_rows(c);
}

static void end(void *context, const oc_train_result *result)
{
    struct csv *const c = context;
    (void)result;
    oc__str_free(&c->rows);
}

static oc_status make(oc_observer *out, const void *attr)
{
    const struct table *const settings = attr;
    struct csv *const c = oc__alloc(1, sizeof *c);
    if (!c)
        return OC_ELIMIT;
    memcpy(c->path, settings->file, sizeof c->path);
    *out = (oc_observer){ .begin = begin, .step = step, .epoch = epoch, .end = end,
                          .context = c };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR(struct table, LINE, file, "log.csv", "where it lies; replaced after each epoch"),
    { 0 },
};

const struct watcher oc__watcher_csv = {
    .entry = { "csv", "a table with a row per epoch", attrs, sizeof(struct table) },
    .make = make,
};
