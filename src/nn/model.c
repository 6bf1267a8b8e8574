/* model.c — making, extending and asking a model. */
#include "nn/model_text.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "image/prepare.h"
#include "nn/graph_text.h"
#include "nn/zoo/zoo.h"
#include "op/op.h"
#include "param/store.h"

enum { CLASSES_MAX = 1 << 20 };

/* What words and names consist of. */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* ---- making ------------------------------------------------------------------------------- */

oc_status oc__model_set_classes(oc_model *m, int classes, const char *const *name)
{
    if (classes < 1 || classes > CLASSES_MAX)
        return oc__fail(OC_EUSAGE, "classes: %d: wants 1 to %d", classes, CLASSES_MAX);
    m->classes = classes;
    m->class_name = oc__pool_alloc(&m->pool, (size_t)classes * sizeof *m->class_name);
    if (!m->class_name)
        return OC_ELIMIT;
    for (int i = 0; i < classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        m->class_name[i] = oc__pool_strdup(&m->pool, name ? name[i] : number);
        if (!m->class_name[i])
            return OC_ELIMIT;
        if (strchr(m->class_name[i], '\n'))
            return oc__fail(OC_EUSAGE, "class %d: %s: a name is one line", i,
                            oc__quote_z(m->class_name[i]));
    }
    return OC_OK;
}

oc_status oc__model_set_preparation(oc_model *m, const char *text)
{
    struct prepare_program *p;
    oc_shape yields;
    TRY(oc__prepare_parse(&p, text ? text : "scale"));
    oc_status status = oc__prepare_shape(p, NULL, &yields);
    if (!status && m->input.rank == 3)
        status = oc__shape_match("what the preparation yields", &m->input, &yields);
    m->preparation = oc__pool_strdup(&m->pool, oc__prepare_text(p));
    oc__prepare_free(p);
    return status ? status : m->preparation ? OC_OK : OC_ELIMIT;
}

static oc_status set_input(oc_model *m, const oc_shape *input)
{
    if (input->rank < 1 || input->rank >= OC_MAX_RANK)
        return oc__fail(OC_EUSAGE, "input: %d dimensions: wants [c, h, w]", input->rank);
    for (int i = 0; i < input->rank; i++)
        if (input->dim[i] < 1)
            return oc__fail(OC_EUSAGE, "input: dimension %d is %lld, wants 1 or more", i,
                            (long long)input->dim[i]);
    m->input = *input;
    return OC_OK;
}

static oc_status fill(oc_model *m, const oc_model_options *o)
{
    TRY(set_input(m, &o->input));
    TRY(oc__model_set_task(m, o->task ? o->task : "classify"));
    const char *const *const only = oc__model_only_class(m);
    TRY(oc__model_set_classes(m, only ? 1 : o->classes, only ? only : o->class_name));
    TRY(oc__model_set_preparation(m, o->preparation));
    m->init = o->init ? oc__pool_strdup(&m->pool, o->init) : NULL;
    m->architecture = oc__strdup("");
    if ((o->init && !m->init) || !m->architecture)
        return OC_ELIMIT;
    TRY(oc_store_new(&m->store, o->seed));
    return o->architecture ? oc_model_add(m, o->architecture) : OC_OK;
}

oc_status oc__model_from_steps(oc_model **out, const oc_model_options *options)
{
    *out = NULL;
    oc_model *m = oc__alloc(1, sizeof *m);
    if (!m)
        return OC_ELIMIT;
    const oc_status status = fill(m, options);
    if (status)
        oc_model_free(m);
    else
        *out = m;
    return status;
}

