/* schedule.c — the schedules, as a table of formulas.
 *
 * With e the epoch from 0, p the part of the steps after the warm-up that is done, in [0, 1):
 *
 *   constant      1
 *   exponential   exp(-decay e)
 *   step          factor^floor(e / every)
 *   polynomial    final + (1 - final) (1 - p)^power
 *   cosine        final + (1 - final) (1 + cos(pi p)) / 2
 *   one_cycle     start to 1 until p = peak, then to final, both along half a cosine
 *   plateau       factor^k, k times no better validation loss for more than `patience` epochs
 *
 * Cosine is that of Loshchilov and Hutter 2017 ("SGDR") without restarts, one_cycle that of Smith
 * and Topin 2018 ("Super-convergence") in PyTorch's form.  A warm-up multiplies step i (from 0) by
 * (i + 1) / warmup while that is below 1. */
#include "train/schedule.h"

#include <math.h>
#include "base/status.h"

static double half_cosine(double from, double to, double part)
{
    return to + (from - to) * 0.5 * (1 + cos(part * 3.14159265358979323846));
}

static double constant(const struct schedule_at *at)
{
    (void)at;
    return 1;
}

static double exponential(const struct schedule_at *at)
{
    return exp(-at->pace->decay * (double)at->epoch);
}

static double step(const struct schedule_at *at)
{
    return pow(at->pace->factor, (double)(at->epoch / at->pace->every));
}

static double polynomial(const struct schedule_at *at)
{
    return at->pace->final + (1 - at->pace->final) * pow(1 - at->part, at->pace->power);
}

static double cosine(const struct schedule_at *at)
{
    return half_cosine(1, at->pace->final, at->part);
}

static double one_cycle(const struct schedule_at *at)
{
    const struct pace *const p = at->pace;
    if (at->part < p->peak)
        return half_cosine(p->start, 1, at->part / p->peak);
    return half_cosine(1, p->final, p->peak < 1 ? (at->part - p->peak) / (1 - p->peak) : 0);
}

static double plateau(const struct schedule_at *at)
{
    return at->scale;
}

/* ---- the table ---------------------------------------------------------------------------- */

#define FRACTION(field, preset, help) ATTR_RANGE(struct pace, FLOAT, field, preset, help, 0, 1)
#define WARMUP ATTR_RANGE(struct pace, INT, warmup, "0", "steps of linear warm-up", 0, 1e12)

static const struct attr constant_attrs[] = { WARMUP, { 0 } };
static const struct attr exponential_attrs[] = {
    ATTR_RANGE(struct pace, FLOAT, decay, "0.1", "per epoch", 0, 1e6), WARMUP, { 0 }
};
static const struct attr step_attrs[] = {
    ATTR_RANGE(struct pace, INT, every, "10", "epochs between two steps", 1, 1e12),
    FRACTION(factor, "0.1", "on the learning rate at each step"), WARMUP, { 0 }
};
static const struct attr polynomial_attrs[] = {
    ATTR_RANGE(struct pace, FLOAT, power, "1", "exponent", 0, 100),
    FRACTION(final, "0", "part of the learning rate that is left"), WARMUP, { 0 }
};
static const struct attr cosine_attrs[] = {
    FRACTION(final, "0", "part of the learning rate that is left"), WARMUP, { 0 }
};
static const struct attr one_cycle_attrs[] = {
    FRACTION(peak, "0.3", "part of the steps until the peak"),
    FRACTION(start, "0.04", "part of the learning rate at the start"),
    FRACTION(final, "4e-6", "part of the learning rate at the end"), WARMUP, { 0 }
};
static const struct attr plateau_attrs[] = {
    FRACTION(factor, "0.1", "on the learning rate"),
    ATTR_RANGE(struct pace, INT, patience, "10", "epochs that may be no better", 0, 1e12),
    WARMUP, { 0 }
};

/* ROW(name, watches the validation loss, summary) */
#define SCHEDULES(ROW)                                                                  \
    ROW(constant, false, "the optimizer's learning rate")                               \
    ROW(exponential, false, "exp(-decay epoch)")                                        \
    ROW(step, false, "times factor every so many epochs")                               \
    ROW(polynomial, false, "(1 - done)^power down to final")                            \
    ROW(cosine, false, "half a cosine down to final")                                   \
    ROW(one_cycle, false, "up to the peak and down again, along cosines")               \
    ROW(plateau, true, "times factor when the validation loss stops falling")

#define ROW(id, watches, text) static const struct schedule_kind schedule_##id = {      \
    { .name = #id, .summary = text, .attrs = id##_attrs, .size = sizeof(struct pace) }, \
    id, watches };
SCHEDULES(ROW)
#undef ROW

#define ROW(id, watches, text) &schedule_##id.entry,
const struct entry *const oc__schedule_list[] = { SCHEDULES(ROW) NULL };

/* ---- using one ---------------------------------------------------------------------------- */

oc_status oc__schedule_parse(const char *text, struct schedule *out)
{
    struct steps steps;
    *out = (struct schedule){ .plateau = { .scale = 1, .best = INFINITY } };
    TRY(oc__steps_parse(&steps, oc__schedule_list, "schedule", text ? text : "constant"));
    const oc_status status = steps.n == 1 ? OC_OK
        : oc__fail(OC_EUSAGE, "schedule %s: wants exactly one", oc__quote_z(text));
    if (status >= 0) {
        out->kind = (const struct schedule_kind *)steps.step[0].entry;
        out->pace = *(const struct pace *)steps.step[0].attr;
    }
    oc__steps_free(&steps);
    return status;
}

double oc__schedule_factor(const struct schedule *s, int64_t step_number, int64_t steps_per_epoch,
                           int64_t epochs)
{
    const double warmup = (double)s->pace.warmup, now = (double)step_number;
    const double total = (double)steps_per_epoch * (double)epochs;
    const struct schedule_at at = {
        .pace = &s->pace, .epoch = step_number / steps_per_epoch, .scale = s->plateau.scale,
        .part = now > warmup ? (now - warmup) / (total - warmup) : 0,
    };
    const double rise = now + 1 < warmup ? (now + 1) / warmup : 1;
    return rise * s->kind->factor(&at);
}

void oc__schedule_watch(struct schedule *s, double val_loss)
{
    struct plateau *const p = &s->plateau;
    if (!s->kind->watches || isnan(val_loss))
        return;
    if (val_loss < p->best * (1 - 1e-4)) {
        p->best = val_loss;
        p->waited = 0;
    } else if (++p->waited > s->pace.patience) {
        p->scale *= s->pace.factor;
        p->waited = 0;
    }
}
