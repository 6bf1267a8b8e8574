/* onnx_write.c — see onnx_write.h.
 *
 *     ModelProto     1 ir_version  2, 3 producer  7 graph  8 opset_import  14 metadata_props
 *     GraphProto     1 node  2 name  5 initializer  11 input  12 output
 *     TensorProto    1 dims  2 data_type  8 name  9 raw_data
 *
 * What describes is built in memory, then lengths are known, and the numbers of parameters are
 * written between what stands before and behind them. */
#include "format/onnx_write.h"

#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/status.h"
#include "format/protobuf_write.h"
#include "op/onnx_wording.h"
#include "param/store.h"

enum { NAME_MAX_TRIES = 1 << 20 };

struct state {
    const struct onnx_writing *w;
    oc_graph                  *g;                       /* in plain operators */
    struct pool                pool;
    struct map                 taken;                   /* names, borrowed from pool and graphs */
    const char               **name;                    /* by value of g */
    oc_value                  *output;
    struct pb_writer           nodes, values, head, tail, *tensors;  /* one per parameter */
};

/* ---- names -------------------------------------------------------------------------------- */

static const char *take_name(struct state *s, const char *wanted)
{
    struct str text = { 0 };
    oc__str_addz(&text, wanted && *wanted ? wanted : "value");
    for (int i = 2; i < NAME_MAX_TRIES && oc__map_get(&s->taken, oc__str_text(&text), 0); i++) {
        oc__str_clear(&text);
        oc__str_addf(&text, "%s_%d", wanted && *wanted ? wanted : "value", i);
    }
    const char *const name = oc__pool_strdup(&s->pool, oc__str_text(&text));
    const bool ok = name && !text.failed && oc__map_put(&s->taken, name, 1);
    oc__str_free(&text);
    return ok ? name : NULL;
}

/* Parameters and inputs keep their names, outputs have those that were asked for, and what lies
 * between is called as in the graph. */
static oc_status name_values(struct state *s)
{
    bool ok = true;
    for (int i = 0; i < s->g->values; i++) {
        const struct value *const v = &s->g->value[i];
        if (v->kind == VALUE_PARAMETER || v->kind == VALUE_INPUT)
            ok &= (s->name[i] = take_name(s, v->name)) != NULL;
    }
    for (int i = 0; i < s->w->outputs; i++) {
        const int at = s->output[i].id - 1;
        ok &= (s->name[at] = take_name(s, s->w->output[i].name)) != NULL;
    }
    for (int i = 0; i < s->g->values; i++)
        if (!s->name[i])
            ok &= (s->name[i] = take_name(s, s->g->value[i].name)) != NULL;
    return ok ? OC_OK : OC_ELIMIT;
}

/* ---- tensors ------------------------------------------------------------------------------ */

/* All of a tensor but its raw_data. */
static void put_description(struct pb_writer *out, const char *name, oc_dtype t,
                            const oc_shape *shape)
{
    oc__pb_put_ints(out, 1, shape->dim, (size_t)shape->rank);
    oc__pb_put_int(out, 2, oc__onnx_data_type(t));
    oc__pb_put_text(out, 8, name);
}

static void put_constant(struct pb_writer *out, const char *name, const oc_tensor *t)
{
    oc__pb_begin(out, 5);
    put_description(out, name, t->dtype, &t->shape);
    oc__pb_put_bytes(out, 9, t->data, oc_tensor_bytes(t));
    oc__pb_end(out);
}

/* Constants of the graph; small ones, so that they are held in memory. */
static void put_constants(struct state *s)
{
    for (int i = 0; i < s->g->values; i++) {
        const struct value *const v = &s->g->value[i];
        const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
        if (v->kind == VALUE_CONSTANT)
            put_constant(&s->values, s->name[i], &t);
    }
}

/* ---- nodes -------------------------------------------------------------------------------- */

