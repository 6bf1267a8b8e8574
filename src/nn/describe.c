/* describe.c — a model, any file of weights, and the grammar of layers, as text for people. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "format/weights.h"
#include "nn/graph_text.h"
#include "nn/model.h"
#include "op/op.h"
#include "param/store.h"

/* ---- layers ------------------------------------------------------------------------------- */

/* The step as the grammar writes it. */
static oc_status write_step(const struct model_step *s, oc_layer_info *info)
{
    struct str attrs = { 0 };
    if (s->layer)
        oc__attr_print(&s->layer->entry, s->attr, false, &attrs);
    snprintf(info->name, sizeof info->name, "%s", s->name);
    snprintf(info->step, sizeof info->step, "%s%s%s",
             s->layer ? s->layer->entry.name : "function", attrs.n ? " " : "",
             oc__str_text(&attrs));
    const bool failed = attrs.failed;
    oc__str_free(&attrs);
    return failed ? OC_ELIMIT : OC_OK;
}

/* Builds the model step by step on a batch, noting what each adds. */
static oc_status measure(oc_layer_info *info, const oc_model *m, oc_graph *g, int64_t batch)
{
    oc_value x = oc__model_input(m, g, batch);
    struct branches b = { .n = 0 };
    for (int i = 0; i < m->n; i++) {
        const int nodes = g->nodes;
        const int64_t before = oc_store_elements(g->store);
        x = oc__model_build_step(m, g, i, x, &b);
        TRY(oc_graph_check(g));
        TRY(write_step(&m->step[i], &info[i]));
        info[i].output = oc_value_shape(g, x);
        info[i].parameters = oc_store_elements(g->store) - before;
        for (int k = nodes; k < g->nodes; k++)
            info[i].flops += oc__node_flops(g, &g->node[k]);
    }
    return OC_OK;
}

static oc_status measure_graph(oc_layer_info *info, const oc_graph *g)
{
    bool *const seen = oc__alloc((size_t)g->values + 1, sizeof *seen);
    if (!seen)
        return OC_ELIMIT;
    for (int k = 0; k < g->nodes; k++) {
        const struct node *const n = &g->node[k];
        snprintf(info[k].name, sizeof info->name, "%s", n->name);
        snprintf(info[k].step, sizeof info->step, "%s", n->op->entry.name);
        info[k].output = oc__value(g, n->out)->shape;
        info[k].flops = oc__node_flops(g, n);
        for (int i = 0; i < n->n_in; i++) {
            const struct value *const v = oc__is_none(n->in[i]) ? NULL : oc__value(g, n->in[i]);
            const struct parameter *const p
                = v && v->kind == VALUE_PARAMETER ? &g->store->parameter[v->index] : NULL;
            if (p && p->kind == OC_TRAINABLE && !seen[n->in[i].id])
                info[k].parameters += p->count;
            seen[n->in[i].id] = true;
        }
    }
    oc__free(seen);
    return OC_OK;
}

oc_status oc_graph_layers(const oc_graph *g, oc_layer_info **out, int *n)
{
    *n = g->nodes;
    *out = oc__alloc((size_t)g->nodes + 1, sizeof **out);
    const oc_status status = *out ? measure_graph(*out, g) : OC_ELIMIT;
    if (status) {
        oc__free(*out);
        *out = NULL;
    }
    return status;
}

/* A model that is a graph is known by its nodes. */
static oc_status graph_layers(const oc_model *m, oc_graph *g, int64_t batch, oc_layer_info **out,
                              int *n)
{
    struct branches b = { .n = 0 };
    oc__model_build_step(m, g, 0, oc__model_input(m, g, batch), &b);
    TRY(oc_graph_check(g));
    return oc_graph_layers(g, out, n);
}

static oc_status step_layers(const oc_model *m, oc_graph *g, int64_t batch, oc_layer_info **out,
                             int *n)
{
    *n = m->n;
    *out = oc__alloc((size_t)m->n + 1, sizeof **out);
    return *out ? measure(*out, m, g, batch) : OC_ELIMIT;
}

oc_status oc_model_layers(const oc_model *m, int64_t batch, oc_layer_info **out, int *n)
{
    oc_store *store;
    oc_graph *g = NULL;
    *out = NULL;
    *n = 0;
    if (batch < 1)
        return oc__fail(OC_EUSAGE, "batch: %lld: wants 1 or more", (long long)batch);
    TRY(oc_store_new(&store, 0));
    oc_status status = oc_graph_new(&g, store);
    if (!status)
        status = (m->n && m->step[0].graph ? graph_layers : step_layers)(m, g, batch, out, n);
    oc_graph_free(g);
    oc_store_free(store);
    if (status) {
        oc__free(*out);
        *out = NULL;
    }
    return status;
}

void oc_layers_free(oc_layer_info *layers)
{
    oc__free(layers);
}

static int wider(int width, const char *text)
{
    const int n = (int)strlen(text);
    return n > width ? n : width;
}

static void print_layers(const oc_layer_info *info, int n, int64_t batch, struct str *out)
{
    int name = 4, step = 5, shape = 6;
    int64_t parameters = 0;
    double flops = 0;
    char text[OC_SHAPE_TEXT];
    for (int i = 0; i < n; i++) {
        name = wider(name, info[i].name);
        step = wider(step, info[i].step);
        shape = wider(shape, oc__shape_text(&info[i].output, text));
        parameters += info[i].parameters;
        flops += info[i].flops;
    }
    oc__str_addf(out, "  #  %-*s  %-*s  %-*s  %12s  %16s\n", name, "name", step, "layer", shape,
                 "output", "parameters", "FLOPs");
    for (int i = 0; i < n; i++)
        oc__str_addf(out, "%3d  %-*s  %-*s  %-*s  %12lld  %16.0f\n", i + 1, name, info[i].name,
                     step, info[i].step, shape, oc__shape_text(&info[i].output, text),
                     (long long)info[i].parameters, info[i].flops);
    oc__str_addf(out, "     %-*s  %12lld  %16.0f\n", name + step + shape + 4, "total",
                 (long long)parameters, flops);
    oc__str_addf(out, "%lld bytes of parameters; FLOPs and shapes are of a batch of %lld\n",
                 (long long)parameters * 4, (long long)batch);
}

