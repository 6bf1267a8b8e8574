/* optimizer.c — sgd, adam, adamw and rmsprop as loops over flat blocks.
 *
 * With g the gradient, w the weights, l the learning rate and d the weight decay:
 *
 *   sgd      g += d w;  m = momentum m + g;  w -= l m   (nesterov: l (g + momentum m))
 *   adam     g += d w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *            w -= l / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)
 *   adamw    w -= l d w, then adam without decay
 *   rmsprop  g += d w;  v = alpha v + (1 - alpha) g^2;  h = g / (sqrt(v) + epsilon);
 *            w -= l h   (momentum: m = momentum m + h, w -= l m)
 *
 * as PyTorch has them: Sutskever et al. 2013 ("On the importance of initialization and momentum"),
 * Kingma and Ba 2015 ("Adam", algorithm 1), Loshchilov and Hutter 2019 ("Decoupled weight decay",
 * algorithm 2), Hinton's lecture 6e.  State begins as zeros, so the first momentum is the first
 * gradient.  Every element is computed alone, so threads and vectors do not change a bit. */
#include "train/optimizer.h"

#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <string.h>
#include "backend/wide.h"
#include "base/parallel.h"
#include "base/status.h"
#include "nn/layer.h"

enum { FEW = 8192, UNIT = 16 }; /* floats: for a thread; the least to share */

/* A loop over the elements of an update: i is the element, the body is compiled for vectors. */
#define EACH(n) _Pragma("omp simd") for (int64_t i = 0; i < n; i++)

WIDE static void sgd_plain(const struct update *u)
{
    const float rate = (float)u->learning_rate, decay = (float)u->weight_decay, scale = u->scale;
    float *const restrict w = u->value;
    const float *const restrict dw = u->gradient;
    const int64_t n = u->n;
    EACH(n)
        w[i] -= rate * (scale * dw[i] + decay * w[i]);
}

WIDE static void sgd_momentum(const struct update *u)
{
    const float rate = (float)u->learning_rate, decay = (float)u->weight_decay, scale = u->scale;
    const float momentum = (float)u->hyper->momentum;
    const float fresh = u->hyper->nesterov ? 1 : 0, kept = u->hyper->nesterov ? momentum : 1;
    float *const restrict w = u->value, *const restrict m = u->state[0];
    const float *const restrict dw = u->gradient;
    const int64_t n = u->n;
    EACH(n) {
        const float g = scale * dw[i] + decay * w[i];
        m[i] = momentum * m[i] + g;
        w[i] -= rate * (fresh * g + kept * m[i]);
    }
}

static void sgd(const struct update *u)
{
    if (u->hyper->momentum > 0)
        sgd_momentum(u);
    else
        sgd_plain(u);
}

/* `coupled` decay goes into the gradient, `decoupled` into the weights. */
WIDE static void adam_step(const struct update *u, double coupled, double decoupled)
{
    const struct hyper *const h = u->hyper;
    const double t = (double)u->step;
    const float rate = (float)(u->learning_rate / (1 - pow(h->beta1, t)));
    const float root = (float)sqrt(1 - pow(h->beta2, t)), epsilon = (float)h->epsilon;
    const float beta1 = (float)h->beta1, rest1 = (float)(1 - h->beta1);
    const float beta2 = (float)h->beta2, rest2 = (float)(1 - h->beta2);
    const float decay = (float)coupled, scale = u->scale;
    const float keep = (float)(1 - u->learning_rate * decoupled);
    float *const restrict w = u->value;
    float *const restrict m = u->state[0], *const restrict v = u->state[1];
    const float *const restrict dw = u->gradient;
    const int64_t n = u->n;
    EACH(n) {
        const float g = scale * dw[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) / root + epsilon);
    }
}

static void adam(const struct update *u)  { adam_step(u, u->weight_decay, 0); }
static void adamw(const struct update *u) { adam_step(u, 0, u->weight_decay); }

