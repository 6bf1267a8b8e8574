/* attr_kind.h — what attr.c needs to know of each type of attribute (attr_kind.c). */
#ifndef OC_BASE_ATTR_KIND_H
#define OC_BASE_ATTR_KIND_H

#include "base/attr.h"

struct attr_kind {
    oc_status (*read)(const struct attr *a, const char *where, const char *text, void *to);
    void      (*print)(const struct attr *a, const void *from, struct str *out);
    const char *zero;                                   /* for help, where there is no default */
};
extern const struct attr_kind oc__attr_kinds[];         /* by enum attr_type */

/* Appends "0 to 1", "at least 0", "at most 1", or nothing. */
void oc__attr_limits(const struct attr *a, struct str *out);

/* Fails with the nearest word and the list of all; `where` may be NULL. */
oc_status oc__unknown_word(const char *where, const char *what, const char *word,
                           const char *const *known);

#endif