static void put_attribute(struct pb_writer *out, const struct onnx_attr *a)
{
    oc__pb_begin(out, 5);
    oc__pb_put_text(out, 1, a->name);
    if (a->type == ONNX_FLOAT)
        oc__pb_put_float(out, 2, (float)a->f);
    else if (a->type == ONNX_INT)
        oc__pb_put_int(out, 3, a->i);
    else if (a->type == ONNX_STRING)
        oc__pb_put_text(out, 4, a->s);
    for (int i = 0; a->type == ONNX_INTS && i < a->n; i++)
        oc__pb_put_int(out, 8, a->ints[i]);
    oc__pb_put_int(out, 20, a->type);
    oc__pb_end(out);
}

/* The name of input i: that of its value, of a constant of its own, or "" where it is absent. */
static const char *input_name(struct state *s, const struct node *n, const struct onnx_worded *w,
                              int i)
{
    char text[320];
    if (i < n->n_in && !oc__is_none(n->in[i]))
        return s->name[n->in[i].id - 1];
    if (!w->constant[i].data)
        return "";
    snprintf(text, sizeof text, "%.250s.%d", n->name, i);
    const char *const name = take_name(s, text);
    if (name)
        put_constant(&s->values, name, &w->constant[i]);
    return name;
}

static bool is_used(const struct state *s, oc_value v)
{
    for (int i = 0; i < s->w->outputs; i++)
        if (s->output[i].id == v.id)
            return true;
    for (int k = 0; k < s->g->nodes; k++)
        for (int i = 0; i < s->g->node[k].n_in; i++)
            if (s->g->node[k].in[i].id == v.id)
                return true;
    return false;
}

static oc_status put_node(struct state *s, const struct node *n)
{
    struct onnx_worded w;
    struct pb_writer *const out = &s->nodes;
    TRY(oc__onnx_word(&w, s->g, n, s->w->opset, &s->pool));
    oc__pb_begin(out, 1);
    for (int i = 0; i < w.n_in; i++) {
        const char *const name = input_name(s, n, &w, i);
        if (!name)
            return OC_ELIMIT;
        oc__pb_put_text(out, 1, name);
    }
    const bool parted = n->op == &oc__op_split || n->op == &oc__op_top_k;
    for (int k = 0; k < n->n_out; k++)
        if (k == 0 || parted)
            oc__pb_put_text(out, 2, s->name[n->out.id + k - 1]);
        else if (is_used(s, (oc_value){ n->out.id + k }))
            return oc__fail(OC_EUSAGE, "node %s (%s): its output %d cannot be said in ONNX",
                            oc__quote_z(n->name), n->op->entry.name, k);
    oc__pb_put_text(out, 3, n->name);
    oc__pb_put_text(out, 4, w.op);
    for (int i = 0; i < w.attrs; i++)
        put_attribute(out, &w.attr[i]);
    oc__pb_end(out);
    return OC_OK;
}

/* ---- inputs and outputs ------------------------------------------------------------------- */

static void put_value(struct pb_writer *out, int field, const oc_graph *g, const char *name,
                      oc_dtype type, const oc_shape *shape)
{
    oc__pb_begin(out, field);
    oc__pb_put_text(out, 1, name);
    oc__pb_begin(out, 2);
    oc__pb_begin(out, 1);
    oc__pb_put_int(out, 1, oc__onnx_data_type(type));
    if (shape->rank >= 0)
        oc__pb_begin(out, 2);
    for (int i = 0; i < shape->rank; i++) {
        oc__pb_begin(out, 1);
        if (shape->dim[i] >= 0)
            oc__pb_put_int(out, 1, shape->dim[i]);
        else if (shape->dim[i] < OC_UNKNOWN)
            oc__pb_put_text(out, 2, g->symbol[-2 - shape->dim[i]]);
        oc__pb_end(out);
    }
    if (shape->rank >= 0)
        oc__pb_end(out);
    oc__pb_end(out);
    oc__pb_end(out);
    oc__pb_end(out);
}

