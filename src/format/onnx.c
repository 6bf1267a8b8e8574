/* onnx.c — models of ONNX as the library hands them out. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "format/onnx.h"
#include "format/onnx_import.h"

struct output { const char *name; oc_value value; };
struct property { const char *key, *value; };

/* The messages are many times what is kept of them, so they go once the numbers are read. */
struct oc_onnx {
    struct pool       messages;                         /* and what importing them needs */
    struct onnx_model model;
    struct pool       pool;                             /* of what stays */
    struct property  *property;                         /* metadata */
    int               properties;
    int64_t           opset;
    struct file       file;                             /* open until the numbers are read */
    bool              is_open;
    oc_store         *store;
    struct onnx_scope scope;
    oc_value         *input;
    struct output    *output;
    int               inputs, outputs;
    char              producer[128];
};

static oc_status find_outputs(oc_onnx *m, const char *path)
{
    const struct pb_list *const list = &m->model.graph->output;
    m->output = oc__pool_alloc(&m->pool, (size_t)(list->n + 1) * sizeof *m->output);
    if (!m->output)
        return OC_ELIMIT;
    if (list->n == 0)
        return oc__fail(OC_EINPUT, "%s: the graph has no output", path);
    for (int i = 0; i < list->n; i++) {
        const char *const name = LIST_AT(struct onnx_value_info, *list, i)->name;
        const int64_t id = oc__map_get(&m->scope.by_name, name ? name : "", -1);
        if (id <= 0)
            return oc__fail(OC_EINPUT, "%s: output %s: nothing makes it", path,
                            oc__quote_z(name ? name : ""));
        m->output[m->outputs].name = oc__pool_strdup(&m->pool, name);
        m->output[m->outputs].value = (oc_value){ (int32_t)id };
        if (!m->output[m->outputs++].name)
            return OC_ELIMIT;
    }
    return OC_OK;
}

static oc_status find_inputs(oc_onnx *m)
{
    const oc_graph *const g = m->scope.g;
    m->input = oc__pool_alloc(&m->pool, (size_t)(g->inputs + 1) * sizeof *m->input);
    if (!m->input)
        return OC_ELIMIT;
    for (int i = 0; i < g->values; i++)
        if (g->value[i].kind == VALUE_INPUT)
            m->input[m->inputs++] = (oc_value){ i + 1 };
    return OC_OK;
}

static oc_status keep_metadata(oc_onnx *m)
{
    const struct pb_list *const list = &m->model.metadata_props;
    m->property = oc__pool_alloc(&m->pool, (size_t)(list->n + 1) * sizeof *m->property);
    if (!m->property)
        return OC_ELIMIT;
    for (int i = 0; i < list->n; i++) {
        const struct onnx_pair *const from = LIST_AT(struct onnx_pair, *list, i);
        struct property *const to = &m->property[m->properties++];
        to->key = oc__pool_strdup(&m->pool, from->key ? from->key : "");
        to->value = from->value ? oc__pool_strdup(&m->pool, from->value) : NULL;
        if (!to->key || (from->value && !to->value))
            return OC_ELIMIT;
    }
    return OC_OK;
}

static oc_status import(oc_onnx *m, struct onnx_import *im)
{
    snprintf(m->producer, sizeof m->producer, "%s %s",
             m->model.producer_name ? m->model.producer_name : "",
             m->model.producer_version ? m->model.producer_version : "");
    m->opset = oc__onnx_opset(&m->model.opset_import, "");
    TRY(keep_metadata(m));
    TRY(oc__onnx_check_operators(im));
    TRY(oc__onnx_import_graph(im, m->model.graph, &m->scope));
    TRY(oc_graph_check(m->scope.g));
    TRY(find_inputs(m));
    return find_outputs(m, im->path);
}

static oc_status build(oc_onnx *m, struct onnx_source *source, const oc_onnx_options *options)
{
    struct onnx_import im = { .path = m->file.path, .model = &m->model, .options = options,
                              .pool = &m->messages, .store = m->store, .source = source };
    const oc_status status = import(m, &im);
    oc__map_free(&im.uses);
    return status;
}

