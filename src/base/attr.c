/* attr.c — attributes read from text, printed, and explained, all from their tables.
 *
 * Each type is a row: how its text is read, how it is printed, and what the zero value looks like.
 * Reading is strict: all of the text must be the value, and the value within its limits. */
#include "base/attr.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

/* ---- words that are not known -------------------------------------------------------------- */

/* Fails with the nearest word and the list of all. */
static oc_status unknown_word(const char *where, const char *what, const char *word,
                              const char *const *known)
{
    struct str line = { 0 };
    if (where)
        oc__str_addf(&line, "%s: ", where);
    oc__str_addf(&line, "unknown %s %s", what, oc__quote_z(word));
    const char *const near = oc__nearest(word, known);
    if (near)
        oc__str_addf(&line, ": did you mean %s?", near);
    oc__str_addz(&line, near ? " Known: " : "; known: ");
    for (int i = 0; known[i]; i++)
        oc__str_addf(&line, "%s%s", i ? ", " : "", known[i]);
    const oc_status status = oc__fail(OC_EUSAGE, "%s", oc__str_text(&line));
    oc__str_free(&line);
    return status;
}

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
    const oc_status status = unknown_word(where, "attribute", name, known);
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
    const oc_status status = unknown_word(NULL, what, name, known);
    oc__free(known);
    return status;
}

/* ---- values, type by type ------------------------------------------------------------------ */

/* "step 2 (conv): kernel: '3x': wants a whole number". */
static oc_status refuse(const char *where, const struct attr *a, const char *value,
                        const char *wants)
{
    return oc__fail(OC_EUSAGE, "%s: %s: %s: wants %s", where, a->name, oc__quote_z(value), wants);
}

/* "0 to 1", "at least 0", "at most 1", or nothing. */
static void limits_text(const struct attr *a, struct str *out)
{
    char low[32], high[32];
    oc__double_text(a->min, low);
    oc__double_text(a->max, high);
    if (a->min == a->max)
        return;
    if (a->max > 0x1p1000)
        oc__str_addf(out, "at least %s", low);
    else if (a->min < -0x1p1000)
        oc__str_addf(out, "at most %s", high);
    else
        oc__str_addf(out, "%s to %s", low, high);
}

static oc_status check_limits(const struct attr *a, const char *where, const char *text, double v)
{
    if (a->min == a->max || (v >= a->min && v <= a->max))
        return OC_OK;
    struct str wants = { 0 };
    limits_text(a, &wants);
    const oc_status status = refuse(where, a, text, oc__str_text(&wants));
    oc__str_free(&wants);
    return status;
}

static oc_status whole_number(const struct attr *a, const char *where, const char *text,
                              int64_t *v)
{
    const char *const digits = text + (*text == '-' || *text == '+');
    if (!*digits || digits[strspn(digits, "0123456789")])
        return refuse(where, a, text, "a whole number");
    errno = 0;
    *v = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return refuse(where, a, text, "a whole number of 64 bits");
    return check_limits(a, where, text, (double)*v);
}

static oc_status read_int(const struct attr *a, const char *where, const char *text, void *to)
{
    return whole_number(a, where, text, to);
}

static oc_status read_float(const struct attr *a, const char *where, const char *text, void *to)
{
    double v;
    if (!oc__double_read(text, &v))
        return refuse(where, a, text, "a finite number");
    TRY(check_limits(a, where, text, v));
    *(double *)to = v;
    return OC_OK;
}

static oc_status read_bool(const struct attr *a, const char *where, const char *text, void *to)
{
    const bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0)
        return refuse(where, a, text, "true or false");
    *(bool *)to = yes;
    return OC_OK;
}

static oc_status read_ints(const struct attr *a, const char *where, const char *text, void *to)
{
    struct ints list = { 0 };
    for (const char *p = text; *text; p++) {
        char item[24] = "";
        const size_t n = strcspn(p, ",");
        if (list.n == ATTR_INTS_MAX)
            return refuse(where, a, text, "at most 8 numbers");
        if (n >= sizeof item)
            return refuse(where, a, text, "whole numbers of 64 bits");
        memcpy(item, p, n);
        TRY(whole_number(a, where, item, &list.v[list.n++]));
        p += n;
        if (!*p)
            break;
    }
    *(struct ints *)to = list;
    return OC_OK;
}

