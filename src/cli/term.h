/* term.h — what people see: text made safe for a terminal, colours where they are wanted, tables.
 *
 * Colours appear only on a terminal and never when NO_COLOR is set (no-color.org).  Widths are
 * counted in characters of UTF-8, each taken to be one column wide. */
#ifndef OC_CLI_TERM_H
#define OC_CLI_TERM_H

#include <stdio.h>

#include "base/str.h"
#include "ocellus.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN };

bool        oc__term_is(FILE *f);
bool        oc__term_colours(FILE *f);
int         oc__term_width(FILE *f);                    /* columns; 100 where it is no terminal */
int         oc__term_height(FILE *f, int elsewhere);    /* lines */

/* Begins a style on standard output, or ends it (STYLE_PLAIN); "" where there are no colours. */
const char *oc__style(enum style style);

/* The text with control bytes as \xNN and cut to 160 characters: what came from a file may be
 * printed only so.  One of eight static buffers, used in turn. */
const char *oc__printable(const char *text);
/* Prints a text of many lines, whole, with other control bytes as \xNN. */
void        oc__print_lines(const char *text);
int         oc__columns(const char *text);

const char *oc__count_text(int64_t n, char buffer[32]);    /* "1,663,370" */
const char *oc__bytes_text(int64_t n, char buffer[32]);    /* "42.3 MiB" */
const char *oc__rate_text(double v, char buffer[32]);      /* "1.2 k", "3.4 M", "5.6 G" */
const char *oc__seconds_text(double v, char buffer[32]);   /* "850 ms", "12.3 s", "4 min 05 s" */
void        oc__bar(double fraction, int width, struct str *out); /* of eighth blocks */

/* A table of text.  The columns are declared by one letter each, "lrr": left or right; rows are
 * cells in order; what stands in the first row is its heading. */
struct table { const char *columns; struct str cells; int n; };
void oc__table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends or prints it with `indent` spaces before each row and two between columns, and frees
 * it. */
void oc__table_text(struct table *t, int indent, struct str *out);
void oc__table_print(struct table *t, int indent);

#endif
