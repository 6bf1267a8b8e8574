/* check.c — see check.h.
 *
 * An error is |a - b| over the larger of the two, but at least over 1 % of the tensor's largest
 * number and 1e-3: a number that is tiny beside its neighbours is judged by their measure. */
#include "run/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/plan.h"

enum { ELEMENTS = 64 }; /* of one input that are moved, evenly chosen */

static const double step = 1e-5;

/* ---- comparing ---------------------------------------------------------------------------- */

static double larger(double a, double b) { return a > b ? a : b; }

/* Takes n pairs up into the result. */
static void compare(struct check *c, const char *what, int which, const int64_t *place, int64_t n,
                    const double *got, const double *expected)
{
    double scale = 0;
    for (int64_t i = 0; i < n; i++)
        scale = larger(scale, fabs(expected[i]));
    for (int64_t i = 0; i < n; i++) {
        const bool same = got[i] == expected[i] || (isnan(got[i]) && isnan(expected[i]));
        const double measure =
            larger(larger(fabs(got[i]), fabs(expected[i])), larger(0.01 * scale, 1e-3));
        const double difference = same ? 0 : fabs(got[i] - expected[i]) / measure;
        const double error = isnan(difference) ? INFINITY : difference;
        c->compared++;
        if (error <= c->error && c->compared > 1)
            continue;
        c->error = error;
        snprintf(c->where, sizeof c->where, "%s%d[%lld]: %.10g, expected %.10g", what, which,
                 (long long)(place ? place[i] : i), got[i], expected[i]);
    }
}

/* ---- gradients ---------------------------------------------------------------------------- */

/* The slope of the objective along element j of input i, by central difference; `up` and `down` are
 * rooms for the outputs.  Differences are taken output by output, before they are summed. */
static oc_status slope(struct trial *t, oc_session *s, int i, int64_t j, oc_tensor *up,
                       oc_tensor *down, double *out)
{
    const oc_tensor *const x = &t->feed[t->source[i]];
    const double middle = oc_tensor_get(x, j), high = middle + step, low = middle - step;
    oc_tensor_set(x, j, high);
    TRY(oc__trial_run(t, OC_F64, s, up));
    oc_tensor_set(x, j, low);
    TRY(oc__trial_run(t, OC_F64, s, down));
    oc_tensor_set(x, j, middle);
    double sum = 0;
    for (int k = 0; k < t->outputs; k++) {
        const int64_t n = t->weight[k] < 0 ? 0 : oc_shape_count(&up[k].shape);
        for (int64_t e = 0; e < n; e++)
            sum += oc_tensor_get(&t->feed[t->weight[k]], e) *
                   (oc_tensor_get(&up[k], e) - oc_tensor_get(&down[k], e));
    }
    *out = sum / (high - low);
    if (t->extra[i] >= 0)
        *out += oc_tensor_get(&t->feed[t->extra[i]], j);
    return OC_OK;
}

struct rooms { oc_tensor up[OP_MAX_OUTPUTS], down[OP_MAX_OUTPUTS], dx; };

/* Moves elements of input i and compares with its gradient, which is zero where there is none. */
static oc_status compare_input(struct trial *t, oc_session *forward, int i, struct rooms *r,
                               struct check *c)
{
    double got[ELEMENTS], expected[ELEMENTS];
    int64_t place[ELEMENTS];
    const int64_t count = oc_shape_count(&t->feed[t->source[i]].shape);
    const int64_t n = count < ELEMENTS ? count : ELEMENTS;
    for (int64_t k = 0; k < n; k++) {
        place[k] = k * count / n;
        TRY(slope(t, forward, i, place[k], r->up, r->down, &expected[k]));
        got[k] = r->dx.data ? oc_tensor_get(&r->dx, place[k]) : 0;
    }
    compare(c, "dx", i, place, n, got, expected);
    return OC_OK;
}

