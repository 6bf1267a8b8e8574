/* gradients.c — the observer that holds gradients against central differences while a model trains.
 *
 * Every few epochs, before the first update, it computes on a copy of the running model, with the
 * batch, the draw of random operators and the weight decay of that update (task/differences.h):
 * the gradient by the graph and by differences, both in double by the reference, for some numbers
 * of each trained parameter on a few samples; and the reference's gradient of the whole batch,
 * which the one that the training kernels left in single precision is held against.  The training
 * itself is not touched. */
#include <math.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "task/differences.h"
#include "param/store.h"
#include "train/optimizer.h"
#include "watch/check.h"
#include "watch/watch.h"

/* The training kernels' gradient, single precision and all, is nearer to the reference's. */
static const double single_limit = 1e-2;

struct settings { int check; int64_t every, entries, samples; };

struct gradients {
    struct settings         settings;
    oc_model               *model;
    const oc_train_options *options;
    struct hyper            hyper;
};

/* What a check of all parameters came to; each is compared twice, in double and in single. */
struct outcome { int parameters, wrong, entries, kinks; double worst, worst_single; };

static oc_status begin(void *context, const oc_train_info *info)
{
    struct gradients *const g = context;
    const struct optimizer *optimizer;
    g->model = info->model;
    g->options = info->options;
    return oc__optimizer_parse(info->options->optimizer, &optimizer, &g->hyper);
}

static oc_status open(const struct gradients *g, const oc_update *u, int64_t samples,
                      struct differences **out)
{
    return oc__differences_new(out, &(struct differences_options){
        .model = g->model, .loss = g->options->loss, .in = u->in, .samples = samples,
        .seed = g->options->seed, .draw = (uint64_t)u->draw, .threads = g->options->threads });
}

static double decay_of(const struct gradients *g, int i)
{
    return oc__updater_decay(&g->hyper, oc_model_store(g->model), i);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static oc_status compare(const struct gradients *g, const oc_update *u, struct differences *d,
                         struct outcome *sum)
{
    const oc_store *const s = oc_model_store(g->model);
    for (int i = 0; i < s->n; i++) {
        struct difference r;
        if (!oc__differences_has(d, i))
            continue;
        TRY(oc__differences_compare(d, i, decay_of(g, i), (int)g->settings.entries, &r));
        sum->parameters++;
        sum->entries += r.entries;
        sum->kinks += r.kinks;
        sum->worst = r.distance <= sum->worst ? sum->worst : r.distance;
        if (r.distance <= oc__differences_limit)
            continue;
        sum->wrong++;
        oc__warn("gradients: epoch %lld: %s: off by %.1e, at most %g is right: at [%lld] the graph "
                 "gives %.9g, differences give %.9g", (long long)u->epoch, s->parameter[i].name,
                 r.distance, oc__differences_limit, (long long)r.worst, r.gradient, r.quotient);
    }
    return OC_OK;
}

/* The gradient that the session left is that of the last batch, whose samples these are. */
static void compare_single(const struct gradients *g, const oc_update *u,
                           const struct differences *whole, struct outcome *sum)
{
    const oc_store *const s = oc_model_store(g->model);
    for (int i = 0; i < s->n; i++) {
        if (!oc__differences_has(whole, i))
            continue;
        const double distance = oc__differences_distance(whole, i, decay_of(g, i),
                                                         oc_store_gradient(s, i));
        sum->worst_single = distance <= sum->worst_single ? sum->worst_single : distance;
        if (distance <= single_limit)
            continue;
        sum->wrong++;
        oc__warn("gradients: epoch %lld: %s: the training kernels' gradient is off by %.1e, at "
                 "most %g is right", (long long)u->epoch, s->parameter[i].name, distance,
                 single_limit);
    }
}

/* ---- one check ----------------------------------------------------------------------------- */

/* Two evaluations of the loss for each number, and the gradient of the whole batch. */
static void tell_time(const struct gradients *g, const oc_update *u, const struct differences *d,
                      int64_t samples, int64_t batch)
{
    const oc_store *const s = oc_model_store(g->model);
    const int64_t entries = g->settings.entries;
    int64_t numbers = 0;
    for (int i = 0; i < s->n; i++) {
        const int64_t n = s->parameter[i].count;
        if (oc__differences_has(d, i))
            numbers += n < entries ? n : entries;
    }
    const double forward = oc__differences_seconds(d, false);
    const double whole = (oc__differences_seconds(d, true) + forward) * (double)batch
                       / (double)samples;
    oc__note("gradients: epoch %lld: %lld numbers on %lld samples, the whole gradient on %lld: "
             "about %.1f s", (long long)u->epoch, (long long)numbers, (long long)samples,
             (long long)batch, 2 * (double)numbers * forward + whole);
}

static oc_status check(const struct gradients *g, const oc_update *u, struct outcome *sum)
{
    const int64_t batch = u->in[0].shape.dim[0];
    const int64_t samples = batch < g->settings.samples ? batch : g->settings.samples;
    struct differences *d, *whole = NULL;
    TRY(open(g, u, samples, &d));
    tell_time(g, u, d, samples, batch);
    oc_status status = compare(g, u, d, sum);
    oc__differences_free(d);
    if (status >= 0)
        status = open(g, u, batch, &whole);
    if (status >= 0)
        compare_single(g, u, whole, sum);
    oc__differences_free(whole);
    return status;
}

static oc_status update(void *context, const oc_update *u)
{
    const struct gradients *const g = context;
    struct outcome sum = { 0 };
    if (u->step != 1 || (u->epoch - 1) % g->settings.every)
        return OC_OK;
    if (!isfinite(u->loss)) {
        oc__warn("gradients: epoch %lld: are not checked, since the loss is not finite",
                 (long long)u->epoch);
        return OC_OK;
    }
    const double start = oc__seconds();
    TRY(check(g, u, &sum));
    oc__note("gradients: epoch %lld: %d parameters: %d numbers within %.1e of differences, %d at a "
             "kink left out; training kernels within %.1e of double; %.1f s", (long long)u->epoch,
             sum.parameters, sum.entries, sum.worst, sum.kinks, sum.worst_single,
             oc__seconds() - start);
    if (sum.wrong == 0 || g->settings.check != CHECK_STOP)
        return OC_OK;
    return oc__fail(OC_ENEGATIVE, "epoch %lld: gradients are wrong: %d of %d comparisons are off",
                    (long long)u->epoch, sum.wrong, 2 * sum.parameters);
}

/* ---- the table ----------------------------------------------------------------------------- */

const char *const oc__check_words[] = { "off", "warn", "stop", NULL };

static oc_status make(oc_observer *out, const void *attr)
{
    const struct settings *const settings = attr;
    if (settings->check == CHECK_OFF)
        return OC_OK;                                   /* nothing is called */
    struct gradients *const g = oc__alloc(1, sizeof *g);
    if (!g)
        return OC_ELIMIT;
    g->settings = *settings;
    *out = (oc_observer){ .begin = begin, .update = update, .context = g };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR_WORDS(struct settings, check, "warn", "what becomes of wrong gradients",
               oc__check_words),
    ATTR_RANGE(struct settings, INT, every, "1", "epochs from one check to the next", 1, 1e9),
    ATTR_RANGE(struct settings, INT, entries, "4", "numbers to move in each parameter", 1, 1e6),
    ATTR_RANGE(struct settings, INT, samples, "8", "of the batch, at most", 1, 8),
    { 0 },
};

const struct watcher oc__watcher_gradients = {
    .entry = { "gradients", "holds gradients against central differences as training goes on",
               attrs, sizeof(struct settings) },
    .make = make,
};
