/* train.c — training from the start, and going on from a run folder. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "backend/backend.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "nn/model.h"
#include "train/trainer.h"

/* ---- the end of a training ---------------------------------------------------------------- */

/* Of the model that is kept, in its record. */
static oc_status evaluate(struct trainer *t, oc_part part, double *loss, double *accuracy)
{
    oc_metrics metrics = { 0 };
    *loss = *accuracy = NAN;
    if (oc_data_count(t->data, part) == 0)
        return OC_OK;
    TRY(oc__trainer_evaluate(t, part, part == OC_PART_TEST, &metrics));
    *loss = metrics.loss;
    *accuracy = metrics.accuracy;
    oc_metrics_free(&metrics);
    return OC_OK;
}

/* What the result says, as far as the epochs tell. */
static void record_epochs(struct trainer *t)
{
    struct run_record *const r = &t->record;
    const struct state *const s = &t->state;
    r->best_epoch = s->count.best_epoch;
    r->best_val_accuracy = r->best_epoch > 0 ? s->epoch[r->best_epoch - 1].val_accuracy : NAN;
    r->last_epoch = s->count.epoch;
    r->stopped_early = r->last_epoch < t->settings->train.epochs;
    if (r->last_epoch > 0)
        r->kept = s->epoch[(r->best_epoch > 0 ? r->best_epoch : r->last_epoch) - 1];
    r->seconds = 0;
    for (int64_t i = 0; i < r->last_epoch; i++)
        r->seconds += s->epoch[i].seconds;
}

/* Leaves the best weights in the model, the last ones in their file. */
static oc_status finish(struct trainer *t)
{
    const struct state *const s = &t->state;
    oc__trainer_swap_average(t);
    TRY(oc__run_model(&t->run, t->model, "last.safetensors"));
    if (s->count.best_epoch > 0)
        oc__trainer_take_best(t);
    TRY(evaluate(t, OC_PART_TEST, &t->record.test_loss, &t->record.test_accuracy));
    if (t->settings->train.measure_fit)
        TRY(evaluate(t, OC_PART_TRAIN, &t->record.fit_loss, &t->record.fit_accuracy));
    TRY(oc__run_model(&t->run, t->model, "model.safetensors"));
    t->record.state = RUN_FINISHED;
    record_epochs(t);
    return oc__run_write(&t->run, t->settings, &t->record);
}

static void fill_record(oc_train_result *result, const struct run_record *record,
                        const char *folder)
{
    result->best_epoch = record->best_epoch;
    result->best_val_accuracy = record->best_val_accuracy;
    result->kept = record->kept;
    result->last_epoch = record->last_epoch;
    result->stopped_early = record->stopped_early;
    result->planned_bytes = record->planned_bytes;
    result->test_loss = record->test_loss;
    result->test_accuracy = record->test_accuracy;
    result->fit_loss = record->fit_loss;
    result->fit_accuracy = record->fit_accuracy;
    result->peak_rss_bytes = oc__peak_rss_bytes();
    if (folder)
        snprintf(result->model, sizeof result->model, "%s/model.safetensors", folder);
}

/* Hands the epochs over, also those of a training that failed. */
static void fill_result(oc_train_result *result, struct trainer *t)
{
    fill_record(result, &t->record, t->run.folder);
    result->epoch = t->state.epoch;
    result->epochs = t->state.count.epoch;
    result->seconds = oc__seconds() - t->began;
    t->state.epoch = NULL;
}