/* Runs the gradient of input i, then compares it. */
static oc_status check_input(struct trial *t, oc_session *forward, int i, struct rooms *r,
                             struct check *c)
{
    oc_session *backward = NULL;
    oc_status status = OC_OK;
    r->dx = (oc_tensor){ 0 };
    if (!oc__is_none(t->dx[i])) {
        status = oc__trial_session(t, "reference", OC_F64, 1, &t->dx[i], &backward);
        if (!status)
            status = oc__trial_run(t, OC_F64, backward, &r->dx); /* says the shape only */
        if (!status)
            status = oc__shape_match("a gradient", &t->c.in[i].shape, &r->dx.shape);
        if (!status)
            status = oc__trial_room(t, OC_F64, 1, &t->dx[i], &t->c.in[i].shape, &r->dx);
        if (!status)
            status = oc__trial_run(t, OC_F64, backward, &r->dx);
    }
    if (!status)
        status = compare_input(t, forward, i, r, c);
    oc_session_free(backward);
    oc__trial_room_free(1, &r->dx);
    return status;
}

static oc_status check_inputs(struct trial *t, struct check *c)
{
    oc_session *forward = NULL;
    struct rooms r = { 0 };
    oc_status status = oc__trial_session(t, "reference", OC_F64, t->outputs, t->y, &forward);
    if (!status)
        status = oc__trial_room(t, OC_F64, t->outputs, t->y, t->shape, r.up);
    if (!status)
        status = oc__trial_room(t, OC_F64, t->outputs, t->y, t->shape, r.down);
    for (int i = 0; i < t->c.n && !status; i++)
        if (t->c.in[i].kind < CASE_CONSTANT && t->source[i] >= 0)
            status = check_input(t, forward, i, &r, c);
    oc_session_free(forward);
    oc__trial_room_free(t->outputs, r.up);
    oc__trial_room_free(t->outputs, r.down);
    return status;
}

oc_status oc__check_gradient(const struct op *op, const char *text, enum trial_form form,
                             struct check *out)
{
    struct trial t;
    *out = (struct check){ 0 };
    if (!op->grad && !op->compose)
        return OC_OK;
    oc_status status = oc__trial_new(&t, op, text, form, OC_F32);
    bool any = false;
    for (int k = 0; k < OP_MAX_OUTPUTS; k++)
        any |= t.weight[k] >= 0;
    if (!status && any && (form != TRIAL_SHARED || t.shared))
        status = check_inputs(&t, out);
    oc__trial_free(&t);
    return status;
}

/* ---- shapes ------------------------------------------------------------------------------- */

/* What was inferred fits what is known, and a run produces it. */
static oc_status check_run_shapes(const struct trial *t)
{
    oc_session *s = NULL;
    oc_tensor out[OP_MAX_OUTPUTS] = { { 0 } };
    for (int k = 0; k < t->outputs; k++) {
        const oc_shape inferred = oc_value_shape(t->graph, t->y[k]);
        TRY(oc__shape_match("an inferred output", &t->shape[k], &inferred));
    }
    oc_status status = oc__trial_session(t, "reference", OC_F32, t->outputs, t->y, &s);
    if (!status)
        status = oc__trial_run(t, OC_F32, s, out);
    for (int k = 0; k < t->outputs && !status; k++)
        if (!oc_shape_equal(&t->shape[k], &out[k].shape) ||
            out[k].dtype != oc_value_dtype(t->graph, t->y[k]))
            status = oc__fail(OC_EBUG, "output %d: a run gives another shape or type", k);
    oc_session_free(s);
    return status;
}

oc_status oc__check_shapes(const struct op *op, const char *text)
{
    static const enum trial_form forms[] = { TRIAL_PLAIN, TRIAL_UNKNOWN };
    oc_status status = OC_OK;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && !status; i++) {
        struct trial t;
        status = oc__trial_new(&t, op, text, forms[i], OC_F32);
        if (!status && t.outputs)
            status = check_run_shapes(&t);
        oc__trial_free(&t);
    }
    return status;
}

/* ---- back ends ---------------------------------------------------------------------------- */

double oc__check_tolerance(oc_dtype type)
{
    static const double tolerance[OC_DTYPES] = {
        [OC_F32] = 1e-4, [OC_F64] = 1e-10, [OC_F16] = 1e-2, [OC_BF16] = 6e-2,
    };
    return tolerance[type];
}

