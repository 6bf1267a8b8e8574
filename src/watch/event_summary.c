/* event_summary.c — scalars, images and histograms as values of a Summary.
 *
 * They are written in the plain forms that every version of TensorBoard reads: simple_value, image
 * and histo (tensorflow/core/framework/summary.proto). */
#include "watch/event.h"

#include <math.h>

enum { VALUE = 1, TAG = 1, SCALAR = 2, IMAGE = 4, HISTOGRAM = 5, RGB = 3, BUCKETS = 64 };

void oc__event_scalar(struct event_file *f, const char *tag, double v)
{
    struct pb_writer *const w = &f->record;
    oc__pb_begin(w, VALUE);
    oc__pb_put_text(w, TAG, tag);
    oc__pb_put_float(w, SCALAR, (float)v);
    oc__pb_end(w);
}

void oc__event_image(struct event_file *f, const char *tag, int width, int height,
                     const struct str *png)
{
    struct pb_writer *const w = &f->record;
    oc__pb_begin(w, VALUE);
    oc__pb_put_text(w, TAG, tag);
    oc__pb_begin(w, IMAGE);
    oc__pb_put_int(w, 1, height);
    oc__pb_put_int(w, 2, width);
    oc__pb_put_int(w, 3, RGB);
    oc__pb_put_bytes(w, 4, oc__str_text(png), png->n);
    oc__pb_end(w);
    oc__pb_end(w);
}

/* What a HistogramProto says of all numbers, and how many lie in each bucket: bucket i holds those
 * in (limit[i - 1], limit[i]]. */
struct histogram { double least, most, n, sum, squares, limit[BUCKETS], bucket[BUCKETS]; };

static void measure(struct histogram *h, const float *v, int64_t n)
{
    h->least = INFINITY;
    h->most = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        const double x = (double)v[i];
        if (!isfinite(x))
            continue;
        h->least = x < h->least ? x : h->least;
        h->most = x > h->most ? x : h->most;
        h->sum += x;
        h->squares += x * x;
        h->n++;
    }
}

/* Buckets of equal width over the range; a single value gets the last one alone. */
static void fill(struct histogram *h, const float *v, int64_t n)
{
    const double width = (h->most - h->least) / BUCKETS;
    for (int i = 0; i < BUCKETS; i++)
        h->limit[i] = h->least + width * (i + 1);
    h->limit[BUCKETS - 1] = h->most;
    for (int64_t i = 0; i < n; i++) {
        const double x = (double)v[i];
        if (!isfinite(x))
            continue;
        int at = width > 0 ? (int)((x - h->least) / width) : BUCKETS - 1;
        at = at < BUCKETS ? at : BUCKETS - 1;
        at -= at > 0 && x <= h->limit[at - 1];
        h->bucket[at]++;
    }
}

void oc__event_histogram(struct event_file *f, const char *tag, const float *v, int64_t n)
{
    struct pb_writer *const w = &f->record;
    struct histogram h = { 0 };
    measure(&h, v, n);
    if (h.n == 0)
        return;
    fill(&h, v, n);
    oc__pb_begin(w, VALUE);
    oc__pb_put_text(w, TAG, tag);
    oc__pb_begin(w, HISTOGRAM);
    oc__pb_put_double(w, 1, h.least);
    oc__pb_put_double(w, 2, h.most);
    oc__pb_put_double(w, 3, h.n);
    oc__pb_put_double(w, 4, h.sum);
    oc__pb_put_double(w, 5, h.squares);
    oc__pb_put_doubles(w, 6, h.limit, BUCKETS);
    oc__pb_put_doubles(w, 7, h.bucket, BUCKETS);
    oc__pb_end(w);
    oc__pb_end(w);
}
