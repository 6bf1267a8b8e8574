/* attr.c — objects filled from text, printed and explained, all from their tables. */
#include "base/attr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/attr_kind.h"
#include "base/status.h"

/* ---- finding by name ------------------------------------------------------------------------ */

static oc_status unknown_attr(const struct entry *e, const char *where, const char *name)
{
    size_t n = 0;
    while (e->attrs && e->attrs[n].name)
        n++;
    if (n == 0)
        return oc__fail(OC_EUSAGE, "%s: %s: takes no attributes", where, oc__quote_z(name));
    const char **const known = oc__alloc(n + 1, sizeof *known);
    if (!known)
        return OC_ELIMIT;
    for (size_t i = 0; i < n; i++)
        known[i] = e->attrs[i].name;
    const oc_status status = oc__unknown_word(where, "attribute", name, known);
    oc__free(known);
    return status;
}

oc_status oc__entry_find(const struct entry *const *list, const char *what, const char *name,
                         const struct entry **out)
{
    size_t n = 0;
    for (; list[n]; n++)
        if (strcmp(list[n]->name, name) == 0) {
            *out = list[n];
            return OC_OK;
        }
    const char **const known = oc__alloc(n + 1, sizeof *known);
    if (!known)
        return OC_ELIMIT;
    for (size_t i = 0; i < n; i++)
        known[i] = list[i]->name;
    const oc_status status = oc__unknown_word(NULL, what, name, known);
    oc__free(known);
    return status;
}

/* ---- objects ------------------------------------------------------------------------------- */

void oc__attr_defaults(const struct entry *e, void *object)
{
    if (e->size)
        memset(object, 0, e->size);
    for (const struct attr *a = e->attrs; a && a->name; a++)
        if (a->preset) {
            const oc_status status
                = oc__attr_kinds[a->type].read(a, e->name, a->preset, (char *)object + a->offset);
            assert(status == OC_OK && "a default is a legal value");
            (void)status;
        }
}

