/* print.c — a graph as text, one node a line, and for Graphviz. */
#include "graph/graph.h"

#include "op/op.h"

static void add_shape(struct str *s, const oc_graph *g, const oc_shape *shape)
{
    oc__str_addz(s, shape->rank < 0 ? "[…" : "[");
    for (int i = 0; i < shape->rank; i++) {
        const int64_t d = shape->dim[i];
        oc__str_addz(s, i ? ", " : "");
        if (d >= 0)
            oc__str_addf(s, "%lld", (long long)d);
        else
            oc__str_addz(s, d <= -2 ? g->symbol[-2 - d] : "?");
    }
    oc__str_addz(s, "]");
}

static void add_value_name(struct str *s, const oc_graph *g, oc_value v)
{
    if (oc__is_none(v)) {
        oc__str_addz(s, "-");
        return;
    }
    const struct value *p = oc__value(g, v);
    oc__str_addz(s, p->name);
    if (p->kind == VALUE_RESULT && g->node[p->index].n_out > 1)
        oc__str_addf(s, ":%d", p->output);
}

char *oc_graph_text(const oc_graph *g)
{
    struct str s = { 0 };
    for (int k = 0; k < g->nodes; k++) {
        const struct node *n = &g->node[k];
        oc__str_addf(&s, "%-28s %-20s ", n->name, n->op->entry.name);
        add_shape(&s, g, &oc__value(g, n->out)->shape);
        oc__str_addz(&s, " <-");
        for (int i = 0; i < n->n_in; i++) {
            oc__str_addz(&s, " ");
            add_value_name(&s, g, n->in[i]);
        }
        oc__str_addz(&s, "  ");
        oc__attr_print(&n->op->entry, n->attr, false, &s);
        oc__str_addz(&s, "\n");
    }
    return s.text;
}

char *oc_graph_dot(const oc_graph *g)
{
    static const char *const shape[] = { "ellipse", "cylinder", "note", "box" };
    struct str s = { 0 };
    oc__str_addz(&s, "digraph ocellus {\n  node [fontname=\"sans\"];\n");
    for (int i = 0; i < g->values; i++) {
        const struct value *v = &g->value[i];
        if (v->kind != VALUE_RESULT)
            oc__str_addf(&s, "  v%d [shape=%s, label=\"%s\"];\n", i + 1, shape[v->kind], v->name);
    }
    for (int k = 0; k < g->nodes; k++) {
        const struct node *n = &g->node[k];
        oc__str_addf(&s, "  n%d [shape=box, label=\"%s\\n%s ", k, n->name, n->op->entry.name);
        add_shape(&s, g, &oc__value(g, n->out)->shape);
        oc__str_addz(&s, "\"];\n");
        for (int i = 0; i < n->n_in; i++) {
            if (oc__is_none(n->in[i]))
                continue;
            const struct value *v = oc__value(g, n->in[i]);
            const bool result = v->kind == VALUE_RESULT;
            oc__str_addf(&s, "  %c%d -> n%d;\n", result ? 'n' : 'v',
                         result ? v->index : n->in[i].id, k);
        }
    }
    oc__str_addz(&s, "}\n");
    return s.text;
}
