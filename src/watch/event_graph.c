/* event_graph.c — a graph as a GraphDef (tensorflow/core/framework/graph.proto, node_def.proto,
 * attr_value.proto), for looking at.
 *
 * Every value without a maker (inputs, parameters, constants) is a node of its own; results are
 * named by their node, and those behind the first by "node:1", as TensorFlow does.  Scopes are
 * parted by slashes, which is what the viewer folds. */
#include <string.h>

#include "graph/graph.h"
#include "op/op.h"
#include "watch/event.h"

enum { NODE = 1, NAME = 1, OP = 2, INPUT = 3, ATTRIBUTE = 5, VERSIONS = 4, KEY = 1, CONTENT = 2 };
enum { LIST = 1, TEXT = 2, SHAPE_OF_LIST = 7, DIMENSION = 2, SIZE = 1, PRODUCER = 1 };
enum { GRAPH_VERSION = 22 };                            /* of TensorFlow 1.0, which all read */

/* "layer1.conv.Conv" as "layer1/conv/Conv". */
static const char *slashed(const char *name, struct str *to)
{
    oc__str_clear(to);
    for (const char *p = name; *p; p++)
        oc__str_add(to, *p == '.' ? "/" : p, 1);
    return oc__str_text(to);
}

static const char *value_name(const oc_graph *g, const struct value *v, struct str *to)
{
    slashed(v->kind == VALUE_RESULT ? g->node[v->index].name : v->name, to);
    if (v->kind == VALUE_RESULT && v->output > 0)
        oc__str_addf(to, ":%d", v->output);
    return oc__str_text(to);
}

/* _output_shapes: what the viewer writes on the edges. */
static void put_shapes(struct pb_writer *w, const oc_graph *g, oc_value first, int n)
{
    oc__pb_begin(w, ATTRIBUTE);
    oc__pb_put_text(w, KEY, "_output_shapes");
    oc__pb_begin(w, CONTENT);
    oc__pb_begin(w, LIST);
    for (int k = 0; k < n; k++) {
        const oc_shape shape = oc_value_shape(g, (oc_value){ first.id + k });
        oc__pb_begin(w, SHAPE_OF_LIST);
        for (int i = 0; i < shape.rank; i++) {
            oc__pb_begin(w, DIMENSION);
            oc__pb_put_int(w, SIZE, shape.dim[i] < 0 ? -1 : shape.dim[i]);
            oc__pb_end(w);
        }
        oc__pb_end(w);
    }
    oc__pb_end(w);
    oc__pb_end(w);
    oc__pb_end(w);
}

static void put_settings(struct pb_writer *w, const struct node *n, struct str *text)
{
    oc__str_clear(text);
    oc__attr_print(&n->op->entry, n->attr, false, text);
    if (text->n == 0)
        return;
    oc__pb_begin(w, ATTRIBUTE);
    oc__pb_put_text(w, KEY, "attributes");
    oc__pb_begin(w, CONTENT);
    oc__pb_put_text(w, TEXT, text->text);
    oc__pb_end(w);
    oc__pb_end(w);
}

static void put_sources(struct pb_writer *w, const oc_graph *g, struct str *text)
{
    static const char *const op[] = { [VALUE_INPUT] = "Placeholder",
                                      [VALUE_PARAMETER] = "Variable",
                                      [VALUE_CONSTANT] = "Const" };
    for (int i = 0; i < g->values; i++) {
        const struct value *const v = &g->value[i];
        if (v->kind == VALUE_RESULT)
            continue;
        oc__pb_begin(w, NODE);
        oc__pb_put_text(w, NAME, value_name(g, v, text));
        oc__pb_put_text(w, OP, op[v->kind]);
        put_shapes(w, g, (oc_value){ i + 1 }, 1);
        oc__pb_end(w);
    }
}

void oc__event_graph(struct event_file *f, const oc_graph *g)
{
    struct pb_writer *const w = &f->record;
    struct str text = { 0 };
    put_sources(w, g, &text);
    for (int k = 0; k < g->nodes; k++) {
        const struct node *const n = &g->node[k];
        oc__pb_begin(w, NODE);
        oc__pb_put_text(w, NAME, slashed(n->name, &text));
        oc__pb_put_text(w, OP, n->op->entry.name);
        for (int i = 0; i < n->n_in; i++)
            if (!oc__is_none(n->in[i]))
                oc__pb_put_text(w, INPUT, value_name(g, oc__value(g, n->in[i]), &text));
        put_settings(w, n, &text);
        put_shapes(w, g, n->out, n->n_out);
        oc__pb_end(w);
    }
    oc__pb_begin(w, VERSIONS);
    oc__pb_put_int(w, PRODUCER, GRAPH_VERSION);
    oc__pb_end(w);
    w->out.failed |= text.failed;
    oc__str_free(&text);
}
