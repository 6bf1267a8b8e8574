/* cache.h — decoded images of a data set, kept in memory from their first use on.
 *
 * Images that the cache holds are its own and valid until it is freed; any number of threads may
 * ask at once, and which of them decodes an image does not matter. */
#ifndef OC_DATA_CACHE_H
#define OC_DATA_CACHE_H

#include "ocellus.h"

struct image_cache;

oc_status oc__cache_new(struct image_cache **out, int64_t images);
void      oc__cache_free(struct image_cache *c);

/* Image `index` as a view; false: it is not there yet. */
bool      oc__cache_get(struct image_cache *c, int64_t index, oc_image *view);

/* Takes over *image, or frees it where another thread was faster; then it is a view of what the
 * cache holds. */
void      oc__cache_put(struct image_cache *c, int64_t index, oc_image *image);

#endif
