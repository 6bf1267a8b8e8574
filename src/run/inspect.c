/* inspect.c — see inspect.h. */
#include "run/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "backend/wide.h"
#include "op/op.h"

/* Above this a product of two numbers, summed up, may overflow single precision. */
static const double large = 1e12;

/* ---- statistics --------------------------------------------------------------------------- */

struct sums { float least, most; double sum; };

/* Whether all are finite; what is summed up is only then of use. */
WIDE static bool sum_up(const float *x, int64_t n, struct sums *out)
{
    float least = INFINITY, most = -INFINITY;
    double sum = 0;
    uint32_t bad = 0;
#pragma omp simd reduction(min : least) reduction(max : most) reduction(+ : sum) reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7f800000) == 0x7f800000;
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
        sum += (double)x[i];
    }
    *out = (struct sums){ least, most, sum };
    return !bad;
}

static void count(struct statistics *s, const oc_tensor *t)
{
    double sum = 0, least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < s->count; i++) {
        const double v = oc_tensor_get(t, i);
        s->nans += isnan(v);
        s->infinities += isinf(v) != 0;
        if (!isfinite(v))
            continue;
        least = fmin(least, v);
        most = fmax(most, v);
        sum += v;
    }
    const int64_t finite = s->count - s->nans - s->infinities;
    s->least = finite ? least : NAN;
    s->most = finite ? most : NAN;
    s->mean = finite ? sum / (double)finite : NAN;
}

void oc__statistics(struct statistics *out, oc_dtype type, const void *x, int64_t n)
{
    struct sums sums;
    *out = (struct statistics){ .count = n, .least = NAN, .most = NAN, .mean = NAN };
    if (n == 0)
        return;
    if (type == OC_F32 && sum_up(x, n, &sums)) {
        out->least = (double)sums.least;
        out->most = (double)sums.most;
        out->mean = sums.sum / (double)n;
        return;
    }
    count(out, &(oc_tensor){ type, OC_SHAPE(n), (void *)(uintptr_t)x });
}

static bool all_finite(const struct statistics *s)
{
    return s->nans + s->infinities == 0;
}

/* ---- looking at values -------------------------------------------------------------------- */

static bool is_number(const struct slot *s)
{
    return s->dtype == OC_F32 || s->dtype == OC_F64;
}

/* The statistics of a slot, from its memory.  Padding adds nothing to a sum. */
static void look(struct inspector *o, int slot, const void *x)
{
    const struct slot *const s = &o->plan->slot[slot];
    const int64_t n = oc_shape_count(&s->shape);
    const int64_t room = (int64_t)(s->bytes / oc_dtype_size(s->dtype));
    struct statistics *const seen = &o->seen[slot];
    oc__statistics(seen, s->dtype, x, room);
    if (all_finite(seen) && n > 0)
        seen->mean *= (double)room / (double)n;
    seen->count = n;
}

static void add_statistics(char *to, size_t size, const struct statistics *s)
{
    if (all_finite(s))
        snprintf(to, size, "from %.4g to %.4g, mean %.4g", s->least, s->most, s->mean);
    else if (s->nans + s->infinities == s->count)
        snprintf(to, size, "%lld nan, %lld inf, none is finite", (long long)s->nans,
                 (long long)s->infinities);
    else
        snprintf(to, size, "%lld nan, %lld inf of %lld, the others from %.4g to %.4g, mean %.4g",
                 (long long)s->nans, (long long)s->infinities, (long long)s->count, s->least,
                 s->most, s->mean);
}

/* "conv1.Conv [64, 32, 24, 24]: from 0 to 1, mean 0.5" behind a few words.  What a step made has
 * that step's name. */
static void write_slot(const struct inspector *o, const char *words, int slot,
                       char line[FINDING_TEXT])
{
    char shape[OC_SHAPE_TEXT];
    const struct slot *const s = &o->plan->slot[slot];
    const int n = snprintf(line, FINDING_TEXT, "%s%.120s %s: ", words,
                           s->first < 0 ? s->name : o->plan->step[s->first].name,
                           oc__shape_text(&s->shape, shape));
    add_statistics(line + n, FINDING_TEXT - (size_t)n, &o->seen[slot]);
}

static void describe(struct inspector *o, const char *words, int slot)
{
    if (o->finding.lines < FINDING_LINES)
        write_slot(o, words, slot, o->finding.line[o->finding.lines++]);
}

/* A value that no step made. */
static bool is_source(const struct slot *s)
{
    return s->first < 0;
}

static enum cause cause_of_source(const struct slot *s)
{
    return s->space == SPACE_VALUE || s->space == SPACE_STATISTIC ? CAUSE_PARAMETER : CAUSE_INPUT;
}

