/* train_watch.c — from options to observers.
 *
 * An option of its own stands for a step of --watch: what it says becomes that step's first
 * setting, so that the observer's own table checks it. */
#include "cli/train_watch.h"

#include "base/attr.h"
#include "base/status.h"

/* Adds one observer, with its first setting unless NULL. */
static oc_status add(struct watchers *w, const char *name, const char *setting)
{
    struct str step = { 0 };
    oc__str_addz(&step, name);
    if (setting) {
        oc__str_addz(&step, " ");
        oc__attr_quote(setting, &step);
    }
    const oc_status status
        = step.failed ? OC_ELIMIT : oc_watch(w->list, WATCHERS_MAX, &w->n, step.text);
    oc__str_free(&step);
    return status;
}

oc_status oc__train_watch(const struct train_watch *options, struct watchers *w)
{
    const struct { const char *name, *setting; } own[] = {
        { "csv", options->csv },
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].setting)
            TRY(add(w, own[i].name, own[i].setting));
    return options->steps ? oc_watch(w->list, WATCHERS_MAX, &w->n, options->steps) : OC_OK;
}

void oc__train_unwatch(struct watchers *w)
{
    while (w->n > 0)
        oc_watch_free(&w->list[--w->n]);
}
