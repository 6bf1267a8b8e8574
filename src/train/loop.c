/* loop.c — the loop of training, and nothing but the loop.
 *
 * An epoch is a number of updates; an update is one run of the graph, or several whose gradients
 * are added up, each weighted by its share of the samples, so that the sum is the gradient of the
 * mean over all of them.  After the last update of an epoch the model is validated and the state is
 * saved.  Nothing here allocates from one update to the next. */
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/status.h"
#include "task/task.h"
#include "train/diverge.h"

enum { BAD_MAX = 10 };                                  /* updates left out in a row */

static const double look_seconds = 0.5;                 /* between looks at resident memory */

/* ---- an update ---------------------------------------------------------------------------- */

/* What one update saw. */
struct seen { int64_t samples, correct; double loss; };

/* Runs the graph on the next batch and adds to what was seen; *n are its samples. */
static oc_status run_batch(struct trainer *t, struct seen *seen, int64_t *n)
{
    struct batch b;
    double loss = 0;                                    /* room for either type */
    TRY(oc__loader_next(t->loader, &b));
    const oc_shape image = oc_model_input(t->model);
    const struct task *const task = oc__task_of(t->model);
    const oc_shape x = OC_SHAPE(b.n, image.dim[0], image.dim[1], image.dim[2]);
    oc_tensor out[] = { { .data = &loss }, { .data = t->logits } };
    t->share = (float)b.share;
    t->in[0] = (oc_tensor){ OC_F32, x, (void *)(uintptr_t)b.x };
    t->in[1] = oc__task_targets(t->model, &b);
    t->in[2] = (oc_tensor){ OC_I64, OC_SHAPE(b.n), (void *)(uintptr_t)b.other };
    t->in[3] = (oc_tensor){ OC_F32, { 0 }, &t->share };
    oc_session_set_step(t->session, (uint64_t)t->state.count.runs++);
    TRY(oc_session_run(t->session, t->in, out));
    oc__narrow(&out[1]);
    seen->samples += b.n;
    seen->correct += task->count_right(t->model, t->logits, t->in[1].data, b.n);
    seen->loss += oc_tensor_get(&out[0], 0) * (double)b.n;
    *n = b.n;
    return OC_OK;
}

/* The gradient of the mean loss over all samples of the next update. */
static oc_status run_update(struct trainer *t, struct seen *seen, const float **gradient)
{
    const oc_train_options *const o = &t->settings->train;
    const int64_t full = o->batch * o->accumulate;
    const int64_t left = t->samples - t->state.count.step * full;
    const int64_t samples = left < full ? left : full;
    *gradient = t->store->block[ROLE_GRADIENT][OC_TRAINABLE];
    while (seen->samples < samples) {
        const bool first = seen->samples == 0;
        int64_t n;
        TRY(run_batch(t, seen, &n));
        if (n == 0)
            return oc__fail(OC_EBUG, "an epoch ended %lld samples early",
                            (long long)(samples - seen->samples));
        if (t->sum)
            oc__accumulate(t->sum, *gradient, t->length, (double)n / (double)samples, first);
    }
    if (t->sum)
        *gradient = t->sum;
    seen->loss /= (double)samples;
    return OC_OK;
}

/* The factor that brings the gradient's norm down to the limit; 0 where the norm is not finite. */
static double clip_factor(const struct trainer *t, const float *gradient)
{
    const double limit = t->settings->train.clip_norm;
    if (limit == 0)
        return 1;
    const double norm = oc__norm(gradient, t->length);
    if (!isfinite(norm))
        return 0;
    return norm > limit ? limit / norm : 1;
}

/* Only of what is trained: of a number that stays, a mean would round. */
static void average(const struct trainer *t)
{
    const oc_store *const s = t->store;
    for (int i = 0; i < t->updater.spans; i++) {
        const struct span *const span = &t->updater.span[i];
        oc__average(s->block[ROLE_AVERAGE][OC_TRAINABLE] + span->offset,
                    s->block[ROLE_VALUE][OC_TRAINABLE] + span->offset, span->n,
                    t->settings->train.average);
    }
}

/* Changes the weights, unless loss or gradient is not finite; says whether it did. */
static bool apply(struct trainer *t, double loss, const float *gradient)
{
    const struct counts *const c = &t->state.count;
    const double rate = oc__schedule_factor(&t->schedule, c->updates, t->steps,
                                            t->settings->train.epochs);
    t->state.sum.learning_rate = t->updater.hyper.learning_rate * rate;
    const double factor = isfinite(loss) ? clip_factor(t, gradient) : 0;
    if (factor == 0 || !oc__updater_step(&t->updater, gradient, c->updates - c->bad + 1,
                                         t->state.sum.learning_rate, factor))
        return false;
    if (t->settings->train.average > 0)
        average(t);
    return true;
}

