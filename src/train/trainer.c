/* trainer.c — making a trainer, and what it does between steps. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "nn/model.h"
#include "op/op.h"
#include "task/task.h"
#include "train/diverge.h"

enum { FAILURES = 3, EVAL_BATCH = 64 };

/* ---- making ------------------------------------------------------------------------------- */

static oc_status make_loader(struct trainer *t)
{
    const oc_train_options *const o = &t->settings->train;
    TRY(oc__prepare_parse(&t->prepare, oc_model_preparation(t->model)));
    if (o->augment)
        TRY(oc__augment_parse(&t->augment, o->augment));
    TRY(oc__loader_new(&t->loader, &(struct loader_options){
        .data = t->data, .prepare = t->prepare, .augment = t->augment, .part = OC_PART_TRAIN,
        .batch = o->batch, .seed = o->seed, .shuffle = true,
        .masks = oc__task_of(t->model)->masks,
        .workers = o->workers > 0 ? o->workers : 0 }));
    const oc_shape have = oc__loader_shape(t->loader), want = oc_model_input(t->model);
    char what[64];
    return oc__shape_match(oc__augment_result(t->augment, what, sizeof what), &want, &have);
}

/* The gradient of the loss by every trained parameter that it depends on. */
static oc_status make_session(struct trainer *t, oc_value logits, oc_value loss)
{
    const oc_train_options *const o = &t->settings->train;
    const int n = oc_store_count(t->store);
    oc_value *const parameter = oc__alloc(2 * (size_t)n + 1, sizeof *parameter);
    if (!parameter)
        return OC_ELIMIT;
    oc_value *const gradient = parameter + n;
    int trainable = 0;
    for (int i = 1; i <= t->graph->values; i++) {
        const struct value *const v = oc__value(t->graph, (oc_value){ i });
        if (v->kind == VALUE_PARAMETER && oc__trained(t->store, o->freeze, v->index))
            parameter[trainable++] = (oc_value){ i };
    }
    oc_grad(t->graph, loss, trainable, parameter, gradient);
    int wanted = 0;
    for (int i = 0; i < trainable; i++)
        if (!oc__is_none(gradient[i])) {
            parameter[wanted] = parameter[i];
            gradient[wanted++] = gradient[i];
        }
    const oc_value output[] = { loss, logits };
    const oc_status status = oc_session_new(&t->session, t->graph, &(oc_session_options){
        .mode = OC_TRAIN, .device = o->device, .backends = o->backends, .threads = o->threads,
        .precision = o->precision, .seed = o->seed, .outputs = 2, .output = output,
        .gradients = wanted, .parameter = parameter, .gradient = gradient });
    oc__free(parameter);
    return status;
}

static bool mixes(const struct trainer *t)
{
    return t->augment && oc__augment_mixes(t->augment);
}

static oc_status make_graph(struct trainer *t)
{
    struct objective o;
    TRY(oc_graph_new(&t->graph, t->store));
    TRY(oc__objective(&o, t->model, t->graph, t->settings->train.loss, oc_symbol(t->graph, "N"),
                      mixes(t)));
    return make_session(t, o.logits, o.loss);
}

static oc_shape batch_shape(const struct trainer *t, int64_t n)
{
    const oc_shape s = oc_model_input(t->model);
    return OC_SHAPE(n, s.dim[0], s.dim[1], s.dim[2]);
}

/* A plan for n samples; the last two inputs are only there where samples are blended. */
static oc_status prepare_for(struct trainer *t, int64_t n)
{
    const oc_tensor targets = oc__task_of(t->model)->targets(t->model, n);
    const oc_shape in[] = { batch_shape(t, n), targets.shape, OC_SHAPE(n), { 0 } };
    return oc_session_prepare(t->session, in);
}

/* Plans for the sizes of batch that an epoch has, the usual one last. */
static oc_status prepare_shapes(struct trainer *t)
{
    const int64_t batch = t->settings->train.batch, rest = t->samples % batch;
    if (rest)
        TRY(prepare_for(t, rest));
    return prepare_for(t, batch);
}

/* A block of the parameters of a kind; at least one float, so that it is never NULL. */
static float *new_block(const oc_store *s, oc_parameter_kind kind)
{
    return oc__block_alloc(((size_t)s->length[kind] + 1) * sizeof(float));
}