/* A single word that is neither a model nor a layer was most likely meant to be a model. */
static oc_status check_word(const char *text)
{
    const char *names[64];
    int n = 0;
    if (text[strspn(text, LETTERS)])
        return OC_OK;
    for (int i = 0; oc__layer_list[i]; i++)
        if (!strcmp(text, oc__layer_list[i]->name))
            return OC_OK;
    struct str known = { 0 };
    for (; n < oc_zoo_count() && n < 63; n++) {
        names[n] = oc_zoo_at(n)->name;
        oc__str_addf(&known, "%s%s", n ? ", " : "", names[n]);
    }
    names[n] = NULL;
    const char *near = oc__nearest(text, names);
    oc__fail(OC_EUSAGE,
             "unknown model %s%s%s%s known: %s; or write layers: \"flatten; linear classes\"",
             oc__quote_z(text), near ? ": did you mean " : ";", near ? near : "", near ? "?" : "",
             oc__str_text(&known));
    oc__str_free(&known);
    return OC_EUSAGE;
}

static oc_status make_new(oc_model **out, oc_model_options *o)
{
    struct str steps = { 0 };
    oc_status status = o->data ? oc__model_fill(o, &steps) : OC_OK;
    oc__model_name_classes(o);
    if (!status && o->data && o->input.rank == 3 && (o->input.dim[1] < 1 || o->input.dim[2] < 1))
        status = oc__fail(OC_EUSAGE, "preparation: it leaves the size of the images open; end it "
                                     "with one, such as resize 28,28");
    if (!status)
        status = oc__model_from_steps(out, o);
    oc__str_free(&steps);
    return status;
}

oc_status oc_model_new(oc_model **out, const oc_model_options *options)
{
    *out = NULL;
    oc_model_options o = *options;
    char *steps = NULL;
    const oc_zoo_entry *zoo = o.architecture ? oc_zoo_find(o.architecture) : NULL;
    if (o.architecture && !zoo)
        TRY(check_word(o.architecture));
    if (zoo) {
        TRY(oc_zoo_steps(o.architecture, &steps));
        o.architecture = steps;
        o.task = o.task ? o.task : zoo->task;
    }
    oc_status status = make_new(out, &o);
    oc_string_free(steps);
    if (!status && zoo && (!o.task || !strcmp(o.task, zoo->task ? zoo->task : "classify")))
        status = oc__model_set_loss(*out, zoo->loss);
    if (status) {
        oc_model_free(*out);
        *out = NULL;
    }
    return status;
}

void oc_model_free(oc_model *m)
{
    if (!m)
        return;
    oc_store_free(m->store);
    oc__free(m->architecture);
    oc__free(m->step);
    oc__pool_free(&m->pool);
    oc__free(m);
}

/* ---- adding steps ------------------------------------------------------------------------- */

static oc_status reserve(oc_model *m)
{
    if (m->n < m->capacity)
        return OC_OK;
    const int capacity = 2 * m->capacity + 16;
    const size_t old = (size_t)m->capacity;
    struct model_step *step = oc__grow(m->step, old, (size_t)capacity, sizeof *step);
    if (!step)
        return OC_ELIMIT;
    m->step = step;
    m->capacity = capacity;
    return OC_OK;
}

static oc_status check_name(const oc_model *m, const char *where, const char *name)
{
    char other[PLACE_TEXT];
    if (!*name || name[strspn(name, LETTERS ".")])
        return oc__fail(OC_EUSAGE, "%s: name: %s: wants letters, digits, '_', '-' and '.'", where,
                        oc__quote_z(name));
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->step[i].name, name))
            return oc__fail(OC_EUSAGE, "%s: the name %s is taken by %s", where, name,
                            oc__model_place(m, i, other));
    return OC_OK;
}

/* The name of a step: as given, else its kind and number. */
static const char *step_name(oc_model *m, const struct layer *l, const void *attr)
{
    char text[ATTR_TEXT_MAX + 16];
    const char *given = oc__layer_name(l, attr);
    if (given && *given)
        return given;
    int nth = 1;
    for (int i = 0; i < m->n; i++)
        nth += m->step[i].layer == l;
    snprintf(text, sizeof text, "%s%d", l->entry.name, nth);
    return oc__pool_strdup(&m->pool, text);
}