WIDE static void rmsprop_plain(const struct update *u)
{
    const float rate = (float)u->learning_rate, decay = (float)u->weight_decay, scale = u->scale;
    const float alpha = (float)u->hyper->alpha, rest = (float)(1 - u->hyper->alpha);
    const float epsilon = (float)u->hyper->epsilon;
    float *const restrict w = u->value, *const restrict v = u->state[0];
    const float *const restrict dw = u->gradient;
    const int64_t n = u->n;
    EACH(n) {
        const float g = scale * dw[i] + decay * w[i];
        v[i] = alpha * v[i] + rest * g * g;
        w[i] -= rate * g / (sqrtf(v[i]) + epsilon);
    }
}

WIDE static void rmsprop_momentum(const struct update *u)
{
    const float rate = (float)u->learning_rate, decay = (float)u->weight_decay, scale = u->scale;
    const float alpha = (float)u->hyper->alpha, rest = (float)(1 - u->hyper->alpha);
    const float epsilon = (float)u->hyper->epsilon, momentum = (float)u->hyper->momentum;
    float *const restrict w = u->value;
    float *const restrict v = u->state[0], *const restrict m = u->state[1];
    const float *const restrict dw = u->gradient;
    const int64_t n = u->n;
    EACH(n) {
        const float g = scale * dw[i] + decay * w[i];
        v[i] = alpha * v[i] + rest * g * g;
        m[i] = momentum * m[i] + g / (sqrtf(v[i]) + epsilon);
        w[i] -= rate * m[i];
    }
}

static void rmsprop(const struct update *u)
{
    if (u->hyper->momentum > 0)
        rmsprop_momentum(u);
    else
        rmsprop_plain(u);
}

static int sgd_states(const struct hyper *h)     { return h->momentum > 0; }
static int adam_states(const struct hyper *h)    { (void)h; return 2; }
static int rmsprop_states(const struct hyper *h) { return 1 + (h->momentum > 0); }

/* ---- the table ---------------------------------------------------------------------------- */

#define NUMBER(field, preset, most, help) \
    ATTR_RANGE(struct hyper, FLOAT, field, preset, help, 0, most)
#define RATE(preset)  NUMBER(learning_rate, preset, 1e6, "step width")
#define DECAY(preset) NUMBER(weight_decay, preset, 1e6, "pull towards zero")
#define MOMENTUM      NUMBER(momentum, "0", 1, "kept of the last step")
#define EPSILON       NUMBER(epsilon, "1e-8", 1, "added to the denominator")
#define BETAS         NUMBER(beta1, "0.9", 1, "kept of the mean"), \
                      NUMBER(beta2, "0.999", 1, "kept of the mean square")
#define DECAY_NORMS   ATTR(struct hyper, BOOL, decay_norms, "true", \
                           "decay biases and norms (fewer than two dimensions) too")

static const struct attr sgd_attrs[] = {
    RATE("0.01"), MOMENTUM, ATTR(struct hyper, BOOL, nesterov, "false", "look ahead by momentum"),
    DECAY("0"), DECAY_NORMS, { 0 }
};
static const struct attr adam_attrs[] = {
    RATE("0.001"), BETAS, EPSILON, DECAY("0"), DECAY_NORMS, { 0 }
};
static const struct attr adamw_attrs[] = {
    RATE("0.001"), BETAS, EPSILON, DECAY("0.01"), DECAY_NORMS, { 0 }
};
static const struct attr rmsprop_attrs[] = {
    RATE("0.01"), NUMBER(alpha, "0.99", 1, "kept of the mean square"), EPSILON, MOMENTUM,
    DECAY("0"), DECAY_NORMS, { 0 }
};

/* ROW(name, states, summary) */
#define OPTIMIZERS(ROW)                                                                 \
    ROW(sgd, sgd_states, "gradient descent, with momentum where asked")                 \
    ROW(adam, adam_states, "adaptive moments; weight decay joins the gradient")         \
    ROW(adamw, adam_states, "adaptive moments; weight decay acts on the weights")       \
    ROW(rmsprop, rmsprop_states, "gradients divided by their root mean square")

#define ROW(id, states, text) static const struct optimizer optimizer_##id = {          \
    { .name = #id, .summary = text, .attrs = id##_attrs, .size = sizeof(struct hyper) }, \
    states, id };
OPTIMIZERS(ROW)
#undef ROW

#define ROW(id, states, text) &optimizer_##id.entry,
const struct entry *const oc__optimizer_list[] = { OPTIMIZERS(ROW) NULL };

