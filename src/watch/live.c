/* live.c — the observer that draws loss and accuracy on the terminal as epochs end.
 *
 * The charts stand below the lines of the epochs.  When an epoch ends they are wiped, so that what
 * others print then takes their place, and they are drawn again with the first step after it.  So
 * this observer comes before the others that print.  On anything but a terminal the curves are
 * written once, at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/status.h"
#include "watch/plot_text.h"
#include "watch/watch.h"

enum { COLUMNS = 80, ROWS = 24, LINES_LEFT = 6 };

static const char *const streams[] = { "stdout", "stderr", NULL };

struct live_settings { int to; };

struct live {
    FILE           *to;
    bool            terminal, colours, watches_test, due;
    int             drawn, columns, rows;               /* lines of charts; the terminal's size */
    const oc_epoch *epoch;
    int64_t         epochs;
};

static void look_at_terminal(const struct live *l, int *columns, int *rows)
{
    struct winsize size = { 0 };
    const bool known = l->terminal && ioctl(fileno(l->to), TIOCGWINSZ, &size) == 0;
    *columns = known && size.ws_col ? size.ws_col : COLUMNS;
    *rows = known && size.ws_row ? size.ws_row : ROWS;
}

/* Wipes what was drawn.  After the terminal changed its size lines may have been broken: then all
 * of the screen is. */
static void wipe(struct live *l)
{
    int columns, rows;
    look_at_terminal(l, &columns, &rows);
    if (l->drawn && (columns != l->columns || rows != l->rows))
        fputs("\033[2J\033[H", l->to);
    else if (l->drawn)
        fprintf(l->to, "\r\033[%dA\033[J", l->drawn);
    l->drawn = 0;
}

static oc_status draw(struct live *l)
{
    struct course course = { .watches_test = l->watches_test };
    struct str text = { 0 };
    look_at_terminal(l, &l->columns, &l->rows);
    TRY(oc__course_of_epochs(&course, l->epoch, l->epochs));
    const oc_status status = oc__curves_text(&course, 1, l->columns - 1, l->rows - LINES_LEFT,
                                             l->colours, &text);
    if (status >= 0)
        fprintf(l->to, "%s%s", l->terminal ? "\r\033[J" : "", text.text);
    fflush(l->to);
    for (const char *c = oc__str_text(&text); l->terminal && (c = strchr(c, '\n')); c++)
        l->drawn++;
    l->due = false;
    oc__str_free(&text);
    oc__course_free(&course);
    return status;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct live *const l = context;
    l->epoch = info->epoch;
    l->epochs = info->resumed_epochs;
    l->watches_test = info->watch_test;
    l->due = l->epochs > 0;
    return OC_OK;
}

static oc_status step(void *context, const oc_progress *progress)
{
    struct live *const l = context;
    (void)progress;
    return l->terminal && l->due ? draw(l) : OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct live *const l = context;
    (void)watched;
    wipe(l);
    l->epochs = e->epoch;
    l->due = true;
    return OC_OK;
}

/* The last curves stay. */
static void end(void *context, const oc_train_result *result)
{
    struct live *const l = context;
    (void)result;
    if (l->due && l->epochs > 0)
        draw(l);
    else if (l->drawn)
        fputs("\r\033[J", l->to);
}

static oc_status make(oc_observer *out, const void *attr)
{
    const struct live_settings *const settings = attr;
    struct live *const l = oc__alloc(1, sizeof *l);
    if (!l)
        return OC_ELIMIT;
    l->to = settings->to ? stderr : stdout;
    l->terminal = isatty(fileno(l->to));
    l->colours = l->terminal && !getenv("NO_COLOR");
    *out = (oc_observer){ .begin = begin, .step = step, .epoch = epoch, .end = end, .context = l };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR_WORDS(struct live_settings, to, "stdout", "where the terminal is", streams),
    { 0 },
};

const struct watcher oc__watcher_live = {
    .entry = { "live", "curves on the terminal, drawn again as epochs end", attrs,
               sizeof(struct live_settings) },
    .make = make,
};