static oc_status layers_text(const oc_model *m, int64_t batch, struct str *out)
{
    oc_layer_info *info;
    int n;
    TRY(oc_model_layers(m, batch, &info, &n));
    print_layers(info, n, batch, out);
    oc_layers_free(info);
    return OC_OK;
}

/* ---- memory ------------------------------------------------------------------------------- */

static oc_status print_plan(oc_session *s, const oc_shape *shape, struct str *out)
{
    TRY(oc_session_prepare(s, shape));
    char *text = oc_session_text(s);
    if (!text)
        return OC_ELIMIT;
    oc__str_addf(out, "\nplan of inference: %lld bytes beside the parameters\n%s",
                 (long long)oc_session_bytes(s), text);
    oc_string_free(text);
    return OC_OK;
}

static oc_status plan_text(oc_model *m, int64_t batch, struct str *out)
{
    oc_graph *g;
    oc_session *s = NULL;
    TRY(oc_graph_new(&g, m->store));
    const oc_value x = oc__model_input(m, g, batch), y = oc_model_build(m, g, x);
    oc_status status = oc_session_new(&s, g, &(oc_session_options){ .outputs = 1, .output = &y });
    if (!status) {
        const oc_shape shape = oc_value_shape(g, x);
        status = print_plan(s, &shape, out);
    }
    oc_session_free(s);
    oc_graph_free(g);
    return status;
}

static void facts_text(const oc_model *m, struct str *out)
{
    char shape[OC_SHAPE_TEXT];
    const bool graph = oc__is_graph_text(m->architecture);
    oc__str_addz(out, "architecture  ");
    if (graph)
        oc__str_addf(out, "a graph of %d nodes", oc__graph_text_nodes(m->architecture));
    oc__str_addf(out, "%s\ninput         %s, %s\ntask          %s\n"
                 "loss          %s\nclasses       %d:", graph ? "" : m->architecture,
                 oc__shape_text(&m->input, shape), m->preparation, m->task, m->loss, m->classes);
    for (int i = 0; i < m->classes && i < 20; i++)
        oc__str_addf(out, "%s %s", i ? "," : "", oc__quote_z(m->class_name[i]));
    oc__str_addz(out, m->classes > 20 ? ", …\n\n" : "\n\n");
}

/* Hands a finished text over, or frees it. */
static char *hand_over(struct str *text, oc_status status)
{
    if (!status && !text->failed)
        return text->text;
    oc__str_free(text);
    return NULL;
}

char *oc_model_text(oc_model *m, int64_t batch)
{
    struct str out = { 0 };
    facts_text(m, &out);
    oc_status status = layers_text(m, batch, &out);
    if (!status)
        status = plan_text(m, batch, &out);
    return hand_over(&out, status);
}

/* ---- the grammar -------------------------------------------------------------------------- */

char *oc_layers_text(void)
{
    struct str out = { 0 };
    for (const struct entry *const *l = oc__layer_list; *l; l++) {
        oc__str_addf(&out, "%-14s %s\n", (*l)->name, (*l)->summary);
        oc__attr_help(*l, "    ", &out);
    }
    return hand_over(&out, OC_OK);
}

/* ---- files -------------------------------------------------------------------------------- */

static void print_tensors(const struct weights *w, struct str *out)
{
    int width = 6;
    int64_t elements = 0, bytes = 0;
    char shape[OC_SHAPE_TEXT];
    for (int i = 0; i < w->n; i++) {
        const int n = (int)strlen(oc__quote_z(w->tensor[i].name));
        width = n > width ? n : width;
    }
    oc__str_addf(out, "%-*s  %-8s  %-24s  %12s\n", width, "tensor", "type", "shape", "bytes");
    for (int i = 0; i < w->n; i++) {
        const struct weight *t = &w->tensor[i];
        oc__str_addf(out, "%-*s  %-8s  %-24s  %12lld\n", width, oc__quote_z(t->name), t->type,
                     oc__shape_text(&t->shape, shape), (long long)(t->end - t->begin));
        elements += oc_shape_count(&t->shape);
        bytes += t->end - t->begin;
    }
    oc__str_addf(out, "%d tensor%s, %lld element%s, %lld bytes\n", w->n, oc__plural(w->n),
                 (long long)elements, oc__plural(elements), (long long)bytes);
}

char *oc_file_text(const char *path)
{
    struct weights w;
    struct str out = { 0 };
    const oc_status status = oc__weights_open(&w, path);
    if (status)
        return NULL;
    oc__str_addf(&out, "%s (%s)\n", path, w.format);
    print_tensors(&w, &out);
    for (int i = 0; i < w.n_metadata; i++)
        oc__str_addf(&out, "metadata %s: %s\n", oc__quote_z(w.metadata[i].key),
                     oc__quote_z(w.metadata[i].value));
    oc__weights_close(&w);
    return hand_over(&out, status);
}

oc_status oc_file_tensors(const char *path, oc_tensor_function *function, void *context)
{
    struct weights w;
    TRY(oc__weights_open(&w, path));
    for (int i = 0; i < w.n; i++)
        function(context, w.tensor[i].name, w.tensor[i].type, &w.tensor[i].shape,
                 w.tensor[i].end - w.tensor[i].begin);
    oc__weights_close(&w);
    return OC_OK;
}
