/* check_model.c — a model's gradients against central differences.
 *
 * Both sides are computed in double by the reference, in training mode, on a copy of the
 * parameters: (L(w + h) - L(w - h)) / 2h for some entries of each.  Random operators see the same
 * step each time, so dropout stands still.  Where w + h or w - h crosses a kink (of ReLU, of max
 * pooling) the difference is no derivative; a smaller h then agrees better, so a few are tried.
 * The error of a parameter is |a - n| / (|a| + |n|) over the vectors of its entries. */
#include <math.h>

#include "base/rng.h"
#include "base/status.h"
#include "nn/model.h"
#include "op/op.h"
#include "param/store.h"
#include "task/task.h"

/* Below floor_norm nothing but rounding would be compared. */
static const double tolerance = 1e-5, floor_norm = 1e-6;
static const double widths[] = { 1e-4, 1e-5, 1e-6 };

enum { WIDTHS = sizeof widths / sizeof *widths };

struct checker {
    oc_store   *store;                                  /* a copy */
    oc_graph   *graph;
    oc_session *forward, *backward;
    oc_value    loss, *parameter, *gradient;            /* by number; OC_NONE: not trained */
    oc_tensor  *out;                                    /* loss, then the gradients that exist */
    int        *place;                                  /* of a gradient in out; -1: none */
    oc_tensor   in[2];
    double      value;                                  /* of the loss, last run */
};

/* ---- making -------------------------------------------------------------------------------- */

static oc_status make_input(struct checker *c, const oc_model *m, oc_shape shape)
{
    const int64_t n = oc_shape_count(&shape), samples = shape.dim[0];
    const uint64_t key = oc__key(c->store->seed, oc__hash("check"));
    float *x = oc__alloc((size_t)n, sizeof *x);
    int64_t *label = oc__alloc((size_t)samples, sizeof *label);
    c->in[0] = (oc_tensor){ OC_F32, shape, x };
    c->in[1] = (oc_tensor){ OC_I64, OC_SHAPE(samples), label };
    if (!x || !label)
        return OC_ELIMIT;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)oc__uniform(key, (uint64_t)i);
    for (int64_t i = 0; i < samples; i++)
        label[i] = oc__below(oc__key(key, 1), (uint64_t)i, oc_model_classes(m));
    return OC_OK;
}

static oc_status build(struct checker *c, oc_model *m, int samples)
{
    struct loss_choice loss;
    oc_store *s = c->store;
    TRY(oc__loss_read(&loss, oc__model_loss(m)));
    TRY(oc_graph_new(&c->graph, s));
    const oc_value x = oc__model_input(m, c->graph, samples);
    const oc_value label = oc_input(c->graph, "labels", OC_I64, OC_SHAPE(samples));
    const oc_value logits = oc_model_build(m, c->graph, x);
    c->loss = oc__loss_value(&loss, c->graph, logits, label);
    for (int i = 0; i < s->n; i++)
        if (s->parameter[i].kind == OC_TRAINABLE)
            c->parameter[i] = oc_parameter_value(c->graph, s->parameter[i].name,
                                                 s->parameter[i].shape, OC_TRAINABLE, NULL);
    oc_grad(c->graph, c->loss, s->n, c->parameter, c->gradient);
    TRY(oc_graph_check(c->graph));
    return make_input(c, m, oc_value_shape(c->graph, x));
}

/* The outputs of the backward session: the loss and each gradient that exists. */
static oc_status open_sessions(struct checker *c)
{
    int n = 1;
    oc_value *output = oc__alloc((size_t)c->store->n + 1, sizeof *output);
    if (!output)
        return OC_ELIMIT;
    output[0] = c->loss;
    for (int i = 0; i < c->store->n; i++) {
        c->place[i] = c->gradient[i].id > 0 ? n : -1;
        if (c->gradient[i].id > 0)
            output[n++] = c->gradient[i];
    }
    oc_session_options o = { .mode = OC_TRAIN, .precision = OC_F64, .backends = "reference",
                             .outputs = 1, .output = output };
    oc_status status = oc_session_new(&c->forward, c->graph, &o);
    o.outputs = n;
    if (!status)
        status = oc_session_new(&c->backward, c->graph, &o);
    oc__free(output);
    return status;
}

