/* study.c — experiments read from the command line, named, and multiplied into runs. */
#include "cli/study.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "cli/command.h"
#include "cli/open.h"

bool oc__study_wanted(const struct train *t, const struct operands *words)
{
    bool another = false;
    for (int i = 0; i < words->argc && strcmp(words->argv[i], "--"); i++)
        another |= strcmp(words->argv[i], "--experiment") == 0;
    return another || t->study || t->repeat > 1;
}

void oc__study_free(struct study *s)
{
    oc__free(s->experiment);
    oc__map_free(&s->keys);
    oc__pool_free(&s->pool);
    *s = (struct study){ 0 };
}

struct train *oc__study_add(struct study *s)
{
    struct train *const grown
        = oc__grow(s->experiment, (size_t)s->n, (size_t)s->n + 1, sizeof *grown);
    if (!grown)
        return NULL;
    s->experiment = grown;
    grown[s->n] = s->common;
    grown[s->n].name = NULL;                            /* that of the study */
    return &grown[s->n++];
}

/* ---- words --------------------------------------------------------------------------------- */

/* What the words say replaces what stands in `to`; MODEL and --model are one. */
static oc_status read_words(struct train *to, int argc, char **argv)
{
    struct common common = { 0 };
    struct operands operands;
    const struct opt_table tables[]
        = { { oc__train_table, to }, { oc__common_options, &common }, { NULL, NULL } };
    const char *const before = to->model;
    to->model = NULL;
    oc_status status = oc__opt_read("train", tables, argc, argv, &operands);
    if (status >= 0)
        status = oc__train_operands(to, &operands);
    if (status >= 0 && operands.n)
        to->model = operands.word[0];
    if (!to->model)
        to->model = before;
    oc__operands_free(&operands);
    return status;
}

/* Where the next experiment begins, or the end. */
static int next_experiment(int argc, char **argv, int from)
{
    int i = from;
    while (i < argc && strcmp(argv[i], "--experiment") && strcmp(argv[i], "--"))
        i++;
    return i < argc && !strcmp(argv[i], "--") ? argc : i;
}

static oc_status read_experiments(struct study *s, int argc, char **argv)
{
    int at = next_experiment(argc, argv, 0);
    TRY(read_words(&s->common, at, argv));
    while (at < argc) {
        const int end = next_experiment(argc, argv, at + 1);
        struct train *const e = oc__study_add(s);
        if (!e)
            return OC_ELIMIT;
        TRY(read_words(e, end - at - 1, argv + at + 1));
        at = end;
    }
    return OC_OK;
}

/* What stands on the command line beside a study file counts for all of its experiments. */
static oc_status read_over_file(struct study *s, const char *path, int argc, char **argv)
{
    if (next_experiment(argc, argv, 0) < argc)
        return oc__fail(OC_EUSAGE, "train: --experiment: the experiments are in %s", path);
    TRY(oc__study_read_file(s, path));
    for (int i = 0; i < s->n; i++)
        TRY(read_words(&s->experiment[i], argc, argv));
    return read_words(&s->common, argc, argv);
}

oc_status oc__study_read(struct study *s, const struct train *whole, const struct operands *words)
{
    *s = (struct study){ 0 };
    oc__opt_defaults(oc__train_table, &s->common);
    if (whole->study)
        TRY(read_over_file(s, whole->study, words->argc, words->argv));
    else
        TRY(read_experiments(s, words->argc, words->argv));
    if (!whole->study) {
        s->common.out = whole->out;
        s->common.json = whole->json;
        s->common.force = whole->force;
        s->common.quiet = whole->quiet;
        s->common.watch.csv = whole->watch.csv;
        s->common.watch.metrics_port = whole->watch.metrics_port;
        s->common.watch.metrics_host = whole->watch.metrics_host;
    }
    if (s->n == 0 && !oc__study_add(s))
        return OC_ELIMIT;
    return oc__study_settle(s);
}

/* ---- settling ------------------------------------------------------------------------------ */

oc_status oc__study_blame(const struct train *e, oc_status status)
{
    if (status >= 0)
        return status;
    if (e->where)
        return oc__fail(status, "%s: %s", e->where, oc_error());
    return e->name ? oc__fail(status, "experiment %s: %s", e->name, oc_error()) : status;
}

bool oc__study_whole(const char *option)
{
    static const char *const names[] = { "out", "resume", "study", "experiment", "not-exact",
                                         "force", "quiet", "json", "csv",
                                         "metrics-port", "metrics-host", NULL };
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], option) == 0)
            return true;
    return false;
}

static bool named(const struct study *s, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (s->experiment[i].name && !strcmp(s->experiment[i].name, name))
            return true;
    return false;
}

/* Names become folders. */
static oc_status check_name(const struct study *s, int i)
{
    static const char *const taken[] = { "run.json", "study.json", "study.csv", "study.txt",
                                         "lock", "checkpoints", "metrics.csv", "events" };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._+=-";
    const char *const name = s->experiment[i].name;
    const size_t n = strlen(name);
    bool good = n > 0 && n <= STUDY_NAME_MAX && strspn(name, letters) == n && !strchr(".-", *name);
    for (size_t k = 0; k < sizeof taken / sizeof *taken; k++)
        good &= strcmp(name, taken[k]) != 0;
    if (!good)
        return oc__fail(OC_EUSAGE, "the experiment's name %s: wants letters, digits and . _ + = -, "
                                   "as it becomes a folder", oc__quote_z(name));
    if (named(s, i, name))
        return oc__fail(OC_EUSAGE, "two experiments are called %s", name);
    return OC_OK;
}

