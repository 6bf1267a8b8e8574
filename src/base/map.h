/* map.h — from names to small integers: FNV-1a, open addressing; keys are borrowed. */
#ifndef OC_BASE_MAP_H
#define OC_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map { struct map_slot *slot; size_t n, capacity; };

bool     oc__map_put(struct map *m, const char *key, int64_t value); /* false: no memory */
int64_t  oc__map_get(const struct map *m, const char *key, int64_t missing);
void     oc__map_free(struct map *m);
uint64_t oc__hash(const char *text);                    /* FNV-1a, 64 bits */

#endif
