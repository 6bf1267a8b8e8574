/* diverge.c — see diverge.h. */
#include "train/diverge.h"

#include <math.h>
#include <stdio.h>
#include "base/log.h"
#include "base/status.h"
#include "run/inspect.h"
#include "task/task.h"

/* By cause.  What helps against numbers that grow is the same wherever they were met first. */
#define CALMER "a lower learning rate (--learning-rate), a warm-up (--warmup) or a limit for the " \
               "gradient (--clip 1)"
/* A mean loss so many times what guessing costs is told, or ends the training: only weights that
 * are out of control are so sure of what is wrong. */
static const double ODD = 100, WRONG = 1e4;

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
    if (f->lines == 0)
        oc__warn("every value of the last batch is finite");
    if (f->lines)
        oc__warn("first value that is not finite: %s", f->line[0]);
    for (int i = 1; i < f->lines; i++)
        oc__warn("  %s", f->line[i]);
    oc__warn("what may help: %s", advice[f->lines ? f->cause : CAUSE_LARGE]);
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

/* What an answer costs that knows nothing, but for a small factor. */
static double guess(const struct trainer *t)
{
    return 1 + log((double)oc_model_classes(t->model));
}

oc_status oc__diverge_loss(struct trainer *t, double loss, double before, const char *of)
{
    const double most = WRONG * guess(t), much = ODD * guess(t);
    char why[128];
    if (loss > much && loss <= most && !(before > much))
        oc__warn("epoch %lld: the %s loss is %g, where guessing costs about %g: it may diverge; "
                 CALMER, (long long)t->state.count.epoch + 1, of, loss, guess(t));
    if (isnan(loss) || loss <= most)
        return OC_OK;
    snprintf(why, sizeof why, "%s loss %g, where guessing costs about %g", of, loss, guess(t));
    return oc__diverge(t, why);
}
