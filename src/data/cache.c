/* cache.c — a slot for every image on every shelf, and a lock for all of them, held for a copy of a
 * header. */
#include "data/cache.h"

#include <pthread.h>
#include "base/mem.h"
#include "image/image.h"

enum { SHELVES_MAX = 16 };

struct shelf { uint64_t preparation; oc_image *image; };    /* [images]; no pixels: not there */

struct image_cache {
    enum cache_mode mode;
    int64_t         images, limit, used;                /* the latter two in bytes */
    struct shelf    shelf[SHELVES_MAX];
    int             shelves;
    pthread_mutex_t lock;
};

oc_status oc__cache_new(struct image_cache **out, enum cache_mode mode, int64_t images,
                        int64_t limit)
{
    struct image_cache *const c = *out = oc__alloc(1, sizeof *c);
    if (!c)
        return OC_ELIMIT;
    c->mode = mode;
    c->images = images;
    c->limit = limit > 0 ? limit : (int64_t)(oc__mem_limit() / 2);
    pthread_mutex_init(&c->lock, NULL);
    return OC_OK;
}

void oc__cache_free(struct image_cache *c)
{
    if (!c)
        return;
    for (int s = 0; s < c->shelves; s++) {
        for (int64_t i = 0; i < c->images; i++)
            oc_image_free(&c->shelf[s].image[i]);
        oc__free(c->shelf[s].image);
    }
    pthread_mutex_destroy(&c->lock);
    oc__free(c);
}

enum cache_mode oc__cache_mode(const struct image_cache *c)
{
    return c->mode;
}

int64_t oc__cache_limit(const struct image_cache *c)
{
    return c->limit;
}

static int find_shelf(struct image_cache *c, uint64_t preparation)
{
    for (int s = 0; s < c->shelves; s++)
        if (c->shelf[s].preparation == preparation)
            return s;
    if (c->shelves == SHELVES_MAX)
        return -1;
    oc_image *const image = oc__alloc((size_t)c->images, sizeof *image);
    if (!image)
        return -1;
    c->shelf[c->shelves] = (struct shelf){ preparation, image };
    return c->shelves++;
}

int oc__cache_shelf(struct image_cache *c, uint64_t preparation)
{
    pthread_mutex_lock(&c->lock);
    const int shelf = find_shelf(c, preparation);
    pthread_mutex_unlock(&c->lock);
    return shelf;
}

bool oc__cache_get(struct image_cache *c, int shelf, int64_t index, oc_image *view)
{
    pthread_mutex_lock(&c->lock);
    *view = c->shelf[shelf].image[index];
    pthread_mutex_unlock(&c->lock);
    return view->pixel != NULL;
}

void oc__cache_put(struct image_cache *c, int shelf, int64_t index, struct canvas *canvas)
{
    oc_image *const slot = &c->shelf[shelf].image[index];
    const int64_t   bytes = (int64_t)oc__image_bytes(&canvas->image);
    pthread_mutex_lock(&c->lock);
    if (canvas->owned && !slot->pixel && c->used + bytes <= c->limit) {
        *slot = canvas->image;
        c->used += bytes;
        canvas->owned = false;
    }
    pthread_mutex_unlock(&c->lock);
}
