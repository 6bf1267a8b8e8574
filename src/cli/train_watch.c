/* train_watch.c — from options to observers.
 *
 * An option of its own stands for a step of --watch: what it says becomes that step's first
 * setting, so that the observer's own table checks it.  Pictures are drawn unless told not to. */
#include "cli/train_watch.h"

#include "base/attr.h"
#include "base/status.h"

/* An observer that an option stands for: its first setting, unless NULL, and others by name, as a
 * text or a number; NULL and 0 are not given. */
struct choice {
    const char *name;
    bool        wanted;
    const char *setting;
    struct { const char *key, *text; int64_t number; } other[2];
};

static oc_status add(struct watchers *w, const struct choice *c)
{
    struct str step = { 0 };
    oc__str_addf(&step, "%s%s", c->name, c->setting ? " " : "");
    if (c->setting)
        oc__attr_quote(c->setting, &step);
    for (int i = 0; i < 2; i++) {
        if (c->other[i].text)
            oc__str_addf(&step, " %s=", c->other[i].key);
        if (c->other[i].text)
            oc__attr_quote(c->other[i].text, &step);
        if (c->other[i].number)
            oc__str_addf(&step, " %s=%lld", c->other[i].key, (long long)c->other[i].number);
    }
    const oc_status status
        = step.failed ? OC_ELIMIT : oc_watch(w->list, WATCHERS_MAX, &w->n, step.text);
    oc__str_free(&step);
    return status;
}

/* Options that make sense beside others only. */
static oc_status check(const struct train_watch *options)
{
    if ((options->check_every || options->check_entries) && !options->check_gradients)
        return oc__fail(OC_EUSAGE, "train: --check-every and --check-entries say how "
                                   "--check-gradients checks; it is not given");
    if (options->metrics_host && !options->metrics_port)
        return oc__fail(OC_EUSAGE, "train: --metrics-host says where --metrics-port listens; it is "
                                   "not given");
    if (options->dump_count && !options->dump)
        return oc__fail(OC_EUSAGE, "train: --dump-count says how many batches --dump-batches "
                                   "draws; it is not given");
    if (options->no_plots && options->track)
        return oc__fail(OC_EUSAGE, "train: --track draws pictures, --no-plots none");
    return OC_OK;
}

oc_status oc__train_watch(const struct train_watch *options, struct watchers *w)
{
    const struct choice own[] = {
        { "csv", options->csv, options->csv, { { 0 } } },
        { "tensorboard", options->tensorboard, NULL, { { 0 } } },
        { "gradients", options->check_gradients, options->check_gradients,
          { { "every", NULL, options->check_every },
            { "entries", NULL, options->check_entries } } },
        { "values", options->check_values, options->check_values, { { 0 } } },
        { "plots", !options->no_plots, options->track, { { 0 } } },
        { "dump", options->dump, options->dump, { { "batches", NULL, options->dump_count } } },
        { "metrics", options->metrics_port, options->metrics_port,
          { { "host", options->metrics_host, 0 } } },
    };
    TRY(check(options));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].wanted)
            TRY(add(w, &own[i]));
    return options->steps ? oc_watch(w->list, WATCHERS_MAX, &w->n, options->steps) : OC_OK;
}

bool oc__train_tells(const struct train_watch *options)
{
    return options->steps || options->check_gradients || options->check_values;
}

bool oc__train_watches(const struct train_watch *options)
{
    return options->csv || options->tensorboard || options->track || options->no_plots
        || options->live || options->dump || options->metrics_port || options->metrics_host
        || oc__train_tells(options);
}

void oc__train_unwatch(struct watchers *w)
{
    while (w->n > 0)
        oc_watch_free(&w->list[--w->n]);
}