void oc_train_result_free(oc_train_result *r)
{
    oc__free((void *)(uintptr_t)r->epoch);
    r->epoch = NULL;
    r->epochs = 0;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static oc_status tell_begin(const struct trainer *t, const oc_train_info *info)
{
    for (int i = 0; i < t->watchers.n; i++) {
        const oc_observer *const o = &t->watchers.observer[i];
        if (o->begin)
            TRY(o->begin(o->context, info));
    }
    return OC_OK;
}

static void tell_end(const struct watchers *w, const oc_train_result *result)
{
    for (int i = 0; i < w->n; i++)
        if (w->observer[i].end)
            w->observer[i].end(w->observer[i].context, result);
}

struct oc_training {
    struct settings settings;
    struct trainer  trainer;
    bool            began;                              /* observers know of it */
    bool            recorded;                           /* run.json says that it is running */
    bool            over;                               /* it was finished before */
    oc_model       *own_model;                          /* made here; NULL: the caller's */
    oc_data        *own_data;
};

/* Observers are told once the trainer stands as it was before, where it goes on. */
static oc_status begin_loop(oc_training *t)
{
    oc__loop_begin(&t->trainer);
    t->began = true;
    const oc_train_info info = oc__trainer_info(&t->trainer);
    t->trainer.record.planned_bytes = info.planned_bytes;
    return tell_begin(&t->trainer, &info);
}

oc_status oc_training_epoch(oc_training *t, bool *more)
{
    struct trainer *const p = &t->trainer;
    *more = false;
    if (t->over)
        return OC_OK;
    omp_set_num_threads(p->settings->train.threads);
    if (oc__loop_more(p))
        TRY(oc__loop_epoch(p));
    *more = oc__loop_more(p);
    return OC_OK;
}

int64_t oc_training_bytes(const oc_training *t)
{
    return t->over ? 0 : t->trainer.record.planned_bytes;
}

static enum run_state state_after(oc_status failure)
{
    return failure == OC_EINTERRUPTED ? RUN_INTERRUPTED
         : failure == OC_ENEGATIVE ? RUN_DIVERGED : RUN_FAILED;
}

/* run.json must not go on to say that it runs; where that cannot be written, the lock that nobody
 * holds tells it. */
static void record_failure(struct trainer *t, oc_status failure, const char *message)
{
    t->record.state = state_after(failure);
    if (failure != OC_EINTERRUPTED)
        snprintf(t->record.reason, sizeof t->record.reason, "%s", message);
    if (oc__run_write(&t->run, t->settings, &t->record) < 0)
        oc__warn("%s", oc_error());
}

/* Whether no step was ever made, so that there is nothing to keep or to go on from. */
static bool came_to_nothing(const oc_training *t, oc_status status)
{
    return status < 0 && status != OC_EINTERRUPTED && t->trainer.run.before.listed
        && t->trainer.state.count.updates == 0;
}

/* What this does may fail too; the message stays that of the failure. */
static void end_failed(oc_training *t, oc_status failure)
{
    char message[REASON_MAX];
    snprintf(message, sizeof message, "%s", oc_error());
    const bool undo = came_to_nothing(t, failure);
    if (t->recorded && !undo)
        record_failure(&t->trainer, failure, message);
    if (t->began)
        tell_end(&t->trainer.watchers, NULL);
    if (undo)
        oc__run_undo(&t->trainer.run);
    oc__fail(failure, "%s", message);
}

static void free_training(oc_training *t)
{
    oc__trainer_free(&t->trainer);
    oc_model_free(t->own_model);
    oc_data_free(t->own_data);
    oc__settings_free(&t->settings);
    oc__free(t);
}

oc_status oc_training_end(oc_training *t, oc_status status, oc_train_result *result)
{
    *result = (oc_train_result){ .test_loss = NAN, .test_accuracy = NAN, .fit_loss = NAN,
                                 .fit_accuracy = NAN };
    if (!t)
        return status;
    if (t->began)
        oc__loop_return(&t->trainer);
    if (status >= 0 && !t->over)
        status = finish(&t->trainer);
    fill_result(result, &t->trainer);
    if (t->over) {
        result->seconds = t->trainer.record.seconds;
        result->finished_before = true;
    }
    if (status < 0)
        end_failed(t, status);
    else if (t->began)
        tell_end(&t->trainer.watchers, result);
    free_training(t);
    return status;
}

/* One that could not be made. */
static oc_status give_up(oc_training **t, oc_status status)
{
    oc_train_result none;
    oc_training *const failed = *t;
    *t = NULL;
    status = oc_training_end(failed, status, &none);
    oc_train_result_free(&none);
    return status;
}

static oc_status run_to_end(oc_training *t, oc_status status, oc_train_result *result)
{
    for (bool more = true; status >= 0 && more;)
        status = oc_training_epoch(t, &more);
    return oc_training_end(t, status, result);
}

/* ---- from the start ----------------------------------------------------------------------- */

static bool same_values(const oc_store *a, const oc_store *b)
{
    bool same = true;
    for (int kind = 0; kind < 2 && same; kind++)
        same = a->length[kind] == b->length[kind]
            && (a->length[kind] == 0
                || !memcmp(a->block[ROLE_VALUE][kind], b->block[ROLE_VALUE][kind],
                           (size_t)a->length[kind] * sizeof(float)));
    return same;
}

/* Whether the settings alone give the weights that the training begins with. */
static bool start_is_known(const struct trainer *t)
{
    oc_model *fresh;
    if (oc_model_new(&fresh, &t->settings->model) < 0)
        return false;
    oc_store *const store = oc_model_store(fresh);
    const bool known = oc__store_ready(store, ROLE_VALUE) >= 0 && same_values(store, t->store);
    oc_model_free(fresh);
    return known;
}

static oc_status identify_kernels(char *text, size_t room)
{
    struct str name = { 0 };
    oc__backend_identify(&name);
    const oc_status status = name.failed ? OC_ELIMIT : OC_OK;
    snprintf(text, room, "%s", oc__str_text(&name));
    oc__str_free(&name);
    return status;
}

/* From here on a process that is killed can be resumed: where run.json does not tell the first
 * weights, because they were loaded, a checkpoint holds them before run.json is there. */
static oc_status begin_run(oc_training *t)
{
    struct trainer *const p = &t->trainer;
    TRY(oc__run_create(&p->run, t->settings.train.run));
    if (!p->run.folder)
        return OC_OK;
    oc__checkpoint_discard(p->run.checkpoints);         /* of one that was killed as it began */
    if (!start_is_known(p))
        TRY(oc__trainer_save_checkpoint(p));
    TRY(oc__run_write(&p->run, &t->settings, &p->record));
    t->recorded = true;
    return OC_OK;
}

/* Two words on what is validated on would leave one of them unheard. */
static oc_status hold_back(oc_data *d, const oc_train_options *o)
{
    if (o->validation <= 0)
        return OC_OK;
    if (d->held)
        return oc__fail(OC_EUSAGE, "validation: a fraction of %g and %s of the data exclude each "
                        "other, since both say what is validated on", o->validation, d->held);
    return oc_data_split(d, o->validation, o->split_seed);
}

static oc_status make(oc_training *t, const oc_train_options *o)
{
    struct trainer *const p = &t->trainer;
    TRY(identify_kernels(p->record.kernels, sizeof p->record.kernels));
    TRY(hold_back(p->data, o));
    TRY(oc_model_match(p->model, p->data));
    TRY(oc__settings_resolve(&t->settings, p->model, p->data, o));
    TRY(oc__model_set_loss(p->model, t->settings.train.loss));
    TRY(oc__trainer_make(p));
    TRY(begin_run(t));
    return begin_loop(t);
}

oc_status oc_training_new(oc_training **out, oc_model *m, oc_data *d, const oc_train_options *o,
                          const oc_observer *observers, int n, const volatile bool *stop)
{
    oc_training *const t = *out = oc__alloc(1, sizeof *t);
    if (!t)
        return OC_ELIMIT;
    t->trainer = (struct trainer){
        .settings = &t->settings, .model = m, .data = d, .watchers = { observers, n },
        .stop = stop, .run.lock = -1,
        .record = { .version = OC_VERSION, .best_val_accuracy = NAN, .test_loss = NAN,
                    .test_accuracy = NAN, .fit_loss = NAN, .fit_accuracy = NAN },
    };
    const oc_status status = make(t, o);
    return status < 0 ? give_up(out, status) : status;
}

oc_status oc_train(oc_model *m, oc_data *d, const oc_train_options *options,
                   const oc_observer *observers, int n, const volatile bool *stop,
                   oc_train_result *result)
{
    oc_training *t;
    const oc_status status = oc_training_new(&t, m, d, options, observers, n, stop);
    return run_to_end(t, status, result);
}

/* ---- from a run folder -------------------------------------------------------------------- */

static oc_status check_exact(struct trainer *t, struct settings *s, const oc_resume_options *o)
{
    char kernels[sizeof t->record.kernels];
    TRY(identify_kernels(kernels, sizeof kernels));
    if (strcmp(t->record.kernels, kernels) && !o->not_exact)
        return oc__fail(OC_EUSAGE, "%s: was begun with the kernels %s, here are %s: allow other "
                        "results, or use that machine", t->run.folder,
                        oc__quote_z(t->record.kernels), kernels);
    if (strcmp(t->record.version, OC_VERSION) && !o->not_exact)
        return oc__fail(OC_EUSAGE, "%s: was begun by version %s, this is %s: allow other results, "
                        "or use that version", t->run.folder, oc__quote_z(t->record.version),
                        OC_VERSION);
    if (o->threads && o->threads != s->train.threads && !o->not_exact)
        return oc__fail(OC_EUSAGE, "%s: was begun with %d thread%s, not %d: allow other results, "
                        "or leave the number to the run", t->run.folder, s->train.threads,
                        s->train.threads == 1 ? "" : "s", o->threads);
    if (o->threads)
        s->train.threads = o->threads;
    return OC_OK;
}

static oc_status open_data(oc_training *t, const char *spec)
{
    if (!spec)
        return oc__fail(OC_EUSAGE, "%s: does not say what its data is; name it",
                        t->trainer.run.folder);
    TRY(oc_data_open(&t->own_data, spec));
    t->trainer.data = t->own_data;
    return OC_OK;
}

/* It must be what the run was begun with, divided as it was then. */
static oc_status check_data(struct trainer *t, const char *spec)
{
    const struct settings *const s = t->settings;
    if (oc_data_hash(t->data) != s->data_hash)
        return oc__fail(OC_EINPUT, "%s: is not the data that %s was begun with: its hash is "
                        "%016llx, not %016llx", spec, t->run.folder,
                        (unsigned long long)oc_data_hash(t->data),
                        (unsigned long long)s->data_hash);
    if (s->train.validation > 0)
        TRY(oc_data_split(t->data, s->train.validation, s->train.split_seed));
    if (oc_data_count(t->data, OC_PART_TRAIN) != s->train_samples
        || oc_data_count(t->data, OC_PART_VAL) != s->val_samples)
        return oc__fail(OC_EINPUT, "%s: its parts are not those that %s was begun with", spec,
                        t->run.folder);
    return OC_OK;
}

/* Not before all is ready: a run that cannot be continued is left as it is. */
static oc_status record_running(oc_training *t)
{
    struct trainer *const p = &t->trainer;
    const bool killed = p->record.state == RUN_RUNNING;
    p->record.state = RUN_RUNNING;
    p->record.reason[0] = '\0';
    if (!killed)
        TRY(oc__run_write(&p->run, &t->settings, &p->record));
    t->recorded = true;
    return OC_OK;
}

/* A run that is locked and read. */
static oc_status make_again(oc_training *t, const oc_resume_options *o)
{
    struct trainer *const p = &t->trainer;
    const char *const spec = o->data_spec ? o->data_spec : t->settings.train.data_spec;
    TRY(check_exact(p, &t->settings, o));
    if (!p->data)
        TRY(open_data(t, spec));
    TRY(check_data(p, spec ? spec : "the data"));
    TRY(oc_model_new(&t->own_model, &t->settings.model));
    p->model = t->own_model;
    TRY(oc_model_match(p->model, p->data));
    TRY(oc__model_set_loss(p->model, t->settings.train.loss));
    TRY(oc__trainer_make(p));
    TRY(oc__trainer_restore(p));
    TRY(begin_loop(t));
    return record_running(t);
}

static oc_status open_run(oc_training *t, const char *run, const oc_resume_options *o)
{
    struct trainer *const p = &t->trainer;
    TRY(oc__run_open(&p->run, run));
    TRY(oc__run_read(&p->run, &t->settings, &p->record));
    t->over = p->record.state == RUN_FINISHED;
    return t->over ? OC_OK : make_again(t, o);
}

oc_status oc_training_resume(oc_training **out, const char *run, oc_data *d,
                             const oc_resume_options *options, const oc_observer *observers, int n,
                             const volatile bool *stop)
{
    const oc_resume_options none = { 0 };
    oc_training *const t = *out = oc__alloc(1, sizeof *t);
    if (!t)
        return OC_ELIMIT;
    t->settings.train.run = run;
    t->trainer = (struct trainer){
        .settings = &t->settings, .data = d, .watchers = { observers, n }, .stop = stop,
        .run.lock = -1,
    };
    const oc_status status = open_run(t, run, options ? options : &none);
    return status < 0 ? give_up(out, status) : status;
}

oc_status oc_resume(const char *run, const oc_resume_options *options, const oc_observer *observers,
                    int n, const volatile bool *stop, oc_train_result *result)
{
    oc_training *t;
    const oc_status status = oc_training_resume(&t, run, NULL, options, observers, n, stop);
    return run_to_end(t, status, result);
}
