/* train_watch.c — from options to observers.
 *
 * An option of its own stands for a step of --watch: what it says becomes that step's first
 * setting, so that the observer's own table checks it.  Pictures are drawn unless told not to. */
#include "cli/train_watch.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/status.h"

/* Adds one observer with its first setting, unless NULL, and others as written in a step. */
static oc_status add(struct watchers *w, const char *name, const char *setting, const char *others)
{
    struct str step = { 0 };
    oc__str_addz(&step, name);
    oc__str_addz(&step, setting ? " " : "");
    if (setting)
        oc__attr_quote(setting, &step);
    oc__str_addz(&step, others);
    const oc_status status
        = step.failed ? OC_ELIMIT : oc_watch(w->list, WATCHERS_MAX, &w->n, step.text);
    oc__str_free(&step);
    return status;
}

static oc_status add_metrics(const struct train_watch *options, struct watchers *w)
{
    struct str where = { 0 };
    if (!options->metrics_port)
        return !options->metrics_host ? OC_OK
            : oc__fail(OC_EUSAGE, "train: --metrics-host: says where --metrics-port listens, which "
                                  "is not given");
    if (options->metrics_host) {
        oc__str_addz(&where, " host=");
        oc__attr_quote(options->metrics_host, &where);
    }
    const oc_status status = where.failed ? OC_ELIMIT
        : add(w, "metrics", options->metrics_port, oc__str_text(&where));
    oc__str_free(&where);
    return status;
}

oc_status oc__train_watch(const struct train_watch *options, struct watchers *w)
{
    char often[64] = "";
    if (options->check_every)
        snprintf(often, sizeof often, " every=%lld", (long long)options->check_every);
    if (options->check_entries)
        snprintf(often + strlen(often), 32, " entries=%lld", (long long)options->check_entries);
    const struct { const char *name; bool wanted; const char *setting, *others; } own[] = {
        { "csv", options->csv, options->csv, "" },
        { "tensorboard", options->tensorboard, NULL, "" },
        { "gradients", options->check_gradients, options->check_gradients, often },
        { "values", options->check_values, options->check_values, "" },
        { "plots", !options->no_plots, options->track, "" },
    };
    if (*often && !options->check_gradients)
        return oc__fail(OC_EUSAGE, "train: --check-every and --check-entries say how "
                                   "--check-gradients checks; it is not given");
    if (options->no_plots && options->track)
        return oc__fail(OC_EUSAGE, "train: --track draws pictures, --no-plots none");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].wanted)
            TRY(add(w, own[i].name, own[i].setting, own[i].others));
    TRY(add_metrics(options, w));
    return options->steps ? oc_watch(w->list, WATCHERS_MAX, &w->n, options->steps) : OC_OK;
}

bool oc__train_tells(const struct train_watch *options)
{
    return options->steps || options->check_gradients || options->check_values;
}

bool oc__train_watches(const struct train_watch *options)
{
    return options->csv || options->tensorboard || options->track
        || options->no_plots || options->metrics_port || options->metrics_host
        || oc__train_tells(options);
}

void oc__train_unwatch(struct watchers *w)
{
    while (w->n > 0)
        oc_watch_free(&w->list[--w->n]);
}
