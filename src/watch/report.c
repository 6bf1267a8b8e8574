/* report.c — composes the page.
 *
 * Pictures stand in it as data, read from their files: drawings as SVG, photographs as PNG.  The
 * page goes to its file piece by piece, so that it never is in memory as a whole.  Whatever came
 * from outside, a class's name or a path, is escaped. */
#include "watch/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/status.h"
#include "train/run.h"
#include "watch/report_facts.h"
#include "watch/report_html.h"

enum { CLASSES_SHOWN = 1000, EPOCHS_SHOWN = 2000,
       PIECE = 3 * 4096 };                              /* bytes; threes are whole in base 64 */

/* The page being written: what is not in the file yet is text. */
struct report {
    const struct record   *record;
    const struct pictures *pictures;
    struct writer          file;
    struct str             text;
    oc_status              status;
};

static const char style[] =
    "body{font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#222;max-width:64rem;"
    "margin:2rem auto;padding:0 1.5rem}\n"
    "h1{font-size:1.7rem;margin:0}h2{font-size:1.2rem;margin:2.6rem 0 .6rem;padding-top:.8rem;"
    "border-top:1px solid #e3e3e3}\n"
    ".under{color:#6b6b6b;margin:.2rem 0 1.4rem}\n"
    ".facts{display:flex;flex-wrap:wrap;gap:.8rem;margin:0}\n"
    ".facts div{background:#f4f7f9;border-radius:.4rem;padding:.6rem 1rem;min-width:8rem}\n"
    ".facts dt{color:#6b6b6b;font-size:.8rem}.facts dd{margin:0;font-size:1.35rem;color:#0072b2}\n"
    "img{display:block;max-width:100%;height:auto;margin:.6rem 0 1.4rem}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.4rem 0 1.4rem}\n"
    "th,td{padding:.22rem .9rem .22rem 0;text-align:left;vertical-align:top}\n"
    "th{color:#6b6b6b;font-weight:normal;border-bottom:1px solid #b8b8b8}\n"
    "td{border-bottom:1px solid #eee;overflow-wrap:anywhere}\n"
    ".n{text-align:right;white-space:nowrap}.best td{font-weight:bold}\n"
    ".scroll{max-height:28rem;overflow:auto}\n"
    "pre{background:#f4f7f9;padding:.8rem 1rem;border-radius:.4rem;white-space:pre-wrap;"
    "overflow-wrap:anywhere}\n";

/* ---- parts of tables ----------------------------------------------------------------------- */

static void heads(struct str *out, const char *const *words, const char *numbers)
{
    oc__str_addz(out, "<table>\n<tr>");
    for (int i = 0; words[i]; i++)
        oc__html_element(out, numbers[i] == 'n' ? "th class=\"n\"" : "th", "%s", words[i]);
    oc__str_addz(out, "</tr>\n");
}

/* As many digits as can be told apart; all of them are in metrics.csv and run.json. */
static void number(struct str *out, double v)
{
    if (isnan(v))
        oc__html_element(out, "td class=\"n\"", "–");
    else
        oc__html_element(out, "td class=\"n\"", "%.4g", v);
}

static void percent(struct str *out, double v)
{
    if (isnan(v))
        oc__html_element(out, "td class=\"n\"", "–");
    else
        oc__html_element(out, "td class=\"n\"", "%.2f %%", 100 * v);
}

static void count(struct str *out, int64_t n)
{
    oc__html_element(out, "td class=\"n\"", "%lld", (long long)n);
}

/* ---- the head ------------------------------------------------------------------------------ */

static void big(struct str *out, const char *name, const char *value)
{
    oc__str_addz(out, "<div>");
    oc__html_element(out, "dt", "%s", name);
    oc__html_element(out, "dd", "%s", value);
    oc__str_addz(out, "</div>\n");
}

static void big_percent(struct str *out, const char *name, double v)
{
    char text[32];
    snprintf(text, sizeof text, "%.2f %%", 100 * v);
    if (isfinite(v))
        big(out, name, text);
}

/* A page cannot tell what came after it. */
static void write_state(struct str *out, const struct record *r, const struct facts *f,
                        const char *folder)
{
    const char *const state = oc__facts_state(f, folder), *const reason = oc__fact(f, "reason");
    const bool running = strcmp(state, oc__run_states[RUN_RUNNING]) == 0;
    oc__html_element(out, "p class=\"under\"", "%s: %s%s, after %lld of %lld epochs", folder, state,
                     running ? " when this page was written" : "", (long long)r->epochs,
                     (long long)r->options->epochs);
    if (reason)
        oc__html_element(out, "p", "%s", reason);
}

