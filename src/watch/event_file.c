/* event_file.c — the file and its records. */
#include "watch/event.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

enum { HOST_MAX = 256, TRIES = 1000, HEAD = 12, TAIL = 4, SESSION_START = 1 };

static const char version[] = "brain.Event:2";

double oc__event_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* events.out.tfevents.SECONDS.HOST.PROCESS.NUMBER */
static oc_status name_file(struct event_file *f, const char *folder, int number)
{
    char host[HOST_MAX] = "";
    struct str path = { 0 };
    if (gethostname(host, sizeof host - 1) != 0 || !*host || strchr(host, '/'))
        snprintf(host, sizeof host, "localhost");
    oc__str_addf(&path, "%s/events.out.tfevents.%010lld.%s.%lld.%d", folder,
                 (long long)oc__event_now(), host, (long long)getpid(), number);
    oc__free(f->path);
    f->path = path.text;
    return path.failed ? OC_ELIMIT : OC_OK;
}

oc_status oc__event_open(struct event_file *f, const char *folder)
{
    *f = EVENT_FILE_CLOSED;
    TRY(oc__make_directories(folder));
    for (int number = 0; f->fd < 0; number++) {
        TRY(name_file(f, folder, number));
        f->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
        if (f->fd < 0 && (errno != EEXIST || number == TRIES))
            return oc__fail_errno(errno, "%s", f->path);
    }
    oc__event_begin(f, EVENT_VERSION, 0);
    return oc__event_end(f);
}

void oc__event_close(struct event_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    oc__free(f->path);
    oc__pb_free(&f->record);
    *f = EVENT_FILE_CLOSED;
}

/* ---- records ------------------------------------------------------------------------------- */

static void put_le(char *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (char)(v >> 8 * i);
}

static uint32_t masked(const void *data, size_t n)
{
    const uint32_t crc = oc__crc32c(0, data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

void oc__event_begin(struct event_file *f, enum event_kind kind, int64_t step)
{
    static const char room[HEAD] = { 0 };
    oc__pb_clear(&f->record);
    oc__str_add(&f->record.out, room, sizeof room);     /* for what stands before the message */
    oc__pb_put_double(&f->record, 1, oc__event_now());
    oc__pb_put_int(&f->record, 2, step);
    if (kind == EVENT_VERSION)
        oc__pb_put_text(&f->record, (int)kind, version);
    else
        oc__pb_begin(&f->record, (int)kind);
}

static oc_status write_all(const struct event_file *f, const char *data, size_t n)
{
    while (n > 0) {
        const ssize_t wrote = write(f->fd, data, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return oc__fail_errno(errno, "%s", f->path);
        data += wrote;
        n -= (size_t)wrote;
    }
    return OC_OK;
}

oc_status oc__event_end(struct event_file *f)
{
    struct str *const out = &f->record.out;
    char tail[TAIL];
    if (f->record.depth > 0)
        oc__pb_end(&f->record);
    TRY(oc__pb_written(&f->record));
    const size_t n = out->n - HEAD;
    put_le(out->text, n, 8);
    put_le(out->text + 8, masked(out->text, 8), 4);
    put_le(tail, masked(out->text + HEAD, n), TAIL);
    oc__str_add(out, tail, TAIL);
    TRY(oc__pb_written(&f->record));
    return write_all(f, out->text, out->n);
}

void oc__event_start(struct event_file *f)
{
    oc__pb_put_int(&f->record, 1, SESSION_START);
}
