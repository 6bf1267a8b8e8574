/* manual.c — the operators' page of the manual, written from their tables.
 *
 * docs/operators.md is this text.  Gradient operators, which nobody calls by name, share one table
 * at the end. */
#include "op/op.h"

#include <string.h>

#include "param/store.h"

static const char *const type_words[] = {
    [ATTR_INT] = "integer", [ATTR_FLOAT] = "number", [ATTR_BOOL] = "true or false",
    [ATTR_INTS] = "integers", [ATTR_CHOICE] = "word", [ATTR_TEXT] = "text", [ATTR_LINE] = "text",
};

static bool is_gradient(const struct op *op) { return strstr(op->entry.name, "Grad") != NULL; }

/* Inside a table a bar would end the cell. */
static void add_cell(struct str *out, const char *text)
{
    for (; *text; text++)
        oc__str_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_choices(struct str *out, const struct attr *a)
{
    for (const char *const *c = a->choices; c && *c; c++)
        oc__str_addf(out, "%s`%s`", c == a->choices ? ": " : ", ", *c);
}

static void add_attributes(struct str *out, const struct attr *attrs)
{
    if (!attrs || !attrs->name)
        return;
    oc__str_addz(out, "| attribute | type | default | meaning |\n| --- | --- | --- | --- |\n");
    for (const struct attr *a = attrs; a->name; a++) {
        const char *const preset = a->preset ? a->preset : "";
        oc__str_addf(out, "| `%s` | %s | %s%s%s | ", a->name, type_words[a->type],
                     *preset ? "`" : "", preset, *preset ? "`" : "");
        add_cell(out, a->help ? a->help : "");
        add_choices(out, a);
        oc__str_addz(out, " |\n");
    }
}

/* "`x`, `w`, `b` (optional)" */
static void add_names(struct str *out, const char *names)
{
    for (const char *p = names; *p;) {
        const size_t n = strcspn(p, " ");
        const bool marked = p[n - 1] == '?' || p[n - 1] == '*';
        oc__str_addz(out, p == names ? "`" : ", `");
        oc__str_add(out, p, n - marked);
        oc__str_addz(out, p[n - 1] == '?' ? "` (optional)" : p[n - 1] == '*' ? "` (one or more)"
                                                                              : "`");
        p += n;
        p += strspn(p, " ");
    }
}

static void add_traits(struct str *out, const struct op *op)
{
    oc__str_addz(out, op->compose                 ? "Composed of other operators"
                      : !op->grad                 ? "Not differentiable"
                      : op->grad == oc__grad_flat ? "Differentiable: the slope is zero"
                                                  : "Differentiable");
    if (op->grad && op->detached)
        oc__str_addz(out, ", by its first output");
    if (op->broadcasts)
        oc__str_addz(out, "; broadcasts as numpy does");
    if (op->random)
        oc__str_addz(out, "; random, by seed, step and key");
    oc__str_addz(out, ".\n\n");
}

static void add_cases(struct str *out, const struct op *op)
{
    if (!op->cases || !*op->cases)
        return;
    oc__str_addz(out, "Tested with");
    for (const char *const *c = op->cases; *c; c++)
        oc__str_addf(out, "%s `%s`", c == op->cases ? "" : ",", *c);
    oc__str_addz(out, ".\n\n");
}

static void add_operator(struct str *out, const struct op *op)
{
    oc__str_addf(out, "## %s\n\n`%s`\n\nInputs: ", op->entry.name, op->entry.summary);
    add_names(out, op->inputs);
    oc__str_addz(out, ".  Outputs: ");
    add_names(out, op->outputs);
    oc__str_addz(out, ".  ");
    add_traits(out, op);
    add_attributes(out, op->entry.attrs);
    oc__str_addz(out, op->entry.attrs ? "\n" : "");
    add_cases(out, op);
}

static void add_gradients(struct str *out)
{
    oc__str_addz(out, "## Gradient operators\n\nMade by `oc_grad()`, with the attributes of the "
                      "operator they belong to.\n\n"
                      "| operator | inputs | what it is |\n| --- | --- | --- |\n");
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        if (!is_gradient(op))
            continue;
        oc__str_addf(out, "| %s | ", op->entry.name);
        add_names(out, op->inputs);
        oc__str_addz(out, " | ");
        add_cell(out, op->entry.summary);
        oc__str_addz(out, " |\n");
    }
}

static void add_initialisers(struct str *out)
{
    oc__str_addz(out, "\n## Initialisers of parameters\n");
    for (const struct entry *const *e = oc__init_list; *e; e++) {
        oc__str_addf(out, "\n### %s\n\n%s\n", (*e)->name, (*e)->summary);
        oc__str_addz(out, (*e)->attrs && (*e)->attrs->name ? "\n" : "");
        add_attributes(out, (*e)->attrs);
    }
}

static const char introduction[] =
    "# Operators\n\n"
    "Written from the operators' tables by `make docs`; do not edit.  Names and meanings are\n"
    "ONNX's where ONNX has them.  An operator is applied by\n"
    "`oc_apply(g, \"Name\", n, inputs, \"attribute=value …\")`.\n\n"
    "After *Tested with*, a case has a token per input, its shape, and then attributes; `p:` are\n"
    "positive values, `w:` a wide range, `u:` values in (-1, 1), `a:` above 1, `c:` positive\n"
    "settings without a gradient, `i7:` indices below 7, `b:` bool; `-` is an absent input, `=`\n"
    "marks a constant.  Every case is checked on the reference, in its gradients, and on each\n"
    "back end that takes it.\n\n";

void oc__operators_manual(struct str *out)
{
    oc__str_addz(out, introduction);
    for (const struct entry *const *e = oc__op_list; *e; e++) {
        const struct op *const op = oc__op_find((*e)->name);
        if (!is_gradient(op))
            add_operator(out, op);
    }
    add_gradients(out);
    add_initialisers(out);
}

char *oc_operators_manual(void)
{
    struct str out = { 0 };
    oc__operators_manual(&out);
    return out.text;
}
