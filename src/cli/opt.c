/* opt.c — the command line read, and explained, from the tables of options. */
#include "cli/opt.h"

#include <stdio.h>
#include <string.h>

#include "base/attr_kind.h"
#include "base/status.h"

enum { NAME_MAX_LENGTH = 64, HELP_COLUMN_MAX = 30 };

static bool ends(const struct option *o)
{
    return !o->attr.name && !o->attr.help;
}

void oc__operands_free(struct operands *operands)
{
    oc__free(operands->word);
    *operands = (struct operands){ 0 };
}

/* ---- values -------------------------------------------------------------------------------- */

/* Numbers, switches and choices are read by the attribute's own rules; messages call it `name`. */
static oc_status set_named(const struct option *o, void *object, const char *where,
                           const char *name, const char *value)
{
    if (o->text) {
        *(const char **)((char *)object + o->attr.offset) = value;
        return OC_OK;
    }
    struct attr one[2] = { o->attr, { 0 } };
    one[0].name = name;
    const struct entry entry = { .name = where, .attrs = one };
    return oc__attr_set(&entry, object, where, name, value);
}

/* As an option of the command line, dashes and all. */
static oc_status set_value(const struct option *o, void *object, const char *where,
                           const char *value)
{
    char name[NAME_MAX_LENGTH + 3];
    snprintf(name, sizeof name, "--%s", o->attr.name);
    return set_named(o, object, where, name, value);
}

void oc__opt_print(const struct option *o, const void *object, struct str *out)
{
    const void *const field = (const char *)object + o->attr.offset;
    const char *const text = o->text ? *(const char *const *)field : NULL;
    if (!o->text)
        oc__attr_kinds[o->attr.type].print(&o->attr, field, out);
    else if (text)
        oc__str_addz(out, text);
}

void oc__opt_defaults(const struct option *table, void *object)
{
    for (const struct option *o = table; !ends(o); o++)
        if (o->attr.name && o->attr.preset)
            (void)set_value(o, object, "default", o->attr.preset);
}

/* ---- finding ------------------------------------------------------------------------------- */

struct found { const struct option *option; void *object; };

static struct found find_long(const struct opt_table *tables, const char *name, size_t n)
{
    for (; tables->table; tables++)
        for (const struct option *o = tables->table; !ends(o); o++)
            if (o->attr.name && strncmp(o->attr.name, name, n) == 0 && !o->attr.name[n])
                return (struct found){ o, tables->object };
    return (struct found){ 0 };
}

static struct found find_letter(const struct opt_table *tables, char letter)
{
    for (; tables->table; tables++)
        for (const struct option *o = tables->table; !ends(o); o++)
            if (o->letter && o->letter == letter)
                return (struct found){ o, tables->object };
    return (struct found){ 0 };
}

/* The option that was perhaps meant: the only one that begins so, or the nearest. */
static const char *meant(const struct opt_table *tables, const char *name)
{
    enum { MOST = 128 };
    const char *known[MOST + 1], *begins = NULL;
    int n = 0, beginning = 0;
    for (; tables->table; tables++)
        for (const struct option *o = tables->table; !ends(o); o++) {
            if (!o->attr.name || n == MOST)
                continue;
            known[n++] = o->attr.name;
            if (strncmp(o->attr.name, name, strlen(name)) == 0) {
                begins = o->attr.name;
                beginning++;
            }
        }
    known[n] = NULL;
    return beginning == 1 ? begins : oc__nearest(name, known);
}

