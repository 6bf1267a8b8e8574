/* clock.c — the monotonic clock, and memory as the kernel counts it.
 *
 * The peak is VmHWM and not getrusage()'s, which also holds what the process was before exec().
 * Nothing here allocates, so it may be asked while running. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double oc__seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A line of /proc/self/status such as "VmRSS:     1234 kB", in bytes; 0 where there is none. */
static int64_t status_bytes(const char *field)
{
    char text[8192];
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    const char *const line = strstr(text, field);
    return line ? strtoll(line + strlen(field), NULL, 10) * 1024 : 0;
}

int64_t oc__rss_bytes(void)
{
    return status_bytes("\nVmRSS:");
}

int64_t oc__peak_rss_bytes(void)
{
    return status_bytes("\nVmHWM:");
}
