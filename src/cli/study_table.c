/* study_table.c — what came out of a study, as text for people, CSV and JSON.
 *
 * Figures are those of the model that was kept, the best by validation, on all parts of the data.
 * `train-val` is the difference of accuracies, which the field calls variance.  Over several runs
 * the mean stands with the deviation of a sample (n - 1). */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "cli/output.h"
#include "cli/study.h"
#include "cli/term.h"

enum { FIGURES = 10 };

static const struct figure {
    const char *key, *heading;
    double      scale;                                  /* for people */
    int         digits;
    bool        spread;                                 /* its deviation matters even when 0 */
} figures[FIGURES] = {
    { "train_accuracy", "train %", 100, 2, true },
    { "val_accuracy", "val %", 100, 2, true },
    { "test_accuracy", "test %", 100, 2, true },
    { "train_minus_val", "train-val", 100, 2, true },
    { "train_loss", "train loss", 1, 4, true },
    { "val_loss", "val loss", 1, 4, true },
    { "test_loss", "test loss", 1, 4, true },
    { "epochs", "epochs", 1, 0, false },
    { "seconds", "seconds", 1, 1, false },
    { "planned_bytes", "plan MiB", 1.0 / (1 << 20), 1, false },
};

static void figures_of(const struct study_run *r, double v[FIGURES])
{
    const oc_train_result *const t = &r->result;
    const double values[FIGURES] = {
        t->fit_accuracy, t->kept.val_accuracy, t->test_accuracy,
        t->fit_accuracy - t->kept.val_accuracy, t->fit_loss, t->kept.val_loss, t->test_loss,
        (double)t->last_epoch, r->seconds, (double)t->planned_bytes,
    };
    memcpy(v, values, sizeof values);
}

/* An experiment's runs that did not fail. */
struct summary { int runs, good; double mean[FIGURES], deviation[FIGURES]; };

static struct summary summarise(const struct study_run *run, int n, int experiment)
{
    struct summary s = { 0 };
    double v[FIGURES], square[FIGURES] = { 0 };
    for (int i = 0; i < n; i++) {
        s.runs += run[i].experiment == experiment;
        if (run[i].experiment != experiment || run[i].status < 0)
            continue;
        figures_of(&run[i], v);
        s.good++;
        for (int k = 0; k < FIGURES; k++) {             /* Welford 1962 */
            const double away = v[k] - s.mean[k];
            s.mean[k] += away / s.good;
            square[k] += away * (v[k] - s.mean[k]);
        }
    }
    for (int k = 0; k < FIGURES; k++) {
        s.mean[k] = s.good ? s.mean[k] : NAN;
        s.deviation[k] = s.good > 1 ? sqrt(square[k] / (s.good - 1)) : NAN;
    }
    return s;
}

/* ---- what differs -------------------------------------------------------------------------- */

static void print_option(const struct option *o, const struct train *e, struct str *out)
{
    oc__str_clear(out);
    oc__opt_print(o, e, out);
}

/* Whether more than half of the experiments have it as this one does. */
static bool usual(const struct study *s, const struct option *o, int experiment)
{
    struct str own = { 0 }, other = { 0 };
    int alike = 0;
    print_option(o, &s->experiment[experiment], &own);
    for (int i = 0; i < s->n; i++) {
        print_option(o, &s->experiment[i], &other);
        alike += !strcmp(oc__str_text(&own), oc__str_text(&other));
    }
    oc__str_free(&own);
    oc__str_free(&other);
    return 2 * alike > s->n;
}

/* What other columns say, or what is no experiment's own. */
static bool says_itself(const char *option)
{
    return !strcmp(option, "name") || !strcmp(option, "repeat") || oc__study_whole(option);
}

/* What repeats vary says nothing of an experiment without any. */
static bool is_idle(const struct option *o, const struct train *e)
{
    return !strcmp(o->attr.name, "vary") && e->repeat < 2;
}