static oc_status unknown(const char *where, const struct opt_table *tables, const char *word)
{
    char name[NAME_MAX_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *const near = *name ? meant(tables, name) : NULL;
    if (near)
        return oc__fail(OC_EUSAGE, "%s: unknown option %s: did you mean --%s?", where,
                        oc__quote_z(word), near);
    return oc__fail(OC_EUSAGE, "%s: unknown option %s; `ocellus %s --help` lists what exists",
                    where, oc__quote_z(word), where);
}

/* ---- reading ------------------------------------------------------------------------------- */

struct reading {
    const char             *where;
    const struct opt_table *tables;
    char                  **argv;
    int                     argc, at;
};

/* `inside` is the value within the word ("=5", "-e5"), or NULL. */
static oc_status take(struct reading *r, struct found found, const char *word, const char *inside)
{
    const struct option *const o = found.option;
    if (!o->text && o->attr.type == ATTR_BOOL)
        return set_value(o, found.object, r->where, inside ? inside : "true");
    if (inside)
        return set_value(o, found.object, r->where, inside);
    const bool last = r->at + 1 == r->argc;
    if (last || strncmp(r->argv[r->at + 1], "--", 2) == 0)
        return oc__fail(OC_EUSAGE, "%s: %s: wants a value (%s)", r->where, word,
                        o->value ? o->value : "a word");
    return set_value(o, found.object, r->where, r->argv[++r->at]);
}

static oc_status read_long(struct reading *r, const char *word)
{
    const size_t n = strcspn(word + 2, "=");
    const struct found found = find_long(r->tables, word + 2, n);
    if (!found.option || n > NAME_MAX_LENGTH)
        return unknown(r->where, r->tables, word);
    return take(r, found, word, word[2 + n] ? word + 2 + n + 1 : NULL);
}

static oc_status read_short(struct reading *r, const char *word)
{
    const struct found found = find_letter(r->tables, word[1]);
    if (!found.option)
        return oc__fail(OC_EUSAGE, "%s: unknown option %s; `ocellus %s --help` lists what exists",
                        r->where, oc__quote_z(word), r->where);
    const bool flag = !found.option->text && found.option->attr.type == ATTR_BOOL;
    if (flag && word[2])
        return oc__fail(OC_EUSAGE, "%s: %s: -%c takes no value", r->where, oc__quote_z(word),
                        word[1]);
    return take(r, found, word, word[2] ? word + 2 : NULL);
}

oc_status oc__opt_read(const char *where, const struct opt_table *tables, int argc, char **argv,
                       struct operands *operands)
{
    struct reading r = { where, tables, argv, argc, 0 };
    *operands = (struct operands){ oc__alloc((size_t)argc + 1, sizeof(char *)), 0, argc, argv };
    if (!operands->word)
        return OC_ELIMIT;
    bool only_operands = false;
    for (; r.at < argc; r.at++) {
        const char *const word = argv[r.at];
        if (only_operands || word[0] != '-' || !word[1])
            operands->word[operands->n++] = word;
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else
            TRY(word[1] == '-' ? read_long(&r, word) : read_short(&r, word));
    }
    return OC_OK;
}

oc_status oc__opt_set(const struct option *table, void *object, const char *where,
                      const char *name, const char *value)
{
    const struct opt_table tables[] = { { table, object }, { NULL, NULL } };
    const struct found found = find_long(tables, name, strlen(name));
    if (found.option)
        return set_named(found.option, object, where, name, value);
    const char *const near = meant(tables, name);
    return oc__fail(OC_EUSAGE, "%s: %s: there is no such option%s%s%s", where, oc__quote_z(name),
                    near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
}

/* ---- help ---------------------------------------------------------------------------------- */

/* "  -e, --epochs N". */
static void signature(const struct option *o, struct str *out)
{
    if (o->letter)
        oc__str_addf(out, "  -%c, --%s", o->letter, o->attr.name);
    else
        oc__str_addf(out, "      --%s", o->attr.name);
    if (o->value)
        oc__str_addf(out, " %s", o->value);
    for (int i = 0; o->attr.choices && o->attr.choices[i]; i++)
        oc__str_addf(out, "%s%s", i ? "|" : " ", o->attr.choices[i]);
}

static int help_column(const struct option *table)
{
    int column = 0;
    struct str text = { 0 };
    for (const struct option *o = table; !ends(o); o++) {
        if (!o->attr.name)
            continue;
        oc__str_clear(&text);
        signature(o, &text);
        if (text.n + 2 <= HELP_COLUMN_MAX && (int)text.n + 2 > column)
            column = (int)text.n + 2;
    }
    oc__str_free(&text);
    return column ? column : HELP_COLUMN_MAX;
}

/* Appends words, breaking lines before `width`; new lines begin at `column`. */
static void wrap(const char *text, int column, int width, struct str *out)
{
    for (int at = column; *text;) {
        const int n = (int)strcspn(text, " ");
        if (at > column && at + 1 + n > width) {
            oc__str_addf(out, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            oc__str_addz(out, " ");
            at++;
        }
        oc__str_add(out, text, (size_t)n);
        at += n;
        text += n + (text[n] == ' ');
    }
    oc__str_addz(out, "\n");
}

void oc__opt_help(const struct option *table, int width, struct str *out)
{
    const int column = help_column(table);
    struct str left = { 0 }, right = { 0 };
    for (const struct option *o = table; !ends(o); o++) {
        if (!o->attr.name) {
            oc__str_addf(out, "%s%s\n", o == table ? "" : "\n", o->attr.help);
            continue;
        }
        oc__str_clear(&left);
        oc__str_clear(&right);
        signature(o, &left);
        oc__str_addz(&right, o->attr.help);
        if (o->attr.preset)
            oc__str_addf(&right, " [%s]", o->attr.preset);
        if ((int)left.n + 2 > column)
            oc__str_addf(out, "%s\n%*s", oc__str_text(&left), column, "");
        else
            oc__str_addf(out, "%-*s", column, oc__str_text(&left));
        wrap(oc__str_text(&right), column, width, out);
    }
    oc__str_free(&left);
    oc__str_free(&right);
}