/* ---- whether all is finite ---------------------------------------------------------------- */

/* The bits of the exponent, all set in what is not finite.  This reads memory as fast as it comes,
 * which a sum of squares does not. */
enum { EXPONENT = 0x7f800000 };

WIDE static uint32_t find_bad(const float *x, int64_t n)
{
    uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & EXPONENT) == EXPONENT;
    }
    return bad;
}

struct finite { const float *x; int64_t n; atomic_bool *bad; };

static void find_bad_share(const void *context, int64_t first, int64_t last)
{
    const struct finite *const f = context;
    const int64_t from = first * UNIT, to = last * UNIT < f->n ? last * UNIT : f->n;
    if (find_bad(f->x + from, to - from))
        atomic_store(f->bad, true);
}

/* In the shares of an update, so that a thread finds in its cache what it reads again then. */
bool oc__all_finite(const float *x, int64_t n)
{
    atomic_bool bad = false;
    oc__parallel(omp_get_max_threads(), (n + UNIT - 1) / UNIT, FEW / UNIT, find_bad_share,
                 &(struct finite){ x, n, &bad });
    return !bad;
}

/* ---- the updater -------------------------------------------------------------------------- */

oc_status oc__optimizer_parse(const char *text, const struct optimizer **out, struct hyper *h)
{
    struct steps steps;
    *h = (struct hyper){ 0 };
    TRY(oc__steps_parse(&steps, oc__optimizer_list, "optimizer", text));
    const oc_status status = steps.n == 1 ? OC_OK
        : oc__fail(OC_EUSAGE, "optimizer %s: wants exactly one", oc__quote_z(text));
    if (status >= 0) {
        *out = (const struct optimizer *)steps.step[0].entry;
        *h = *(const struct hyper *)steps.step[0].attr;
    }
    oc__steps_free(&steps);
    return status;
}

bool oc__trained(const oc_store *s, const char *freeze, int i)
{
    const struct parameter *const p = &s->parameter[i];
    return p->kind == OC_TRAINABLE && !oc__frozen(freeze, p->name);
}

static bool decays(const struct hyper *h, const struct parameter *p)
{
    return h->decay_norms || p->shape.rank >= 2;
}

double oc__updater_decay(const struct hyper *h, const oc_store *s, int i)
{
    return decays(h, &s->parameter[i]) ? h->weight_decay : 0;
}

/* Neighbours in the block that are treated alike become one span, so that one loop serves them; a
 * frozen parameter ends it. */
static oc_status find_spans(struct updater *u, const char *freeze)
{
    const oc_store *const s = u->store;
    u->span = oc__alloc((size_t)s->n + 1, sizeof *u->span);
    if (!u->span)
        return OC_ELIMIT;
    struct span *last = NULL;
    for (int i = 0; i < s->n; i++) {
        const struct parameter *const p = &s->parameter[i];
        if (p->kind != OC_TRAINABLE)
            continue;
        if (!oc__trained(s, freeze, i)) {
            last = NULL;
            continue;
        }
        const bool decay = decays(&u->hyper, p);
        if (!last || last->decay != decay) {
            last = &u->span[u->spans++];
            *last = (struct span){ .offset = p->offset, .decay = decay };
        }
        last->n = p->offset + p->count - last->offset;
    }
    return OC_OK;
}

/* An earlier training of the model may have left its own numbers in the block. */
static oc_status ready_zero(oc_store *s, enum role role)
{
    TRY(oc__store_ready(s, role));
    if (s->length[OC_TRAINABLE])
        memset(s->block[role][OC_TRAINABLE], 0, (size_t)s->length[OC_TRAINABLE] * sizeof(float));
    return OC_OK;
}

oc_status oc__updater_make(struct updater *u, const char *text, oc_store *store,
                           const char *freeze)
{
    *u = (struct updater){ .store = store };
    TRY(oc__optimizer_parse(text, &u->optimizer, &u->hyper));
    u->states = u->optimizer->states(&u->hyper);
    TRY(oc__store_ready(store, ROLE_VALUE));
    TRY(ready_zero(store, ROLE_GRADIENT));
    for (int i = 0; i < u->states; i++)
        TRY(ready_zero(store, (enum role)(ROLE_STATE_1 + i)));
    return find_spans(u, freeze);
}