static oc_status read_model(oc_onnx *m, const oc_onnx_options *options)
{
    const struct file *const f = &m->file;
    struct onnx_source source;
    if (f->size == 0)
        return oc__fail(OC_EINPUT, "%s: offset 0: the file is empty", f->path);
    TRY(oc__pb_read(f, &oc__onnx_model_message, &m->model, &m->messages));
    if (!m->model.graph)
        return oc__fail(OC_EINPUT, "%s: there is no graph in it", f->path);
    TRY(oc_store_new(&m->store, 0));
    TRY(oc_graph_new(&m->scope.g, m->store));
    m->scope.opsets = &m->model.opset_import;
    TRY(oc__onnx_source_open(&source, f));
    const oc_status status = build(m, &source, options);
    oc__onnx_source_close(&source);
    return status;
}

oc_status oc__onnx_open(oc_onnx **out, const char *path, const oc_onnx_options *options)
{
    *out = NULL;
    oc_onnx *const m = oc__alloc(1, sizeof *m);
    if (!m)
        return OC_ELIMIT;
    const char *const name = oc__pool_strdup(&m->pool, path);
    oc_status status = name ? oc__file_open(&m->file, name) : OC_ELIMIT;
    m->is_open = status == OC_OK;
    if (!status)
        status = read_model(m, options);
    if (status)
        oc_onnx_free(m);
    else
        *out = m;
    return status;
}

/* Nothing more will be read. */
static void close_file(oc_onnx *m)
{
    if (m->is_open)
        oc__file_close(&m->file);
    m->is_open = false;
    oc__pool_free(&m->messages);
    m->model = (struct onnx_model){ 0 };
}

oc_status oc__onnx_values(oc_onnx *m, oc_store *to)
{
    struct onnx_source source;
    TRY(oc__onnx_source_open(&source, &m->file));
    const oc_status status = oc__onnx_read_parameters(&source, m->model.graph, to);
    oc__onnx_source_close(&source);
    return status;
}

oc_status oc_onnx_load(oc_onnx **out, const char *path, const oc_onnx_options *options)
{
    TRY(oc__onnx_open(out, path, options));
    const oc_status status = oc__onnx_values(*out, (*out)->store);
    close_file(*out);
    if (status) {
        oc_onnx_free(*out);
        *out = NULL;
    }
    return status;
}

void oc_onnx_free(oc_onnx *m)
{
    if (!m)
        return;
    close_file(m);
    oc__map_free(&m->scope.by_name);
    oc_graph_free(m->scope.g);
    oc_store_free(m->store);
    oc__pool_free(&m->pool);
    oc__free(m);
}

oc_graph   *oc_onnx_graph(oc_onnx *m)                  { return m->scope.g; }
oc_store   *oc_onnx_store(oc_onnx *m)                  { return m->store; }
int         oc_onnx_inputs(const oc_onnx *m)           { return m->inputs; }
oc_value    oc_onnx_input(const oc_onnx *m, int i)     { return m->input[i]; }
int         oc_onnx_outputs(const oc_onnx *m)          { return m->outputs; }
const char *oc_onnx_producer(const oc_onnx *m)         { return m->producer; }
int64_t     oc_onnx_opset(const oc_onnx *m)            { return m->opset; }

oc_value oc_onnx_output(const oc_onnx *m, int i, const char **name)
{
    if (name)
        *name = m->output[i].name;
    return m->output[i].value;
}

oc_value oc_onnx_value(const oc_onnx *m, const char *name)
{
    const int64_t id = oc__map_get(&m->scope.by_name, name, 0);
    return (oc_value){ (int32_t)id };
}

const char *oc_onnx_metadata(const oc_onnx *m, const char *key)
{
    for (int i = 0; i < m->properties; i++)
        if (!strcmp(m->property[i].key, key))
            return m->property[i].value;
    return NULL;
}
