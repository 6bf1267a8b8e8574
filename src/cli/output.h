/* output.h — files that commands write for machines.
 *
 * `-` is standard output.  An existing file is an error unless the command was told to replace it,
 * asked for before the work begins, so that hours of training are not lost to it; an empty one
 * holds nothing to lose and may be written.  Files appear whole or not at all. */
#ifndef OC_CLI_OUTPUT_H
#define OC_CLI_OUTPUT_H

#include <jansson.h>

#include "ocellus.h"

/* OC_EIO if `path` could not be written later; NULL and "-" always can. */
oc_status oc__output_check(const char *path, bool force);

/* Whether what is printed for people must stay away from standard output. */
bool      oc__output_is_stdout(const char *path);

oc_status oc__output_text(const char *path, bool force, const char *text, size_t n);

/* Writes `root`, indented, and releases it; a NULL root is OC_ELIMIT, a NULL path writes
 * nothing. */
oc_status oc__output_json(const char *path, bool force, json_t *root);

/* A number, or null where it is not finite. */
json_t   *oc__number_json(double v);
/* A string; bytes that are not UTF-8 appear as \xNN. */
json_t   *oc__text_json(const char *text);

#endif