static oc_status append(oc_model *m, const struct step *parsed)
{
    const struct layer *l = (const struct layer *)(const void *)parsed->entry;
    char where[PLACE_TEXT];
    TRY(reserve(m));
    snprintf(where, sizeof where, "step %d (%s)", m->n + 1, l->entry.name);
    const size_t size = l->entry.size ? l->entry.size : 1;
    struct model_step s = { .layer = l, .attr = oc__pool_alloc(&m->pool, size) };
    if (!s.attr)
        return OC_ELIMIT;
    if (l->entry.size)
        memcpy(s.attr, parsed->attr, size);
    if (l->ready)
        TRY(l->ready(s.attr, where, m->classes));
    s.name = step_name(m, l, s.attr);
    if (!s.name)
        return OC_ELIMIT;
    TRY(check_name(m, where, s.name));
    m->step[m->n++] = s;
    return OC_OK;
}

static oc_status set_text(oc_model *m, const char *text)
{
    char *const made = oc__strdup(text);
    if (!made)
        return OC_ELIMIT;
    oc__free(m->architecture);
    m->architecture = made;
    return OC_OK;
}

static oc_status remake_text(oc_model *m)
{
    if (m->step[0].graph)
        return set_text(m, m->step[0].graph);
    struct str text = { 0 }, attrs = { 0 };
    for (int i = 0; i < m->n; i++) {
        const struct model_step *s = &m->step[i];
        oc__str_clear(&attrs);
        if (s->layer)
            oc__attr_print(&s->layer->entry, s->attr, false, &attrs);
        else
            oc__str_addz(&attrs, s->name);
        oc__str_addf(&text, "%s%s%s%s", i ? "; " : "",
                     s->layer ? s->layer->entry.name : "function", attrs.n ? " " : "",
                     oc__str_text(&attrs));
        text.failed |= attrs.failed;
    }
    const oc_status status = text.failed ? OC_ELIMIT : set_text(m, oc__str_text(&text));
    oc__str_free(&attrs);
    oc__str_free(&text);
    return status;
}

/* Builds all steps into a graph that is thrown away; the parameters stay declared in `store`. */
static oc_status try_build(oc_model *m, oc_store *store)
{
    struct branches b = { .n = 0 };
    oc_graph *g;
    TRY(oc_graph_new(&g, store));
    oc_value x = oc__model_input(m, g, oc_symbol(g, "N"));
    for (int i = 0; i < m->n; i++)
        x = oc__model_build_step(m, g, i, x, &b);
    m->outputs = 1 + b.outputs;
    const oc_status status = oc_graph_check(g);
    oc_graph_free(g);
    return status;
}

bool oc__is_of_step(const char *parameter, const char *step)
{
    const size_t n = strlen(step);
    return strncmp(parameter, step, n) == 0 && parameter[n] == '.';
}

int oc__model_head(const oc_model *m)
{
    const oc_store *const s = m->store;
    for (int i = m->n - 1; i >= 0; i--)
        for (int k = 0; k < s->n; k++)
            if (oc__is_of_step(s->parameter[k].name, m->step[i].name))
                return i;
    return -1;
}

int oc__model_open_head(oc_model *m)
{
    const int i = oc__model_head(m);
    if (i < 0 || !m->step[i].layer
        || oc__attr_set(&m->step[i].layer->entry, m->step[i].attr, "head", "out", "classes") < 0)
        return -1;
    return remake_text(m) < 0 ? -1 : i;
}

/* Accepts the steps from `before` on, or takes them back.  They are tried on a store of their own,
 * so that a failure leaves no parameters behind. */
static oc_status accept(oc_model *m, int before)
{
    oc_store *scratch;
    oc_status status = oc_store_new(&scratch, 0);
    if (!status)
        status = try_build(m, scratch);
    oc_store_free(scratch);
    if (!status)
        status = try_build(m, m->store);
    if (!status)
        status = remake_text(m);
    if (status)
        m->n = before;
    return status;
}

static oc_status add_graph(oc_model *m, const char *text)
{
    TRY(reserve(m));
    char *const copy = oc__pool_strdup(&m->pool, text);
    if (!copy)
        return OC_ELIMIT;
    m->step[m->n++] = (struct model_step){ .name = "graph", .graph = copy };
    return accept(m, 0);
}

