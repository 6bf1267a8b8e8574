/* study_live.c — curves of all runs of a study on the terminal, drawn again as epochs end.
 *
 * They stand below the lines of the epochs: whichever run ends one wipes them, prints, and the next
 * step of any run draws them anew from what is on the disk.  So a run's observer comes before the
 * one that prints. */
#include <string.h>

#include "base/file.h"
#include "cli/study.h"
#include "cli/term.h"

enum { RUNS_MAX = 24 };                                 /* that one plot can tell apart */
enum { ROWS = 24, LINES_LEFT = 6 };                     /* of the terminal; for what is printed */

/* Lines that a smaller terminal broke are wiped with all of the screen. */
static void wipe(struct study_live *l)
{
    if (l->drawn && oc__term_width(l->to) != l->columns)
        fputs("\033[2J\033[H", l->to);
    else if (l->drawn)
        fprintf(l->to, "\r\033[%dA\033[J", l->drawn);
    l->drawn = 0;
}

/* A run that could not begin has no folder. */
static int folders(const struct study_live *l, const char *folder[RUNS_MAX])
{
    int n = 0;
    for (int i = 0; i < l->runs && n < RUNS_MAX; i++)
        if (l->run[i].status >= 0 && oc__is_directory(l->run[i].folder))
            folder[n++] = l->run[i].folder;
    return n;
}

/* What cannot be read just now is not drawn. */
static void draw(struct study_live *l)
{
    const char *folder[RUNS_MAX];
    const int   n = folders(l, folder);
    oc_plot    *p;
    l->due = false;
    l->columns = oc__term_width(l->to);
    if (n == 0 || oc_plot_open(&p, folder, n) < 0)
        return;
    char *const text = oc_plot_text(p, l->columns - 1,
                                    oc__term_height(l->to, ROWS) - LINES_LEFT,
                                    oc__term_colours(l->to));
    if (text)
        fprintf(l->to, "\r\033[J%s", text);
    fflush(l->to);
    for (const char *c = text; c && (c = strchr(c, '\n')); c++)
        l->drawn++;
    oc_string_free(text);
    oc_plot_free(p);
}

/* An observer's own, one a run, since oc_watch_free() frees it. */
struct live { struct study_live *shared; };

static oc_status step(void *context, const oc_progress *now)
{
    struct live *const l = context;
    (void)now;
    if (l->shared->due)
        draw(l->shared);
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct live *const l = context;
    (void)e, (void)watched;
    wipe(l->shared);
    l->shared->due = true;
    return OC_OK;
}

/* What is told of the run's end, and at last the table, takes their place. */
static void end(void *context, const oc_train_result *result)
{
    const struct live *const l = context;
    (void)result;
    wipe(l->shared);
}

oc_status oc__study_live(oc_observer *out, struct study_live *shared)
{
    struct live *const l = oc__alloc(1, sizeof *l);
    if (!l)
        return OC_ELIMIT;
    l->shared = shared;
    *out = (oc_observer){ .step = step, .epoch = epoch, .end = end, .context = l };
    return OC_OK;
}
