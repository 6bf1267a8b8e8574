/* report.c — composes the page.
 *
 * Pictures stand in it as data: drawings as SVG, photographs as PNG.  Whatever came from outside, a
 * class's name or a path, is escaped. */
#include "watch/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/status.h"
#include "watch/report_facts.h"
#include "watch/report_html.h"

enum { CLASSES_SHOWN = 1000, EPOCHS_SHOWN = 2000 };

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

/* A number as the shortest text that says the same, as in metrics.csv. */
static void number(struct str *out, double v)
{
    char text[32];
    oc__html_element(out, "td class=\"n\"", "%s", isnan(v) ? "–" : oc__double_text(v, text));
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

static void write_head(struct str *out, const struct record *r, const struct facts *f,
                       const oc_epoch *best, const char *folder)
{
    char name[160], text[32];
    const char *const status = oc__fact(f, "status"), *const test = oc__fact(f, "test_accuracy");
    double v;
    oc__record_name(r, name, sizeof name);
    oc__str_addz(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n");
    oc__html_element(out, "title", "%s", name);
    oc__str_addf(out, "\n<style>\n%s</style>\n</head>\n<body>\n", style);
    oc__html_element(out, "h1", "%s", name);
    oc__html_element(out, "p class=\"under\"", "%s: %s, after %lld of %lld epochs", folder,
                     status ? status : "", (long long)r->epochs, (long long)r->options->epochs);
    oc__str_addz(out, "\n<dl class=\"facts\">\n");
    if (test && oc__double_read(test, &v))
        big_percent(out, "accuracy on the test part", v);
    if (best)
        big_percent(out, r->options->watch_test ? "best accuracy, watched"
                                                : "best validation accuracy", best->val_accuracy);
    snprintf(text, sizeof text, "%lld", (long long)(best ? best->epoch : r->epochs));
    big(out, best ? "best epoch" : "epochs", text);
    snprintf(text, sizeof text, "%lld", (long long)oc_store_elements(oc_model_store(r->model)));
    big(out, "parameters", text);
    oc__str_addz(out, "</dl>\n");
}

/* ---- pictures ------------------------------------------------------------------------------ */

static void write_picture(struct str *out, const struct picture *p)
{
    const struct str *const bytes = p->photographic ? &p->png : &p->svg;
    oc__str_addf(out, "<img width=\"%.0f\" height=\"%.0f\" alt=\"", p->width, p->height);
    oc__str_add_xml(out, p->title);
    oc__str_addz(out, ": ");
    oc__str_add_xml(out, oc__str_text(&p->words));
    oc__str_addf(out, "\" src=\"data:image/%s;base64,", p->photographic ? "png" : "svg+xml");
    oc__html_base64(out, bytes->text, bytes->n);
    oc__str_addz(out, "\">\n");
}

static void write_named(struct str *out, const struct pictures *all, const char *name)
{
    for (int i = 0; i < all->n; i++)
        if (strcmp(all->picture[i].name, name) == 0)
            write_picture(out, &all->picture[i]);
}

static void write_curves(struct str *out, const struct pictures *all)
{
    oc__html_element(out, "h2", "Curves");
    for (int i = 0; i < CURVES; i++)
        write_named(out, all, oc__curve_names[i]);
}

static void write_tracks(struct str *out, const struct pictures *all)
{
    bool any = false;
    for (int i = 0; i < all->n; i++) {
        if (strncmp(all->picture[i].name, "track-", 6) != 0)
            continue;
        if (!any)
            oc__html_element(out, "h2", "Parameters");
        write_picture(out, &all->picture[i]);
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
        oc__html_element(out, "td class=\"n\"", "%.3f", oc__sighting_loss(s));
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

static void write_part(struct str *out, const struct record *r, const struct pictures *all,
                       oc_part part)
{
    const struct page *const p = oc__record_page(r, part);
    char name[64];
    if (!p)
        return;
    const char *const before = part == r->watched ? "" : oc__part_name(part);
    oc__html_element(out, "h2", "What it sees: %s", oc__part_name(part));
    for (const char *const *what = (const char *const[]){ "confusion", "classes", "samples",
                                                          "mistakes", NULL }; *what; what++) {
        if (strcmp(*what, "classes") == 0) {
            write_classes(out, r, p);
            continue;
        }
        snprintf(name, sizeof name, "%s%s%s", before, *before ? "-" : "", *what);
        write_named(out, all, name);
    }
    if (p->mistakes)
        write_mistakes(out, r, p);
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
        oc__html_element(out, "td", "%s", f->fact[i].value ? f->fact[i].value : "–");
        oc__str_addz(out, "</tr>\n");
    }
    oc__str_addz(out, "</table>\n");
}

oc_status oc__report_write(const struct record *r, const struct pictures *pictures,
                           const char *folder, struct str *out)
{
    struct facts facts;
    const oc_epoch *const best = pictures->best < 0 ? NULL : &r->epoch[pictures->best];
    TRY(oc__facts_read(&facts, folder));
    write_head(out, r, &facts, best, folder);
    write_curves(out, pictures);
    if (r->watched < OC_PARTS)
        write_part(out, r, pictures, r->watched);
    if (r->watched != OC_PART_TEST)
        write_part(out, r, pictures, OC_PART_TEST);
    write_tracks(out, pictures);
    write_epochs(out, r, best);
    write_facts(out, &facts);
    oc__str_addz(out, "</body>\n</html>\n");
    oc__facts_free(&facts);
    return out->failed ? OC_ELIMIT : OC_OK;
}
