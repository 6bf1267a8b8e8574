/* values.c — the observer that looks for numbers that are not finite, and for a saturated softmax.
 *
 * Every activation, gradient and new weight is looked at in the run that makes it, through an
 * inspector on the training's own session (run/inspect.h).  What is found first in an update is
 * told, of each epoch the first update, and how many there were at its end.  A softmax at exactly
 * 0 or 1 has no slope left; in single precision a sure one may well be there, so by default that is
 * told and never stops. */
#include "base/log.h"
#include "base/status.h"
#include "param/store.h"
#include "run/inspect.h"
#include "train/optimizer.h"
#include "watch/check.h"
#include "watch/watch.h"

struct settings { int check, softmax; };

/* Updates of the epoch that had something of a kind. */
struct tale { int64_t updates; };

struct values {
    struct settings  settings;
    oc_session      *session;                           /* NULL: not begun */
    oc_store        *store;
    struct inspector inspector;
    struct tale      bad, saturated, weights;
    int64_t          epoch, step, updates;
};

static oc_status begin(void *context, const oc_train_info *info)
{
    struct values *const v = context;
    v->session = info->session;
    v->store = oc_model_store(info->model);
    oc__session_inspect(v->session, &v->inspector);
    return OC_OK;
}

/* Whether this is the first of its epoch, or ends the training: then it is told. */
static bool is_told(struct tale *tale, int check)
{
    return tale->updates++ == 0 || check == CHECK_STOP;
}

static oc_status judge(const struct values *v, int check, const char *what)
{
    if (check != CHECK_STOP)
        return OC_OK;
    return oc__fail(OC_ENEGATIVE, "epoch %lld, step %lld: %s", (long long)v->epoch,
                    (long long)v->step, what);
}

static oc_status tell_values(struct values *v)
{
    const struct finding *const f = &v->inspector.finding;
    if (f->lines == 0)
        return OC_OK;
    if (is_told(&v->bad, v->settings.check)) {
        oc__warn("values: epoch %lld, step %lld: first that is not finite: %s",
                 (long long)v->epoch, (long long)v->step, f->line[0]);
        for (int i = 1; i < f->lines; i++)
            oc__warn("  %s", f->line[i]);
    }
    return judge(v, v->settings.check, f->line[0]);
}

static oc_status tell_softmax(struct values *v)
{
    const struct saturation *const s = &v->inspector.saturation;
    if (v->settings.softmax == CHECK_OFF || s->zeros + s->ones == 0)
        return OC_OK;
    if (is_told(&v->saturated, v->settings.softmax)) {
        oc__warn("values: epoch %lld, step %lld: %s: of %lld probabilities %lld are exactly 0 and "
                 "%lld exactly 1", (long long)v->epoch, (long long)v->step, s->name,
                 (long long)s->count, (long long)s->zeros, (long long)s->ones);
        oc__warn("  %s", s->reads);
    }
    return judge(v, v->settings.softmax, "a softmax is exactly 0 or 1");
}

static oc_status update(void *context, const oc_update *u)
{
    struct values *const v = context;
    v->epoch = u->epoch;
    v->step = u->step;
    v->updates++;
    oc_status status = tell_values(v);
    if (status >= 0)
        status = tell_softmax(v);
    oc__inspector_clear(&v->inspector);
    return status;
}

/* The weights as the update left them. */
static oc_status step(void *context, const oc_progress *now)
{
    struct values *const v = context;
    (void)now;
    for (int i = 0; i < v->store->n; i++) {
        const struct parameter *const p = &v->store->parameter[i];
        const float *const value = oc__store_place(v->store, ROLE_VALUE, i);
        struct statistics s;
        if (oc__all_finite(value, p->count))
            continue;
        oc__statistics(&s, OC_F32, value, p->count);
        if (is_told(&v->weights, v->settings.check))
            oc__warn("values: epoch %lld, step %lld: %s after the update: %lld nan, %lld inf of "
                     "%lld, the others from %.4g to %.4g", (long long)v->epoch, (long long)v->step,
                     p->name, (long long)s.nans, (long long)s.infinities, (long long)s.count,
                     s.least, s.most);
        return judge(v, v->settings.check, "a weight is not finite after the update");
    }
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct values *const v = context;
    (void)watched;
    const int64_t found = v->bad.updates + v->weights.updates + v->saturated.updates;
    if (found)
        oc__note("values: epoch %lld: of %lld updates %lld with values that are not finite, %lld "
                 "that left such weights, %lld with a softmax of exactly 0 or 1",
                 (long long)e->epoch, (long long)v->updates, (long long)v->bad.updates,
                 (long long)v->weights.updates, (long long)v->saturated.updates);
    else
        oc__note("values: epoch %lld: nothing found in %lld updates", (long long)e->epoch,
                 (long long)v->updates);
    v->bad = v->saturated = v->weights = (struct tale){ 0 };
    v->updates = 0;
    return OC_OK;
}

static void end(void *context, const oc_train_result *result)
{
    struct values *const v = context;
    (void)result;
    if (v->session)
        oc__session_inspect(v->session, NULL);
    oc__inspector_free(&v->inspector);
}

static oc_status make(oc_observer *out, const void *attr)
{
    const struct settings *const settings = attr;
    if (settings->check == CHECK_OFF)
        return OC_OK;                                   /* nothing is called */
    struct values *const v = oc__alloc(1, sizeof *v);
    if (!v)
        return OC_ELIMIT;
    v->settings = *settings;
    *out = (oc_observer){ .begin = begin, .update = update, .step = step, .epoch = epoch,
                          .end = end, .context = v };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR_WORDS(struct settings, check, "warn", "what becomes of values that are not finite",
               oc__check_words),
    ATTR_WORDS(struct settings, softmax, "warn", "and of a softmax of exactly 0 or 1",
               oc__check_words),
    { 0 },
};

const struct watcher oc__watcher_values = {
    .entry = { "values", "looks for activations, gradients and weights that are not finite", attrs,
               sizeof(struct settings) },
    .make = make,
};
