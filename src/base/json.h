/* json.h — JSON read piece by piece, for files that may be hostile or large.
 *
 * A tree of values costs some fifty bytes for every number, so a header of 100 MB or a model as
 * text would need gigabytes.  This reader walks over a text in memory instead and keeps nothing
 * but the path to where it is: the caller asks for what it expects.  It is strict (RFC 8259, valid
 * UTF-8, no null characters, no lone surrogates) and every error says offset, line and column:
 *
 *     TRY(oc__json_open(j, '{'));
 *     for (const char *key;;) {
 *         TRY(oc__json_key(j, &key));
 *         if (!key)
 *             break;                                      // the object ended
 *         TRY(oc__json_skip(j));                          // or any other that reads a value
 *     }
 *
 * Names are not compared: who minds duplicates must look. */
#ifndef OC_BASE_JSON_H
#define OC_BASE_JSON_H

#include "base/str.h"
#include "ocellus.h"

enum { JSON_MAX_DEPTH = 64 };

struct json {
    const char *path, *text;                            /* borrowed */
    size_t      n, at;
    int64_t     offset;                                 /* of the text in the file */
    char        field[192];                             /* begins error messages, unless empty */
    int         depth, max_depth;
    char        open[JSON_MAX_DEPTH];                   /* '{' or '[' for each level */
    bool        fresh;                                  /* nothing yet since the last opening */
    struct str  scratch;                                /* the last string, decoded */
};

/* max_depth: 1 … JSON_MAX_DEPTH.  Freed with oc__json_free(). */
void      oc__json_begin(struct json *j, const char *path, const char *text, size_t n,
                         int64_t offset, int max_depth);
oc_status oc__json_end(struct json *j);                 /* nothing but white space may follow */
void      oc__json_free(struct json *j);

/* '{', '[', '"', '0' (a number), 't', 'f', 'n', or whatever else stands there; 0 at the end. */
char      oc__json_peek(struct json *j);

oc_status oc__json_open(struct json *j, char bracket);  /* '{' or '[' */
oc_status oc__json_key(struct json *j, const char **key); /* the next name; NULL: '}' was read */
oc_status oc__json_item(struct json *j, bool *more);    /* false: ']' was read */

/* The text lives until the next string, name or number is read. */
oc_status oc__json_string(struct json *j, const char **text);
oc_status oc__json_integer(struct json *j, int64_t *v); /* written without fraction or exponent */
oc_status oc__json_unsigned(struct json *j, uint64_t *v); /* the same, from 0 on */
oc_status oc__json_number(struct json *j, double *v);   /* finite */
oc_status oc__json_bool(struct json *j, bool *v);
oc_status oc__json_skip(struct json *j);                /* any value, checked */

/* Where the reader is, to come back to: within the value that was open then or is now. */
struct json_place { size_t at; int depth; bool fresh; };
struct json_place oc__json_place(const struct json *j);
void      oc__json_return(struct json *j, struct json_place place);

/* Fails at the place where the reader is: "path: offset 41 (2:7): field: …". */
oc_status oc__json_fail(const struct json *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends text as a JSON string; false when it is not UTF-8, and then nothing is appended. */
bool      oc__json_quote(struct str *out, const char *text);

#endif
