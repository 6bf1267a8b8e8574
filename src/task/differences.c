/* differences.c — see differences.h. */
#include "task/differences.h"

#include <math.h>
#include <string.h>
#include "base/clock.h"
#include "base/rng.h"
#include "base/status.h"
#include "nn/model.h"
#include "op/op.h"
#include "param/store.h"
#include "task/task.h"

const double oc__differences_limit = 1e-5;

/* Rounding of the loss, 1e-15 and more in deep networks, over the step: gradients below
 * `floor_norm`, for a loss of 1, or below this part of the whole gradient, are lost in it. */
static const double width = 1e-5, narrower[] = { 1e-6, 1e-7 }, floor_norm = 1e-5, floor_part = 1e-4;

/* In single precision, gradients that cancel to nothing are left at about this part. */
static const double floor_part_single = 1e-3;

enum { NARROWER = sizeof narrower / sizeof *narrower };

struct differences {
    const char *freeze;                                 /* the model's */
    oc_store   *store;                                  /* a copy */
    oc_graph   *graph;
    oc_session *forward, *backward;
    oc_value   *parameter, *gradient;                   /* by number; OC_NONE: not trained */
    oc_tensor  *out;                                    /* loss, then the gradients that exist */
    int        *place;                                  /* of a gradient in out; -1: none */
    oc_tensor   in[4];
    uint64_t    draw;
    double      value, middle;                          /* of the loss: last run, unmoved weights */
    double      norm;                                   /* of the whole gradient */
    double      seconds[2];                             /* of a run forward, and back too */
};

/* ---- making -------------------------------------------------------------------------------- */

bool oc__differences_has(const struct differences *d, int i)
{
    const struct parameter *const p = &d->store->parameter[i];
    return p->kind == OC_TRAINABLE && !oc__frozen(d->freeze, p->name);
}

static void take_inputs(struct differences *d, const struct differences_options *o)
{
    for (int i = 0; i < 4; i++) {
        if (i >= 2 && !o->in[2].data)
            continue;
        d->in[i] = o->in[i];
        if (i < 3)
            d->in[i].shape.dim[0] = o->samples;
    }
}

static oc_status build(struct differences *d, const struct differences_options *o)
{
    oc_store *const s = d->store;
    struct objective objective;
    TRY(oc_graph_new(&d->graph, s));
    TRY(oc__objective(&objective, o->model, d->graph, o->loss, o->samples, d->in[2].data));
    for (int i = 0; i < s->n; i++)
        if (oc__differences_has(d, i))
            d->parameter[i] = oc_parameter_value(d->graph, s->parameter[i].name,
                                                 s->parameter[i].shape, OC_TRAINABLE, NULL);
    oc_grad(d->graph, objective.loss, s->n, d->parameter, d->gradient);
    TRY(oc_graph_check(d->graph));
    d->gradient[s->n] = objective.loss;
    return OC_OK;
}

/* The outputs of the backward session: the loss and each gradient that exists. */
static oc_status open_sessions(struct differences *d, const struct differences_options *o)
{
    const int n = d->store->n;
    int outputs = 1;
    oc_value *const output = oc__alloc((size_t)n + 1, sizeof *output);
    if (!output)
        return OC_ELIMIT;
    output[0] = d->gradient[n];
    for (int i = 0; i < n; i++) {
        d->place[i] = d->gradient[i].id > 0 ? outputs : -1;
        if (d->gradient[i].id > 0)
            output[outputs++] = d->gradient[i];
    }
    oc_session_options session = { .mode = OC_TRAIN, .precision = OC_F64, .backends = "reference",
                                   .threads = o->threads, .seed = o->seed, .outputs = 1,
                                   .output = output };
    oc_status status = oc_session_new(&d->forward, d->graph, &session);
    session.outputs = outputs;
    if (!status)
        status = oc_session_new(&d->backward, d->graph, &session);
    oc__free(output);
    return status;
}

