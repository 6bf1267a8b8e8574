/* status.h — how the library speaks of failure.
 *
 * A function that touches the world returns an oc_status and, when that is negative, has left one
 * line in the calling thread's last-error message (read it with oc_error()).  The line is made
 * where the cause is known and says file, offset or line, field, value and limit, in that order;
 * callers pass the status on and never overwrite the message.  Names and values that came from
 * outside go through oc__quote(), so that no control byte reaches a terminal. */
#ifndef OC_BASE_STATUS_H
#define OC_BASE_STATUS_H

#include "ocellus.h"

/* Sets the thread's message and returns `status`, so that a failure is one statement:
 * `return oc__fail(OC_EINPUT, "%s: offset %lld: …", path, at);` */
oc_status oc__fail(oc_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As oc__fail(), for an errno value: appends ": " and its description; OC_EIO unless errno says
 * memory (OC_ELIMIT). */
oc_status oc__fail_errno(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hands a failure on with the file's name before its message, unless it begins with that. */
oc_status oc__fail_about(oc_status status, const char *name);

/* `n` bytes of `text` as a printable string in quotes: control bytes, quotes, backslashes and
 * bytes that are not ASCII become \xNN; cut to 64 bytes with "…".  Returns one of eight static
 * buffers of the thread, used in turn. */
const char *oc__quote(const char *text, size_t n);
const char *oc__quote_z(const char *text);

/* Passes a failure on; the one macro that hides a return. */
#define TRY(expression)                                   \
    do {                                                  \
        const oc_status try_status_ = (expression);       \
        if (try_status_ < 0)                              \
            return try_status_;                           \
    } while (0)

#endif
