/* plot_picture.c — what pictures a training has, and what is on each. */
#include "watch/plot_picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/status.h"

enum { SAMPLE_COLUMNS = 8, SAMPLE_CELL = 104, MISTAKE_COLUMNS = 6, MISTAKE_CELL = 132,
       TRACK_COLUMNS = 6, TRACK_CELL = 120 };

void oc__record_name(const struct record *r, char *text, size_t room)
{
    const char *const model = r->options->model_name;
    const char *const data = r->options->data_spec;
    snprintf(text, room, "%s%s%s", model ? model : "a network of its own", data ? " on " : "",
             data ? data : "");
}

const struct page *oc__record_page(const struct record *r, oc_part part)
{
    return part < OC_PARTS && r->page[part].seen > 0 ? &r->page[part] : NULL;
}

const char *oc__part_name(oc_part part)
{
    static const char *const names[OC_PARTS] = { "training", "validation", "test" };
    return names[part];
}

/* ---- keeping ------------------------------------------------------------------------------- */

static oc_status keep(struct pictures *all, const char *name, const struct figure *f,
                      bool photographic)
{
    static const char *const endings[] = { ".png", ".svg" };
    struct picture *const p = &all->picture[all->n++];
    p->photographic = photographic;
    p->width = f->width;
    p->height = f->height;
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->title, sizeof p->title, "%s", f->title);
    oc__str_addz(&p->words, f->description);
    oc_status status = OC_OK;
    for (size_t i = 0; status >= 0 && i < sizeof endings / sizeof *endings; i++) {
        struct str path = { 0 };
        oc__str_addf(&path, "%s/%s%s", all->folder, name, endings[i]);
        status = path.failed ? OC_ELIMIT
                             : oc__figure_save(f, path.text, WRITE_REPLACE | WRITE_LIGHTLY);
        oc__str_free(&path);
    }
    if (status < 0) {                                   /* all are those that have their files */
        oc__str_free(&p->words);
        all->n--;
    }
    return status;
}

void oc__pictures_free(struct pictures *all)
{
    for (int i = 0; i < all->n; i++)
        oc__str_free(&all->picture[i].words);
    all->n = 0;
}

/* ---- curves -------------------------------------------------------------------------------- */

/* "cnn on mnist:DIR, best after epoch 3 (ring)" */
static void say_best(const struct record *r, const struct course *c, enum curve curve, char *text,
                     size_t room)
{
    char name[96];
    oc__record_name(r, name, sizeof name);
    if (c->best < 0 || curve == CURVE_RATE)
        snprintf(text, room, "%s", name);
    else
        snprintf(text, room, "%s, best after epoch %d%s", name,
                 (int)c->column[COURSE_EPOCH][c->best],
                 oc__course_ringed(c, curve) ? " (ring)" : "");
}

static oc_status draw_curves(struct pictures *all, const struct record *r, struct str *words)
{
    struct course course = { .watches_test = r->options->watch_test,
                             .by_loss = r->options->patience > 0 };
    struct curve_chart *const chart = oc__alloc(1, sizeof *chart);
    oc_status status = chart ? oc__course_of_epochs(&course, r->epoch, r->epochs) : OC_ELIMIT;
    all->best = status < 0 ? -1 : course.best;
    for (int i = 0; status >= 0 && i < CURVES; i++) {
        char subtitle[160];
        say_best(r, &course, (enum curve)i, subtitle, sizeof subtitle);
        oc__curve_chart(chart, &course, 1, (enum curve)i, subtitle);
        const struct figure f = oc__chart_figure(&chart->chart, words);
        status = keep(all, oc__curve_names[i], &f, false);
    }
    oc__free(chart);
    oc__course_free(&course);
    return status;
}

/* ---- pages --------------------------------------------------------------------------------- */

static void say_model(const struct pictures *all, const struct record *r, bool best, char *text,
                      size_t room)
{
    const long long last = r->epochs, kept = all->best < 0 ? last : r->epoch[all->best].epoch;
    if (best && all->best >= 0)
        snprintf(text, room, "best model (epoch %lld)", kept);
    else if (all->best < 0)
        snprintf(text, room, "after epoch %lld", last);
    else if (kept == last)
        snprintf(text, room, "after epoch %lld (the best)", last);
    else
        snprintf(text, room, "after epoch %lld (best: %lld)", last, kept);
}

void oc__pictures_whose(const struct pictures *all, const struct record *r, oc_part part,
                        char *text, size_t room)
{
    const bool best = part != r->watched || (r->finished && part == OC_PART_TEST);
    say_model(all, r, best, text, room);
}

/* Pictures of what is watched have a plain name. */
static void name_picture(const struct record *r, const struct page *p, const char *what,
                         char *text, size_t room)
{
    const bool plain = p->part == r->watched;
    snprintf(text, room, "%s%s%s", plain ? "" : oc__part_name(p->part), plain ? "" : "-", what);
}

static oc_status draw_confusion(struct pictures *all, const struct record *r, const struct page *p,
                                struct str *words)
{
    char name[64], whose[64], title[96], subtitle[160];
    const char **const classes = oc__alloc((size_t)p->classes, sizeof *classes);
    if (!classes)
        return OC_ELIMIT;
    for (int i = 0; i < p->classes; i++)
        classes[i] = oc_model_class_name(r->model, i);
    oc__pictures_whose(all, r, p->part, whose, sizeof whose);
    name_picture(r, p, "confusion", name, sizeof name);
    snprintf(title, sizeof title, "Confusion, %s", whose);
    snprintf(subtitle, sizeof subtitle, "%s: %lld of %lld right, %.2f %%",
             oc__part_name(p->part), (long long)p->correct, (long long)p->seen,
             100 * (double)p->correct / (double)p->seen);
    const struct confusion_chart c = { title, subtitle, p->classes, classes, p->confusion };
    const struct figure f = oc__confusion_figure(&c, words);
    const oc_status status = keep(all, name, &f, false);
    oc__free(classes);
    return status;
}