static oc_status read_choice(const struct attr *a, const char *where, const char *text, void *to)
{
    for (int i = 0; a->choices[i]; i++)
        if (strcmp(a->choices[i], text) == 0) {
            *(int *)to = i;
            return OC_OK;
        }
    return unknown_word(where, a->name, text, a->choices);
}

static oc_status read_text(const struct attr *a, const char *where, const char *text, void *to)
{
    if (strlen(text) >= ATTR_TEXT_MAX)
        return refuse(where, a, text, "at most 63 bytes");
    memset(to, 0, ATTR_TEXT_MAX);
    strcpy(to, text);
    return OC_OK;
}

static void print_int(const struct attr *a, const void *from, struct str *out)
{
    (void)a;
    oc__str_addf(out, "%" PRId64, *(const int64_t *)from);
}

static void print_float(const struct attr *a, const void *from, struct str *out)
{
    char text[32];
    (void)a;
    oc__str_addz(out, oc__double_text(*(const double *)from, text));
}

static void print_bool(const struct attr *a, const void *from, struct str *out)
{
    (void)a;
    oc__str_addz(out, *(const bool *)from ? "true" : "false");
}

static void print_ints(const struct attr *a, const void *from, struct str *out)
{
    const struct ints *const list = from;
    (void)a;
    if (list->n == 0)
        oc__str_addz(out, "\"\"");
    for (int i = 0; i < list->n; i++)
        oc__str_addf(out, "%s%" PRId64, i ? "," : "", list->v[i]);
}

static void print_choice(const struct attr *a, const void *from, struct str *out)
{
    oc__str_addz(out, a->choices[*(const int *)from]);
}

static void print_text(const struct attr *a, const void *from, struct str *out)
{
    const char *text = from;
    (void)a;
    if (*text && !text[strcspn(text, " \t\n\r;=\"\\")]) {
        oc__str_addz(out, text);
        return;
    }
    oc__str_addz(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            oc__str_addz(out, "\\");
        oc__str_add(out, text, 1);
    }
    oc__str_addz(out, "\"");
}

static const struct {
    oc_status (*read)(const struct attr *a, const char *where, const char *text, void *to);
    void      (*print)(const struct attr *a, const void *from, struct str *out);
    const char *zero;                                   /* for help, where there is no default */
} types[] = {
    [ATTR_INT]    = { read_int,    print_int,    "0" },
    [ATTR_FLOAT]  = { read_float,  print_float,  "0" },
    [ATTR_BOOL]   = { read_bool,   print_bool,   "false" },
    [ATTR_INTS]   = { read_ints,   print_ints,   "-" },
    [ATTR_CHOICE] = { read_choice, print_choice, "-" },
    [ATTR_TEXT]   = { read_text,   print_text,   "-" },
};

/* ---- objects ------------------------------------------------------------------------------- */

void oc__attr_defaults(const struct entry *e, void *object)
{
    if (e->size)
        memset(object, 0, e->size);
    for (const struct attr *a = e->attrs; a && a->name; a++)
        if (a->preset) {
            const oc_status status
                = types[a->type].read(a, e->name, a->preset, (char *)object + a->offset);
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
    return types[a->type].read(a, where, value, (char *)object + a->offset);
}

/* One word of a step: `value`, `key` or `key=value`, the value without its quotes. */
enum { WORD_MAX = 255 };
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
        types[a->type].print(a, (const char *)object + a->offset, &value);
        types[a->type].print(a, preset + a->offset, &usual);
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
    return a->preset && *a->preset ? a->preset : types[a->type].zero;
}

static void help_range(const struct attr *a, struct str *out)
{
    if (a->choices) {
        for (int i = 0; a->choices[i]; i++)
            oc__str_addf(out, "%s%s", i ? ", " : " (", a->choices[i]);
        oc__str_addz(out, ")");
    } else if (a->min != a->max) {
        oc__str_addz(out, " (");
        limits_text(a, out);
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