static oc_status make_blocks(struct trainer *t)
{
    const oc_train_options *const o = &t->settings->train;
    size_t n;
    t->length = t->store->length[OC_TRAINABLE];
    if (!oc__mul((size_t)o->batch, (size_t)oc__task_values(t->model), &n))
        return oc__fail(OC_ELIMIT, "a batch of %lld is too large", (long long)o->batch);
    t->logits = oc__alloc(n, oc_dtype_size(o->precision));
    t->state.epoch = oc__alloc((size_t)o->epochs, sizeof *t->state.epoch);
    bool good = t->logits && t->state.epoch;
    if (o->accumulate > 1)
        good &= (t->sum = new_block(t->store, OC_TRAINABLE)) != NULL;
    for (int kind = 0; kind < 2 && oc__settings_watched(t->settings) != OC_PARTS; kind++)
        good &= (t->best[kind] = new_block(t->store, (oc_parameter_kind)kind)) != NULL;
    if (o->average > 0) {
        TRY(oc__store_ready(t->store, ROLE_AVERAGE));
        memcpy(t->store->block[ROLE_AVERAGE][OC_TRAINABLE],
               t->store->block[ROLE_VALUE][OC_TRAINABLE], (size_t)t->length * sizeof(float));
    }
    return good ? OC_OK : OC_ELIMIT;
}

static int64_t count_trained(const struct trainer *t)
{
    int64_t n = 0;
    for (int i = 0; i < t->store->n; i++)
        if (oc__trained(t->store, t->settings->train.freeze, i))
            n += t->store->parameter[i].count;
    return n;
}

/* Freezes what the settings say, and only that; something must be left to train. */
static oc_status freeze(struct trainer *t)
{
    const char *const patterns = t->settings->train.freeze;
    TRY(oc__model_freeze(t->model, patterns));
    if (patterns && count_trained(t) == 0)
        return oc__fail(OC_EUSAGE, "freeze: %s: leaves no parameter to train",
                        oc__quote_z(patterns));
    return OC_OK;
}

oc_status oc__trainer_make(struct trainer *t)
{
    const oc_train_options *const o = &t->settings->train;
    const int64_t update = o->batch * o->accumulate;
    t->store = oc_model_store(t->model);
    t->saved = -1;
    TRY(oc__schedule_parse(o->schedule, &t->schedule));
    TRY(freeze(t));
    TRY(make_loader(t));
    t->samples = oc__loader_samples(t->loader);
    t->steps = (t->samples + update - 1) / update;
    if (t->schedule.pace.warmup > t->steps * o->epochs)
        oc__note("schedule: the warm-up of %lld steps is longer than the training of %lld: the "
                 "full rate is never reached", (long long)t->schedule.pace.warmup,
                 (long long)(t->steps * o->epochs));
    TRY(make_graph(t));
    TRY(oc__updater_make(&t->updater, o->optimizer, t->store, o->freeze));
    TRY(make_blocks(t));
    return prepare_shapes(t);
}

void oc__trainer_free(struct trainer *t)
{
    oc__run_close(&t->run);
    oc_session_free(t->session);
    oc_graph_free(t->graph);
    oc__loader_free(t->loader);
    oc__augment_free(t->augment);
    oc__prepare_free(t->prepare);
    oc__updater_free(&t->updater);
    oc__free(t->logits);
    oc__free(t->state.epoch);
    oc__block_free(t->sum);
    oc__block_free(t->best[0]);
    oc__block_free(t->best[1]);
    *t = (struct trainer){ .run.lock = -1 };
}

/* ---- weights ------------------------------------------------------------------------------ */

void oc__trainer_swap_average(struct trainer *t)
{
    if (t->settings->train.average == 0)
        return;
    float **const value = &t->store->block[ROLE_VALUE][OC_TRAINABLE];
    float **const average = &t->store->block[ROLE_AVERAGE][OC_TRAINABLE];
    float *const weights = *value;
    *value = *average;
    *average = weights;
    oc_store_touch(t->store);
}

void oc__trainer_take_best(struct trainer *t)
{
    for (int kind = 0; kind < 2; kind++)
        if (t->store->length[kind])
            memcpy(t->store->block[ROLE_VALUE][kind], t->best[kind],
                   (size_t)t->store->length[kind] * sizeof(float));
    oc_store_touch(t->store);
}

void oc__trainer_keep_best(struct trainer *t)
{
    for (int kind = 0; kind < 2; kind++)
        if (t->store->length[kind])
            memcpy(t->best[kind], t->store->block[ROLE_VALUE][kind],
                   (size_t)t->store->length[kind] * sizeof(float));
    t->best_unsaved = true;
}

static oc_status tell_evaluated(void *context, const oc_evaluated *batch)
{
    const struct watchers *const w = context;
    for (int i = 0; i < w->n; i++)
        if (w->observer[i].evaluated)
            TRY(w->observer[i].evaluated(w->observer[i].context, batch));
    return OC_OK;
}

static bool wants_evaluated(const struct watchers *w)
{
    for (int i = 0; i < w->n; i++)
        if (w->observer[i].evaluated)
            return true;
    return false;
}

