/* variadic.c — Max, Min, Sum and Mean of any number of operands, and Mod by its attribute.
 *
 * They are composed of the operators of two operands in binary.c, so that back ends need to know
 * only those. */
#include "op/attributes.h"
#include "op/op.h"

/* The operands taken up from left to right. */
static oc_value chain(oc_graph *g, const struct op *by, const struct composition *c)
{
    oc_value y = c->in[0];
    for (int i = 1; i < c->n; i++)
        y = oc__apply(g, by, NULL, OC_IN(y, c->in[i]));
    return y;
}

static void compose_max(oc_graph *g, const struct composition *c)
{
    c->y[0] = chain(g, &oc__op_larger, c);
}

static void compose_min(oc_graph *g, const struct composition *c)
{
    c->y[0] = chain(g, &oc__op_smaller, c);
}

static void compose_sum(oc_graph *g, const struct composition *c)
{
    c->y[0] = chain(g, &oc__op_add, c);
}

static void compose_mean(oc_graph *g, const struct composition *c)
{
    const oc_value sum = chain(g, &oc__op_add, c);
    c->y[0] = oc_div(g, sum, oc__scalar_like(g, c->n, sum));
}

static const char *const cases[] = {
    "2x3", "7 7", "2x3x4 2x3x4", "3x1 1x4 ()", "4 2x1 2x4 4", NULL
};

#define ROW(id, onnx, summary)                                                                 \
    const struct op oc__op_##id = {                                                            \
        .entry = { onnx, summary, NULL, 0 },                                                   \
        .inputs = "x*", .outputs = "y", .compose = compose_##id, .cases = cases,               \
    };

/* clang-format off */
ROW(max,  "Max",  "y = the largest of all x")
ROW(min,  "Min",  "y = the least of all x")
ROW(sum,  "Sum",  "y = the sum of all x")
ROW(mean, "Mean", "y = the mean of all x")
/* clang-format on */

static const struct attr mod_attrs[] = {
    ATTR(struct mod, BOOL, fmod, "false", "the result has the sign of a, not of b"), { 0 }
};

static void compose_mod(oc_graph *g, const struct composition *c)
{
    const struct mod *const a = c->attr;
    c->y[0] = oc__apply(g, a->fmod ? &oc__op_remainder : &oc__op_floor_mod, NULL,
                        OC_IN(c->in[0], c->in[1]));
}

static const char *const mod_cases[] = { "7 p:7", "2x3x4 p:4 fmod=true", NULL };

const struct op oc__op_mod = {
    .entry = { "Mod", "y = what dividing a by b leaves", mod_attrs, sizeof(struct mod) },
    .inputs = "a b", .outputs = "y", .compose = compose_mod, .cases = mod_cases,
};