/* Shapes of outputs are those of the graph that was given: its sizes are known where the plain
 * one leaves them to a run. */
static void put_interface(struct state *s)
{
    for (int i = 0; i < s->g->values; i++) {
        const struct value *const v = &s->g->value[i];
        if (v->kind == VALUE_INPUT)
            put_value(&s->values, 11, s->g, s->name[i], v->dtype, &v->shape);
    }
    for (int i = 0; i < s->w->outputs; i++) {
        const struct value *const v = oc__value(s->w->graph, s->w->output[i].value);
        put_value(&s->values, 12, s->w->graph, s->name[s->output[i].id - 1], v->dtype, &v->shape);
    }
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* The version of the format that came with an opset. */
static int ir_version(int64_t opset)
{
    return opset <= 18 ? 8 : opset <= 20 ? 9 : opset <= 22 ? 10 : 11;
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

/* A key or a length. */
static oc_status write_varint(struct writer *to, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (unsigned char)(v | 0x80);
    bytes[n++] = (unsigned char)v;
    return oc__write(to, bytes, n);
}

enum { WIRE_BYTES = 2, KEY_INITIALIZER = 5 << 3 | WIRE_BYTES, KEY_RAW_DATA = 9 << 3 | WIRE_BYTES,
       KEY_GRAPH = 7 << 3 | WIRE_BYTES };

static size_t parameter_bytes(const struct parameter *p)
{
    return (size_t)p->count * sizeof(float);
}

/* Bytes of the TensorProto of a parameter. */
static size_t tensor_size(const struct state *s, int i)
{
    const size_t raw = parameter_bytes(&s->w->store->parameter[i]);
    return s->tensors[i].out.n + 1 + varint_size(raw) + raw;
}

static size_t graph_size(const struct state *s)
{
    size_t n = s->nodes.out.n + s->values.out.n;
    for (int i = 0; i < s->w->store->n; i++)
        if (s->tensors[i].out.n)
            n += 1 + varint_size(tensor_size(s, i)) + tensor_size(s, i);
    return n;
}

static oc_status write_parameter(const struct state *s, int i, struct writer *to)
{
    const struct pb_writer *const t = &s->tensors[i];
    const size_t raw = parameter_bytes(&s->w->store->parameter[i]);
    TRY(write_varint(to, KEY_INITIALIZER));
    TRY(write_varint(to, tensor_size(s, i)));
    TRY(oc__write(to, t->out.text, t->out.n));
    TRY(write_varint(to, KEY_RAW_DATA));
    TRY(write_varint(to, raw));
    return oc__write(to, oc__store_place(s->w->store, ROLE_VALUE, i), raw);
}

static oc_status write_all(const struct state *s, struct writer *to)
{
    TRY(oc__write(to, s->head.out.text, s->head.out.n));
    TRY(write_varint(to, KEY_GRAPH));
    TRY(write_varint(to, graph_size(s)));
    TRY(oc__write(to, s->nodes.out.text, s->nodes.out.n));
    for (int i = 0; i < s->w->store->n; i++)
        if (s->tensors[i].out.n)
            TRY(write_parameter(s, i, to));
    TRY(oc__write(to, s->values.out.text, s->values.out.n));
    return oc__write(to, s->tail.out.text, s->tail.out.n);
}

static oc_status describe_model(struct state *s)
{
    oc__pb_put_int(&s->head, 1, ir_version(s->w->opset));
    oc__pb_put_text(&s->head, 2, "ocellus");
    oc__pb_put_text(&s->head, 3, OC_VERSION);
    oc__pb_begin(&s->tail, 8);
    oc__pb_put_text(&s->tail, 1, "");
    oc__pb_put_int(&s->tail, 2, s->w->opset);
    oc__pb_end(&s->tail);
    for (int i = 0; i < s->w->properties; i++) {
        oc__pb_begin(&s->tail, 14);
        oc__pb_put_text(&s->tail, 1, s->w->property[i].key);
        oc__pb_put_text(&s->tail, 2, s->w->property[i].value);
        oc__pb_end(&s->tail);
    }
    TRY(oc__pb_written(&s->head));
    return oc__pb_written(&s->tail);
}

static oc_status describe_parameters(struct state *s)
{
    for (int i = 0; i < s->g->values; i++) {
        const struct value *const v = &s->g->value[i];
        if (v->kind != VALUE_PARAMETER || s->tensors[v->index].out.n)
            continue;
        put_description(&s->tensors[v->index], s->name[i], OC_F32, &v->shape);
        TRY(oc__pb_written(&s->tensors[v->index]));
    }
    return OC_OK;
}

static oc_status describe(struct state *s)
{
    TRY(name_values(s));
    for (int k = 0; k < s->g->nodes; k++)
        TRY(put_node(s, &s->g->node[k]));
    oc__pb_put_text(&s->nodes, 2, s->w->name);
    put_constants(s);
    put_interface(s);
    TRY(describe_parameters(s));
    TRY(oc__pb_written(&s->nodes));
    TRY(oc__pb_written(&s->values));
    return describe_model(s);
}

/* An output that is an input, a parameter, or another output gets a node of its own. */
static oc_status settle_outputs(struct state *s)
{
    for (int i = 0; i < s->w->outputs; i++) {
        bool own = oc__value(s->g, s->output[i])->kind == VALUE_RESULT;
        for (int k = 0; k < i; k++)
            own &= s->output[k].id != s->output[i].id;
        if (!own)
            s->output[i] = oc_apply(s->g, "Identity", 1, &s->output[i], NULL);
    }
    return oc_graph_check(s->g);
}

static oc_status make_plain(struct state *s)
{
    const int n = s->w->outputs;
    oc_value *const want = oc__pool_alloc(&s->pool, (size_t)(n + 1) * sizeof *want);
    s->output = oc__pool_alloc(&s->pool, (size_t)(n + 1) * sizeof *want);
    if (!want || !s->output)
        return OC_ELIMIT;
    for (int i = 0; i < n; i++)
        want[i] = s->w->output[i].value;
    TRY(oc__onnx_plain(&s->g, s->w->graph, s->w->opset, n, want, s->output));
    TRY(settle_outputs(s));
    s->name = oc__pool_alloc(&s->pool, (size_t)(s->g->values + 1) * sizeof *s->name);
    s->tensors = oc__alloc((size_t)s->w->store->n + 1, sizeof *s->tensors);
    return s->name && s->tensors ? OC_OK : OC_ELIMIT;
}

static void free_state(struct state *s)
{
    for (int i = 0; s->tensors && i < s->w->store->n; i++)
        oc__pb_free(&s->tensors[i]);
    oc__free(s->tensors);
    oc__pb_free(&s->nodes);
    oc__pb_free(&s->values);
    oc__pb_free(&s->head);
    oc__pb_free(&s->tail);
    oc__map_free(&s->taken);
    oc_graph_free(s->g);
    oc__pool_free(&s->pool);
}

oc_status oc__onnx_write(const char *path, const struct onnx_writing *w, enum write_flags flags)
{
    struct state s = { .w = w };
    struct writer to;
    TRY(oc__store_ready(w->store, ROLE_VALUE));
    oc_status status = make_plain(&s);
    if (!status)
        status = describe(&s);
    const size_t graph = status ? 0 : graph_size(&s);
    if (!status && graph > INT32_MAX)
        status = oc__fail(OC_ELIMIT, "%s: %zu bytes: a model of one file has at most 2 GiB", path,
                          graph);
    if (!status)
        status = oc__write_begin(&to, path, (int64_t)(s.head.out.n + 1 + varint_size(graph)
                                                      + graph + s.tail.out.n));
    if (!status)
        status = write_all(&s, &to);
    if (!status)
        status = oc__write_commit(&to, flags);
    free_state(&s);
    return status;
}