/* A weight that is not finite ends the training, and so do too many updates left out in a row. */
static oc_status leave_out(struct trainer *t, double loss)
{
    struct counts *const c = &t->state.count;
    char why[128];
    c->bad++;
    c->bad_in_a_row++;
    TRY(oc__diverge_check(t));
    if (c->bad_in_a_row < BAD_MAX)
        return OC_OK;
    snprintf(why, sizeof why, "loss %g: %snot finite %d times in a row", fabs(loss),
             isfinite(loss) ? "its gradient is " : "", BAD_MAX);
    return oc__diverge(t, why);
}

static oc_status tell_update(const struct trainer *t, const struct seen *seen,
                             const float *gradient)
{
    const struct counts *const c = &t->state.count;
    const oc_update u = {
        .epoch = c->epoch + 1, .step = c->step + 1, .draw = c->runs - 1,
        .samples = seen->samples, .loss = seen->loss, .in = t->in, .logits = t->logits,
        .gradient = gradient,
    };
    for (int i = 0; i < t->watchers.n; i++) {
        const oc_observer *const o = &t->watchers.observer[i];
        if (o->update)
            TRY(o->update(o->context, &u));
    }
    return OC_OK;
}

static oc_status update(struct trainer *t)
{
    struct counts *const c = &t->state.count;
    struct seen seen = { 0 };
    const float *gradient;
    TRY(run_update(t, &seen, &gradient));
    TRY(tell_update(t, &seen, gradient));
    const bool applied = apply(t, seen.loss, gradient);
    c->updates++;
    c->step++;
    if (applied) {
        c->bad_in_a_row = 0;
        c->samples += seen.samples;
        c->correct += seen.correct;
        t->state.sum.loss += seen.loss * (double)seen.samples;
    } else {
        TRY(leave_out(t, seen.loss));
    }
    return OC_OK;
}

/* ---- between updates ---------------------------------------------------------------------- */

static double mean(double sum, int64_t n)
{
    return n ? sum / (double)n : NAN;
}

/* The share of right decisions in the epoch so far. */
static double accuracy(const struct trainer *t)
{
    const struct counts *const c = &t->state.count;
    return mean((double)c->correct, c->samples * oc__task_of(t->model)->decisions(t->model));
}

static oc_progress progress(struct trainer *t)
{
    const struct counts *const c = &t->state.count;
    const oc_train_options *const o = &t->settings->train;
    const double now = oc__seconds(), spent = now - t->began;
    const double done = (double)(c->updates - t->first_update);
    const double left = (double)(o->epochs * t->steps - c->updates);
    if (now - t->looked > look_seconds) {
        t->rss = oc__rss_bytes();
        t->looked = now;
    }
    return (oc_progress){
        .epoch = c->epoch + 1, .epochs = o->epochs, .step = c->step, .steps = t->steps,
        .loss = mean(t->state.sum.loss, c->samples),
        .accuracy = accuracy(t),
        .learning_rate = t->state.sum.learning_rate,
        .samples_per_second = done * (double)t->samples / (double)t->steps / spent,
        .seconds_left = spent / done * left, .rss_bytes = t->rss,
    };
}

static oc_status tell_step(struct trainer *t)
{
    if (t->watchers.n == 0)
        return OC_OK;
    const oc_progress p = progress(t);
    for (int i = 0; i < t->watchers.n; i++) {
        const oc_observer *const o = &t->watchers.observer[i];
        if (o->step)
            TRY(o->step(o->context, &p));
    }
    return OC_OK;
}

static oc_status tell_epoch(const struct trainer *t, const oc_epoch *e, const oc_metrics *watched)
{
    for (int i = 0; i < t->watchers.n; i++) {
        const oc_observer *const o = &t->watchers.observer[i];
        if (o->epoch)
            TRY(o->epoch(o->context, e, watched));
    }
    return OC_OK;
}

/* Saves and stops where that was asked for.  There is no later save that could try again. */
static oc_status heed_stop(struct trainer *t)
{
    const struct counts *const c = &t->state.count;
    if (!t->stop || !*t->stop)
        return OC_OK;
    int failures;
    do {
        failures = t->failures;
        TRY(oc__trainer_save(t));
    } while (t->failures > failures);
    if (t->run.folder && t->saved != c->updates)
        return oc__fail(OC_EIO, "stopped after step %lld, which could not be saved",
                        (long long)c->updates);
    return oc__fail(OC_EINTERRUPTED, "stopped after step %lld%s", (long long)c->updates,
                    t->run.folder ? ", which is saved" : "");
}

/* After an update that does not end its epoch. */
static oc_status between(struct trainer *t)
{
    const int64_t every = t->settings->train.checkpoint_every;
    if (every && t->state.count.updates % every == 0)
        TRY(oc__trainer_save(t));
    return heed_stop(t);
}

/* ---- an epoch ----------------------------------------------------------------------------- */

