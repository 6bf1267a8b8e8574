/* study_train.c — the runs of a study take turns, an epoch each.
 *
 * All trainings are made first, so that what they need together is known; runs that read the same
 * data, divided alike, share it.  A run that is over gives its memory back.  When the user stops,
 * the run whose turn it is saves and all others stand where they saved last, at the end of an
 * epoch. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "cli/open.h"
#include "cli/run_folder.h"
#include "cli/run_settings.h"
#include "cli/study.h"
#include "cli/term.h"

/* Data by what it was opened and divided with, and by the classes of a model that is there already,
 * which become the data's; data that has a part for validation is not divided,
 * and which that is can no longer be seen once it was. */
struct shared { char *key; oc_data *data; double validation; };

struct session {
    struct study              *study;
    const struct study_orders *orders;
    struct study_run          *run;
    int                        runs, width;             /* of the longest name */
    struct study_live          live;
    struct shared             *shared;                  /* [runs] at most */
    int                        shares;
};

/* ---- beginning a run ----------------------------------------------------------------------- */

static oc_status key_of(const struct study_run *r, const oc_train_options *o, struct str *key)
{
    const struct train *const t = &r->options;
    oc__str_addf(key, "%s\n%s\n%llu", o->data_spec, t->val ? t->val : "",
                 (unsigned long long)r->split_seed);
    if (!oc__names_new_model(t->model) || t->classes)
        oc__str_addf(key, "\n%s\n%s", t->model, t->classes ? t->classes : "");
    return key->failed ? OC_ELIMIT : OC_OK;
}

static oc_status open_data(struct session *s, struct study_run *r, oc_train_options *o,
                           const char *key)
{
    for (int i = 0; i < s->shares; i++)
        if (!strcmp(s->shared[i].key, key)) {
            r->data = s->shared[i].data;
            o->validation = s->shared[i].validation;
            return OC_OK;
        }
    struct shared *const fresh = &s->shared[s->shares];
    TRY(oc__train_data(&r->options, o, &fresh->data));
    s->shares++;
    fresh->validation = o->validation;
    fresh->key = oc__pool_strdup(&s->study->pool, key);
    r->data = fresh->data;
    return fresh->key ? OC_OK : OC_ELIMIT;
}

static oc_status find_data(struct session *s, struct study_run *r, oc_train_options *o)
{
    struct str key = { 0 };
    oc_status status = key_of(r, o, &key);
    if (status >= 0)
        status = open_data(s, r, o, key.text);
    oc__str_free(&key);
    return status;
}

static oc_status watch(struct session *s, struct study_run *r)
{
    struct watchers *const w = &r->watchers;
    if (r->options.watch.live && s->orders->people && oc__term_is(s->orders->people)) {
        TRY(oc__study_live(&w->list[w->n], &s->live));
        w->n++;
    }
    if (s->orders->people) {
        TRY(oc__study_watch(&w->list[w->n], s->orders->people, r->name, s->width));
        w->n++;
    }
    return oc__train_watch(&r->options.watch, NULL, w);
}

/* From the start, or where the folder holds the run, from where it was. */
static oc_status make_training(struct session *s, struct study_run *r, oc_train_options *o,
                               const struct run_settings *was)
{
    const struct watchers *const w = &r->watchers;
    const struct study_orders *const orders = s->orders;
    if (was->begun)
        return oc_training_resume(&r->training, r->folder, r->data, &orders->resume, w->list, w->n,
                                  orders->stop);
    TRY(oc__train_model(&r->options, r->data, &r->model));
    TRY(oc__run_folder_clear(r->folder, orders->force));
    o->run = r->folder;
    return oc_training_new(&r->training, r->model, r->data, o, w->list, w->n, orders->stop);
}

/* A run that is finished needs no data. */
static oc_status begin_run(struct session *s, struct study_run *r)
{
    struct run_settings was = { 0 };
    oc_train_options o;
    TRY(oc__train_options(&r->options, &r->texts, &o));
    o.split_seed = r->split_seed;
    o.measure_fit = true;
    if (s->orders->resume.threads)
        o.threads = s->orders->resume.threads;
    if (s->orders->resumes)
        TRY(oc__run_settings(r->folder, &was));
    if (!was.finished)
        TRY(find_data(s, r, &o));
    TRY(watch(s, r));
    o.watch = oc__str_text(&r->watchers.steps);
    return make_training(s, r, &o, &was);
}

/* ---- ending a run -------------------------------------------------------------------------- */

static void tell_end(const struct session *s, const struct study_run *r)
{
    FILE *const to = s->orders->people;
    const oc_train_result *const result = &r->result;
    char text[32];
    if (!to || r->status == OC_EINTERRUPTED)
        return;
    fprintf(to, "%-*s  ", s->width, r->name);
    if (r->status < 0)
        fprintf(to, "failed: %s\n", r->error);
    else if (result->finished_before)
        fprintf(to, "was finished before\n");
    else if (result->stopped_early)
        fprintf(to, "stopped early after epoch %lld, the best was %lld; %s\n",
                (long long)result->last_epoch, (long long)result->best_epoch,
                oc__seconds_text(r->seconds, text));
    else
        fprintf(to, "done, %s\n", oc__seconds_text(r->seconds, text));
    fflush(to);
}