/* The options of an experiment that are not as in most. */
static void differs(const struct study *s, int i, struct str *out)
{
    struct str value = { 0 };
    for (const struct option *o = oc__train_table; o->attr.name || o->attr.help; o++) {
        if (!o->attr.name || says_itself(o->attr.name) || usual(s, o, i)
            || is_idle(o, &s->experiment[i]))
            continue;
        print_option(o, &s->experiment[i], &value);
        if (value.n)
            oc__str_addf(out, "%s%s=%s", out->n ? ", " : "", o->attr.name, value.text);
    }
    oc__str_free(&value);
}

/* ---- for people ---------------------------------------------------------------------------- */

static void figure_cell(struct table *t, const struct figure *f, double mean, double deviation)
{
    if (isnan(mean))
        oc__table_cell(t, "-");
    else if (isnan(deviation) || (deviation == 0 && !f->spread))
        oc__table_cell(t, "%.*f", f->digits, mean * f->scale);
    else
        oc__table_cell(t, "%.*f±%.*f", f->digits, mean * f->scale, f->digits ? f->digits : 1,
                       deviation * f->scale);
}

static void text_row(struct table *t, const struct study *s, int i, const struct summary *sum)
{
    struct str what = { 0 };
    differs(s, i, &what);
    oc__table_cell(t, "%s", s->experiment[i].name);
    if (sum->good < sum->runs)
        oc__table_cell(t, "%d of %d", sum->good, sum->runs);
    else
        oc__table_cell(t, "%d", sum->runs);
    for (int k = 0; k < FIGURES; k++)
        figure_cell(t, &figures[k], sum->mean[k], sum->deviation[k]);
    oc__table_cell(t, "%s", what.n ? oc__printable(what.text) : "-");
    oc__str_free(&what);
}

static void write_text(const struct study *s, const struct study_run *run, int n, struct str *out)
{
    struct table t = { .columns = "lrrrrrrrrrrrl" };
    char bytes[32];
    oc__table_cell(&t, "experiment");
    oc__table_cell(&t, "runs");
    for (int k = 0; k < FIGURES; k++)
        oc__table_cell(&t, "%s", figures[k].heading);
    oc__table_cell(&t, "what differs");
    for (int i = 0; i < s->n; i++) {
        const struct summary sum = summarise(run, n, i);
        text_row(&t, s, i, &sum);
    }
    out->failed |= t.cells.failed;
    oc__table_text(&t, 0, out);
    for (int i = 0; i < n; i++)
        if (run[i].status < 0)
            oc__str_addf(out, "%s failed: %s\n", run[i].name, run[i].error);
    oc__str_addf(out, "peak memory of the process: %s\n",
                 oc__bytes_text(oc__peak_rss_bytes(), bytes));
}

/* ---- for machines -------------------------------------------------------------------------- */

static void csv_text(const char *text, struct str *out)
{
    oc__str_addz(out, "\"");
    for (; *text; text++)
        oc__str_addf(out, *text == '"' ? "\"%c" : "%c", *text);
    oc__str_addz(out, "\"");
}

static void csv_number(double v, struct str *out)
{
    char text[32];
    oc__str_addf(out, ",%s", isfinite(v) ? oc__double_text(v, text) : "");
}

static void write_csv(const struct study *s, const struct study_run *run, int n, struct str *out)
{
    oc__str_addz(out, "name,differs,runs,failed");
    for (int k = 0; k < FIGURES; k++)
        oc__str_addf(out, ",%s,%s_deviation", figures[k].key, figures[k].key);
    oc__str_addz(out, "\n");
    for (int i = 0; i < s->n; i++) {
        const struct summary sum = summarise(run, n, i);
        struct str what = { 0 };
        differs(s, i, &what);
        oc__str_addf(out, "%s,", s->experiment[i].name);
        csv_text(oc__str_text(&what), out);
        oc__str_addf(out, ",%d,%d", sum.runs, sum.runs - sum.good);
        for (int k = 0; k < FIGURES; k++) {
            csv_number(sum.mean[k], out);
            csv_number(sum.deviation[k], out);
        }
        oc__str_addz(out, "\n");
        out->failed |= what.failed;
        oc__str_free(&what);
    }
}