bool oc__epoch_beats(const oc_epoch *e, const oc_epoch *best, bool by_loss)
{
    if (!by_loss && e->val_accuracy != best->val_accuracy)
        return e->val_accuracy > best->val_accuracy;
    return e->val_loss < best->val_loss || (isnan(best->val_loss) && !isnan(e->val_loss));
}

static bool is_better(const struct trainer *t, const oc_epoch *e)
{
    const struct state *const s = &t->state;
    const oc_epoch best = { .val_accuracy = s->sum.best_accuracy, .val_loss = s->sum.best_loss };
    return s->count.best_epoch == 0
        || oc__epoch_beats(e, &best, t->settings->train.patience > 0);
}

static void note_best(struct trainer *t, const oc_epoch *e)
{
    if (isnan(e->val_loss) || !is_better(t, e))
        return;
    t->state.count.best_epoch = e->epoch;
    t->state.sum.best_accuracy = e->val_accuracy;
    t->state.sum.best_loss = e->val_loss;
    oc__trainer_swap_average(t);
    oc__trainer_keep_best(t);
    oc__trainer_swap_average(t);
}

/* The epoch before this one, or one without losses. */
static const oc_epoch *before(const struct trainer *t)
{
    static const oc_epoch none = { .train_loss = NAN, .val_loss = NAN };
    return t->state.count.epoch > 0 ? &t->state.epoch[t->state.count.epoch - 1] : &none;
}

/* *watched are the metrics of the part that is validated; its samples are 0 where none is. */
static oc_status validate(struct trainer *t, oc_epoch *e, oc_metrics *watched)
{
    const oc_part part = oc__settings_watched(t->settings);
    *watched = (oc_metrics){ 0 };
    if (part == OC_PARTS)
        return OC_OK;
    oc__trainer_swap_average(t);
    const oc_status status = oc__trainer_evaluate(t, part, true, watched);
    oc__trainer_swap_average(t);
    TRY(status);
    e->val_loss = watched->loss;
    e->val_accuracy = watched->accuracy;
    return oc__diverge_loss(t, isnan(e->val_loss) ? INFINITY : e->val_loss, before(t)->val_loss,
                            "validation");
}

static void next_epoch(struct trainer *t)
{
    struct counts *const c = &t->state.count;
    c->epoch++;
    c->step = c->samples = c->correct = 0;
    t->state.sum.loss = 0;
    t->epoch_began = oc__seconds();
}

static oc_status end_epoch(struct trainer *t)
{
    struct counts *const c = &t->state.count;
    oc_epoch *const e = &t->state.epoch[c->epoch];
    *e = (oc_epoch){
        .epoch = c->epoch + 1, .train_loss = mean(t->state.sum.loss, c->samples),
        .train_accuracy = accuracy(t), .val_loss = NAN,
        .val_accuracy = NAN, .learning_rate = t->state.sum.learning_rate,
    };
    oc_metrics watched;
    TRY(oc__diverge_check(t));
    TRY(oc__diverge_loss(t, e->train_loss, before(t)->train_loss, "training"));
    oc_status status = validate(t, e, &watched);
    if (status >= 0) {
        note_best(t, e);
        oc__schedule_watch(&t->schedule, e->val_loss);
        e->seconds = oc__seconds() - t->epoch_began;
        next_epoch(t);
        status = oc__trainer_save(t);
    }
    if (status >= 0)
        status = tell_epoch(t, e, watched.samples ? &watched : NULL);
    oc_metrics_free(&watched);
    TRY(status);
    return oc__loop_more(t) ? heed_stop(t) : OC_OK;
}

bool oc__loop_more(const struct trainer *t)
{
    const struct counts *const c = &t->state.count;
    const oc_train_options *const o = &t->settings->train;
    return c->epoch < o->epochs && !(o->patience > 0 && c->epoch - c->best_epoch >= o->patience);
}

void oc__loop_begin(struct trainer *t)
{
    t->began = oc__seconds();
    t->epoch_began = t->began - t->state.sum.seconds;
    t->left = t->began;
    t->first_update = t->state.count.updates;
}

/* The clocks stood still while other trainings had their turn. */
void oc__loop_return(struct trainer *t)
{
    const double away = oc__seconds() - t->left;
    t->began += away;
    t->epoch_began += away;
}

static oc_status run_epoch(struct trainer *t)
{
    struct counts *const c = &t->state.count;
    oc__loader_epoch(t->loader, c->epoch, c->step * t->settings->train.accumulate);
    while (c->step < t->steps) {
        TRY(update(t));
        TRY(tell_step(t));
        if (c->step < t->steps)
            TRY(between(t));
    }
    return end_epoch(t);
}

oc_status oc__loop_epoch(struct trainer *t)
{
    oc__loop_return(t);
    const oc_status status = run_epoch(t);
    t->left = oc__seconds();
    return status;
}
