/* diverge.c — see diverge.h. */
#include "train/diverge.h"

#include <math.h>
#include <stdio.h>
#include "base/log.h"
#include "base/status.h"
#include "run/inspect.h"

/* By cause.  What helps against numbers that grow is the same wherever they were met first. */
#define CALMER "a lower learning rate (--learning-rate), a warm-up (--warmup) or a limit for the " \
               "gradient (--clip 1)"
static const char *const advice[] = {
    [CAUSE_INPUT] = "the batch itself is not finite: see what the preparation makes of the images "
                    "(`ocellus data show`)",
    [CAUSE_PARAMETER] = "the weights have left the range of single precision: " CALMER,
    [CAUSE_LARGE] = "numbers grow until they overflow: " CALMER ", or a norm between layers",
    [CAUSE_OPERATION] = "the operator has no finite result for what it read, as the logarithm of a "
                        "negative number; where its gradient overflows: " CALMER,
};

static oc_status run_again(struct trainer *t, struct inspector *inspector, double *loss)
{
    double room;                                        /* for either type */
    oc_tensor out[2] = { { .data = &room } };
    oc_session_set_step(t->session, (uint64_t)t->state.count.runs - 1);
    struct inspector *const other = oc__session_inspect(t->session, inspector);
    const oc_status status = oc_session_run(t->session, t->in, out);
    oc__session_inspect(t->session, other);
    *loss = status < 0 ? NAN : oc_tensor_get(&out[0], 0);
    return status;
}

static void report(struct trainer *t)
{
    double loss;
    const struct counts *const c = &t->state.count;
    const float *const gradient = t->store->block[ROLE_GRADIENT][OC_TRAINABLE];
    struct inspector inspector = { 0 };
    if (run_again(t, &inspector, &loss) < 0) {
        oc__inspector_free(&inspector);
        return;
    }
    oc__warn("diverged in epoch %lld, step %lld: loss %g, norm of the gradient %g, learning rate "
             "%g, %lld updates left out in a row", (long long)c->epoch + 1, (long long)c->step,
             fabs(loss), fabs(oc__norm(gradient, t->length)), t->state.sum.learning_rate,
             (long long)c->bad_in_a_row);
    const struct finding *const f = &inspector.finding;
    if (f->lines)
        oc__warn("first value that is not finite: %s", f->line[0]);
    for (int i = 1; i < f->lines; i++)
        oc__warn("  %s", f->line[i]);
    oc__warn("what may help: %s", advice[f->lines ? f->cause : CAUSE_PARAMETER]);
    oc__inspector_free(&inspector);
}

oc_status oc__diverge(struct trainer *t, const char *why)
{
    const struct counts *const c = &t->state.count;
    char kept[64] = "";
    report(t);
    if (t->run.folder && t->saved >= 0)
        snprintf(kept, sizeof kept, "; the checkpoint of step %lld is kept", (long long)t->saved);
    return oc__fail(OC_ENEGATIVE, "epoch %lld, step %lld: %s%s", (long long)c->epoch + 1,
                    (long long)c->step, why, kept);
}

oc_status oc__diverge_check(struct trainer *t)
{
    const struct oc_store *const s = t->store;
    for (int i = 0; i < s->n; i++) {
        const struct parameter *const p = &s->parameter[i];
        char why[256];
        if (oc__all_finite(oc__store_place(s, ROLE_VALUE, i), p->count))
            continue;
        snprintf(why, sizeof why, "%.200s: weights are not finite", p->name);
        return oc__diverge(t, why);
    }
    return OC_OK;
}
