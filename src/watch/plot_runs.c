/* plot_runs.c — runs that are on the disk, finished or not, beside each other.
 *
 * A run is a folder with a run.json.  A folder that holds such folders, as a study's does, stands
 * for them.  What is read is replaced whole by the training that writes it, so that a
 * run may be looked at while it runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/run.h"
#include "watch/plot_pair.h"
#include "watch/plot_text.h"
#include "watch/report_facts.h"

struct oc_plot {
    int           n;
    struct course course[COURSES_MAX];
    oc_plot_run   run[COURSES_MAX];
};

/* ---- reading ------------------------------------------------------------------------------- */

static double number_of(const struct facts *f, const char *key)
{
    const char *const text = oc__fact(f, key);
    double v;
    return text && oc__double_read(text, &v) ? v : NAN;
}

static void copy(char *to, size_t room, const char *text)
{
    snprintf(to, room, "%s", text ? text : "");
}

/* Fit for a terminal, as what came from outside must be. */
static void copy_escaped(char *to, size_t room, const char *text)
{
    oc__escape(text ? text : "", to, room);
}

static void summarize_state(oc_plot_run *run, const struct facts *f, const char *folder)
{
    const char *const status = oc__fact(f, "status");
    copy(run->state, sizeof run->state, oc__facts_state(f, folder));
    copy_escaped(run->reason, sizeof run->reason, oc__fact(f, "reason"));
    run->finished = status && strcmp(status, oc__run_states[RUN_FINISHED]) == 0;
    run->running = strcmp(run->state, oc__run_states[RUN_RUNNING]) == 0;
}

static void summarize(oc_plot_run *run, const struct course *c, const struct facts *f)
{
    copy(run->name, sizeof run->name, c->name);
    copy(run->model, sizeof run->model, oc__fact(f, "model"));
    copy(run->data, sizeof run->data, oc__fact(f, "data"));
    run->epochs = c->n;
    run->epochs_wanted = (int64_t)fmax(0, number_of(f, "epochs"));
    run->best_epoch = c->best < 0 ? 0 : (int64_t)c->column[COURSE_EPOCH][c->best];
    run->best_accuracy = c->best < 0 ? NAN : c->column[COURSE_VAL_ACCURACY][c->best];
    run->train_loss = c->n ? c->column[COURSE_TRAIN_LOSS][c->n - 1] : NAN;
    run->val_loss = c->n ? c->column[COURSE_VAL_LOSS][c->n - 1] : NAN;
    run->test_accuracy = number_of(f, "test_accuracy");
}

/* The last part of the path, fit for a terminal. */
static void name_course(struct course *c, const char *folder)
{
    char name[256];
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    size_t begin = n;
    while (begin > 0 && folder[begin - 1] != '/')
        begin--;
    snprintf(name, sizeof name, "%.*s", (int)(n - begin), folder + begin);
    oc__escape(name, c->name, sizeof c->name);
}

static oc_status read_run(oc_plot *p, const char *folder)
{
    struct facts facts;
    struct str path = { 0 };
    if (p->n == COURSES_MAX)
        return oc__fail(OC_ELIMIT, "%s: at most %d runs can be told apart", folder, COURSES_MAX);
    struct course *const c = &p->course[p->n];
    TRY(oc__facts_read(&facts, folder));
    oc__str_addf(&path, "%s/metrics.csv", folder);
    const char *const test = oc__fact(&facts, "watch_test");
    c->watches_test = test && strcmp(test, "true") == 0;
    c->by_loss = number_of(&facts, "patience") > 0;
    name_course(c, folder);
    const oc_status status = path.failed ? OC_ELIMIT : oc__course_read(c, path.text);
    if (status >= 0) {
        summarize_state(&p->run[p->n], &facts, folder);
        summarize(&p->run[p->n++], c, &facts);
    } else {
        oc__course_free(c);
    }
    oc__facts_free(&facts);
    oc__str_free(&path);
    return status;
}

static bool is_run(const char *folder, struct str *path)
{
    oc__str_clear(path);
    oc__str_addf(path, "%s/run.json", folder);
    return !path->failed && oc__is_file(path->text);
}