oc_status oc_model_add(oc_model *m, const char *text)
{
    struct steps parsed;
    const int before = m->n;
    if (m->n && (m->step[0].graph || oc__is_graph_text(text)))
        return oc__fail(OC_EUSAGE, "a model that is a graph has no other steps");
    if (oc__is_graph_text(text))
        return add_graph(m, text);
    TRY(oc__steps_parse(&parsed, oc__layer_list, "layer", text));
    oc_status status = OC_OK;
    for (int i = 0; i < parsed.n && !status; i++)
        status = append(m, &parsed.step[i]);
    oc__steps_free(&parsed);
    if (status)
        m->n = before;
    return status ? status : accept(m, before);
}

oc_status oc_model_add_function(oc_model *m, const char *name, oc_layer_function *f, void *context)
{
    char where[PLACE_TEXT];
    const int before = m->n;
    TRY(reserve(m));
    snprintf(where, sizeof where, "step %d (function)", m->n + 1);
    TRY(check_name(m, where, name));
    struct model_step s = { .function = f, .context = context };
    s.name = oc__pool_strdup(&m->pool, name);
    if (!s.name)
        return OC_ELIMIT;
    m->step[m->n++] = s;
    return accept(m, before);
}

/* What patterns may begin with: "conv1.*, layer1.*, fc.*". */
static void list_groups(const oc_store *s, struct str *out)
{
    const char *last = "";
    for (int i = 0; i < s->n; i++) {
        const char *const name = s->parameter[i].name;
        const size_t n = strcspn(name, ".");
        if (i == 0 || strcspn(last, ".") != n || strncmp(last, name, n) != 0)
            oc__str_addf(out, "%s%.*s%s", i ? ", " : "", (int)n, name, name[n] ? ".*" : "");
        last = name;
    }
}

/* Each pattern must match a parameter: one that does not is a mistake. */
static oc_status check_pattern(const oc_model *m, const char *pattern)
{
    for (int i = 0; i < m->store->n; i++)
        if (oc__frozen(pattern, m->store->parameter[i].name))
            return OC_OK;
    struct str known = { 0 };
    list_groups(m->store, &known);
    oc__fail(OC_EUSAGE, "freeze: %s: matches none of the model's %d parameters; there are: %s",
             oc__quote_z(pattern), m->store->n, oc__str_text(&known));
    oc__str_free(&known);
    return OC_EUSAGE;
}

oc_status oc__model_freeze(oc_model *m, const char *patterns)
{
    m->freeze = NULL;
    if (!patterns || !*patterns)
        return OC_OK;
    char *const copy = oc__pool_strdup(&m->pool, patterns);
    char *const words = oc__pool_strdup(&m->pool, patterns), *rest = words;
    if (!copy || !words)
        return OC_ELIMIT;
    for (char *p; (p = strsep(&rest, ","));)
        TRY(check_pattern(m, p));
    m->freeze = copy;
    return OC_OK;
}

/* ---- asking ------------------------------------------------------------------------------- */

oc_store   *oc_model_store(const oc_model *m)        { return m->store; }
oc_shape    oc_model_input(const oc_model *m)        { return m->input; }
int         oc_model_classes(const oc_model *m)      { return m->classes; }
int         oc_model_outputs(const oc_model *m)      { return m->outputs; }
const char *oc_model_task(const oc_model *m)         { return m->task; }
const char *oc_model_preparation(const oc_model *m)  { return m->preparation; }
const char *oc_model_architecture(const oc_model *m) { return m->architecture; }
const char *oc__model_loss(const oc_model *m)        { return m->loss; }

const char *oc_model_class_name(const oc_model *m, int i)
{
    return i >= 0 && i < m->classes ? m->class_name[i] : NULL;
}

oc_status oc__model_set_loss(oc_model *m, const char *loss)
{
    const char *copy = oc__pool_strdup(&m->pool, loss);
    if (!copy)
        return OC_ELIMIT;
    m->loss = copy;
    return OC_OK;
}