oc_status oc__trainer_evaluate(struct trainer *t, oc_part part, bool tell, oc_metrics *out)
{
    const oc_train_options *const o = &t->settings->train;
    return oc_evaluate(t->model, t->data, part, &(oc_eval_options){
        .batch = EVAL_BATCH, .threads = o->threads, .device = o->device,
        .backends = o->backends, .precision = o->precision, .context = &t->watchers,
        .evaluated = tell && wants_evaluated(&t->watchers) ? tell_evaluated : NULL }, out);
}

/* ---- saving ------------------------------------------------------------------------------- */

static oc_status checkpoint_of(struct trainer *t, struct checkpoint *c)
{
    *c = (struct checkpoint){
        .state = &t->state, .store = t->store, .states = t->updater.states,
        .average = t->settings->train.average > 0, .best = { t->best[0], t->best[1] },
        .epochs = t->settings->train.epochs,
    };
    return oc__settings_hash(t->settings, &c->settings);
}

static void exchange_best(struct trainer *t)
{
    for (int kind = 0; kind < 2; kind++) {
        float *const weights = t->store->block[ROLE_VALUE][kind];
        if (!weights)
            continue;
        t->store->block[ROLE_VALUE][kind] = t->best[kind];
        t->best[kind] = weights;
    }
    oc_store_touch(t->store);
}

static oc_status save_best(struct trainer *t)
{
    exchange_best(t);
    const oc_status status = oc__run_model(&t->run, t->model, "model.safetensors");
    exchange_best(t);
    t->best_unsaved = status < 0;
    return status;
}

oc_status oc__trainer_save_checkpoint(struct trainer *t)
{
    const struct plateau *const p = &t->schedule.plateau;
    struct checkpoint c;
    TRY(checkpoint_of(t, &c));
    t->state.sum.scale = p->scale;
    t->state.sum.lowest = p->best;
    t->state.count.waited = p->waited;
    TRY(oc__checkpoint_save(&c, t->run.checkpoints, t->settings->train.keep_checkpoints));
    if (t->settings->train.checkpoint_every)            /* whoever asked for them is told */
        oc__note("saved step %lld", (long long)t->state.count.updates);
    t->saved = t->state.count.updates;
    return OC_OK;
}

static oc_status save_all(struct trainer *t)
{
    if (t->best_unsaved)
        TRY(save_best(t));
    TRY(oc__run_metrics(&t->run, t->state.epoch, t->state.count.epoch));
    return oc__trainer_save_checkpoint(t);
}

oc_status oc__trainer_save(struct trainer *t)
{
    if (!t->run.folder || t->saved == t->state.count.updates)
        return OC_OK;
    TRY(oc__diverge_check(t));
    t->state.sum.seconds = oc__seconds() - t->epoch_began;
    const oc_status status = save_all(t);
    t->failures = status < 0 ? t->failures + 1 : 0;
    if (status >= 0 || t->failures == FAILURES)
        return status;
    oc__warn("%s; training goes on, the next save tries again", oc_error());
    return OC_OK;
}

/* The best model of a checkpoint is written again, since its file may be that of a later epoch. */
oc_status oc__trainer_restore(struct trainer *t)
{
    struct checkpoint c;
    TRY(checkpoint_of(t, &c));
    bool found;
    TRY(oc__checkpoint_restore(&c, t->run.checkpoints, &found));
    if (!found)
        return OC_OK;
    const struct state *const s = &t->state;
    t->schedule.plateau = (struct plateau){ s->sum.scale, s->sum.lowest, s->count.waited };
    t->saved = s->count.updates;
    t->best_unsaved = s->count.best_epoch > 0;
    return oc__run_metrics(&t->run, s->epoch, s->count.epoch);
}

/* ---- telling ------------------------------------------------------------------------------ */

static int64_t planned_bytes(const struct trainer *t)
{
    int64_t floats = (t->sum ? t->length : 0) + (t->best[0] ? t->length : 0);
    for (int role = 0; role < ROLES; role++)
        floats += t->store->allocated[role][0] + t->store->allocated[role][1];
    return floats * (int64_t)sizeof(float) + oc_session_bytes(t->session)
           + oc__loader_cached_bytes(t->loader);
}

oc_train_info oc__trainer_info(const struct trainer *t)
{
    const struct settings *const s = t->settings;
    const char *const device = s->train.device;
    return (oc_train_info){
        .device = "cpu", .reason = oc_device_reason(device), .threads = s->train.threads,
        .train = s->train_samples, .val = s->val_samples,
        .test = oc_data_count(t->data, OC_PART_TEST), .watch_test = s->train.watch_test,
        .parameters = oc_store_elements(t->store), .trained = count_trained(t), .steps = t->steps,
        .planned_bytes = planned_bytes(t), .run = s->train.run,
        .resumed_step = t->state.count.updates, .model = t->model,
        .session = t->session, .data = t->data,
        .options = &s->train, .epoch = t->state.epoch, .resumed_epochs = t->state.count.epoch,
    };
}
