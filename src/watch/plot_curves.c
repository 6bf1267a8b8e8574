/* plot_curves.c — epochs as columns, columns as curves. */
#include "watch/plot_curves.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/state.h"

enum { TABLE_MAX = 1 << 28, FIELD_MAX = 63, FEW = 4 };

const char *const oc__curve_names[CURVES] = { "loss", "accuracy", "learning-rate" };

/* What a curve is drawn from and how. */
static const struct {
    const char        *title, *y_label;
    enum course_column train, val;                      /* COURSE_EPOCH: there is none */
    enum axis_kind     kind;
} curves[CURVES] = {
    [CURVE_LOSS] = { "Loss", "loss", COURSE_TRAIN_LOSS, COURSE_VAL_LOSS, AXIS_WIDE },
    [CURVE_ACCURACY] = { "Accuracy", "accuracy (%)", COURSE_TRAIN_ACCURACY, COURSE_VAL_ACCURACY,
                         AXIS_PERCENT },
    [CURVE_RATE] = { "Learning rate", "learning rate", COURSE_RATE, COURSE_EPOCH, AXIS_LINEAR },
};

/* ---- courses ------------------------------------------------------------------------------- */

static oc_status make_room(struct course *c, int64_t n)
{
    if (n > INT_MAX / COURSE_COLUMNS)
        return oc__fail(OC_ELIMIT, "%lld epochs are too many to draw", (long long)n);
    double *const all = oc__alloc((size_t)n * COURSE_COLUMNS, sizeof *all);
    if (!all)
        return OC_ELIMIT;
    for (int i = 0; i < COURSE_COLUMNS; i++)
        c->column[i] = all + (size_t)i * (size_t)n;
    c->n = (int)n;
    c->best = -1;
    return OC_OK;
}

void oc__course_free(struct course *c)
{
    oc__free(c->column[0]);
    *c = (struct course){ 0 };
}

static oc_epoch validated(const struct course *c, int i)
{
    return (oc_epoch){ .val_accuracy = c->column[COURSE_VAL_ACCURACY][i],
                       .val_loss = c->column[COURSE_VAL_LOSS][i] };
}

/* An epoch that was validated has an accuracy, whatever became of its loss. */
static void find_best(struct course *c)
{
    c->best = -1;
    for (int i = 0; i < c->n; i++) {
        const oc_epoch now = validated(c, i), best = validated(c, c->best < 0 ? i : c->best);
        const bool better = c->best < 0 || oc__epoch_beats(&now, &best, c->by_loss);
        if (!isnan(now.val_accuracy) && better)
            c->best = i;
    }
}

oc_status oc__course_of_epochs(struct course *c, const oc_epoch *epoch, int64_t n)
{
    TRY(make_room(c, n));
    for (int i = 0; i < c->n; i++) {
        const oc_epoch *const e = &epoch[i];
        const double row[COURSE_COLUMNS] = { (double)e->epoch, e->train_loss, e->train_accuracy,
                                             e->val_loss, e->val_accuracy, e->learning_rate };
        for (int k = 0; k < COURSE_COLUMNS; k++)
            c->column[k][i] = row[k];
    }
    find_best(c);
    return OC_OK;
}

/* ---- metrics.csv --------------------------------------------------------------------------- */

/* One field, which ends at a comma or at the line's end; an empty one is NaN. */
static bool read_field(const char **at, double *v)
{
    char field[FIELD_MAX + 1];
    const size_t n = strcspn(*at, ",\n");
    if (n > FIELD_MAX)
        return false;
    memcpy(field, *at, n);
    field[n] = '\0';
    *at += n + ((*at)[n] == ',');
    *v = n ? strtod(field, NULL) : NAN;
    return n == 0 || oc__double_read(field, v) || strstr(field, "inf");
}

static oc_status read_row(struct course *c, int row, const char *path, const char *line)
{
    for (int k = 0; k < COURSE_COLUMNS; k++)
        if (!read_field(&line, &c->column[k][row]))
            return oc__fail(OC_EINPUT, "%s: line %d: column %d: is no number", path, row + 2,
                            k + 1);
    return OC_OK;
}