static void write_head(struct str *out, const struct record *r, const struct facts *f,
                       const oc_epoch *best, const char *folder)
{
    char name[160], text[32];
    const char *const test = oc__fact(f, "test_accuracy");
    double v;
    oc__record_name(r, name, sizeof name);
    oc__str_addz(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n");
    oc__html_element(out, "title", "%s", name);
    oc__str_addf(out, "\n<style>\n%s</style>\n</head>\n<body>\n", style);
    oc__html_element(out, "h1", "%s", name);
    write_state(out, r, f, folder);
    oc__str_addz(out, "\n<dl class=\"facts\">\n");
    if (test && oc__double_read(test, &v))
        big_percent(out, "accuracy on the test part", v);
    if (best)
        big_percent(out, r->options->watch_test ? "accuracy of the best epoch, watched"
                                                : "validation accuracy of the best epoch",
                    best->val_accuracy);
    snprintf(text, sizeof text, "%lld", (long long)(best ? best->epoch : r->epochs));
    big(out, !best ? "epochs" : r->options->patience > 0 ? "best epoch, of the lowest loss"
                                                         : "best epoch", text);
    snprintf(text, sizeof text, "%lld", (long long)oc_store_elements(oc_model_store(r->model)));
    big(out, "parameters", text);
    oc__str_addz(out, "</dl>\n");
}

/* ---- pictures ------------------------------------------------------------------------------ */

static void flush(struct report *r)
{
    if (r->status >= 0)
        r->status = r->text.failed ? OC_ELIMIT : oc__write(&r->file, r->text.text, r->text.n);
    oc__str_clear(&r->text);
}

static oc_status write_data(struct report *r, const char *path)
{
    uint8_t piece[PIECE];
    struct file f;
    TRY(oc__file_open(&f, path));
    oc_status status = r->status;
    for (int64_t at = 0; status >= 0 && at < f.size; at += PIECE) {
        const size_t n = f.size - at < PIECE ? (size_t)(f.size - at) : PIECE;
        status = oc__file_read(&f, at, piece, n);
        if (status >= 0)
            oc__html_base64(&r->text, piece, n);
        flush(r);
    }
    oc__file_close(&f);
    return status;
}

static void write_picture(struct report *r, const struct picture *p)
{
    struct str path = { 0 }, *const out = &r->text;
    oc__str_addf(&path, "%s/%s.%s", r->pictures->folder, p->name, p->photographic ? "png" : "svg");
    oc__str_addf(out, "<img width=\"%.0f\" height=\"%.0f\" alt=\"", p->width, p->height);
    oc__str_add_xml(out, p->title);
    oc__str_addz(out, ": ");
    oc__str_add_xml(out, oc__str_text(&p->words));
    oc__str_addf(out, "\" src=\"data:image/%s;base64,", p->photographic ? "png" : "svg+xml");
    const oc_status status = path.failed ? OC_ELIMIT : write_data(r, path.text);
    if (r->status >= 0)
        r->status = status;
    oc__str_addz(out, "\">\n");
    oc__str_free(&path);
}

static void write_named(struct report *r, const char *name)
{
    for (int i = 0; i < r->pictures->n; i++)
        if (strcmp(r->pictures->picture[i].name, name) == 0)
            write_picture(r, &r->pictures->picture[i]);
}

static void write_curves(struct report *r)
{
    oc__html_element(&r->text, "h2", "Curves");
    for (int i = 0; i < CURVES; i++)
        write_named(r, oc__curve_names[i]);
}

static void write_tracks(struct report *r)
{
    bool any = false;
    for (int i = 0; i < r->pictures->n; i++) {
        if (strncmp(r->pictures->picture[i].name, "track-", 6) != 0)
            continue;
        if (!any)
            oc__html_element(&r->text, "h2", "Parameters");
        write_picture(r, &r->pictures->picture[i]);
        any = true;
    }
}

/* ---- parts of the data --------------------------------------------------------------------- */

static void write_mistakes(struct str *out, const struct record *r, const struct page *p)
{
    static const char *const words[] = { "sample", "true class", "given", "predicted", "given",
                                         "loss", "file", NULL };
    heads(out, words, "nlnlnnl");
    for (int i = 0; i < p->mistakes; i++) {
        const struct sighting *const s = &p->mistake[i];
        oc__str_addz(out, "<tr>");
        count(out, s->index);
        oc__html_element(out, "td", "%s", oc_model_class_name(r->model, s->truth));
        percent(out, (double)s->truth_probability);
        oc__html_element(out, "td", "%s", oc_model_class_name(r->model, s->guess));
        percent(out, (double)s->guess_probability);
        number(out, oc__sighting_loss(s));
        oc__html_element(out, "td", "%s", oc_data_name(r->data, p->part, s->index));
        oc__str_addz(out, "</tr>\n");
    }
    oc__str_addz(out, "</table>\n");
}

static void write_classes(struct str *out, const struct record *r, const struct page *p)
{
    static const char *const words[] = { "class", "samples", "precision", "recall", "F1", NULL };
    oc__str_addz(out, "<div class=\"scroll\">\n");
    heads(out, words, "lnnnn");
    for (int i = 0; i < p->classes && i < CLASSES_SHOWN; i++) {
        const oc_class_metrics m = oc__page_class(p, i);
        oc__str_addz(out, "<tr>");
        oc__html_element(out, "td", "%s", oc_model_class_name(r->model, i));
        count(out, m.count);
        percent(out, m.precision);
        percent(out, m.recall);
        percent(out, m.f1);
        oc__str_addz(out, "</tr>\n");
    }
    oc__str_addz(out, "</table>\n</div>\n");
}

static void write_part(struct report *r, oc_part part)
{
    const struct page *const p = oc__record_page(r->record, part);
    char name[64], whose[64];
    if (!p)
        return;
    oc__pictures_whose(r->pictures, r->record, part, whose, sizeof whose);
    const char *const before = part == r->record->watched ? "" : oc__part_name(part);
    oc__html_element(&r->text, "h2", "What it sees: %s, %s", oc__part_name(part), whose);
    for (const char *const *what = (const char *const[]){ "confusion", "classes", "samples",
                                                          "mistakes", NULL }; *what; what++) {
        if (strcmp(*what, "classes") == 0) {
            write_classes(&r->text, r->record, p);
            continue;
        }
        snprintf(name, sizeof name, "%s%s%s", before, *before ? "-" : "", *what);
        write_named(r, name);
    }
    if (p->mistakes)
        write_mistakes(&r->text, r->record, p);
}

/* ---- epochs, settings ---------------------------------------------------------------------- */

static void write_epochs(struct str *out, const struct record *r, const oc_epoch *best)
{
    static const char *const words[] = { "epoch", "training loss", "accuracy", "validation loss",
                                         "accuracy", "learning rate", "seconds", NULL };
    oc__html_element(out, "h2", "Epochs");
    oc__str_addz(out, "<div class=\"scroll\">\n");
    heads(out, words, "nnnnnnn");
    const int64_t first = r->epochs > EPOCHS_SHOWN ? r->epochs - EPOCHS_SHOWN : 0;
    for (int64_t i = first; i < r->epochs; i++) {
        const oc_epoch *const e = &r->epoch[i];
        oc__str_addz(out, e == best ? "<tr class=\"best\">" : "<tr>");
        count(out, e->epoch);
        number(out, e->train_loss);
        percent(out, e->train_accuracy);
        number(out, e->val_loss);
        percent(out, e->val_accuracy);
        number(out, e->learning_rate);
        oc__html_element(out, "td class=\"n\"", "%.1f", e->seconds);
        oc__str_addz(out, "</tr>\n");
    }
    oc__str_addz(out, "</table>\n</div>\n");
}

/* A number that was measured has more digits than anybody reads; settings are short. */
static void write_value(struct str *out, const char *value)
{
    enum { DIGITS_READ = 8 };
    double v;
    if (strlen(value) > DIGITS_READ && strchr(value, '.') && oc__double_read(value, &v))
        oc__html_element(out, "td", "%.6g", v);
    else
        oc__html_element(out, "td", "%s", value);
}

static void write_facts(struct str *out, const struct facts *f)
{
    struct str command = { 0 };
    oc__html_element(out, "h2", "How to reproduce it");
    oc__facts_command(f, &command);
    oc__html_element(out, "pre", "%s", oc__str_text(&command));
    out->failed |= command.failed;
    oc__str_free(&command);
    oc__html_element(out, "h2", "Settings and result");
    heads(out, (const char *const[]){ "setting", "value", NULL }, "ll");
    for (int i = 0; i < f->n; i++) {
        oc__str_addz(out, "<tr>");
        oc__html_element(out, "td", "%s", f->fact[i].key);
        write_value(out, f->fact[i].value ? f->fact[i].value : "–");
        oc__str_addz(out, "</tr>\n");
    }
    oc__str_addz(out, "</table>\n");
}

static void write_page(struct report *r, const struct facts *facts, const char *folder)
{
    const struct record *const record = r->record;
    const oc_epoch *const best = r->pictures->best < 0 ? NULL : &record->epoch[r->pictures->best];
    write_head(&r->text, record, facts, best, folder);
    write_curves(r);
    if (record->watched < OC_PARTS)
        write_part(r, record->watched);
    if (record->watched != OC_PART_TEST)
        write_part(r, OC_PART_TEST);
    write_tracks(r);
    write_epochs(&r->text, record, best);
    write_facts(&r->text, facts);
    oc__str_addz(&r->text, "</body>\n</html>\n");
    flush(r);
}

oc_status oc__report_write(const struct record *record, const struct pictures *pictures,
                           const char *folder)
{
    struct facts facts;
    struct str path = { 0 };
    struct report r = { .record = record, .pictures = pictures };
    TRY(oc__facts_read(&facts, folder));
    oc__str_addf(&path, "%s/report.html", folder);
    r.status = path.failed ? OC_ELIMIT : oc__write_begin(&r.file, path.text, -1);
    if (r.status >= 0) {
        write_page(&r, &facts, folder);
        if (r.status >= 0)
            r.status = oc__write_commit(&r.file, WRITE_REPLACE | WRITE_LIGHTLY);
        oc__write_abandon(&r.file);
    }
    oc__str_free(&r.text);
    oc__str_free(&path);
    oc__facts_free(&facts);
    return r.status;
}