static void find_source(struct inspector *o, int slot, const struct plan_step *reader)
{
    const struct slot *const s = &o->plan->slot[slot];
    describe(o, "", slot);
    o->finding.cause = cause_of_source(s);
    if (o->finding.lines < FINDING_LINES)
        snprintf(o->finding.line[o->finding.lines++], FINDING_TEXT, "is read by %.120s",
                 reader->name);
}

static void find_result(struct inspector *o, const struct plan_step *step, int slot)
{
    char words[64];
    bool very_large = false;
    snprintf(words, sizeof words, "%.60s ", step->request.op ? step->request.op->entry.name
                                                             : "Reorder");
    describe(o, words, slot);
    for (int k = 0; k < step->request.n_in; k++) {
        const int x = step->x[k] < 0 ? -1 : o->plan->slot[step->x[k]].root;
        if (x < 0 || !is_number(&o->plan->slot[x]))
            continue;
        describe(o, "reads ", x);
        const struct statistics *const s = &o->seen[x];
        very_large |= s->most > large || s->least < -large;
    }
    o->finding.cause = very_large ? CAUSE_LARGE : CAUSE_OPERATION;
}

/* ---- softmax ------------------------------------------------------------------------------ */

/* Which output of an operator holds probabilities, or their logarithms. */
static const struct probabilities { const char *op; int output; bool logarithm; } softmaxes[] = {
    { "Softmax", 0, false }, { "LogSoftmax", 0, true }, { "SoftmaxCrossEntropyLoss", 1, true },
};

static void count_saturated(struct inspector *o, const struct plan_step *step,
                            const struct probabilities *p, const void *y)
{
    struct saturation *const c = &o->saturation;
    const struct slot *const s = &o->plan->slot[step->y[p->output]];
    const int64_t n = oc_shape_count(&s->shape);
    if (s->layout || s->dtype != OC_F32)
        return;
    char          shape[OC_SHAPE_TEXT];
    const int64_t before = c->zeros + c->ones;
    for (int64_t i = 0; i < n; i++) {
        const float v = ((const float *)y)[i], probability = p->logarithm ? expf(v) : v;
        c->zeros += probability == 0;
        c->ones += probability == 1;
    }
    c->count += n;
    if (before > 0 || c->zeros + c->ones == 0)
        return;
    snprintf(c->name, sizeof c->name, "%.120s %s", step->name, oc__shape_text(&s->shape, shape));
    write_slot(o, "reads ", o->plan->slot[step->x[0]].root, c->reads);
}

static void look_at_softmax(struct inspector *o, const struct plan_step *step, void *const *y)
{
    if (!step->request.op)
        return;
    for (size_t i = 0; i < sizeof softmaxes / sizeof *softmaxes; i++)
        if (strcmp(step->request.op->entry.name, softmaxes[i].op) == 0)
            count_saturated(o, step, &softmaxes[i], y[softmaxes[i].output]);
}

/* ---- what the session calls --------------------------------------------------------------- */

oc_status oc__inspect_run(struct inspector *o, const struct plan *plan)
{
    if (plan->slots > o->room) {
        struct statistics *const seen
            = oc__grow(o->seen, (size_t)o->room, (size_t)plan->slots, sizeof *seen);
        if (!seen)
            return OC_ELIMIT;
        o->seen = seen;
        o->room = plan->slots;
    }
    o->plan = plan;
    for (int i = 0; i < plan->slots; i++)
        o->seen[i].count = -1;
    return OC_OK;
}

void oc__inspect_step(struct inspector *o, int i, const void *const *x, void *const *y)
{
    const struct plan *const p = o->plan;
    const struct plan_step *const step = &p->step[i];
    for (int k = 0; k < step->request.n_in; k++) {
        const int slot = step->x[k] < 0 ? -1 : p->slot[step->x[k]].root;
        if (slot < 0 || !is_number(&p->slot[slot]) || o->seen[slot].count >= 0)
            continue;
        look(o, slot, x[k]);
        if (!all_finite(&o->seen[slot]) && o->finding.lines == 0 && is_source(&p->slot[slot]))
            find_source(o, slot, step);
    }
    for (int k = 0; k < step->request.n_out; k++) {
        const int slot = step->y[k];
        if (slot < 0 || !is_number(&p->slot[slot]))
            continue;
        look(o, slot, y[k]);
        if (!all_finite(&o->seen[slot]) && o->finding.lines == 0)
            find_result(o, step, slot);
    }
    look_at_softmax(o, step, y);
}

void oc__inspector_clear(struct inspector *o)
{
    o->finding.lines = 0;
    o->saturation = (struct saturation){ 0 };
}

void oc__inspector_free(struct inspector *o)
{
    oc__free(o->seen);
    *o = (struct inspector){ 0 };
}