/* Rows stand below the heading; a last one without its end is still being written. */
static oc_status read_table(struct course *c, const char *path, const char *text)
{
    static const char head[]
        = "epoch,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n";
    if (strncmp(text, head, sizeof head - 1) != 0)
        return oc__fail(OC_EINPUT, "%s: line 1: is not the heading of a run's metrics", path);
    const char *line = strchr(text, '\n');
    int64_t rows = 0;
    for (const char *p = line; p && (p = strchr(p + 1, '\n'));)
        rows++;
    TRY(make_room(c, rows));
    for (int i = 0; i < c->n; i++) {
        TRY(read_row(c, i, path, line + 1));
        line = strchr(line + 1, '\n');
    }
    find_best(c);
    return OC_OK;
}

oc_status oc__course_read(struct course *c, const char *path)
{
    char *text;
    size_t n;
    if (!oc__is_file(path))
        return make_room(c, 0);
    TRY(oc__file_load(path, TABLE_MAX, &text, &n));
    const oc_status status = read_table(c, path, text);
    oc__free(text);
    return status;
}

/* ---- charts -------------------------------------------------------------------------------- */

static void add(struct curve_chart *out, const struct course *c, enum course_column column,
                struct series s)
{
    s.n = c->n;
    s.x = c->column[COURSE_EPOCH];
    s.y = c->column[column];
    out->series[out->chart.n++] = s;
}

static void add_alone(struct curve_chart *out, const struct course *c, enum curve curve)
{
    const bool both = curves[curve].val != COURSE_EPOCH;
    add(out, c, curves[curve].train, (struct series){
        .name = both ? "training" : "rate", .colour = both ? CHART_VERMILION : CHART_BLUE,
        .dashed = both, .marked = -1 });
    if (both)
        add(out, c, curves[curve].val, (struct series){
            .name = c->watches_test ? "test" : "validation", .colour = CHART_BLUE,
            .marked = c->best });
}

static bool has_validation(const struct course *c, enum curve curve)
{
    return curves[curve].val != COURSE_EPOCH && isfinite(oc__series_last(&(struct series){
        .n = c->n, .y = c->column[curves[curve].val] }));
}

/* Of many runs that are validated, what they trained on would only be in the way. */
static bool has_training(const struct course *c, enum curve curve, int runs)
{
    return c->n > 0 && (runs <= FEW || !has_validation(c, curve));
}

static void add_beside(struct curve_chart *out, const struct course *c, enum curve curve, int i,
                       int runs)
{
    const bool both = curves[curve].val != COURSE_EPOCH;
    const bool named = has_validation(c, curve);
    const colour own = oc__chart_colour(i);
    if (has_training(c, curve, runs))
        add(out, c, curves[curve].train, (struct series){
            .name = named ? NULL : c->name, .colour = own, .dashed = both, .marked = -1 });
    if (both)
        add(out, c, curves[curve].val, (struct series){ .name = c->name, .colour = own,
                                                        .marked = c->best });
}

void oc__curve_chart(struct curve_chart *out, const struct course *courses, int n,
                     enum curve curve, const char *subtitle)
{
    *out = (struct curve_chart){ .chart = {
        .title = curves[curve].title, .subtitle = subtitle, .x_label = "epoch",
        .y_label = curves[curve].y_label, .y_kind = curves[curve].kind, .series = out->series } };
    if (n == 1)
        add_alone(out, courses, curve);
    for (int i = 0; n > 1 && i < n && i < COURSES_MAX; i++)
        add_beside(out, &courses[i], curve, i, n);
}

bool oc__course_ringed(const struct course *c, enum curve curve)
{
    return c->best >= 0 && curves[curve].val != COURSE_EPOCH
        && isfinite(c->column[curves[curve].val][c->best]);
}

void oc__courses_key(const struct course *courses, int n, enum curve curve, char *text, size_t room)
{
    bool validation = false, training = false, rings = false;
    for (int i = 0; i < n; i++) {
        validation |= has_validation(&courses[i], curve);
        training |= has_training(&courses[i], curve, n);
        rings |= oc__course_ringed(&courses[i], curve);
    }
    snprintf(text, room, "%s%s%s", !validation ? "training" : "validation",
             validation && training ? ", and dashed the training" : "",
             rings ? "; rings are the best epochs" : "");
}
