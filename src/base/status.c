/* status.c — the calling thread's last error, and text from outside made safe to print. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { MESSAGE_MAX = 2048, QUOTE_BYTES = 64, QUOTE_MAX = 4 * QUOTE_BYTES + 8, QUOTE_BUFFERS = 8 };

static _Thread_local char message[MESSAGE_MAX];

const char *oc_error(void)
{
    return message;
}

/* The arguments may point into the message itself, so it is made aside first.  Names of files stand
 * in it as they are; what a terminal would obey does not come through. */
__attribute__((format(printf, 1, 0)))
static void set_message(const char *format, va_list arguments, const char *tail)
{
    char line[MESSAGE_MAX];
    vsnprintf(line, sizeof line, format, arguments);
    const size_t n = strlen(line);
    if (tail)
        snprintf(line + n, sizeof line - n, ": %s", tail);
    oc__escape(line, message, sizeof message);
}

oc_status oc__fail(oc_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set_message(format, arguments, NULL);
    va_end(arguments);
    return status;
}

oc_status oc__fail_errno(int error, const char *format, ...)
{
    char buffer[128];
    va_list arguments;
    va_start(arguments, format);
    set_message(format, arguments, strerror_r(error, buffer, sizeof buffer));
    va_end(arguments);
    return error == ENOMEM ? OC_ELIMIT : OC_EIO;
}

oc_status oc__fail_about(oc_status status, const char *name)
{
    char safe[MESSAGE_MAX];
    oc__escape(name, safe, sizeof safe);
    const size_t n = strlen(safe);
    if (status >= 0 || (strncmp(message, safe, n) == 0 && message[n] == ':'))
        return status;
    return oc__fail(status, "%s: %s", name, message);
}

static char *quote_byte(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const bool plain = c >= 0x20 && c < 0x7f && c != '\'' && c != '"' && c != '\\';
    if (plain) {
        *to++ = (char)c;
        return to;
    }
    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex[c >> 4];
    *to++ = hex[c & 15];
    return to;
}

const char *oc__quote(const char *text, size_t n)
{
    static _Thread_local char buffer[QUOTE_BUFFERS][QUOTE_MAX];
    static _Thread_local unsigned turn;
    char *const quoted = buffer[turn++ % QUOTE_BUFFERS];
    char *to = quoted;
    *to++ = '\'';
    for (size_t i = 0; i < n && i < QUOTE_BYTES; i++)
        to = quote_byte(to, (unsigned char)text[i]);
    strcpy(to, n > QUOTE_BYTES ? "…'" : "'");
    return quoted;
}

const char *oc__quote_z(const char *text)
{
    return oc__quote(text, strlen(text));
}