static oc_status make_rooms(struct differences *d)
{
    for (int i = 0; i < d->store->n; i++) {
        if (d->place[i] < 0)
            continue;
        oc_tensor *const t = &d->out[d->place[i]];
        t->data = oc__alloc((size_t)d->store->parameter[i].count, sizeof(double));
        if (!t->data)
            return OC_ELIMIT;
    }
    return OC_OK;
}

static oc_status run(struct differences *d, oc_session *s)
{
    d->out[0].data = &d->value;
    oc_session_set_step(s, d->draw);
    oc_store_touch(d->store);
    return oc_session_run(s, d->in, d->out);
}

/* Plans first, so that the time is that of a run alone. */
static oc_status run_timed(struct differences *d, oc_session *s, double *seconds)
{
    oc_shape shape[4];
    for (int i = 0; i < 4; i++)
        shape[i] = d->in[i].shape;
    TRY(oc_session_prepare(s, shape));
    const double start = oc__seconds();
    TRY(run(d, s));
    *seconds = oc__seconds() - start;
    return OC_OK;
}

static double whole_norm(const struct differences *d)
{
    double sum = 0;
    for (int i = 0; i < d->store->n; i++) {
        const double *const g = d->place[i] > 0 ? d->out[d->place[i]].data : NULL;
        for (int64_t k = 0; g && k < d->store->parameter[i].count; k++)
            sum += g[k] * g[k];
    }
    return sqrt(sum);
}

static oc_status open(struct differences *d, const struct differences_options *o)
{
    d->freeze = o->model->freeze;
    d->draw = o->draw;
    take_inputs(d, o);
    TRY(oc__store_copy(&d->store, oc_model_store(o->model)));
    const size_t n = (size_t)d->store->n + 1;
    d->parameter = oc__alloc(n, sizeof *d->parameter);
    d->gradient = oc__alloc(n, sizeof *d->gradient);
    d->place = oc__alloc(n, sizeof *d->place);
    d->out = oc__alloc(n, sizeof *d->out);
    if (!d->parameter || !d->gradient || !d->place || !d->out)
        return OC_ELIMIT;
    TRY(build(d, o));
    TRY(open_sessions(d, o));
    TRY(make_rooms(d));
    TRY(run_timed(d, d->backward, &d->seconds[true]));
    d->norm = whole_norm(d);
    TRY(run_timed(d, d->forward, &d->seconds[false]));
    d->middle = d->value;
    return OC_OK;
}

oc_status oc__differences_new(struct differences **out, const struct differences_options *options)
{
    struct differences *const d = *out = oc__alloc(1, sizeof *d);
    if (!d)
        return OC_ELIMIT;
    const oc_status status = open(d, options);
    if (status < 0) {
        oc__differences_free(d);
        *out = NULL;
    }
    return status;
}

void oc__differences_free(struct differences *d)
{
    if (!d)
        return;
    for (int i = 1; d->out && i <= d->store->n; i++)
        oc__free(d->out[i].data);
    oc_session_free(d->forward);
    oc_session_free(d->backward);
    oc_graph_free(d->graph);
    oc_store_free(d->store);
    oc__free(d->parameter);
    oc__free(d->gradient);
    oc__free(d->place);
    oc__free(d->out);
    oc__free(d);
}

double oc__differences_seconds(const struct differences *d, bool gradients)
{
    return d->seconds[gradients];
}

/* ---- one number ---------------------------------------------------------------------------- */

/* A number that is moved, and what its slope must be. */
struct entry_point { float *w; double decay, expected; };

/* Loss and decay with *w at a value. */
static oc_status value_at(struct differences *d, const struct entry_point *p, float w, double *out)
{
    const float at = *p->w;
    *p->w = w;
    const oc_status status = run(d, d->forward);
    *p->w = at;
    *out = d->value + p->decay / 2 * (double)w * (double)w;
    return status;
}

/* Slopes of the two sides, and of the parabola through all three points. */
struct slopes { double below, above, middle; };

