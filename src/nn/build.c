/* build.c — a model becomes nodes of a graph. */
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "nn/graph_text.h"
#include "op/op.h"

const char *oc__model_place(const oc_model *m, int i, char text[PLACE_TEXT])
{
    const struct model_step *s = &m->step[i];
    snprintf(text, PLACE_TEXT, "step %d (%s)", i + 1,
             s->graph ? "graph" : s->layer ? s->layer->entry.name : "function");
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

oc_value oc__model_build_step(const oc_model *m, oc_graph *g, int i, oc_value x,
                              struct branches *b)
{
    const struct model_step *s = &m->step[i];
    const struct layer_context c = { m->init, m->freeze, b };
    char scope[sizeof g->scope];
    if (g->status || x.id <= 0)
        return OC_FAILED;
    memcpy(scope, g->scope, sizeof scope);
    if (!s->graph)
        oc_scope(g, s->name);
    oc_value y = OC_FAILED;
    if (!g->status)
        y = s->graph ? oc__graph_text_build(g, x, s->graph, &c)
          : s->layer ? s->layer->build(g, x, s->attr, &c) : s->function(g, x, s->context);
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

/* Holds x [n, …] or y [n, …] against what the model wants of a sample. */
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

/* ---- results ------------------------------------------------------------------------------ */

static oc_shape class_scores(const oc_model *m) { return OC_SHAPE(m->classes); }

static oc_shape pixel_scores(const oc_model *m)
{
    return OC_SHAPE(m->classes, m->input.dim[1], m->input.dim[2]);
}

/* What a task wants a model to make of a sample; its usual loss; and the one class that there is,
 * where it does not tell several apart. */
static const struct result {
    const char *task;
    oc_shape  (*shape)(const oc_model *m);
    const char *loss, *only;
} results[] = {
    { "classify", class_scores, "softmax", NULL },
    { "saliency", pixel_scores, "sigmoid", "salient" },
};
enum { RESULTS = sizeof results / sizeof *results };

static const struct result *result_of(const char *task)
{
    for (int i = 0; i < RESULTS; i++)
        if (!strcmp(results[i].task, task))
            return &results[i];
    return NULL;
}

oc_status oc__model_set_task(oc_model *m, const char *task)
{
    const struct result *const r = result_of(task);
    if (r) {
        m->task = r->task;
        return oc__model_set_loss(m, r->loss);
    }
    struct str known = { 0 };
    for (int i = 0; i < RESULTS; i++)
        oc__str_addf(&known, "%s%s", i ? ", " : "", results[i].task);
    oc__fail(OC_EUSAGE, "task: %s: there are %s", oc__quote_z(task), oc__str_text(&known));
    oc__str_free(&known);
    return OC_EUSAGE;
}

oc_shape oc__model_result(const oc_model *m) { return result_of(m->task)->shape(m); }

const char *const *oc__model_only_class(const oc_model *m)
{
    const struct result *const r = result_of(m->task);
    return r->only ? &r->only : NULL;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static oc_value build_all(const oc_model *m, oc_graph *g, oc_value x, struct branches *b)
{
    if (!fits(g, "the model's input", x, &m->input))
        return OC_FAILED;
    for (int i = 0; i < m->n; i++)
        x = oc__model_build_step(m, g, i, x, b);
    const oc_shape result = oc__model_result(m);
    return fits(g, "the model's result", x, &result) ? x : OC_FAILED;
}

oc_value oc_model_build(oc_model *m, oc_graph *g, oc_value x)
{
    struct branches b = { .n = 0 };
    return build_all(m, g, x, &b);
}

int oc_model_build_all(oc_model *m, oc_graph *g, oc_value x, oc_value *out)
{
    struct branches b = { .n = 0 };
    out[0] = build_all(m, g, x, &b);
    memcpy(out + 1, b.output, (size_t)b.outputs * sizeof *out);
    return 1 + b.outputs;
}

oc_value oc__model_build_inference(oc_model *m, oc_graph *g, oc_value x)
{
    const char *const freeze = m->freeze;
    m->freeze = "*";                                    /* what is frozen keeps its statistics */
    const oc_value y = oc_model_build(m, g, x);
    m->freeze = freeze;
    return y;
}
