/* attr.h — tables of attributes, and lists of steps.
 *
 * Whatever can be added to Ocellus (an operator, a layer, an optimizer, a preparation step, a
 * command's options) describes its settings by a table of `struct attr`: name, type, place in a
 * struct, default, help.  Reading "alpha=0.2", filling in defaults, printing, help pages and the
 * manual all follow from that table.  `struct entry` is what all such things have in common, and
 * the first member of each.
 *
 * A list of steps is written `name [value] [key=value …]; name …`; a value without a key belongs
 * to the first attribute.  A value that is empty or holds a space, `;`, `=` or `"` is written in
 * double quotes, with `\"` and `\\` inside them. */
#ifndef OC_BASE_ATTR_H
#define OC_BASE_ATTR_H

#include "base/mem.h"
#include "base/str.h"
#include "ocellus.h"

enum { ATTR_INTS_MAX = 8, ATTR_TEXT_MAX = 128, ATTR_LINE_MAX = 1024 };

enum attr_type {
    ATTR_INT,                                           /* int64_t */
    ATTR_FLOAT,                                         /* double */
    ATTR_BOOL,                                          /* bool: written key or key=true|false */
    ATTR_INTS,                                          /* struct ints: "3", "3,3" or "3x3" */
    ATTR_CHOICE,                                        /* int: index into `choices` */
    ATTR_TEXT,                                          /* char[ATTR_TEXT_MAX] */
    ATTR_LINE,                                          /* char[ATTR_LINE_MAX], as for a path */
};

struct ints { int n; int64_t v[ATTR_INTS_MAX]; };

struct attr {
    const char        *name;                            /* NULL ends a table */
    enum attr_type     type;
    size_t             offset;
    const char        *preset;                          /* default as text; NULL: zero or empty */
    const char        *help;
    double             min, max;                        /* inclusive; min == max: no limits */
    const char *const *choices;                         /* for ATTR_CHOICE; ends in NULL */
};

/* ATTR(struct elu, FLOAT, alpha, "1", "slope below zero"); with limits, ATTR_RANGE(…, 0, 1); with
 * words, ATTR_WORDS(…, choices). */
#define ATTR(type_, kind_, field_, preset_, help_)                                          \
    { .name = #field_, .type = ATTR_##kind_, .offset = offsetof(type_, field_),             \
      .preset = preset_, .help = help_ }
#define ATTR_RANGE(type_, kind_, field_, preset_, help_, min_, max_)                        \
    { .name = #field_, .type = ATTR_##kind_, .offset = offsetof(type_, field_),             \
      .preset = preset_, .help = help_, .min = min_, .max = max_ }
#define ATTR_WORDS(type_, field_, preset_, help_, choices_)                                 \
    { .name = #field_, .type = ATTR_CHOICE, .offset = offsetof(type_, field_),              \
      .preset = preset_, .help = help_, .choices = choices_ }

struct entry {
    const char        *name;
    const char        *summary;                         /* one line */
    const struct attr *attrs;                           /* NULL: none */
    size_t             size;                            /* of the attribute struct */
    const char        *example;                         /* as it is written; NULL: the name, and the
                                                         * default of its first attribute */
};

void oc__attr_defaults(const struct entry *e, void *object);

/* Sets one attribute from text.  `where` begins the error message ("step 2 (conv)"); an unknown
 * name is OC_EUSAGE, names the nearest and lists what exists; so is a value out of range. */
oc_status oc__attr_set(const struct entry *e, void *object, const char *where,
                       const char *name, const char *value);

/* Sets several from "[value] key=value key=value" separated by spaces. */
oc_status oc__attr_parse(const struct entry *e, void *object, const char *where, const char *text);

/* Appends "key=value key=value" of what differs from the defaults (all: of everything). */
void oc__attr_print(const struct entry *e, const void *object, bool all, struct str *out);

/* Appends a text as it is written in a step: in quotes where it needs them. */
void oc__attr_quote(const char *text, struct str *out);

/* Appends one aligned help line per attribute: name, default, help, range or choices. */
void oc__attr_help(const struct entry *e, const char *indent, struct str *out);

/* Finds an entry by name in a list that ends in NULL; an unknown one is OC_EUSAGE, names the
 * nearest and lists what exists ("unknown layer 'cnov': did you mean conv? …"). */
oc_status oc__entry_find(const struct entry *const *list, const char *what, const char *name,
                         const struct entry **out);

/* A parsed list of steps; everything lives in `pool`. */
struct step  { const struct entry *entry; void *attr; };
struct steps { struct step *step; int n; struct pool pool; };
oc_status oc__steps_parse(struct steps *out, const struct entry *const *list, const char *what,
                          const char *text);
/* Bytes of the step that a text begins with: up to a ; outside quotes, or to the end. */
size_t    oc__step_length(const char *text);
/* Appends the canonical text, which reads back equal. */
void      oc__steps_print(const struct steps *steps, struct str *out);
void      oc__steps_free(struct steps *steps);

#endif