static json_t *json_figures(const double v[FIGURES])
{
    json_t *const object = json_object();
    for (int k = 0; k < FIGURES; k++)
        json_object_set_new(object, figures[k].key, oc__number_json(v[k]));
    return object;
}

static json_t *json_run(const struct study_run *r)
{
    double v[FIGURES];
    json_t *const object = json_object();
    json_object_set_new(object, "name", oc__text_json(r->name));
    json_object_set_new(object, "folder", oc__text_json(r->folder));
    json_object_set_new(object, "status", json_string(r->status < 0 ? "failed" : "finished"));
    if (r->status < 0) {
        json_object_set_new(object, "error", oc__text_json(r->error));
        return object;
    }
    figures_of(r, v);
    json_object_set_new(object, "best_epoch", json_integer(r->result.best_epoch));
    json_object_set_new(object, "stopped_early", json_boolean(r->result.stopped_early));
    json_object_set_new(object, "figures", json_figures(v));
    return object;
}

static json_t *json_experiment(const struct study *s, const struct study_run *run, int n, int i)
{
    const struct summary sum = summarise(run, n, i);
    struct str what = { 0 };
    json_t *const object = json_object(), *const runs = json_array();
    differs(s, i, &what);
    json_object_set_new(object, "name", oc__text_json(s->experiment[i].name));
    json_object_set_new(object, "differs", oc__text_json(oc__str_text(&what)));
    for (int k = 0; k < n; k++)
        if (run[k].experiment == i)
            json_array_append_new(runs, json_run(&run[k]));
    json_object_set_new(object, "runs", runs);
    json_object_set_new(object, "mean", json_figures(sum.mean));
    json_object_set_new(object, "deviation", json_figures(sum.deviation));
    oc__str_free(&what);
    return object;
}

static json_t *json_study(const struct study *s, const struct study_run *run, int n,
                          const struct study_orders *orders)
{
    json_t *const object = json_object(), *const list = json_array();
    json_object_set_new(object, "study", oc__text_json(orders->folder));
    for (int i = 0; i < s->n; i++)
        json_array_append_new(list, json_experiment(s, run, n, i));
    json_object_set_new(object, "experiments", list);
    json_object_set_new(object, "peak_rss_bytes", json_integer(oc__peak_rss_bytes()));
    return object;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static oc_status write_file(const char *folder, const char *name, const struct str *text)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/%s", folder, name);
    const oc_status status = text->failed || path.failed
        ? OC_ELIMIT : oc__output_text(path.text, true, text->text, text->n);
    oc__str_free(&path);
    return status;
}

static oc_status write_json(const struct study *s, const struct study_run *run, int n,
                            const struct study_orders *orders)
{
    struct str path = { 0 };
    oc__str_addf(&path, "%s/study.json", orders->folder);
    oc_status status = path.failed
        ? OC_ELIMIT : oc__output_json(path.text, true, json_study(s, run, n, orders));
    if (status >= 0 && orders->json)
        status = oc__output_json(orders->json, orders->force, json_study(s, run, n, orders));
    oc__str_free(&path);
    return status;
}

oc_status oc__study_tell(const struct study *s, const struct study_run *runs, int n,
                         const struct study_orders *orders)
{
    struct str text = { 0 }, csv = { 0 };
    write_text(s, runs, n, &text);
    write_csv(s, runs, n, &csv);
    if (orders->people) {
        fprintf(orders->people, "\n%s", oc__str_text(&text));
        fflush(orders->people);
    }
    oc_status status = write_file(orders->folder, "study.txt", &text);
    if (status >= 0)
        status = write_file(orders->folder, "study.csv", &csv);
    if (status >= 0)
        status = write_json(s, runs, n, orders);
    oc__str_free(&text);
    oc__str_free(&csv);
    return status;
}
