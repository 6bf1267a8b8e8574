/* metrics.c — the observer that serves the numbers of a training while it runs.
 *
 * GET http://HOST:PORT/metrics answers in Prometheus' text format (version 0.0.4): for each measure
 * a line of HELP, a line of TYPE and its samples.  libmicrohttpd listens on a thread of its own;
 * the training only copies numbers into a block that both share, under a lock, so it never waits
 * for who asks.  What is not known yet has no sample; a loss that is not finite has one that says
 * so. */
#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/library.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "watch/watch.h"

#define MHD(F)                                                                                 \
    F(MHD_, start_daemon) F(MHD_, stop_daemon) F(MHD_, create_response_from_buffer)            \
    F(MHD_, destroy_response) F(MHD_, add_response_header) F(MHD_, queue_response)
LIBRARY(mhd, SONAME_microhttpd, "served numbers", MHD)

enum { CONNECTIONS = 16, PATIENCE_SECONDS = 10, BACKLOG = 16 };

struct settings { int64_t port; char host[ATTR_TEXT_MAX]; };

/* What is served, as it was told last. */
struct numbers {
    double epoch, epochs, step, steps, updates, images;
    double loss, accuracy, batch_loss, learning_rate, rate, left, planned;
    double train_loss, train_accuracy, val_loss, val_accuracy;
    bool   stepped, finished;                           /* an update, an epoch was seen */
};

struct server {
    struct settings    settings;
    pthread_mutex_t    lock;                            /* of what follows */
    struct numbers     now;
    struct str         labels;                          /* run="…",model="…",… */
    double             began;
    struct MHD_Daemon *daemon;
    int                socket;
};

/* ---- the measures -------------------------------------------------------------------------- */

enum known { ALWAYS, AFTER_UPDATE, AFTER_EPOCH, WHERE_FINITE };

struct measure {
    const char *name, *type, *help;
    const char *label;                                  /* of the sample; NULL: none */
    size_t      offset;
    enum known  known;
};

#define GAUGE(name_, field_, known_, help_)                                                   \
    { "ocellus_" name_, "gauge", help_, NULL, offsetof(struct numbers, field_), known_ }
#define COUNTER(name_, field_, help_)                                                         \
    { "ocellus_" name_, "counter", help_, NULL, offsetof(struct numbers, field_), ALWAYS }
#define PART(name_, part_, field_, known_, help_)                                             \
    { "ocellus_" name_, "gauge", help_, "part=\"" part_ "\"",                                 \
      offsetof(struct numbers, field_), known_ }

/* Samples of one measure stand together. */
static const struct measure measures[] = {
    GAUGE("epoch", epoch, ALWAYS, "Epoch that is trained, from 1."),
    GAUGE("epochs", epochs, ALWAYS, "Epochs that the training has, at most."),
    GAUGE("step", step, ALWAYS, "Update of the epoch, from 1."),
    GAUGE("steps", steps, ALWAYS, "Updates of an epoch."),
    COUNTER("updates_total", updates, "Updates since the start, those before a resume included."),
    COUNTER("images_total", images, "Images trained on by this process."),
    GAUGE("loss", loss, AFTER_UPDATE, "Mean training loss of the epoch so far, in nats."),
    GAUGE("accuracy", accuracy, AFTER_UPDATE, "Training accuracy of the epoch so far, 0 to 1."),
    GAUGE("batch_loss", batch_loss, AFTER_UPDATE, "Loss of the last update."),
    GAUGE("learning_rate", learning_rate, AFTER_UPDATE, "Of the last update."),
    GAUGE("images_per_second", rate, AFTER_UPDATE, "Images trained on per second."),
    GAUGE("seconds_left", left, AFTER_UPDATE, "Estimate of the time to the end of the training."),
    GAUGE("planned_bytes", planned, ALWAYS, "Memory planned before the first step."),
    PART("epoch_loss", "train", train_loss, AFTER_EPOCH, "Mean loss of the last epoch, in nats."),
    PART("epoch_loss", "validation", val_loss, WHERE_FINITE, NULL),
    PART("epoch_accuracy", "train", train_accuracy, AFTER_EPOCH, "Accuracy of the last epoch."),
    PART("epoch_accuracy", "validation", val_accuracy, WHERE_FINITE, NULL),
};
enum { MEASURES = sizeof measures / sizeof *measures };

static bool is_known(const struct numbers *n, const struct measure *m, double v)
{
    return m->known == ALWAYS || (m->known == AFTER_UPDATE && n->stepped)
        || (m->known == AFTER_EPOCH && n->finished)
        || (m->known == WHERE_FINITE && n->finished && isfinite(v));
}

