/* live.c — the observer that draws loss and accuracy on the terminal as epochs end.
 *
 * The charts stand below the lines of the epochs.  When an epoch ends they are wiped, so that what
 * others print then takes their place, and they are drawn again with the first step after it.  So
 * this observer comes before the others that print.  A terminal that shows pictures gets one,
 * others characters; on anything but a terminal the curves are written once, at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "watch/plot_pair.h"
#include "watch/plot_text.h"
#include "watch/terminal.h"
#include "watch/watch.h"

enum { LINES_LEFT = 6 };

static const char *const streams[] = { "stdout", "stderr", NULL };

struct live_settings { int to, as; };

struct live {
    FILE           *to;
    enum terminal_form form;
    bool            terminal, colours, watches_test, by_loss, due;
    int             drawn;                              /* lines of charts */
    struct cells    cells;                              /* the terminal when they were drawn */
    const oc_epoch *epoch;
    int64_t         epochs;
};

/* Wipes what was drawn.  After the terminal changed its size lines may have been broken: then all
 * of the screen is. */
static void wipe(struct live *l)
{
    const struct cells now = oc__terminal_cells(l->to);
    if (l->drawn)
        oc__terminal_forget(l->form, l->to);
    if (l->drawn && (now.columns != l->cells.columns || now.rows != l->cells.rows))
        fputs("\033[2J\033[H", l->to);
    else if (l->drawn)
        fprintf(l->to, "\r\033[%dA\033[J", l->drawn);
    l->drawn = 0;
}

static oc_status draw_text(struct live *l, const struct course *course)
{
    struct str text = { 0 };
    const oc_status status = oc__curves_text(course, 1, l->cells.columns - 1,
                                             l->cells.rows - LINES_LEFT, l->colours, &text);
    if (status >= 0)
        fprintf(l->to, "%s%s", l->terminal ? "\r\033[J" : "", text.text);
    for (const char *c = oc__str_text(&text); l->terminal && (c = strchr(c, '\n')); c++)
        l->drawn++;
    oc__str_free(&text);
    return status;
}

static oc_status make_picture(const struct live *l, const struct course *course, struct str *out,
                              int *rows)
{
    struct curve_pair *const pair = oc__alloc(1, sizeof *pair);
    struct cells room = l->cells;
    oc_image image;
    if (!pair)
        return OC_ELIMIT;
    room.rows -= LINES_LEFT;
    oc__curve_pair(pair, course, 1, (const char *const[]){ NULL, NULL }, true);
    oc_status status = oc__figure_image(&pair->whole, &image);
    if (status >= 0)
        status = oc__terminal_picture(&image, l->form, room, out, rows);
    oc_image_free(&image);
    oc__curve_pair_free(pair);
    oc__free(pair);
    return status;
}

/* Lines are made first, so that the picture scrolls nothing, and the cursor comes back to the line
 * below, wherever the terminal leaves it. */
static oc_status draw_picture(struct live *l, const struct course *course)
{
    struct str picture = { 0 };
    int rows = 0;
    const oc_status status = make_picture(l, course, &picture, &rows);
    if (status >= 0) {
        fputs("\r\033[J", l->to);
        for (int i = 0; i < rows; i++)
            fputc('\n', l->to);
        fprintf(l->to, "\033[%dA\0337", rows);
        fwrite(picture.text, 1, picture.n, l->to);
        fprintf(l->to, "\0338\033[%dB", rows);
        l->drawn = rows;
    }
    oc__str_free(&picture);
    return status;
}

static oc_status draw(struct live *l)
{
    struct course course = { .watches_test = l->watches_test, .by_loss = l->by_loss };
    l->cells = oc__terminal_cells(l->to);
    TRY(oc__course_of_epochs(&course, l->epoch, l->epochs));
    oc_status status = OC_OK;
    if (l->form != TERMINAL_UNICODE && draw_picture(l, &course) < 0) {
        oc__warn("live: characters from now on: %s", oc_error());
        l->form = TERMINAL_UNICODE;                     /* a training is worth more than pictures */
    }
    if (l->form == TERMINAL_UNICODE)
        status = draw_text(l, &course);
    fflush(l->to);
    l->due = false;
    oc__course_free(&course);
    return status;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct live *const l = context;
    l->epoch = info->epoch;
    l->epochs = info->resumed_epochs;
    l->watches_test = info->watch_test;
    l->by_loss = info->options->patience > 0;
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
    else if (l->drawn && l->form == TERMINAL_UNICODE)
        fputs("\r\033[J", l->to);
}

static oc_status make(oc_observer *out, const void *attr)
{
    const struct live_settings *const settings = attr;
    struct live *const l = oc__alloc(1, sizeof *l);
    if (!l)
        return OC_ELIMIT;
    l->to = settings->to ? stderr : stdout;
    l->terminal = oc__is_terminal(l->to);
    l->form = l->terminal ? oc__terminal_form((enum terminal_form)settings->as) : TERMINAL_UNICODE;
    l->colours = l->terminal && !getenv("NO_COLOR");
    *out = (oc_observer){ .begin = begin, .step = step, .epoch = epoch, .end = end, .context = l };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR_WORDS(struct live_settings, to, "stdout", "where the terminal is", streams),
    ATTR_WORDS(struct live_settings, as, "auto", "characters, or a picture where it shows them",
               oc__terminal_forms),
    { 0 },
};

const struct watcher oc__watcher_live = {
    .entry = { "live", "curves on the terminal, drawn again as epochs end", attrs,
               sizeof(struct live_settings) },
    .make = make,
};
