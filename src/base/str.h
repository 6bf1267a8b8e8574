/* str.h — a growable string, and the words of a command line.
 *
 * `struct str` starts as { 0 }, is always null-terminated once something was added, and is freed
 * with oc__str_free().  When memory runs out it keeps what it has and sets `failed`. */
#ifndef OC_BASE_STR_H
#define OC_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str { char *text; size_t n, capacity; bool failed; };

void        oc__str_add(struct str *s, const char *text, size_t n);
void        oc__str_addz(struct str *s, const char *text);
void        oc__str_addf(struct str *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void        oc__str_addv(struct str *s, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
/* Escaped as text or a value in XML and HTML; bytes that are no character appear as \xNN. */
void        oc__str_add_xml(struct str *s, const char *text);
const char *oc__str_text(const struct str *s);          /* never NULL */
void        oc__str_clear(struct str *s);
void        oc__str_free(struct str *s);

/* The word of `words` (ends in NULL) nearest to `word` by edit distance, or NULL when none is near
 * enough (more than a third of the letters differ). */
const char *oc__nearest(const char *word, const char *const *words);

/* Bytes of the character that `text` begins with when it is sound UTF-8 and shows something; 0 for
 * a control byte and for what is not UTF-8. */
size_t      oc__character(const char *text);

/* Writes \xNN for every byte that is no such character; cut to `size` bytes.  Gives `to`. */
const char *oc__escape(const char *text, char *to, size_t size);

/* "" for one of something, "s" for any other number of them. */
const char *oc__plural(int64_t n);

/* A double as the shortest text that reads back to the same bits ("0.1", "1e-08", "3"). */
const char *oc__double_text(double v, char buffer[32]);
/* A float as the shortest text that reads back as the same float: 0.1f is "0.1". */
const char *oc__float_text(float v, char buffer[32]);
/* What a number that came as a float was written as: of 0.1f it is 0.1.  Others stay. */
double      oc__decimal(double v);

/* Reads a finite decimal number that fills the text ("-1.5e3"); false for anything else, be it
 * "3x", "inf", "nan", "0x1", " 1" or 1e999.  Neither depends on the locale. */
bool        oc__double_read(const char *text, double *v);

#endif