static oc_status open(struct checker *c, oc_model *m, int samples)
{
    TRY(oc__store_copy(&c->store, oc_model_store(m)));
    const size_t n = (size_t)c->store->n + 1;
    c->parameter = oc__alloc(n, sizeof *c->parameter);
    c->gradient = oc__alloc(n, sizeof *c->gradient);
    c->place = oc__alloc(n, sizeof *c->place);
    c->out = oc__alloc(n, sizeof *c->out);
    if (!c->parameter || !c->gradient || !c->place || !c->out)
        return OC_ELIMIT;
    TRY(build(c, m, samples));
    TRY(open_sessions(c));
    for (int i = 0; i < c->store->n; i++)
        if (c->place[i] > 0) {
            const size_t count = (size_t)c->store->parameter[i].count;
            c->out[c->place[i]].data = oc__alloc(count, sizeof(double));
            if (!c->out[c->place[i]].data)
                return OC_ELIMIT;
        }
    return OC_OK;
}

static void close(struct checker *c)
{
    for (int i = 0; c->out && i <= c->store->n; i++)
        if (i > 0)
            oc__free(c->out[i].data);
    oc_session_free(c->forward);
    oc_session_free(c->backward);
    oc_graph_free(c->graph);
    oc_store_free(c->store);
    oc__free(c->parameter);
    oc__free(c->gradient);
    oc__free(c->place);
    oc__free(c->out);
    oc__free(c->in[0].data);
    oc__free(c->in[1].data);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static oc_status run(struct checker *c, oc_session *s)
{
    c->out[0].data = &c->value;
    oc_session_set_step(s, 0);
    oc_store_touch(c->store);
    return oc_session_run(s, c->in, c->out);
}

/* The difference quotient at *w for a width h relative to the weight. */
static oc_status quotient(struct checker *c, float *w, double h, double *out)
{
    const float at = *w;
    const double step = h * fmax(1, fabs((double)at));
    const float up = (float)((double)at + step), down = (float)((double)at - step);
    *w = up;
    TRY(run(c, c->forward));
    const double above = c->value;
    *w = down;
    TRY(run(c, c->forward));
    *w = at;
    *out = (above - c->value) / ((double)up - (double)down);
    return OC_OK;
}

/* The quotient nearest to `expected` among the widths, the first that is near enough. */
static oc_status nearest_quotient(struct checker *c, float *w, double expected, double *out)
{
    for (int i = 0; i < WIDTHS; i++) {
        double q;
        TRY(quotient(c, w, widths[i], &q));
        if (i == 0 || fabs(q - expected) < fabs(*out - expected))
            *out = q;
        if (fabs(*out - expected) <= 0.1 * tolerance * fabs(expected))
            break;
    }
    return OC_OK;
}

static oc_status parameter_error(struct checker *c, int i, int entries, double *error)
{
    const struct parameter *p = &c->store->parameter[i];
    const double *gradient = c->place[i] > 0 ? c->out[c->place[i]].data : NULL;
    const uint64_t key = oc__key(c->store->seed, oc__hash(p->name));
    double apart = 0, a = 0, b = 0;
    for (int64_t k = 0; k < entries && k < p->count; k++) {
        const int64_t at = entries < p->count ? oc__below(key, (uint64_t)k, p->count) : k;
        const double expected = gradient ? gradient[at] : 0;
        double q = 0;
        TRY(nearest_quotient(c, oc__store_place(c->store, ROLE_VALUE, i) + at, expected, &q));
        apart += (q - expected) * (q - expected);
        a += expected * expected;
        b += q * q;
    }
    *error = sqrt(apart) / fmax(sqrt(a) + sqrt(b), floor_norm);
    return OC_OK;
}

static oc_status compare(struct checker *c, int entries, oc_report_function *report, void *context)
{
    int checked = 0, off = 0;
    TRY(run(c, c->backward));
    for (int i = 0; i < c->store->n; i++) {
        double error;
        if (c->store->parameter[i].kind != OC_TRAINABLE)
            continue;
        TRY(parameter_error(c, i, entries, &error));
        const bool good = error <= tolerance;
        checked++;
        off += !good;
        if (report)
            report(context, c->store->parameter[i].name, error, good);
    }
    if (!off)
        return OC_OK;
    return oc__fail(OC_ENEGATIVE, "gradients of %d of %d parameters differ by more than %g", off,
                    checked, tolerance);
}

oc_status oc_check_model(oc_model *m, int samples, int entries, oc_report_function *report,
                         void *context)
{
    struct checker c = { 0 };
    if (samples < 1 || entries < 1)
        return oc__fail(OC_EUSAGE, "a gradient check wants samples and entries, 1 or more");
    oc_status status = open(&c, m, samples);
    if (!status)
        status = compare(&c, entries, report, context);
    close(&c);
    return status;
}
