/* log.c — warnings and notes handed to the function that the program set. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "ocellus.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { oc_log_function *function; void *context; } sink;

void oc_log_set(oc_log_function *function, void *context)
{
    pthread_mutex_lock(&lock);
    sink.function = function;
    sink.context = context;
    pthread_mutex_unlock(&lock);
}

/* The function is called outside the lock, so that it may use the library. */
__attribute__((format(printf, 2, 0)))
static void say(oc_log_level level, const char *format, va_list arguments)
{
    pthread_mutex_lock(&lock);
    oc_log_function *const function = sink.function;
    void *const context = sink.context;
    pthread_mutex_unlock(&lock);
    if (!function)
        return;
    char line[2048], safe[2048];
    vsnprintf(line, sizeof line, format, arguments);
    function(context, level, oc__escape(line, safe, sizeof safe));
}

void oc__warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OC_WARNING, format, arguments);
    va_end(arguments);
}

void oc__note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(OC_NOTE, format, arguments);
    va_end(arguments);
}