static oc_status slopes_of(struct differences *d, const struct entry_point *p, double h,
                           struct slopes *out)
{
    const double w = (double)*p->w, step = h * fmax(1, fabs(w));
    const float up = (float)(w + step), down = (float)(w - step);
    const double right = (double)up - w, left = w - (double)down;
    const double here = d->middle + p->decay / 2 * w * w;
    double above, below;
    TRY(value_at(d, p, up, &above));
    TRY(value_at(d, p, down, &below));
    out->above = (above - here) / right;
    out->below = (here - below) / left;
    out->middle = (left * out->above + right * out->below) / (left + right);
    return OC_OK;
}

static double least_norm(const struct differences *d)
{
    return fmax(floor_norm * fmax(1, fabs(d->middle)), floor_part * d->norm);
}

static bool agrees(const struct differences *d, double a, double b)
{
    return fabs(a - b) <= oc__differences_limit * fmax(fabs(a) + fabs(b), least_norm(d));
}

/* The difference quotient of an entry; *kink where it says nothing about its gradient: where a
 * narrower step agrees, or the two sides differ by as much as the distance. */
static oc_status quotient(struct differences *d, const struct entry_point *p, double *out,
                          bool *kink)
{
    struct slopes s;
    TRY(slopes_of(d, p, width, &s));
    *out = s.middle;
    *kink = false;
    if (agrees(d, s.middle, p->expected))
        return OC_OK;
    for (int i = 0; i < NARROWER && !*kink; i++) {
        TRY(slopes_of(d, p, narrower[i], &s));
        *kink = agrees(d, s.middle, p->expected)
             || fabs(s.middle - p->expected) <= fabs(s.above - s.below);
    }
    return OC_OK;
}

/* ---- a parameter --------------------------------------------------------------------------- */

static const double *gradient_of(const struct differences *d, int i)
{
    return d->place[i] > 0 ? d->out[d->place[i]].data : NULL;
}

static double relative(const struct differences *d, double apart, double a, double b)
{
    return sqrt(apart) / fmax(sqrt(a) + sqrt(b), least_norm(d));
}

oc_status oc__differences_compare(struct differences *d, int i, double decay, int entries,
                                  struct difference *out)
{
    const struct parameter *const p = &d->store->parameter[i];
    const double *const gradient = gradient_of(d, i);
    const uint64_t key = oc__key(oc__key(d->store->seed, oc__hash(p->name)), d->draw);
    double apart = 0, a = 0, b = 0, worst = -1;
    *out = (struct difference){ 0 };
    for (int64_t k = 0; k < entries && k < p->count; k++) {
        const int64_t at = entries < p->count ? oc__below(key, (uint64_t)k, p->count) : k;
        float *const w = oc__store_place(d->store, ROLE_VALUE, i) + at;
        const double expected = (gradient ? gradient[at] : 0) + decay * (double)*w;
        const struct entry_point point = { w, decay, expected };
        double q;
        bool kink;
        TRY(quotient(d, &point, &q, &kink));
        out->kinks += kink;
        out->entries += !kink;
        if (kink)
            continue;
        apart += (q - expected) * (q - expected);
        a += expected * expected;
        b += q * q;
        if (!(fabs(q - expected) <= worst)) {
            worst = fabs(q - expected);
            out->worst = at;
            out->gradient = expected;
            out->quotient = q;
        }
    }
    out->distance = relative(d, apart, a, b);
    return OC_OK;
}

double oc__differences_distance(const struct differences *d, int i, double decay,
                                const float *gradient)
{
    const double *const exact = gradient_of(d, i);
    const float *const w = oc__store_place(d->store, ROLE_VALUE, i);
    double apart = 0, a = 0, b = 0;
    for (int64_t k = 0; k < d->store->parameter[i].count; k++) {
        const double pull = decay * (double)w[k];
        const double x = (exact ? exact[k] : 0) + pull, y = (double)gradient[k] + pull;
        apart += (x - y) * (x - y);
        a += x * x;
        b += y * y;
    }
    return sqrt(apart) / fmax(sqrt(a) + sqrt(b), floor_part_single * d->norm);
}