static void sum_seconds(struct study_run *r)
{
    r->seconds = r->result.finished_before ? r->result.seconds : 0;
    for (int64_t i = 0; i < r->result.epochs; i++)
        r->seconds += r->result.epoch[i].seconds;
}

/* Whatever became of it; its figures stay. */
static void end_run(const struct session *s, struct study_run *r, oc_status status)
{
    if (status < 0)
        snprintf(r->error, sizeof r->error, "%s", oc_error());
    if (r->training) {
        r->status = oc_training_end(r->training, status, &r->result);
        if (status >= 0 && r->status < 0)
            snprintf(r->error, sizeof r->error, "%s", oc_error());
        sum_seconds(r);
        oc_train_result_free(&r->result);
    } else {
        r->status = status;
    }
    r->training = NULL;
    oc__train_unwatch(&r->watchers);
    oc_model_free(r->model);
    r->model = NULL;
    oc__train_texts_free(&r->texts);
    tell_end(s, r);
}

/* ---- turns --------------------------------------------------------------------------------- */

static void tell_begin(const struct session *s)
{
    if (s->orders->people)
        fprintf(s->orders->people, "study  %s: %d experiment%s, %d run%s\n",
                oc__printable(s->orders->folder), s->study->n, oc__plural(s->study->n), s->runs,
                oc__plural(s->runs));
}

static void tell_plan(const struct session *s)
{
    char bytes[32];
    int64_t planned = 0;
    for (int i = 0; i < s->runs; i++)
        planned += s->run[i].training ? oc_training_bytes(s->run[i].training) : 0;
    if (s->orders->people && planned)
        fprintf(s->orders->people, "plan   %s for all of them together\n",
                oc__bytes_text(planned, bytes));
}

static void begin_all(struct session *s)
{
    for (int i = 0; i < s->runs && !*s->orders->stop; i++) {
        const oc_status status = begin_run(s, &s->run[i]);
        if (status < 0)
            end_run(s, &s->run[i], status);
    }
}

/* Whether anybody had a turn. */
static bool take_turns(struct session *s)
{
    bool any = false;
    for (int i = 0; i < s->runs && !*s->orders->stop; i++) {
        struct study_run *const r = &s->run[i];
        bool more = false;
        if (!r->training)
            continue;
        any = true;
        const oc_status status = oc_training_epoch(r->training, &more);
        if (status < 0 || !more)
            end_run(s, r, status);
    }
    return any;
}

/* Those that the stop left in the middle; a run that never began has no figures either. */
static bool stop_rest(struct session *s)
{
    bool stopped = false;
    for (int i = 0; i < s->runs; i++) {
        if (s->run[i].training)
            end_run(s, &s->run[i], OC_EINTERRUPTED);
        stopped |= s->run[i].status == OC_EINTERRUPTED
                   || (s->run[i].status >= 0 && s->run[i].result.last_epoch == 0);
    }
    return stopped;
}

static oc_status sum_up(const struct session *s)
{
    int failed = 0, first = 0;
    for (int i = s->runs - 1; i >= 0; i--)
        if (s->run[i].status < 0) {
            failed++;
            first = i;
        }
    const struct study_run *const r = &s->run[first];
    if (failed == 0)
        return OC_OK;
    return oc__fail(r->status, "%d of %d runs failed; %s: %s", failed, s->runs, r->name, r->error);
}

static oc_status run_all(struct session *s)
{
    tell_begin(s);
    begin_all(s);
    tell_plan(s);
    while (take_turns(s)) {}
    if (stop_rest(s))
        return oc__fail(OC_EINTERRUPTED, "state saved; to continue: ocellus train --resume %s",
                        s->orders->folder);
    TRY(oc__study_tell(s->study, s->run, s->runs, s->orders));
    return sum_up(s);
}

static oc_status run_locked(struct session *s)
{
    for (int i = 0; i < s->runs; i++)
        s->width = oc__columns(s->run[i].name) > s->width ? oc__columns(s->run[i].name) : s->width;
    s->live = (struct study_live){ .to = s->orders->people, .run = s->run, .runs = s->runs };
    s->shared = oc__alloc((size_t)s->runs, sizeof *s->shared);
    if (!s->shared)
        return OC_ELIMIT;
    TRY(oc__study_save(s->study, s->orders->folder));
    return run_all(s);
}

static oc_status lock_and_run(struct session *s)
{
    struct str path = { 0 };
    int lock = -1;
    oc__str_addf(&path, "%s/lock", s->orders->folder);
    oc_status status = path.failed ? OC_ELIMIT : oc__make_directories(s->orders->folder);
    if (status >= 0)
        status = oc__lock(path.text, &lock);
    if (status >= 0) {
        status = run_locked(s);
        oc__unlock(lock);
    }
    oc__str_free(&path);
    return status;
}

oc_status oc__study_train(struct study *study, const struct study_orders *orders)
{
    struct session s = { .study = study, .orders = orders };
    oc_status status = oc__study_runs(study, orders->folder, &s.run, &s.runs);
    if (status >= 0)
        status = lock_and_run(&s);
    for (int i = 0; i < s.shares; i++)
        oc_data_free(s.shared[i].data);
    oc__free(s.shared);
    oc__free(s.run);
    return status;
}
