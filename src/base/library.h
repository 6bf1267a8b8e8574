/* library.h — shared libraries that are opened when they are first needed.
 *
 * What only a few commands use would cost every process milliseconds of relocation and, with all
 * that such a library brings along, megabytes of pages.  So the file that uses one lists the
 * functions that it calls, with their common beginning:
 *
 *     #define CURL(F) F(curl_, easy_init) F(curl_, easy_cleanup)
 *     LIBRARY(curl, SONAME_curl, "downloads", CURL)
 *
 * and calls them as curl.easy_init() once curl_open() was OC_OK.  Types are those of the library's
 * header.  A library stays open as long as the process lives. */
#ifndef OC_BASE_LIBRARY_H
#define OC_BASE_LIBRARY_H

#include "ocellus.h"

struct library {
    const char        *file;                            /* as the dynamic linker looks for it */
    const char        *purpose;                         /* what needs it, for the message */
    const char *const *name;                            /* of the functions; ends in NULL */
    void              *function;                        /* as many pointers, in that order */
    bool               open;
};

/* Fills the pointers, the first time; OC_EIO where the library or a function of it is missing. */
oc_status oc__library_open(struct library *l);

#define LIBRARY_POINTER(prefix_, name_) __typeof__(prefix_##name_) *name_;
#define LIBRARY_NAME(prefix_, name_)    #prefix_ #name_,
#define LIBRARY(at_, file_, purpose_, list_)                                                   \
    static struct { list_(LIBRARY_POINTER) } at_;                                              \
    static const char *const at_##_names[] = { list_(LIBRARY_NAME) NULL };                     \
    static struct library at_##_library = { file_, purpose_, at_##_names, &at_, false };       \
    static oc_status at_##_open(void) { return oc__library_open(&at_##_library); }

#endif
