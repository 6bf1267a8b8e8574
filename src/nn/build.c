/* build.c — a model becomes nodes of a graph. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "op/op.h"

const char *oc__model_place(const oc_model *m, int i, char text[PLACE_TEXT])
{
    const struct model_step *s = &m->step[i];
    snprintf(text, PLACE_TEXT, "step %d (%s)", i + 1, s->layer ? s->layer->entry.name : "function");
    return text;
}

/* Puts the step before the message of the graph's failure. */
static void explain(const oc_model *m, oc_graph *g, int i)
{
    char place[PLACE_TEXT], message[sizeof g->message];
    memcpy(message, g->message, sizeof message);
    snprintf(g->message, sizeof g->message, "%s: %.*s", oc__model_place(m, i, place),
             (int)(sizeof message - sizeof place - 3), message);
}

oc_value oc__model_build_step(const oc_model *m, oc_graph *g, int i, oc_value x)
{
    const struct model_step *s = &m->step[i];
    const struct layer_context c = { .init = m->init, .freeze = m->freeze };
    char scope[sizeof g->scope];
    if (g->status || x.id <= 0)
        return OC_FAILED;
    memcpy(scope, g->scope, sizeof scope);
    oc_scope(g, s->name);
    oc_value y = OC_FAILED;
    if (!g->status)
        y = s->layer ? s->layer->build(g, x, s->attr, &c) : s->function(g, x, s->context);
    memcpy(g->scope, scope, sizeof scope);
    if (!g->status && y.id <= 0)
        oc__graph_fail(g, OC_EUSAGE, "it returned no value");
    if (g->status)
        explain(m, g, i);
    return g->status ? OC_FAILED : y;
}

oc_value oc__model_input(const oc_model *m, oc_graph *g, int64_t n)
{
    oc_shape s = { .rank = m->input.rank + 1, .dim = { n } };
    memcpy(&s.dim[1], m->input.dim, (size_t)m->input.rank * sizeof *s.dim);
    return oc_input(g, "x", OC_F32, s);
}

/* Holds x [n, …] or y [n, classes] against what the model wants. */
static bool fits(oc_graph *g, const char *what, oc_value v, const oc_shape *of_sample)
{
    if (g->status || v.id <= 0)
        return false;
    const oc_shape found = oc_value_shape(g, v);
    oc_shape want = { .rank = of_sample->rank + 1, .dim = { OC_UNKNOWN } };
    memcpy(&want.dim[1], of_sample->dim, (size_t)of_sample->rank * sizeof *want.dim);
    if (oc__shape_match(what, &want, &found) == OC_OK)
        return true;
    oc__graph_fail(g, OC_EUSAGE, NULL);
    return false;
}

oc_value oc_model_build(oc_model *m, oc_graph *g, oc_value x)
{
    const oc_shape classes = OC_SHAPE(m->classes);
    if (!fits(g, "the model's input", x, &m->input))
        return OC_FAILED;
    for (int i = 0; i < m->n; i++)
        x = oc__model_build_step(m, g, i, x);
    return fits(g, "the model's result", x, &classes) ? x : OC_FAILED;
}

oc_value oc__model_build_inference(oc_model *m, oc_graph *g, oc_value x)
{
    const char *const freeze = m->freeze;
    m->freeze = "*";                                    /* what is frozen keeps its statistics */
    const oc_value y = oc_model_build(m, g, x);
    m->freeze = freeze;
    return y;
}
