/* plot.c — the observer that draws a run: plots/ with PNG and SVG files, and report.html.
 *
 * Pictures are drawn anew as epochs end, but only as long as drawing takes no more than one part in
 * fifty of the time, and at the end always.  A picture that cannot be drawn or written is a
 * warning: a training is worth more than its pictures.  Nor are they synced, since they can be
 * drawn again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run.h"
#include "watch/report.h"
#include "watch/watch.h"

static const double share = 0.02;                       /* of the time, for drawing */
static const double first_guess = 0.5;                  /* seconds that drawing may take */

struct plot_settings { char track[ATTR_LINE_MAX]; };

struct plots {
    struct record record;
    char         *folder, *plots;                       /* NULL: the run has none */
    bool          stepped;                              /* so that there may be news at the end */
    double        began, spent, last;                   /* seconds: clock, all drawing, the last */
};

/* ---- drawing ------------------------------------------------------------------------------- */

/* A picture of mistakes that are no more must not stay. */
static void remove_old(const struct plots *p, const struct pictures *all)
{
    struct names names;
    if (oc__list_directory(p->plots, &names) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        bool drawn = !strstr(names.name[i], "mistakes.");
        for (int k = 0; k < all->n && !drawn; k++) {
            const size_t n = strlen(all->picture[k].name);
            drawn = !strncmp(names.name[i], all->picture[k].name, n) && names.name[i][n] == '.';
        }
        struct str path = { 0 };
        oc__str_addf(&path, "%s/%s", p->plots, names.name[i]);
        if (!drawn && !path.failed)
            unlink(path.text);
        oc__str_free(&path);
    }
    oc__names_free(&names);
}

/* The page also where a picture cannot be drawn, as when the data has broken: it tells that. */
static oc_status draw_all(const struct plots *p, struct pictures *all)
{
    const oc_status drawn = oc__pictures_draw(all, &p->record, p->plots);
    if (drawn >= 0)
        remove_old(p, all);
    const oc_status status = oc__report_write(&p->record, all, p->folder);
    return drawn < 0 ? drawn : status;
}

static void draw(struct plots *p)
{
    const double began = oc__seconds();
    struct pictures *const all = oc__alloc(1, sizeof *all);
    const oc_status status = all ? draw_all(p, all) : OC_ELIMIT;
    if (status < 0)
        oc__warn("%s: pictures are not up to date: %s", p->folder, oc_error());
    if (all)
        oc__pictures_free(all);
    oc__free(all);
    oc__mem_trim();
    p->last = oc__seconds() - began;
    p->spent += p->last;
}

static bool has_time(const struct plots *p)
{
    const double expected = p->last > 0 ? p->last : first_guess;
    return p->spent + expected <= share * (oc__seconds() - p->began);
}

/* ---- the observer -------------------------------------------------------------------------- */

/* Pages are of decisions between classes; other tasks have none. */
static oc_status open_pages(struct record *r)
{
    if (strcmp(oc_model_task(r->model), "classify") != 0)
        return OC_OK;
    for (int part = 0; part < OC_PARTS; part++) {
        const int64_t count = oc_data_count(r->data, (oc_part)part);
        if (count > 0 && (part == (int)r->watched || part == OC_PART_TEST))
            TRY(oc__page_open(&r->page[part], (oc_part)part, count, oc_model_classes(r->model)));
    }
    return OC_OK;
}

static oc_status make_folder(struct plots *p, const char *run)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/plots", run);
    p->folder = oc__strdup(run);
    p->plots = path.failed ? NULL : path.text;
    if (!p->folder || !p->plots)
        return OC_ELIMIT;
    TRY(oc__make_directories(p->plots));
    oc__run_sweep(p->plots);
    return OC_OK;
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct plots *const p = context;
    struct record *const r = &p->record;
    r->model = info->model;
    r->data = info->data;
    r->options = info->options;
    r->epoch = info->epoch;
    r->epochs = info->resumed_epochs;
    r->watched = info->watch_test ? OC_PART_TEST : info->val ? OC_PART_VAL : OC_PARTS;
    p->began = oc__seconds();
    if (!info->run)
        return OC_OK;
    TRY(oc__tracks_check(&r->tracks, r->model));
    TRY(open_pages(r));
    return make_folder(p, info->run);
}

static oc_status step(void *context, const oc_progress *now)
{
    (void)now;
    ((struct plots *)context)->stepped = true;
    return OC_OK;
}

static oc_status evaluated(void *context, const oc_evaluated *batch)
{
    struct plots *const p = context;
    struct page *const page = &p->record.page[batch->part];
    if (page->confusion)
        oc__page_note(page, batch);
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct plots *const p = context;
    (void)watched;
    p->record.epochs = e->epoch;
    if (p->folder && has_time(p))
        draw(p);
    return OC_OK;
}

static void end(void *context, const oc_train_result *result)
{
    struct plots *const p = context;
    p->record.finished = result != NULL;
    if (p->folder && p->plots && (result || p->stepped))
        draw(p);
    for (int part = 0; part < OC_PARTS; part++)
        oc__page_close(&p->record.page[part]);
    oc__free(p->folder);
    oc__free(p->plots);
    p->folder = p->plots = NULL;
}

static oc_status make(oc_observer *out, const void *attr)
{
    const struct plot_settings *const settings = attr;
    struct plots *const p = oc__alloc(1, sizeof *p);
    if (!p)
        return OC_ELIMIT;
    *out = (oc_observer){ .begin = begin, .step = step, .evaluated = evaluated,
                          .epoch = epoch, .end = end, .context = p };
    return oc__tracks_read(&p->record.tracks, settings->track);
}

static const struct attr attrs[] = {
    ATTR(struct plot_settings, LINE, track, NULL,
         "parameters to draw as images, each perhaps with how many of its rows: c1.weight,16"),
    { 0 },
};

const struct watcher oc__watcher_plots = {
    .entry = { "plots", "pictures of the run in its folder: plots/ and report.html", attrs,
               sizeof(struct plot_settings) },
    .make = make,
};
