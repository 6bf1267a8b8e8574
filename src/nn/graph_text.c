/* graph_text.c — graphs written as text (graph_text.h). */
#include "nn/graph_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "op/attributes.h"
#include "op/onnx.h"
#include "op/op.h"
#include "param/store.h"

static const char first_line[] = "graph 1\n";

bool oc__is_graph_text(const char *architecture)
{
    return !strncmp(architecture, first_line, sizeof first_line - 1);
}

int oc__graph_text_nodes(const char *text)
{
    int n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        n += p[1] >= 'A' && p[1] <= 'Z';
    return n;
}

struct text_writer {
    const oc_graph                  *g;
    const struct graph_text_options *o;
    struct str                      *out;
    bool                            *needed;            /* by value */
    int                             *number;            /* by value, in the text; 0: not yet */
    int                              values;
};

static void mark(struct text_writer *w)
{
    for (int i = 0; i < w->o->outputs; i++)
        w->needed[w->o->output[i].id - 1] = true;
    for (int k = w->g->nodes - 1; k >= 0; k--) {
        const struct node *const n = &w->g->node[k];
        bool used = false;
        if (n->out.id == w->o->input.id)
            continue;
        for (int i = 0; i < n->n_out; i++)
            used |= w->needed[n->out.id - 1 + i];
        for (int i = 0; i < n->n_out; i++)
            w->needed[n->out.id - 1 + i] |= used;
        for (int i = 0; used && i < n->n_in; i++)
            if (!oc__is_none(n->in[i]))
                w->needed[n->in[i].id - 1] = true;
    }
}

static void add_shape(struct str *out, const oc_shape *s, int from)
{
    oc__str_addz(out, s->rank > from ? " " : " -");
    for (int i = from; i < s->rank; i++)
        oc__str_addf(out, "%s%lld", i > from ? "," : "", (long long)s->dim[i]);
}

static void add_input(struct text_writer *w, const struct value *v)
{
    oc__str_addf(w->out, "input %s", oc_dtype_name(v->dtype));
    add_shape(w->out, &v->shape, 1);
    oc__str_addz(w->out, "\n");
}

/* Parameters of another head begin anew. */
static oc_status add_parameter(struct text_writer *w, const struct value *v, oc_value id)
{
    const struct parameter *const p = &w->g->store->parameter[v->index];
    oc_shape shape = v->shape;
    const char *init = "";
    for (int i = 0; i < 2; i++)
        if (w->o->head[i].id == id.id && w->o->had != w->o->classes) {
            shape.dim[w->o->axis[i]] = w->o->classes;
            init = shape.rank > 1 ? " \"kaiming_uniform slope=2.23606797749979\"" : " zeros";
        }
    if (strchr(p->name, '\n'))
        return oc__fail(OC_EINPUT, "parameter %s: a name is one line", oc__quote_z(p->name));
    oc__str_addf(w->out, "parameter %s", p->kind == OC_STATISTIC ? "statistic" : "trainable");
    add_shape(w->out, &shape, 0);
    oc__str_addz(w->out, " ");
    oc__attr_quote(p->name, w->out);
    oc__str_addf(w->out, "%s\n", init);
    return OC_OK;
}

static void add_number(const oc_tensor *t, int64_t i, struct str *out)
{
    char text[32];
    if (t->dtype == OC_I64)
        oc__str_addf(out, "%lld", (long long)((const int64_t *)t->data)[i]);
    else if (t->dtype == OC_U64)
        oc__str_addf(out, "%llu", (unsigned long long)((const uint64_t *)t->data)[i]);
    else if (t->dtype == OC_F32)
        oc__str_addz(out, oc__float_text(((const float *)t->data)[i], text));
    else
        oc__str_addz(out, oc__double_text(oc_tensor_get(t, i), text));
}

static void add_constant(struct text_writer *w, const struct value *v)
{
    const oc_tensor t = { v->dtype, v->shape, (void *)(uintptr_t)v->data };
    const int64_t n = oc_shape_count(&t.shape);
    oc__str_addf(w->out, "constant %s", oc_dtype_name(t.dtype));
    add_shape(w->out, &t.shape, 0);
    oc__str_addz(w->out, n ? " " : " -");
    for (int64_t i = 0; i < n; i++) {
        oc__str_addz(w->out, i ? "," : "");
        add_number(&t, i, w->out);
    }
    oc__str_addz(w->out, "\n");
}

