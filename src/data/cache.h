/* cache.h — images of a data set, decoded or prepared too, kept in memory from their first use on.
 *
 * Decoding depends on what an image is for, and so does preparing: each preparation has a shelf of
 * its own.  Images that the cache holds are its own and valid until it is freed; any number of
 * threads may ask at once, and which of them makes an image does not matter.  When the limit is
 * reached, what is there stays, and the rest is made anew each time. */
#ifndef OC_DATA_CACHE_H
#define OC_DATA_CACHE_H

#include "image/prepare.h"
#include "ocellus.h"

struct image_cache;

enum cache_mode { CACHE_NONE, CACHE_DECODED, CACHE_PREPARED };

/* A limit of 0 bytes: half of the machine's memory. */
oc_status oc__cache_new(struct image_cache **out, enum cache_mode mode, int64_t images,
                        int64_t limit);
void      oc__cache_free(struct image_cache *c);

enum cache_mode oc__cache_mode(const struct image_cache *c);
int64_t         oc__cache_limit(const struct image_cache *c);

/* The shelf of a preparation, by a hash of it; -1: there are too many, or no memory. */
int  oc__cache_shelf(struct image_cache *c, uint64_t preparation);

/* Image `index` as a view; false: it is not there. */
bool oc__cache_get(struct image_cache *c, int shelf, int64_t index, oc_image *view);

/* Takes over an image that the canvas owns, where the limit allows; the canvas's is then a view. */
void oc__cache_put(struct image_cache *c, int shelf, int64_t index, struct canvas *canvas);

#endif