static void add_number(struct str *out, double v)
{
    char text[32];
    oc__str_addz(out, isfinite(v) ? oc__double_text(v, text)
                                  : isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
    oc__str_addz(out, "\n");
}

static void add_head(struct str *out, const char *name, const char *type, const char *help)
{
    oc__str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_plain(struct str *out, const char *name, const char *help, double v)
{
    add_head(out, name, "gauge", help);
    oc__str_addf(out, "%s ", name);
    add_number(out, v);
}

static void add_measures(const struct numbers *n, struct str *out)
{
    for (int i = 0; i < MEASURES; i++) {
        const struct measure *const m = &measures[i];
        const double v = *(const double *)(const void *)((const char *)n + m->offset);
        if (m->help)
            add_head(out, m->name, m->type, m->help);
        if (!is_known(n, m, v))
            continue;
        oc__str_addf(out, m->label ? "%s{%s} " : "%s ", m->name, m->label);
        add_number(out, v);
    }
}

/* The whole page. */
static void write_page(struct server *s, struct str *out)
{
    pthread_mutex_lock(&s->lock);
    const struct numbers now = s->now;
    add_head(out, "ocellus_info", "gauge", "What is trained, on what and with what; always 1.");
    oc__str_addf(out, "ocellus_info{%s} 1\n", oc__str_text(&s->labels));
    pthread_mutex_unlock(&s->lock);
    add_measures(&now, out);
    add_plain(out, "ocellus_seconds", "Time since this process began to train.",
              oc__seconds() - s->began);
    add_plain(out, "ocellus_resident_memory_bytes", "Memory of the process that is resident.",
              (double)oc__rss_bytes());
}

/* ---- answering ----------------------------------------------------------------------------- */

static enum MHD_Result answer(struct MHD_Connection *to, unsigned code, const struct str *text)
{
    struct MHD_Response *const response = mhd.create_response_from_buffer(
        text->n, (void *)(uintptr_t)oc__str_text(text), MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            "text/plain; version=0.0.4; charset=utf-8");
    if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
        mhd.add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const enum MHD_Result result = mhd.queue_response(to, code, response);
    mhd.destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *from, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **request)
{
    struct server *const s = context;
    struct str text = { 0 };
    unsigned code = MHD_HTTP_OK;
    (void)version, (void)data, (void)request;
    *n = 0;                                             /* whatever is sent is passed over */
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        code = MHD_HTTP_METHOD_NOT_ALLOWED;
    else if (strcmp(path, "/metrics") != 0)
        code = MHD_HTTP_NOT_FOUND;
    if (code == MHD_HTTP_OK)
        write_page(s, &text);
    else
        oc__str_addz(&text, "The numbers are at /metrics.\n");
    const enum MHD_Result result = text.failed ? MHD_NO : answer(from, code, &text);
    oc__str_free(&text);
    return result;
}

/* ---- listening ----------------------------------------------------------------------------- */

static oc_status listen_at(struct server *s, const struct addrinfo *at)
{
    const int yes = 1;
    s->socket = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (s->socket >= 0
        && setsockopt(s->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0
        && bind(s->socket, at->ai_addr, at->ai_addrlen) == 0 && listen(s->socket, BACKLOG) == 0)
        return OC_OK;
    return oc__fail_errno(errno, "metrics: %s, port %lld", s->settings.host,
                          (long long)s->settings.port);
}

/* Of port 0 the system chooses one. */
static void tell_address(struct server *s)
{
    struct sockaddr_storage own = { 0 };
    socklen_t n = sizeof own;
    char port[NI_MAXSERV] = "?";
    const bool six = strchr(s->settings.host, ':') != NULL;
    if (getsockname(s->socket, (struct sockaddr *)&own, &n) == 0)
        getnameinfo((struct sockaddr *)&own, n, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    oc__note("metrics at http://%s%s%s:%s/metrics", six ? "[" : "", s->settings.host,
             six ? "]" : "", port);
}

static oc_status open_socket(struct server *s)
{
    const struct addrinfo wanted = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found;
    char port[16];
    snprintf(port, sizeof port, "%d", (int)s->settings.port);
    const int error = getaddrinfo(s->settings.host, port, &wanted, &found);
    if (error)
        return oc__fail(OC_EUSAGE, "metrics: host %s: %s", oc__quote_z(s->settings.host),
                        gai_strerror(error));
    const oc_status status = listen_at(s, found);
    freeaddrinfo(found);
    return status;
}

static oc_status start(struct server *s)
{
    TRY(mhd_open());
    TRY(open_socket(s));
    s->daemon = mhd.start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
                                 on_request, s, MHD_OPTION_LISTEN_SOCKET, s->socket,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE_SECONDS,
                                 MHD_OPTION_END);
    if (!s->daemon)
        return oc__fail(OC_EIO, "metrics: the server does not start");
    tell_address(s);
    return OC_OK;
}

/* ---- the training -------------------------------------------------------------------------- */

/* name="value", the value as the format wants it. */
static void add_label(struct str *out, const char *name, const char *value)
{
    oc__str_addf(out, "%s%s=\"", out->n ? "," : "", name);
    for (const char *p = value ? value : ""; *p; p++)
        oc__str_addz(out, *p == '\n' ? "\\n" : *p == '"' ? "\\\"" : *p == '\\' ? "\\\\"
                                                                               : (char[]){ *p, 0 });
    oc__str_addz(out, "\"");
}

static oc_status begin(void *context, const oc_train_info *info)
{
    struct server *const s = context;
    const oc_train_options *const o = info->options;
    add_label(&s->labels, "run", info->run);
    add_label(&s->labels, "model", o->model_name);
    add_label(&s->labels, "data", o->data_spec);
    add_label(&s->labels, "device", info->device);
    add_label(&s->labels, "version", OC_VERSION);
    s->began = oc__seconds();
    s->now = (struct numbers){
        .epoch = (double)info->resumed_epochs + 1, .epochs = (double)o->epochs,
        .steps = (double)info->steps, .updates = (double)info->resumed_step,
        .planned = (double)info->planned_bytes, .val_loss = NAN, .val_accuracy = NAN,
    };
    return s->labels.failed ? OC_ELIMIT : start(s);
}

static oc_status update(void *context, const oc_update *u)
{
    struct server *const s = context;
    pthread_mutex_lock(&s->lock);
    s->now.batch_loss = u->loss;
    s->now.images += (double)u->samples;
    s->now.updates++;
    pthread_mutex_unlock(&s->lock);
    return OC_OK;
}

static oc_status step(void *context, const oc_progress *p)
{
    struct server *const s = context;
    pthread_mutex_lock(&s->lock);
    struct numbers *const n = &s->now;
    n->epoch = (double)p->epoch;
    n->step = (double)p->step;
    n->loss = p->loss;
    n->accuracy = p->accuracy;
    n->learning_rate = p->learning_rate;
    n->rate = p->samples_per_second;
    n->left = p->seconds_left;
    n->stepped = true;
    pthread_mutex_unlock(&s->lock);
    return OC_OK;
}

static oc_status epoch(void *context, const oc_epoch *e, const oc_metrics *watched)
{
    struct server *const s = context;
    (void)watched;
    pthread_mutex_lock(&s->lock);
    struct numbers *const n = &s->now;
    n->train_loss = e->train_loss;
    n->train_accuracy = e->train_accuracy;
    n->val_loss = e->val_loss;
    n->val_accuracy = e->val_accuracy;
    n->finished = true;
    pthread_mutex_unlock(&s->lock);
    return OC_OK;
}

/* The daemon closes the socket that it was given; without one it is still ours. */
static void end(void *context, const oc_train_result *result)
{
    struct server *const s = context;
    (void)result;
    if (s->daemon)
        mhd.stop_daemon(s->daemon);
    else if (s->socket >= 0)
        close(s->socket);
    s->daemon = NULL;
    s->socket = -1;
    oc__str_free(&s->labels);
}

static oc_status make(oc_observer *out, const void *attr)
{
    struct server *const s = oc__alloc(1, sizeof *s);
    if (!s)
        return OC_ELIMIT;
    s->settings = *(const struct settings *)attr;
    s->socket = -1;
    pthread_mutex_init(&s->lock, NULL);
    *out = (oc_observer){ .begin = begin, .update = update, .step = step, .epoch = epoch,
                          .end = end, .context = s };
    return OC_OK;
}

static const struct attr attrs[] = {
    ATTR_RANGE(struct settings, INT, port, "9469", "to listen on; 0: any that is free", 0, 65535),
    ATTR(struct settings, TEXT, host, "127.0.0.1",
         "address to listen on; 0.0.0.0 lets other machines ask"),
    { 0 },
};

const struct watcher oc__watcher_metrics = {
    .entry = { "metrics", "the numbers of the training over HTTP, as Prometheus reads them", attrs,
               sizeof(struct settings) },
    .make = make,
};
