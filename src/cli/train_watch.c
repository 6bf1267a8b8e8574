/* train_watch.c — from options to observers.
 *
 * An option of its own stands for a step of --watch: what it says becomes that step's first
 * setting, so that the observer's own table checks it.  Pictures are drawn unless told not to. */
#include "cli/train_watch.h"

#include <string.h>

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

/* ---- steps --------------------------------------------------------------------------------- */

/* A step in a list of them, by its text and how long its name is. */
struct word { const char *text; size_t n, name; };

/* The first step at or behind *at, which becomes what is behind it. */
static bool next_step(const char **at, struct word *out)
{
    out->text = *at + strspn(*at, " ;");
    out->n = oc__step_length(out->text);
    out->name = strcspn(out->text, " ;");
    *at = out->text + out->n;
    return out->n > 0;
}

static bool is_among(const struct word *step, const char *const *names)
{
    for (; *names; names++)
        if (strlen(*names) == step->name && strncmp(*names, step->text, step->name) == 0)
            return true;
    return false;
}

static bool has_kind(const char *steps, const struct word *step)
{
    for (struct word other; next_step(&steps, &other);)
        if (other.name == step->name && strncmp(other.text, step->text, step->name) == 0)
            return true;
    return false;
}

/* What looks on for a person or a port of this process is not for one that resumes. */
static void record(struct watchers *w, const char *steps)
{
    static const char *const of_this_process[] = { "live", "metrics", "dump", NULL };
    for (struct word step; next_step(&steps, &step);)
        if (!is_among(&step, of_this_process)) {
            oc__str_addz(&w->steps, w->steps.n ? "; " : "");
            oc__str_add(&w->steps, step.text, step.n);
        }
}

static oc_status add_steps(struct watchers *w, const char *steps)
{
    TRY(oc_watch(w->list, WATCHERS_MAX, &w->n, steps));
    record(w, steps);
    return w->steps.failed ? OC_ELIMIT : OC_OK;
}

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
    const oc_status status = step.failed ? OC_ELIMIT : add_steps(w, step.text);
    oc__str_free(&step);
    return status;
}

/* The recorded steps of a kind that is not given: not among those that there are already. */
static oc_status add_recorded(struct watchers *w, const char *recorded, bool no_plots)
{
    static const char *const plots[] = { "plots", NULL };
    char *const given = oc__strdup(oc__str_text(&w->steps));
    oc_status status = given ? OC_OK : OC_ELIMIT;
    for (struct word step; status >= 0 && next_step(&recorded, &step);) {
        if (has_kind(given, &step) || (no_plots && is_among(&step, plots)))
            continue;
        struct str text = { 0 };
        oc__str_add(&text, step.text, step.n);
        status = text.failed ? OC_ELIMIT : add_steps(w, text.text);
        oc__str_free(&text);
    }
    oc__free(given);
    return status;
}

/* ---- options ------------------------------------------------------------------------------- */

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

oc_status oc__train_watch(const struct train_watch *options, const char *recorded,
                          struct watchers *w)
{
    const bool plots = !options->no_plots && (options->track || !recorded);
    const struct choice own[] = {
        { "csv", options->csv, options->csv, { { 0 } } },
        { "tensorboard", options->tensorboard, NULL, { { 0 } } },
        { "gradients", options->check_gradients, options->check_gradients,
          { { "every", NULL, options->check_every },
            { "entries", NULL, options->check_entries } } },
        { "values", options->check_values, options->check_values, { { 0 } } },
        { "plots", plots, options->track, { { 0 } } },
        { "dump", options->dump, options->dump, { { "batches", NULL, options->dump_count } } },
        { "metrics", options->metrics_port, options->metrics_port,
          { { "host", options->metrics_host, 0 } } },
    };
    TRY(check(options));
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].wanted)
            TRY(add(w, &own[i]));
    if (options->steps)
        TRY(add_steps(w, options->steps));
    return recorded ? add_recorded(w, recorded, options->no_plots) : OC_OK;
}

bool oc__train_tells(const struct train_watch *options, const char *steps)
{
    static const char *const silent[] = { "csv", "tensorboard", "plots", NULL };
    if (options->steps || options->check_gradients || options->check_values)
        return true;
    for (struct word step; next_step(&steps, &step);)
        if (!is_among(&step, silent))
            return true;
    return false;
}

bool oc__train_watches(const struct train_watch *options)
{
    return options->csv || options->tensorboard || options->track || options->no_plots
        || options->live || options->dump || options->metrics_port || options->metrics_host
        || oc__train_tells(options, "");
}

void oc__train_unwatch(struct watchers *w)
{
    while (w->n > 0)
        oc_watch_free(&w->list[--w->n]);
    oc__str_free(&w->steps);
}
