/* download.c — one file over HTTP, HTTPS or from a file: address, through libcurl.
 *
 * What is there already is not asked for again (a range request).  A server that knows no ranges
 * answers with the whole file, and then the file begins anew.  No more than the expected bytes are
 * ever written.  A connection that gives less than 1000 bytes a second for half a minute counts as
 * broken. */
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/library.h"
#include "base/status.h"
#include "fetch/fetch.h"

#define CURL_FUNCTIONS(F)                                                                      \
    F(curl_, global_init) F(curl_, easy_init) F(curl_, easy_cleanup) F(curl_, easy_perform)    \
    F(curl_, easy_setopt) F(curl_, easy_getinfo) F(curl_, easy_strerror)
LIBRARY(curl, SONAME_curl, "downloads", CURL_FUNCTIONS)

static const long connect_seconds = 20, slow_bytes = 1000, slow_seconds = 30, redirects = 5;

static void begin_curl(void)
{
    curl.global_init(CURL_GLOBAL_DEFAULT);
}

static void tell(const struct download *d)
{
    const oc_fetch_options *const o = d->options;
    if (o->progress)
        o->progress(o->context, d->name, d->have, d->bytes);
}

/* What went wrong while bytes were stored; 0: nothing did. */
struct sink { struct download *d; int error; bool overflow; };

static size_t store(char *bytes, size_t one, size_t n, void *context)
{
    struct sink *const     s = context;
    struct download *const d = s->d;
    n *= one;
    s->overflow = (int64_t)n > d->bytes - d->have;
    if (s->overflow)
        return 0;
    for (size_t done = 0; done < n;) {
        const ssize_t r = pwrite(d->fd, bytes + done, n - done, (off_t)d->have);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            s->error = r < 0 ? errno : ENOSPC;
            return 0;
        }
        done += (size_t)r;
        d->have += r;
    }
    tell(d);
    return n;
}

/* Answers that mean "later": timeout, too many requests, and trouble of the server's own. */
static bool may_pass(long status)
{
    return status == 408 || status == 429 || status >= 500;
}

static oc_status explain(struct sink *s, CURL *easy, CURLcode code, const char *text)
{
    struct download *const d = s->d;
    long http = 0;
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http);
    if (s->error)
        return oc__fail_errno(s->error, "%s: cannot be written", d->name);
    if (s->overflow)
        return oc__fail(OC_EINPUT, "%s: sends more than the expected %lld bytes", d->url,
                        (long long)d->bytes);
    if (code == CURLE_HTTP_RETURNED_ERROR) {
        d->again = may_pass(http);
        return oc__fail(OC_EIO, "%s: HTTP status %ld", d->url, http);
    }
    d->again = true;
    if (code != CURLE_OK)
        return oc__fail(OC_EIO, "%s: %s", d->url, *text ? text : curl.easy_strerror(code));
    return oc__fail(OC_EIO, "%s: ends after %lld of %lld bytes", d->url, (long long)d->have,
                    (long long)d->bytes);
}

static void set_up(CURL *easy, struct sink *s, char *text)
{
    curl.easy_setopt(easy, CURLOPT_URL, s->d->url);
    curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http,file");
    curl.easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
    curl.easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl.easy_setopt(easy, CURLOPT_MAXREDIRS, redirects);
    curl.easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    curl.easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, slow_bytes);
    curl.easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, slow_seconds);
    curl.easy_setopt(easy, CURLOPT_USERAGENT, "ocellus/" OC_VERSION);
    curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
    curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, store);
    curl.easy_setopt(easy, CURLOPT_WRITEDATA, s);
}

/* Libcurl tells a server without ranges by CURLE_RANGE_ERROR; 416 is said of a beginning that is
 * longer than the file there. */
static bool must_begin_anew(CURL *easy, CURLcode code)
{
    long http = 0;
    curl.easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http);
    return code == CURLE_RANGE_ERROR || (code == CURLE_HTTP_RETURNED_ERROR && http == 416);
}

oc_status oc__download(struct download *d)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char        text[CURL_ERROR_SIZE] = "";
    struct sink s = { .d = d };
    TRY(curl_open());
    pthread_once(&once, begin_curl);
    CURL *const easy = curl.easy_init();
    if (!easy)
        return oc__fail(OC_ELIMIT, "%s: no memory to connect", d->url);
    d->again = false;
    set_up(easy, &s, text);
    curl.easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)d->have);
    CURLcode code = curl.easy_perform(easy);
    if (d->have > 0 && must_begin_anew(easy, code)) {
        d->have = 0;
        curl.easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)0);
        code = ftruncate(d->fd, 0) == 0 ? curl.easy_perform(easy) : CURLE_WRITE_ERROR;
    }
    const bool      whole = code == CURLE_OK && d->have == d->bytes;
    const oc_status status = whole ? OC_OK : explain(&s, easy, code, text);
    curl.easy_cleanup(easy);
    return status;
}