void oc__updater_free(struct updater *u)
{
    oc__free(u->span);
    *u = (struct updater){ 0 };
}

struct share { const struct optimizer *optimizer; const struct update *whole; };

/* A part of an update is an update: of fewer elements, further on. */
static void update_share(const void *context, int64_t first, int64_t last)
{
    const struct share *share = context;
    struct update part = *share->whole;
    part.n = (last * UNIT < part.n ? last * UNIT : part.n) - first * UNIT;
    part.value += first * UNIT;
    part.gradient += first * UNIT;
    for (size_t i = 0; i < sizeof part.state / sizeof *part.state; i++)
        part.state[i] = part.state[i] ? part.state[i] + first * UNIT : NULL;
    share->optimizer->update(&part);
}

static bool is_finite(const struct updater *u, const float *gradient)
{
    for (int k = 0; k < u->spans; k++)
        if (!oc__all_finite(gradient + u->span[k].offset, u->span[k].n))
            return false;
    return true;
}

bool oc__updater_step(const struct updater *u, const float *gradient, int64_t step,
                      double learning_rate, double scale)
{
    if (!is_finite(u, gradient))
        return false;
    for (int k = 0; k < u->spans; k++) {
        const struct span *const span = &u->span[k];
        struct update update = {
            .hyper = &u->hyper, .learning_rate = learning_rate, .step = step, .scale = (float)scale,
            .weight_decay = span->decay ? u->hyper.weight_decay : 0, .n = span->n,
            .value = u->store->block[ROLE_VALUE][OC_TRAINABLE] + span->offset,
            .gradient = gradient + span->offset,
        };
        for (int i = 0; i < u->states; i++)
            update.state[i] = u->store->block[ROLE_STATE_1 + i][OC_TRAINABLE] + span->offset;
        const struct share share = { u->optimizer, &update };
        oc__parallel(omp_get_max_threads(), (span->n + UNIT - 1) / UNIT, FEW / UNIT, update_share,
                     &share);
    }
    oc_store_touch(u->store);
    return true;
}

/* ---- other loops over blocks --------------------------------------------------------------- */

WIDE static double sum_squares(const float *x, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

enum { PIECES = 64 };

struct norm { const float *x; int64_t n; double *part; };

static void sum_pieces(const void *context, int64_t first, int64_t last)
{
    const struct norm *norm = context;
    const int64_t n = norm->n, length = (n + PIECES - 1) / PIECES;
    for (int64_t k = first; k < last; k++) {
        const int64_t from = k * length < n ? k * length : n;
        norm->part[k] = sum_squares(norm->x + from, length < n - from ? length : n - from);
    }
}

double oc__norm(const float *x, int64_t n)
{
    double part[PIECES], sum = 0;
    oc__parallel(n > FEW ? omp_get_max_threads() : 1, PIECES, 1, sum_pieces,
                 &(struct norm){ x, n, part });
    for (int k = 0; k < PIECES; k++)
        sum += part[k];
    return sqrt(sum);
}

/* to = keep * to + take * from; where keep is 0, whatever was there. */
struct blend { float *to; const float *from; float keep, take; };

WIDE static void blend_range(const struct blend *b, int64_t first, int64_t last)
{
    float *const restrict to = b->to + first;
    const float *const restrict from = b->from + first;
    const float keep = b->keep, take = b->take;
    const int64_t n = last - first;
    if (keep > 0) {
        EACH(n)
            to[i] = keep * to[i] + take * from[i];
    } else {
        EACH(n)
            to[i] = take * from[i];
    }
}

static void blend_share(const void *context, int64_t first, int64_t last)
{
    blend_range(context, first, last);
}

void oc__accumulate(float *sum, const float *x, int64_t n, double weight, bool first)
{
    const struct blend b = { sum, x, first ? 0 : 1, (float)weight };
    oc__parallel(omp_get_max_threads(), n, FEW, blend_share, &b);
}

void oc__average(float *average, const float *value, int64_t n, double decay)
{
    const struct blend b = { average, value, (float)decay, (float)(1 - decay) };
    oc__parallel(omp_get_max_threads(), n, FEW, blend_share, &b);
}