static const struct attr *find_attr(const struct entry *e, const char *name)
{
    for (const struct attr *a = e->attrs; a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

oc_status oc__attr_set(const struct entry *e, void *object, const char *where,
                       const char *name, const char *value)
{
    const struct attr *const a = find_attr(e, name);
    if (!a)
        return unknown_attr(e, where, name);
    return oc__attr_kinds[a->type].read(a, where, value, (char *)object + a->offset);
}

/* One word of a step: `value`, `key` or `key=value`, the value without its quotes. */
enum { WORD_MAX = ATTR_LINE_MAX - 1 };
struct word {
    char key[WORD_MAX + 1], value[WORD_MAX + 1];
    bool has_key, quoted;
};

/* Reads the word at *at into `to` up to a space, or to `stop` outside quotes. */
static oc_status read_part(const char **at, char stop, char *to, bool *quoted, const char *where)
{
    const char *const begin = *at, *p = begin;
    size_t n = 0;
    bool inside = false;
    for (; *p && (inside || (!strchr(" \t\n\r", *p) && *p != stop)); p++) {
        if (*p == '"') {
            inside = !inside;
            *quoted = true;
            continue;
        }
        if (inside && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        if (n == WORD_MAX)
            return oc__fail(OC_EUSAGE, "%s: %s: longer than %d bytes", where, oc__quote_z(begin),
                            WORD_MAX);
        to[n++] = *p;
    }
    if (inside)
        return oc__fail(OC_EUSAGE, "%s: %s: a quote is not closed", where, oc__quote_z(begin));
    to[n] = '\0';
    *at = p;
    return OC_OK;
}

static oc_status read_word(const char **at, struct word *w, const char *where)
{
    w->has_key = w->quoted = false;
    TRY(read_part(at, '=', w->value, &w->quoted, where));
    if (**at != '=')
        return OC_OK;
    if (w->quoted || !*w->value)
        return oc__fail(OC_EUSAGE, "%s: %s: wants a name before '='", where,
                        oc__quote_z(w->value));
    memcpy(w->key, w->value, sizeof w->key);
    w->has_key = true;
    ++*at;
    TRY(read_part(at, '\0', w->value, &w->quoted, where));
    if (!*w->value && !w->quoted)
        return oc__fail(OC_EUSAGE, "%s: %s: wants a value after '='", where, oc__quote_z(w->key));
    return OC_OK;
}

/* A word without '=' switches a bool on, or, in first place, is the first attribute's value. */
static oc_status name_word(const struct entry *e, struct word *w, bool first, const char *where)
{
    if (w->has_key)
        return OC_OK;
    const struct attr *const named = w->quoted ? NULL : find_attr(e, w->value);
    if (named && named->type == ATTR_BOOL) {
        strcpy(w->key, named->name);
        strcpy(w->value, "true");
    } else if (first && e->attrs && e->attrs->name) {
        snprintf(w->key, sizeof w->key, "%s", e->attrs->name);
    } else if (named || !first) {
        return oc__fail(OC_EUSAGE, "%s: %s: wants key=value", where, oc__quote_z(w->value));
    } else {
        return unknown_attr(e, where, w->value);
    }
    return OC_OK;
}

oc_status oc__attr_parse(const struct entry *e, void *object, const char *where, const char *text)
{
    struct word w;
    uint64_t seen = 0;
    bool first = true;
    for (text += strspn(text, " \t\n\r"); *text; text += strspn(text, " \t\n\r")) {
        TRY(read_word(&text, &w, where));
        TRY(name_word(e, &w, first, where));
        first = false;
        const struct attr *const a = find_attr(e, w.key);
        const uint64_t bit = a ? UINT64_C(1) << ((a - e->attrs) & 63) : 0;
        if (seen & bit)
            return oc__fail(OC_EUSAGE, "%s: %s: is given twice", where, a->name);
        seen |= bit;
        TRY(oc__attr_set(e, object, where, w.key, w.value));
    }
    return OC_OK;
}

void oc__attr_print(const struct entry *e, const void *object, bool all, struct str *out)
{
    char *const preset = oc__alloc(1, e->size);
    struct str value = { 0 }, usual = { 0 };
    bool any = false;
    if (!preset)
        out->failed = true;
    else
        oc__attr_defaults(e, preset);
    for (const struct attr *a = e->attrs; preset && a && a->name; a++) {
        oc__str_clear(&value);
        oc__str_clear(&usual);
        oc__attr_kinds[a->type].print(a, (const char *)object + a->offset, &value);
        oc__attr_kinds[a->type].print(a, preset + a->offset, &usual);
        if (all || strcmp(oc__str_text(&value), oc__str_text(&usual)) != 0) {
            oc__str_addf(out, "%s%s=%s", any ? " " : "", a->name, oc__str_text(&value));
            any = true;
        }
        out->failed |= value.failed || usual.failed;
    }
    oc__str_free(&value);
    oc__str_free(&usual);
    oc__free(preset);
}

/* ---- help ---------------------------------------------------------------------------------- */

static const char *default_text(const struct attr *a)
{
    return a->preset && *a->preset ? a->preset : oc__attr_kinds[a->type].zero;
}

static void help_range(const struct attr *a, struct str *out)
{
    if (a->choices) {
        for (int i = 0; a->choices[i]; i++)
            oc__str_addf(out, "%s%s", i ? ", " : " (", a->choices[i]);
        oc__str_addz(out, ")");
    } else if (a->min != a->max) {
        oc__str_addz(out, " (");
        oc__attr_limits(a, out);
        oc__str_addz(out, ")");
    }
}

void oc__attr_help(const struct entry *e, const char *indent, struct str *out)
{
    int name = 0, preset = 0;
    for (const struct attr *a = e->attrs; a && a->name; a++) {
        const int n = (int)strlen(a->name), m = (int)strlen(default_text(a));
        name = n > name ? n : name;
        preset = m > preset ? m : preset;
    }
    for (const struct attr *a = e->attrs; a && a->name; a++) {
        oc__str_addf(out, "%s%-*s  %-*s  %s", indent, name, a->name, preset, default_text(a),
                     a->help ? a->help : "");
        help_range(a, out);
        oc__str_addz(out, "\n");
    }
}
