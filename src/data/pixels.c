/* pixels.c — reads, decodes and prepares, or takes what is there already. */
#include "data/pixels.h"

#include "base/map.h"
#include "base/rng.h"
#include "base/status.h"

enum { LOOKS = 32 };

void oc__pixels_begin(struct pixels *p, const oc_data *data, const struct prepare_program *prepare,
                      bool fit)
{
    *p = (struct pixels){ data, prepare, fit, -1 };
    if (data->cache != NULL)
        p->shelf = oc__cache_shelf(data->cache, oc__key(oc__hash(oc__prepare_text(prepare)), fit));
}

/* Where augmentation sets the size, it may want any detail. */
static oc_status decode(const struct pixels *p, int64_t index, struct canvas *canvas)
{
    const bool decoded = p->shelf >= 0 && oc__cache_mode(p->data->cache) == CACHE_DECODED;
    if (decoded && oc__cache_get(p->data->cache, p->shelf, index, &canvas->image))
        return OC_OK;
    TRY(oc__data_read(p->data, index, p->fit ? p->prepare : NULL, canvas));
    if (decoded)
        oc__cache_put(p->data->cache, p->shelf, index, canvas);
    return OC_OK;
}

oc_status oc__pixels_get(const struct pixels *p, int64_t index, struct canvas *canvas)
{
    const bool prepared = p->shelf >= 0 && oc__cache_mode(p->data->cache) == CACHE_PREPARED;
    *canvas = (struct canvas){ .owned = false };
    if (prepared && oc__cache_get(p->data->cache, p->shelf, index, &canvas->image))
        return OC_OK;
    TRY(decode(p, index, canvas));
    const oc_status status = oc__prepare_pixels(p->prepare, p->fit, canvas);
    if (status < 0 && p->data->source != NULL)
        return oc__fail(status, "%s: %s", p->data->source->name(p->data->own, index), oc_error());
    if (status == OC_OK && prepared)
        oc__cache_put(p->data->cache, p->shelf, index, canvas);
    return status;
}

/* The mean of some images, evenly chosen; those that cannot be read count nothing. */
static int64_t mean_bytes(const oc_data *d)
{
    int64_t sum = 0, n = 0;
    for (int64_t k = 0; k < LOOKS && k < d->samples.n; k++) {
        const int64_t index = d->samples.n <= LOOKS ? k : d->samples.n * k / LOOKS;
        oc_image      image = oc__data_view(d, 0);
        const char   *format;
        if (d->source != NULL && d->source->header(d->own, index, &image, &format) < 0)
            continue;
        sum += (int64_t)image.width * image.height * image.channels;
        n++;
    }
    return n > 0 ? sum / n : 0;
}

int64_t oc__pixels_cached_bytes(const oc_data *d, const oc_shape *prepared)
{
    if (d->cache == NULL)
        return 0;
    const int64_t exact = oc_shape_count(prepared);
    const bool    known = oc__cache_mode(d->cache) == CACHE_PREPARED && exact > 0;
    const int64_t bytes = d->samples.n * (known ? exact : mean_bytes(d));
    const int64_t limit = oc__cache_limit(d->cache);
    return bytes < limit ? bytes : limit;
}