/* Shapes that name the batch the file was made for, or the classes of its head, name them no
 * longer. */
static void open_shape(const struct text_writer *w, const struct node *n, void *attr)
{
    struct reshape *const a = attr;
    if (n->op != &oc__op_reshape || a->shape.n < 1)
        return;
    if (w->o->batch > 0 && a->shape.v[0] == w->o->batch && !a->allowzero)
        a->shape.v[0] = 0;
    if (a->shape.n == 2 && a->shape.v[1] == w->o->had)
        a->shape.v[1] = w->o->classes;
}

static oc_status add_node(struct text_writer *w, const struct node *n)
{
    _Alignas(16) char attr[1024];
    if (n->op->control || n->op->entry.size > sizeof attr)
        return oc__fail(OC_EINPUT, "node %s (%s): it runs graphs of its own, which training does "
                                   "not know", oc__quote_z(n->name), n->op->entry.name);
    if (n->op->entry.size)
        memcpy(attr, n->attr, n->op->entry.size);
    open_shape(w, n, attr);
    if (n->op == &oc__op_dropout)
        ((struct dropout *)(void *)attr)->key = 0;      /* made from the name again */
    oc__str_addf(w->out, "%s ", n->op->entry.name);
    oc__attr_quote(strchr(n->name, '\n') ? "" : n->name, w->out);
    oc__str_addz(w->out, n->n_in ? " " : " -");
    for (int i = 0; i < n->n_in; i++) {
        const int id = n->in[i].id;
        oc__str_addf(w->out, id ? "%s%d" : "%s-", i ? "," : "", id ? w->number[id - 1] : 0);
    }
    struct str attrs = { 0 };
    oc__attr_print(&n->op->entry, attr, false, &attrs);
    oc__str_addf(w->out, "%s%s\n", attrs.n ? " " : "", oc__str_text(&attrs));
    w->out->failed |= attrs.failed;
    oc__str_free(&attrs);
    return OC_OK;
}

static oc_status add_value(struct text_writer *w, int i)
{
    const struct value *const v = &w->g->value[i];
    if (i + 1 == w->o->input.id)
        add_input(w, v);
    else if (v->kind == VALUE_RESULT && v->output == 0)
        TRY(add_node(w, &w->g->node[v->index]));
    else if (v->kind == VALUE_PARAMETER)
        TRY(add_parameter(w, v, (oc_value){ i + 1 }));
    else if (v->kind == VALUE_CONSTANT)
        add_constant(w, v);
    else if (v->kind == VALUE_INPUT)
        return oc__fail(OC_EINPUT, "input %s: is read beside value %s, where the network begins",
                        oc__quote_z(v->name), oc__value(w->g, w->o->input)->name);
    w->number[i] = ++w->values;
    return OC_OK;
}

static oc_status write_all(struct text_writer *w)
{
    mark(w);
    oc__str_addz(w->out, first_line);
    for (int i = 0; i < w->g->values; i++)
        if (w->needed[i])
            TRY(add_value(w, i));
    for (int i = 0; i < w->o->outputs; i++) {
        int at = w->number[w->o->output[i].id - 1];
        if (i == 0 && w->o->flatten) {
            oc__str_addf(w->out, "Flatten logits %d\n", at);
            at = ++w->values;
        }
        oc__str_addf(w->out, "output %d\n", at);
    }
    return w->out->failed ? OC_ELIMIT : OC_OK;
}

oc_status oc__graph_text(const oc_graph *g, const struct graph_text_options *o, struct str *out)
{
    struct text_writer w = { .g = g, .o = o, .out = out };
    w.needed = oc__alloc((size_t)g->values + 1, sizeof *w.needed);
    w.number = oc__alloc((size_t)g->values + 1, sizeof *w.number);
    const oc_status status = w.needed && w.number ? write_all(&w) : OC_ELIMIT;
    oc__free(w.needed);
    oc__free(w.number);
    return status;
}