/* The model's name, with a number where another experiment has it. */
static oc_status choose_name(struct study *s, int i)
{
    struct str name = { 0 };
    oc__train_run_name(s->experiment[i].model, &name);
    const size_t n = name.n;
    for (int k = 2; named(s, s->n, oc__str_text(&name)); k++) {
        name.n = n;
        oc__str_addf(&name, "%d", k);
    }
    s->experiment[i].name = name.failed ? NULL : oc__pool_strdup(&s->pool, oc__str_text(&name));
    oc__str_free(&name);
    return s->experiment[i].name ? OC_OK : OC_ELIMIT;
}

oc_status oc__study_settle(struct study *s)
{
    if (s->common.watch.csv)
        return oc__fail(OC_EUSAGE, "train: --csv: is for one training; every run of a study has "
                                   "its metrics.csv, and the study has study.csv");
    if (s->common.watch.metrics_port || s->common.watch.metrics_host)
        return oc__fail(OC_EUSAGE, "train: --metrics-port: is for one training; the runs of a "
                                   "study would share the port");
    for (int i = 0; i < s->n; i++) {
        struct train *const e = &s->experiment[i];
        if (e->watch.dump)
            return oc__fail(OC_EUSAGE, "train: --dump-batches: is for one training");
        e->model = e->model ? e->model : "cnn";
        e->repeat = e->repeat ? e->repeat : 1;
    }
    for (int i = 0; i < s->n; i++) {
        if (!s->experiment[i].name)
            TRY(choose_name(s, i));
        TRY(oc__study_blame(&s->experiment[i], check_name(s, i)));
    }
    return OC_OK;
}

static oc_status check_experiment(const struct train *e)
{
    struct train_texts texts = { 0 };
    oc_train_options   o;
    oc_shape           shape;
    oc_status status = oc__train_options(e, &texts, &o);
    if (status >= 0)
        status = oc_train_check(&o);
    if (status >= 0 && e->prepare)
        status = oc_preparation_shape(e->prepare, NULL, &shape);
    if (status >= 0)
        status = oc__check_model_word(e->model);
    oc__train_texts_free(&texts);
    return oc__study_blame(e, status);
}

oc_status oc__study_check(const struct study *s)
{
    for (int i = 0; i < s->n; i++)
        TRY(check_experiment(&s->experiment[i]));
    return OC_OK;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static const char *format_text(struct study *s, const char *before, const char *between,
                               int64_t number)
{
    struct str text = { 0 };
    oc__str_addf(&text, "%s%s", before, between);
    if (number >= 0)
        oc__str_addf(&text, "%lld", (long long)number);
    const char *const kept = text.failed ? NULL : oc__pool_strdup(&s->pool, oc__str_text(&text));
    oc__str_free(&text);
    return kept;
}

/* Other weights see the same division of the data; other data is divided, or drawn, otherwise and
 * seen by the same weights.  The first repeat is the experiment as it would be without repeats. */
static oc_status give_seeds(struct study *s, struct study_run *r)
{
    struct train *const o = &r->options;
    const int64_t given = o->words.data_seed ? strtoll(o->words.data_seed, NULL, 10) : 0;
    r->split_seed = (uint64_t)(o->words.data_seed ? given : o->seed);
    if (o->repeat > 1 && o->vary == VARY_DATA && strstr(o->data, ",seed="))
        return oc__fail(OC_EUSAGE, "train: %s: to repeat with other data, give the first seed by "
                                   "--data-seed", oc__quote_z(o->data));
    if (r->number == 0)
        return OC_OK;
    if (o->vary == VARY_MODEL) {
        o->seed += r->number;
        return OC_OK;
    }
    r->split_seed += (uint64_t)r->number;
    o->words.data_seed = format_text(s, "", "", given + r->number);
    return o->words.data_seed ? OC_OK : OC_ELIMIT;
}

static oc_status make_run(struct study *s, const char *folder, struct study_run *r)
{
    const struct train *const e = &s->experiment[r->experiment];
    r->options = *e;
    r->name = e->repeat > 1 ? format_text(s, e->name, "-", r->number + 1) : e->name;
    const char *const below = format_text(s, folder, "/", -1);
    r->folder = r->name && below ? format_text(s, below, r->name, -1) : NULL;
    return r->folder ? give_seeds(s, r) : OC_ELIMIT;
}

static oc_status check_folders(const struct study_run *run, int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(run[i].folder, run[k].folder))
                return oc__fail(OC_EUSAGE, "train: two runs are called %s", run[i].name);
    return OC_OK;
}

oc_status oc__study_runs(struct study *s, const char *folder, struct study_run **runs, int *n)
{
    size_t total = 0;
    *n = 0;
    for (int i = 0; i < s->n; i++)
        total += (size_t)s->experiment[i].repeat;
    *runs = oc__alloc(total, sizeof **runs);
    if (!*runs)
        return OC_ELIMIT;
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->experiment[i].repeat; k++) {
            struct study_run *const r = &(*runs)[(*n)++];
            r->experiment = i;
            r->number = k;
            TRY(make_run(s, folder, r));
        }
    return check_folders(*runs, *n);
}
