/* study_watch.c — one run of a study as people see it: a line for each epoch, under its name.
 *
 * On a terminal the epoch under way is a line that is drawn over. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "cli/study.h"
#include "cli/term.h"

static const double interval = 0.1;                     /* seconds between two drawings */

struct lines {
    FILE   *to;
    bool    live, watch_test;
    int     width;
    int64_t epochs;
    double  drawn;
    char    name[STUDY_NAME_MAX + 32];
};

static oc_status begin(void *context, const oc_train_info *info)
{
    struct lines *const l = context;
    l->epochs = info->options->epochs;
    l->watch_test = info->watch_test;
    if (info->resumed_step)
        fprintf(l->to, "%-*s  goes on after step %lld\n", l->width, l->name,
                (long long)info->resumed_step);
    return OC_OK;
}

static void clear(const struct lines *l)
{
    if (l->live)
        fputs("\r\033[K", l->to);
}

static oc_status step(void *context, const oc_progress *now)
{
    struct lines *const l = context;
    const double seconds = oc__seconds();
    if (!l->live || seconds - l->drawn < interval)
        return OC_OK;
    l->drawn = seconds;
    clear(l);
    char line[256];                                     /* that must not break */
    snprintf(line, sizeof line, "%-*s  epoch %lld/%lld  step %lld/%lld  loss %.4f  "
             "accuracy %.2f %%", l->width, l->name, (long long)now->epoch, (long long)now->epochs,
             (long long)now->step, (long long)now->steps, now->loss, 100 * now->accuracy);
    fprintf(l->to, "%.*s", oc__term_width(l->to) - 1, line);
    fflush(l->to);
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct lines *const l = context;
    (void)watched;
    clear(l);
    fprintf(l->to, "%-*s  epoch %lld/%lld  loss %.6f  accuracy %.2f %%", l->width, l->name,
            (long long)e->epoch, (long long)l->epochs, e->train_loss, 100 * e->train_accuracy);
    if (!isnan(e->val_loss))
        fprintf(l->to, "  %s loss %.6f  accuracy %.2f %%", l->watch_test ? "test" : "val",
                e->val_loss, 100 * e->val_accuracy);
    fprintf(l->to, "  %.1f s\n", e->seconds);
    fflush(l->to);
    return OC_OK;
}

static void end(void *context, const oc_train_result *result)
{
    (void)result;
    clear(context);
}

oc_status oc__study_watch(oc_observer *out, FILE *to, const char *name, int width)
{
    struct lines *const l = oc__alloc(1, sizeof *l);
    if (!l)
        return OC_ELIMIT;
    *l = (struct lines){ .to = to, .live = oc__term_is(to), .width = width };
    snprintf(l->name, sizeof l->name, "%s", name);
    *out = (oc_observer){ .begin = begin, .step = step, .epoch = epoch, .end = end, .context = l };
    return OC_OK;
}
