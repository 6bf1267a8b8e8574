/* pixels.c — reads, decodes and prepares, or takes what is there already. */
#include "data/pixels.h"

#include "base/map.h"
#include "base/rng.h"
#include "base/status.h"
#include "image/mask.h"

enum { LOOKS = 32 };

void oc__pixels_begin(struct pixels *p, const oc_data *data, const struct prepare_program *prepare,
                      bool fit)
{
    const uint64_t key = oc__key(oc__hash(oc__prepare_text(prepare)), fit);
    *p = (struct pixels){ data, prepare, fit, -1, -1 };
    if (data->cache != NULL)
        p->shelf = oc__cache_shelf(data->cache, key);
    if (data->cache != NULL && oc__data_has_masks(data))
        p->mask_shelf = oc__cache_shelf(data->cache, oc__key(key, oc__hash("mask")));
}

static bool caches(const struct pixels *p, enum cache_mode mode)
{
    return p->shelf >= 0 && oc__cache_mode(p->data->cache) == mode;
}

/* Where augmentation sets the size, it may want any detail. */
static oc_status decode(const struct pixels *p, int64_t index, struct canvas *canvas)
{
    const bool decoded = caches(p, CACHE_DECODED);
    if (decoded && oc__cache_get(p->data->cache, p->shelf, index, &canvas->image))
        return OC_OK;
    TRY(oc__data_read(p->data, index, p->fit ? p->prepare : NULL, canvas));
    if (!decoded)
        return OC_OK;
    TRY(oc__canvas_settle(canvas));
    oc__cache_put(p->data->cache, p->shelf, index, canvas);
    return OC_OK;
}

oc_status oc__pixels_get(const struct pixels *p, int64_t index, struct canvas *canvas)
{
    const bool prepared = caches(p, CACHE_PREPARED);
    *canvas = (struct canvas){ .owned = false };
    if (prepared && oc__cache_get(p->data->cache, p->shelf, index, &canvas->image))
        return OC_OK;
    TRY(decode(p, index, canvas));
    TRY(oc__data_blame(p->data, index, oc__prepare_pixels(p->prepare, p->fit, canvas)));
    if (prepared)
        oc__cache_put(p->data->cache, p->shelf, index, canvas);
    return OC_OK;
}

/* ---- with masks ---------------------------------------------------------------------------- */

/* What the canvas shows of the mask of an image, which was `began` before it was prepared. */
static oc_status follow(const struct pixels *p, int64_t index, const oc_image *began,
                        const struct canvas *canvas, struct canvas *mask)
{
    struct canvas whole = { .owned = false };
    const bool decoded = caches(p, CACHE_DECODED) && p->mask_shelf >= 0;
    oc_status  status = OC_OK;
    if (!decoded || !oc__cache_get(p->data->cache, p->mask_shelf, index, &whole.image)) {
        TRY(p->data->source->read_mask(p->data->own, index, &whole.image));
        whole.owned = true;
        if (decoded)
            oc__cache_put(p->data->cache, p->mask_shelf, index, &whole);
    }
    status = oc__mask_check(&whole.image, began);
    if (status == OC_OK)
        status = oc__mask_follow(&mask->image, &whole.image, began, canvas);
    mask->owned = status == OC_OK;
    if (whole.owned)
        oc_image_free(&whole.image);
    return status;
}

oc_status oc__pixels_get_masked(const struct pixels *p, int64_t index, struct canvas *canvas,
                                struct canvas *mask)
{
    const bool prepared = caches(p, CACHE_PREPARED) && p->mask_shelf >= 0;
    struct image_cache *const cache = p->data->cache;
    *canvas = *mask = (struct canvas){ .owned = false };
    if (prepared && oc__cache_get(cache, p->shelf, index, &canvas->image)
        && oc__cache_get(cache, p->mask_shelf, index, &mask->image))
        return OC_OK;
    TRY(decode(p, index, canvas));
    const oc_image began = { canvas->image.width, canvas->image.height, 0, NULL };
    oc_status status = oc__prepare_pixels(p->prepare, p->fit, canvas);
    if (status == OC_OK)
        status = follow(p, index, &began, canvas, mask);
    TRY(oc__data_blame(p->data, index, status));
    if (prepared) {
        oc__cache_put(cache, p->shelf, index, canvas);
        oc__cache_put(cache, p->mask_shelf, index, mask);
    }
    return OC_OK;
}

/* ---- how much ------------------------------------------------------------------------------ */

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
