/* map.c — a hash table with linear probing, at most three quarters full.  Nothing is ever removed,
 * so a free slot ends every search. */
#include "base/map.h"

#include <string.h>

#include "base/mem.h"

struct map_slot { const char *key; uint64_t hash; int64_t value; };

uint64_t oc__hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct map_slot *find(const struct map *m, const char *key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->capacity - 1);
    while (m->slot[i].key && (m->slot[i].hash != hash || strcmp(m->slot[i].key, key) != 0))
        i = (i + 1) & (m->capacity - 1);
    return &m->slot[i];
}

static bool enlarge(struct map *m)
{
    struct map larger = { .n = m->n, .capacity = m->capacity ? 2 * m->capacity : 16 };
    larger.slot = oc__alloc(larger.capacity, sizeof *larger.slot);
    if (!larger.slot)
        return false;
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slot[i].key)
            *find(&larger, m->slot[i].key, m->slot[i].hash) = m->slot[i];
    oc__free(m->slot);
    *m = larger;
    return true;
}

bool oc__map_put(struct map *m, const char *key, int64_t value)
{
    if (4 * (m->n + 1) > 3 * m->capacity && !enlarge(m))
        return false;
    const uint64_t hash = oc__hash(key);
    struct map_slot *const slot = find(m, key, hash);
    m->n += slot->key == NULL;
    *slot = (struct map_slot){ slot->key ? slot->key : key, hash, value };
    return true;
}

int64_t oc__map_get(const struct map *m, const char *key, int64_t missing)
{
    if (m->n == 0)
        return missing;
    const struct map_slot *const slot = find(m, key, oc__hash(key));
    return slot->key ? slot->value : missing;
}

void oc__map_free(struct map *m)
{
    oc__free(m->slot);
    *m = (struct map){ 0 };
}
