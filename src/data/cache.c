/* cache.c — a slot for every image, and a lock for all of them, held for a copy of a header. */
#include "data/cache.h"

#include <pthread.h>
#include "base/mem.h"

struct image_cache {
    int64_t         n;
    oc_image       *image;                              /* [n]; no pixels: not there yet */
    pthread_mutex_t lock;
};

oc_status oc__cache_new(struct image_cache **out, int64_t images)
{
    *out = NULL;
    struct image_cache *c = oc__alloc(1, sizeof *c);
    if (!c)
        return OC_ELIMIT;
    c->image = oc__alloc((size_t)images, sizeof *c->image);
    if (!c->image) {
        oc__free(c);
        return OC_ELIMIT;
    }
    c->n = images;
    pthread_mutex_init(&c->lock, NULL);
    *out = c;
    return OC_OK;
}

void oc__cache_free(struct image_cache *c)
{
    if (!c)
        return;
    for (int64_t i = 0; i < c->n; i++)
        oc_image_free(&c->image[i]);
    pthread_mutex_destroy(&c->lock);
    oc__free(c->image);
    oc__free(c);
}

bool oc__cache_get(struct image_cache *c, int64_t index, oc_image *view)
{
    pthread_mutex_lock(&c->lock);
    *view = c->image[index];
    pthread_mutex_unlock(&c->lock);
    return view->pixel != NULL;
}

void oc__cache_put(struct image_cache *c, int64_t index, oc_image *image)
{
    oc_image late = { 0 };
    pthread_mutex_lock(&c->lock);
    if (c->image[index].pixel)
        late = *image;
    else
        c->image[index] = *image;
    *image = c->image[index];
    pthread_mutex_unlock(&c->lock);
    oc_image_free(&late);
}