/* Which of the steps that are not the objective's the plan gives to this back end. */
static oc_status find_accepted(const struct trial *t, const char *backend, int n,
                               const oc_value *out, struct check *c)
{
    oc_shape shapes[TRIAL_FEEDS];
    struct plan *plan;
    const oc_session_options options = {
        .mode = OC_TRAIN, .backends = backend, .outputs = n, .output = out
    };
    for (int i = 0; i < t->feeds; i++)
        shapes[i] = t->feed[i].shape;
    TRY(oc__plan_new(&plan, t->graph, &(struct plan_options){ &options, shapes, 2, NULL, 0 }));
    for (int i = 0; i < plan->steps; i++) {
        const struct plan_step *const s = &plan->step[i];
        const bool taken = !strcmp(s->backend->name, backend);
        if (!s->request.op || !strncmp(s->name, "check.", 6) ||
            !strncmp(s->name, "grad.check.", 11))
            continue;
        c->accepted |= taken;
        c->complete &= taken;
    }
    oc__plan_free(plan);
    return OC_OK;
}

/* Runs the outputs on these back ends and reads them as doubles; *out is the caller's (oc__free).
 */
static oc_status results(const struct trial *t, const char *backends, int n, const oc_value *v,
                         double **out)
{
    oc_session *s = NULL;
    oc_tensor room[OP_MAX_OUTPUTS + OP_MAX_INPUTS];
    oc_shape shape[OP_MAX_OUTPUTS + OP_MAX_INPUTS] = { { 0 } };
    size_t count = 0, at = 0;
    for (int i = 0; i < n; i++)
        shape[i] = oc_value_shape(t->graph, v[i]);
    oc_status status = oc__trial_room(t, OC_F32, n, v, shape, room);
    for (int i = 0; i < n; i++)
        count += (size_t)oc_shape_count(&room[i].shape);
    *out = status ? NULL : oc__alloc(count + 1, sizeof **out);
    if (!status)
        status = *out ? oc__trial_session(t, backends, OC_F32, n, v, &s) : OC_ELIMIT;
    if (!status)
        status = oc__trial_run(t, OC_F32, s, room);
    for (int i = 0; i < n && !status; i++)
        for (int64_t k = 0; k < oc_shape_count(&room[i].shape); k++)
            (*out)[at++] = oc_tensor_get(&room[i], k);
    oc_session_free(s);
    oc__trial_room_free(n, room);
    return status;
}

static oc_status compare_backend(const struct trial *t, const char *backend, int n,
                                 const oc_value *v, struct check *c)
{
    double *expected = NULL, *got = NULL;
    oc_status status = results(t, "reference", n, v, &expected);
    if (!status)
        status = results(t, backend, n, v, &got);
    size_t at = 0;
    for (int i = 0; i < n && !status; i++) {
        const oc_shape shape = oc_value_shape(t->graph, v[i]);
        const int64_t count = oc_shape_count(&shape);
        compare(c, "result ", i, NULL, count, got + at, expected + at);
        at += (size_t)count;
    }
    oc__free(expected);
    oc__free(got);
    return status;
}

oc_status oc__check_backend(const struct op *op, const char *text, const char *backend,
                            oc_dtype type, struct check *out)
{
    struct trial t;
    oc_value v[OP_MAX_OUTPUTS + OP_MAX_INPUTS];
    int n = 0;
    *out = (struct check){ .complete = true };
    oc_status status = oc__trial_new(&t, op, text, TRIAL_PLAIN, type);
    for (int k = 0; k < t.outputs; k++)
        v[n++] = t.y[k];
    for (int i = 0; i < t.c.n; i++)
        if (t.dx[i].id > 0)
            v[n++] = t.dx[i];
    if (!status)
        status = find_accepted(&t, backend, n, v, out);
    if (!status && out->accepted)
        status = compare_backend(&t, backend, n, v, out);
    for (int k = 0; k < t.outputs && t.outputs > 1 && out->accepted && !status; k++)
        status = compare_backend(&t, backend, 1, &t.y[k], out);    /* the others are unread */
    oc__trial_free(&t);
    return status;
}

/* ---- all of them -------------------------------------------------------------------------- */

oc_status oc_check_operators(oc_report_function *report, void *context)
{
    bool all_good = true;
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        struct check worst = { 0 }, one;
        for (const char *const *text = op->cases; text && *text; text++)
            for (int form = 0; form < TRIAL_FORMS; form++) {
                TRY(oc__check_gradient(op, *text, (enum trial_form)form, &one));
                worst.error = larger(worst.error, one.error);
                worst.compared += one.compared;
            }
        const bool good = worst.error <= OC_GRADIENT_TOLERANCE;
        all_good &= good;
        if (worst.compared)
            report(context, op->entry.name, worst.error, good);
    }
    return all_good ? OC_OK : oc__fail(OC_ENEGATIVE, "a gradient is off");
}
