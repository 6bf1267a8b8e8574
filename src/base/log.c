/* log.c — warnings and notes handed to the function that the program set. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "ocellus.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { oc_log_function *function; void *context; } sink;

/* Hashes of lines that are told once, each at its place or in the next that was free; 0: free.
 * When it is full enough, further lines are told but no longer remembered. */
enum { TOLD_PLACES = 1 << 14, TOLD_MAX = TOLD_PLACES / 4 * 3 };
static struct { uint64_t hash[TOLD_PLACES]; int n; } told;

void oc_log_set(oc_log_function *function, void *context)
{
    pthread_mutex_lock(&lock);
    sink.function = function;
    sink.context = context;
    memset(&told, 0, sizeof told);
    pthread_mutex_unlock(&lock);
}

/* Whether the line comes for the first time, which the lock is held for. */
static bool is_new(const char *line)
{
    const uint64_t hash = oc__hash(line) | 1;           /* never that of a free place */
    size_t         at = (size_t)(hash >> 1) % TOLD_PLACES;
    while (told.hash[at] != 0 && told.hash[at] != hash)
        at = (at + 1) % TOLD_PLACES;
    if (told.hash[at] == hash)
        return false;
    if (told.n < TOLD_MAX) {
        told.hash[at] = hash;
        told.n++;
    }
    return true;
}

/* The function is called outside the lock, so that it may use the library. */
__attribute__((format(printf, 3, 0)))
static void say(oc_log_level level, bool once, const char *format, va_list arguments)
{
    char line[2048], safe[2048];
    vsnprintf(line, sizeof line, format, arguments);
    pthread_mutex_lock(&lock);
    oc_log_function *const function = sink.function;
    void *const context = sink.context;
    const bool  wanted = function && (!once || is_new(line));
    pthread_mutex_unlock(&lock);
    if (wanted)
        function(context, level, oc__escape(line, safe, sizeof safe));
}

void oc__warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OC_WARNING, false, format, arguments);
    va_end(arguments);
}

void oc__warn_once(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OC_WARNING, true, format, arguments);
    va_end(arguments);
}

void oc__note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OC_NOTE, false, format, arguments);
    va_end(arguments);
}
