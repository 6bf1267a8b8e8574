/* dropout.c — Dropout: each element is kept with probability 1 - p and divided by it, else 0
 * (Srivastava and others, 2014).
 *
 * It keeps no state and stores no mask: dropout.h says which elements stay, so the gradient is the
 * same operator with the same key on dy.  In inference a rewrite takes it out of the graph. */
#include "op/dropout.h"

#include "op/op.h"

static const struct attr attrs[] = {
    ATTR_RANGE(struct dropout, FLOAT, p, "0.5", "probability of 0, less than 1", 0, 0.999999),
    ATTR(struct dropout, INT, key, "0", "names the random draw; 0: made from the node's name"),
    { 0 }
};

/* Whether it is in training is the session's to say, not an input's. */
static oc_status take(void *attr, const struct infer *s)
{
    struct dropout *const a = attr;
    TRY(oc__take_float(s, 1, &a->p));
    a->p = oc__decimal(a->p);
    return OC_OK;
}

static void run(const struct call *c)
{
    const struct dropout *const a = c->attr;
    const struct dropout_draw draw = oc__dropout_draw(a, c->seed, c->step);
    const int64_t n = oc_shape_count(c->ys[0]);
    for (int64_t i = 0; i < n; i++)
        c->y[0][i] = oc__dropout_keeps(draw, i) ? c->x[0][i] / (1 - a->p) : 0;
}

static void grad(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                 oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_dropout, n->attr, OC_IN(dy[0]));
}

static const char *const cases[] = { "4x7", "2x3x5 p=0.2", "7 p=0 key=3", "5x5 p=0.9 key=7", NULL };

const struct op oc__op_dropout = {
    .entry = { "Dropout", "y = x / (1 - p) with probability 1 - p, else 0", attrs,
               sizeof(struct dropout) },
    .inputs = "x ratio? training_mode?", .outputs = "y", .elementwise = true, .random = true,
    .by_value = 6, .take = take, .pending = oc__pending_like,
    .shape = oc__shape_same, .grad = grad, .run = run, .cases = cases,
};
