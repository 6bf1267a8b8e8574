/* bundle.c — Bundle: y[i] = x[i], for every i.
 *
 * An operator that is composed of others hands its outputs out as those of one node, which is this
 * one.  It vanishes when a graph is bound. */
#include <string.h>

#include "op/attributes.h"
#include "op/op.h"

static const struct attr attrs[] = {
    ATTR_RANGE(struct bundle, INT, count, "1", "how many", 1, OP_MAX_OUTPUTS), { 0 }
};

static int count(const void *attr) { return (int)((const struct bundle *)attr)->count; }

static oc_status shape(const struct infer *s)
{
    if (s->n_in != s->n_out)
        return oc__fail(OC_EUSAGE, "%d inputs for %d outputs", s->n_in, s->n_out);
    for (int i = 0; i < s->n_in; i++) {
        s->y[i] = *s->x[i];
        s->yt[i] = s->xt[i];
    }
    return OC_OK;
}

static void run(const struct call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (oc_shape_count(c->ys[i]) > 0)
            memcpy(c->y[i], c->x[i], (size_t)oc_shape_count(c->ys[i]) * sizeof *c->y[i]);
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)g, (void)want;
    for (int i = 0; i < n->n_in; i++)
        dx[i] = dy[i];
}

static const char *const cases[] = { "2x3", "2x3 4 b:5 count=3", NULL };

const struct op oc__op_bundle = {
    .entry = { "Bundle", "y[i] = x[i]", attrs, sizeof(struct bundle) },
    .inputs = "x*", .outputs = "y*", .output_count = count, .flops = oc__flops_none,
    .shape = shape, .grad = grad, .run = run, .cases = cases,
};