static oc_status read_folder(oc_plot *p, const char *folder);

/* The runs within, in the order of their names. */
static oc_status read_within(oc_plot *p, const char *folder, const struct names *names)
{
    struct str inner = { 0 }, path = { 0 };
    oc_status status = OC_OK;
    for (size_t i = 0; status >= 0 && i < names->n; i++) {
        oc__str_clear(&inner);
        oc__str_addf(&inner, "%s/%s", folder, names->name[i]);
        if (is_run(oc__str_text(&inner), &path))
            status = read_folder(p, inner.text);
    }
    oc__str_free(&inner);
    oc__str_free(&path);
    return status;
}

static oc_status read_folder(oc_plot *p, const char *folder)
{
    struct str path = { 0 };
    struct names names;
    const int before = p->n;
    const bool run = is_run(folder, &path);
    oc__str_free(&path);
    TRY(oc__list_directory(folder, &names));
    oc_status status = read_within(p, folder, &names);
    oc__names_free(&names);
    if (status >= 0 && p->n == before)
        status = run ? read_run(p, folder)
                     : oc__fail(OC_EIO, "%s: holds no run (there is no run.json, nor one in a "
                                "folder within)", folder);
    return status;
}

oc_status oc_plot_open(oc_plot **out, const char *const *folder, int n)
{
    oc_plot *const p = *out = oc__alloc(1, sizeof *p);
    oc_status status = p ? OC_OK : OC_ELIMIT;
    for (int i = 0; status >= 0 && i < n; i++)
        status = read_folder(p, folder[i]);
    if (status < 0) {
        oc_plot_free(p);
        *out = NULL;
    }
    return status;
}

void oc_plot_free(oc_plot *p)
{
    for (int i = 0; p && i < p->n; i++)
        oc__course_free(&p->course[i]);
    oc__free(p);
}

int oc_plot_runs(const oc_plot *p)
{
    return p->n;
}

const oc_plot_run *oc_plot_run_at(const oc_plot *p, int i)
{
    return &p->run[i];
}

/* ---- showing ------------------------------------------------------------------------------- */

enum { SUBTITLE = 512 };

static void subtitle_of(const oc_plot *p, enum curve curve, char text[SUBTITLE])
{
    const oc_plot_run *const run = &p->run[0];
    if (p->n > 1) {
        oc__courses_key(p->course, p->n, curve, text, SUBTITLE);
        return;
    }
    const int n = snprintf(text, SUBTITLE, "%s%s%s, %s", *run->model ? run->model : run->name,
                           *run->data ? " on " : "", run->data,
                           run->state);
    if (oc__course_ringed(&p->course[0], curve))
        snprintf(text + n, (size_t)(SUBTITLE - n), "; best after epoch %d (ring)",
                 (int)run->best_epoch);
}

oc_status oc_plot_save(const oc_plot *p, const char *path)
{
    int64_t epochs = 0;
    for (int i = 0; i < p->n; i++)
        epochs += p->run[i].epochs;
    if (epochs == 0)
        return oc__fail(OC_EIO, "%s: there is no epoch to draw yet", path);
    struct curve_pair *const pair = oc__alloc(1, sizeof *pair);
    char subtitle[2][SUBTITLE];
    if (!pair)
        return OC_ELIMIT;
    for (int i = 0; i < 2; i++)
        subtitle_of(p, oc__curve_pairs[i], subtitle[i]);
    oc__curve_pair(pair, p->course, p->n, (const char *const[]){ subtitle[0], subtitle[1] }, false);
    const oc_status status = oc__figure_save(&pair->whole, path, WRITE_REPLACE);
    oc__curve_pair_free(pair);
    oc__free(pair);
    return status;
}

char *oc_plot_text(const oc_plot *p, int columns, int rows, bool colours)
{
    struct str out = { 0 };
    if (oc__curves_text(p->course, p->n, columns, rows, colours, &out) >= 0)
        return out.text;
    oc__str_free(&out);
    return NULL;
}