/* A network that diverged gives no probabilities. */
static void say_percent(const char *before, double p, char text[CAPTION_NUMBER])
{
    if (isnan(p))
        snprintf(text, CAPTION_NUMBER, "%sno number", before);
    else
        snprintf(text, CAPTION_NUMBER, p < 0.1 ? "%s%.2g %%" : "%s%.0f %%", before, 100 * p);
}

static oc_status exhibit(const struct record *r, const struct page *p, const struct sighting *s,
                         bool mistakes, struct exhibit *out)
{
    int64_t label;
    const bool good = s->truth == s->guess;
    const char *const guess = oc_model_class_name(r->model, s->guess);
    const char *const truth = oc_model_class_name(r->model, s->truth);
    struct caption *const said = &out->caption[0], *const is = &out->caption[1];
    out->mood = mistakes ? CAPTION_PLAIN : good ? CAPTION_GOOD : CAPTION_BAD;
    snprintf(said->name, CAPTION_MAX, "%s %s", mistakes ? "said" : good ? "✓" : "✗", guess);
    if (mistakes) {
        say_percent(" · ", (double)s->guess_probability, said->number);
        snprintf(is->name, CAPTION_MAX, "is %s", truth);
        say_percent(" · ", (double)s->truth_probability, is->number);
    } else {                                            /* narrow: a number has its own line */
        say_percent("", (double)s->guess_probability, is->name);
        if (!good)
            snprintf(is->name + strlen(is->name), CAPTION_NUMBER, ", is %.40s", truth);
    }
    return oc_data_sample(r->data, p->part, s->index, &out->image, &label);
}

static oc_status draw_sightings(struct pictures *all, const struct record *r,
                                const struct page *p, bool mistakes, struct str *words)
{
    const struct sighting *const s = mistakes ? p->mistake : p->sample;
    const int n = mistakes ? p->mistakes : p->samples;
    struct exhibit *const exhibits = oc__alloc((size_t)n, sizeof *exhibits);
    char name[64], whose[64], title[96], subtitle[160];
    oc_status status = exhibits ? OC_OK : OC_ELIMIT;
    for (int i = 0; status >= 0 && i < n; i++)
        status = exhibit(r, p, &s[i], mistakes, &exhibits[i]);
    oc__pictures_whose(all, r, p->part, whose, sizeof whose);
    snprintf(title, sizeof title, "%s, %s", mistakes ? "Worst mistakes" : "Samples", whose);
    name_picture(r, p, mistakes ? "mistakes" : "samples", name, sizeof name);
    snprintf(subtitle, sizeof subtitle, mistakes
             ? "%s, highest loss first, with the probabilities of what was said and what it is"
             : "%s, with the probability of what is predicted", oc__part_name(p->part));
    const struct gallery g = {
        .title = title, .subtitle = subtitle,
        .exhibit = exhibits, .n = n, .columns = mistakes ? MISTAKE_COLUMNS : SAMPLE_COLUMNS,
        .cell = mistakes ? MISTAKE_CELL : SAMPLE_CELL };
    if (status >= 0 && n > 0) {
        const struct figure f = oc__gallery_figure(&g, words);
        status = keep(all, name, &f, true);
    }
    oc__track_free(exhibits, exhibits ? n : 0);
    return status;
}

static oc_status draw_page(struct pictures *all, const struct record *r, const struct page *p,
                           struct str *words)
{
    TRY(draw_confusion(all, r, p, words));
    TRY(draw_sightings(all, r, p, false, words));
    return draw_sightings(all, r, p, true, words);
}

/* ---- tracked parameters -------------------------------------------------------------------- */

static oc_status draw_track(struct pictures *all, const struct record *r, const struct track *t,
                            struct str *words)
{
    struct exhibit *rows;
    int n;
    char name[128], whose[64], title[192];
    snprintf(name, sizeof name, "track-%s", t->name);
    for (char *c = name; (c = strchr(c, '/'));)
        *c = '-';
    say_model(all, r, r->finished, whose, sizeof whose);
    snprintf(title, sizeof title, "%s, %s", t->name, whose);
    TRY(oc__track_rows(t, r->model, &rows, &n));
    const struct gallery g = { .title = title, .subtitle = oc__track_key(t, r->model),
                               .exhibit = rows, .n = n, .columns = TRACK_COLUMNS,
                               .cell = TRACK_CELL };
    const struct figure f = oc__gallery_figure(&g, words);
    const oc_status status = keep(all, name, &f, true);
    oc__track_free(rows, n);
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static oc_status draw_all(struct pictures *all, const struct record *r, struct str *words)
{
    if (r->epochs > 0)
        TRY(draw_curves(all, r, words));
    for (int part = 0; part < OC_PARTS; part++) {
        const struct page *const p = oc__record_page(r, (oc_part)part);
        if (p)
            TRY(draw_page(all, r, p, words));
    }
    for (int i = 0; i < r->tracks.n; i++)
        TRY(draw_track(all, r, &r->tracks.track[i], words));
    return OC_OK;
}

oc_status oc__pictures_draw(struct pictures *all, const struct record *r, const char *folder)
{
    struct str words = { 0 };
    all->folder = folder;
    all->n = 0;
    all->best = -1;
    const oc_status status = draw_all(all, r, &words);
    oc__str_free(&words);
    return status;
}
