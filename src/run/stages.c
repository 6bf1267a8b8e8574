/* stages.c — a chain of plans, where shapes follow from values that only a run knows.
 *
 * Each plan of the chain computes what it can; its results are given to the binding of the next,
 * those that decide shapes as constants.  The session's cache finds the plans again when the same
 * values come back.  In between, nodes of control whose inputs are there run their bodies.  Unlike
 * the running of one plan, this allocates: sizes are not known before. */
#include <string.h>

#include "base/status.h"
#include "op/op.h"
#include "run/session.h"

enum { STAGES_MAX = 10000 };

/* What has been computed so far and is still needed; the list owns the data. */
struct harvest { struct given *given; int n; };

static void let_go(struct harvest *h)
{
    for (int i = 0; i < h->n; i++)
        oc__block_free(h->given[i].tensor.data);
    oc__free(h->given);
    *h = (struct harvest){ 0 };
}

/* The inputs of the next plan: the caller's, then what is given. */
static oc_tensor *all_inputs(const oc_session *s, const oc_tensor *in, const struct harvest *h)
{
    const int own = s->graph->inputs;
    oc_tensor *const all = oc__alloc((size_t)(own + h->n) + 1, sizeof *all);
    for (int i = 0; all && i < own; i++)
        all[i] = in[i];
    for (int i = 0; all && i < h->n; i++)
        all[own + i] = h->given[i].tensor;
    return all;
}

static oc_status execute(oc_session *s, const oc_tensor *in, const struct harvest *h,
                         oc_tensor *out, bool allocate)
{
    oc_tensor *const all = all_inputs(s, in, h);
    const oc_status status = all ? oc__session_execute(s, all, out, allocate) : OC_ELIMIT;
    oc__free(all);
    return status;
}

static const oc_tensor *find(const struct harvest *h, oc_value v)
{
    for (int i = 0; i < h->n; i++)
        if (h->given[i].value.id == v.id)
            return &h->given[i].tensor;
    return NULL;
}

/* Runs a node of control on what was reaped, and adds its results. */
static oc_status run_control(oc_session *s, int index, struct harvest *h)
{
    const struct node *const n = &s->graph->node[index];
    oc_tensor in[OP_MAX_INPUTS] = { 0 }, out[OP_MAX_OUTPUTS] = { 0 };
    for (int i = 0; i < n->n_in; i++) {
        const oc_tensor *const t = oc__is_none(n->in[i]) ? NULL : find(h, n->in[i]);
        if (!oc__is_none(n->in[i]) && !t)
            return oc__fail(OC_EBUG, "%s: input %d is not there", n->name, i);
        in[i] = t ? *t : in[i];
    }
    const oc_status status = oc__session_control(s, index, in, out);
    for (int k = 0; k < n->n_out; k++)
        if (status)
            oc__block_free(out[k].data);
        else
            h->given[h->n++] = (struct given){ { n->out.id + k }, out[k], false };
    return status;
}

/* Runs the current plan, one that does not come to the end, and hands on what it computed. */
static oc_status run_stage(oc_session *s, const oc_tensor *in, struct harvest *h)
{
    const struct stage stage = s->current->plan->stage;
    struct harvest next = { 0 };
    oc_tensor *const out = oc__alloc((size_t)stage.n + 1, sizeof *out);
    int *const control = oc__alloc((size_t)stage.controls + 1, sizeof *control);
    next.given = oc__alloc((size_t)(stage.n + stage.controls * OP_MAX_OUTPUTS) + 1,
                           sizeof *next.given);
    oc_status status = out && control && next.given ? execute(s, in, h, out, true) : OC_ELIMIT;
    for (int i = 0; out && next.given && i < stage.n; i++)
        next.given[next.n++] = (struct given){ stage.from[i], out[i], stage.by_value[i] };
    for (int i = 0; control && i < stage.controls; i++)
        control[i] = stage.control[i];
    for (int i = 0; !status && i < stage.controls; i++)
        status = run_control(s, control[i], &next);
    oc__free(control);
    oc__free(out);
    let_go(h);
    *h = next;
    return status;
}

oc_status oc__session_stages(oc_session *s, const oc_tensor *in, oc_tensor *out, bool allocate)
{
    oc_shape shape[64];                                 /* as many as oc_session_run() takes */
    struct harvest h = { 0 };
    oc_status status = OC_OK;
    for (int i = 0; i < s->graph->inputs; i++)
        shape[i] = in[i].shape;
    for (int n = 0; !status; n++) {
        const struct stage *const stage = &s->current->plan->stage;
        if (stage->n + stage->controls == 0)
            break;
        status = n < STAGES_MAX ? run_stage(s, in, &h)
                                : oc__fail(OC_ELIMIT, "more than %d stages", STAGES_MAX);
        if (!status)
            status = oc__session_prepare(s, shape, h.given, h.n);
    }
    if (!status)
        status = execute(s, in, &h, out, allocate);
    let_go(&h);
    return status;
}
