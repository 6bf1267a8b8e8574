/* attr_kind.c — the types of attributes: each is a row, saying how its text is read, how it is
 * printed, and what the zero value looks like.
 *
 * Reading is strict: all of the text must be the value, and the value within its limits. */
#include "base/attr_kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

oc_status oc__unknown_word(const char *where, const char *what, const char *word,
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

/* "step 2 (conv): kernel: '3x': wants a whole number". */
static oc_status refuse(const char *where, const struct attr *a, const char *value,
                        const char *wants)
{
    return oc__fail(OC_EUSAGE, "%s: %s: %s: wants %s", where, a->name, oc__quote_z(value), wants);
}

void oc__attr_limits(const struct attr *a, struct str *out)
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
    oc__attr_limits(a, &wants);
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
        const size_t n = strcspn(p, ",x");
        if (list.n == ATTR_INTS_MAX)
            return refuse(where, a, text, "at most 8 numbers");
        if (n >= sizeof item)
            return refuse(where, a, text, "whole numbers of 64 bits");
        memcpy(item, p, n);
        if (n == 0)
            return refuse(where, a, text, "whole numbers with , or x between them");
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
    return oc__unknown_word(where, a->name, text, a->choices);
}

static oc_status read_bytes(const struct attr *a, const char *where, const char *text, void *to,
                            size_t room)
{
    char wants[32];
    snprintf(wants, sizeof wants, "at most %zu bytes", room - 1);
    if (strlen(text) >= room)
        return refuse(where, a, text, wants);
    memset(to, 0, room);
    strcpy(to, text);
    return OC_OK;
}

static oc_status read_text(const struct attr *a, const char *where, const char *text, void *to)
{
    return read_bytes(a, where, text, to, ATTR_TEXT_MAX);
}

static oc_status read_line(const struct attr *a, const char *where, const char *text, void *to)
{
    return read_bytes(a, where, text, to, ATTR_LINE_MAX);
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

void oc__attr_quote(const char *text, struct str *out)
{
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

static void print_text(const struct attr *a, const void *from, struct str *out)
{
    (void)a;
    oc__attr_quote(from, out);
}

const struct attr_kind oc__attr_kinds[] = {
    [ATTR_INT]    = { read_int,    print_int,    "0" },
    [ATTR_FLOAT]  = { read_float,  print_float,  "0" },
    [ATTR_BOOL]   = { read_bool,   print_bool,   "false" },
    [ATTR_INTS]   = { read_ints,   print_ints,   "-" },
    [ATTR_CHOICE] = { read_choice, print_choice, "-" },
    [ATTR_TEXT]   = { read_text,   print_text,   "-" },
    [ATTR_LINE]   = { read_line,   print_text,   "-" },
};
