/* data_fetch.c — downloads a data set: on a terminal one live line a file, else a line that says
 * what has arrived. */
#include "cli/data_fetch.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/term.h"

static const double interval = 0.1;                     /* seconds between two drawings */
enum { BAR_COLUMNS = 20, NAME_COLUMNS = 28 };

/* Rates are of the bytes that came since the file was first heard of. */
struct fetching { const char *file; int64_t first; double began, drawn; bool live; };

static void draw(const struct fetching *f, int64_t bytes, int64_t all, double now)
{
    char       have[32], whole[32], rate[32];
    struct str bar = { 0 };
    oc__bar((double)bytes / (double)all, BAR_COLUMNS, &bar);
    const int    blank = BAR_COLUMNS - oc__columns(oc__str_text(&bar));
    const double took = now - f->began;
    const double speed = took > 0 ? (double)(bytes - f->first) / took : 0;
    printf("\r%-*s %s%*s %s of %s  %s/s\033[K", NAME_COLUMNS, f->file, oc__str_text(&bar), blank,
           "", oc__bytes_text(bytes, have), oc__bytes_text(all, whole),
           oc__bytes_text((int64_t)speed, rate));
    fflush(stdout);
    oc__str_free(&bar);
}

static void progress(void *context, const char *file, int64_t bytes, int64_t all)
{
    struct fetching *const f = context;
    const double now = oc__seconds();
    char         size[32];
    if (f->file != file)
        *f = (struct fetching){ file, bytes, now, 0, f->live };
    if (bytes == all)
        printf("%s%-*s %s\n", f->live ? "\r\033[K" : "", NAME_COLUMNS, file,
               oc__bytes_text(all, size));
    else if (f->live && now - f->drawn > interval)
        draw(f, bytes, all, f->drawn = now);
}

oc_status oc__data_fetch(const char *set, const char *folder, const char *from, bool quiet)
{
    struct fetching f = { .live = oc__term_is(stdout) };
    const char     *kind;
    if (quiet)
        oc__quiet();
    TRY(oc_data_fetch(&(oc_fetch_options){ .set = set, .folder = folder, .from = from,
                                           .progress = quiet ? NULL : progress, .context = &f },
                      &kind));
    if (quiet)
        return OC_OK;
    printf("%s is in %s", oc__printable(set), oc__printable(folder ? folder : set));
    if (kind)
        printf(": --data %s:%s", kind, oc__printable(folder ? folder : set));
    printf("\n");
    return OC_OK;
}
