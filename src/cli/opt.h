/* opt.h — a command's options as a table that reads the command line and prints the help.
 *
 * A row is a `struct attr` (name, type, place in the command's struct of options, default, limits,
 * help), so numbers, switches and choices are read as everywhere else in Ocellus, plus what only a
 * command line has: a short form and a word for the value.  Text of any length is borrowed from
 * argv.  Reading is GNU style: `--epochs 5`, `--epochs=5`, `-e 5`, `-e5`; options and operands may
 * mix; after `--` everything is an operand; of an option that is repeated the last counts. */
#ifndef OC_CLI_OPT_H
#define OC_CLI_OPT_H

#include "base/attr.h"

/* A row without a name but with help is a heading; one with neither ends the table. */
struct option {
    struct attr attr;                                   /* its name has no dashes before it */
    char        letter;                                 /* short form; 0: none */
    bool        text;                                   /* the field is a const char * */
    const char *value;                                  /* the value's word in the help: "N" */
};

#define OPT_HEADING(help_) { .attr = { .help = help_ } }
#define OPT_FLAG(type_, field_, name_, letter_, help_)                                      \
    { .attr = OPT_ATTR(type_, BOOL, field_, name_, NULL, help_, 0, 0), .letter = letter_ }
#define OPT_TEXT(type_, field_, name_, letter_, value_, preset_, help_)                     \
    { .attr = OPT_ATTR(type_, TEXT, field_, name_, preset_, help_, 0, 0),                   \
      .letter = letter_, .text = true, .value = value_ }
#define OPT_INT(type_, field_, name_, letter_, value_, preset_, help_, min_, max_)          \
    { .attr = OPT_ATTR(type_, INT, field_, name_, preset_, help_, min_, max_),              \
      .letter = letter_, .value = value_ }
#define OPT_FLOAT(type_, field_, name_, letter_, value_, preset_, help_, min_, max_)        \
    { .attr = OPT_ATTR(type_, FLOAT, field_, name_, preset_, help_, min_, max_),            \
      .letter = letter_, .value = value_ }
#define OPT_WORDS(type_, field_, name_, letter_, preset_, help_, choices_)                  \
    { .attr = { .name = name_, .type = ATTR_CHOICE, .offset = offsetof(type_, field_),      \
                .preset = preset_, .help = help_, .choices = choices_ }, .letter = letter_ }
#define OPT_ATTR(type_, kind_, field_, name_, preset_, help_, min_, max_)                   \
    { .name = name_, .type = ATTR_##kind_, .offset = offsetof(type_, field_),               \
      .preset = preset_, .help = help_, .min = min_, .max = max_ }
#define OPT_END { .attr = { 0 } }

/* What is no option, in order, and all words as they were given; borrowed from argv. */
struct operands { const char **word; int n, argc; char **argv; };
void oc__operands_free(struct operands *operands);

/* The defaults of a table into a zeroed struct. */
void oc__opt_defaults(const struct option *table, void *object);

/* Reads argv[0 … argc-1] for command `where`; each option is looked for in all tables (NULL ends
 * them), whose objects stand beside them.  OC_EUSAGE names the option and the nearest known one. */
struct opt_table { const struct option *table; void *object; };
oc_status oc__opt_read(const char *where, const struct opt_table *tables, int argc, char **argv,
                       struct operands *operands);

/* Sets the option of that name, without dashes, for whoever reads them from elsewhere: `where`
 * begins the message ("colors.study: line 3"). */
oc_status oc__opt_set(const struct option *table, void *object, const char *where,
                      const char *name, const char *value);

/* Appends what the option is set to as text that reads back; nothing for a text not given. */
void oc__opt_print(const struct option *o, const void *object, struct str *out);

/* Appends the table as aligned help, wrapped to `width` columns. */
void oc__opt_help(const struct option *table, int width, struct str *out);

#endif
