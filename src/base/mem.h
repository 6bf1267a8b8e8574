/* mem.h — the only door to malloc.
 *
 * Every allocation of the library goes through here, is zeroed unless it says raw, and has its
 * size computed with overflow checks.  Preparing allocates and running does not: oc__mem_calls()
 * counts calls, so a test can hold that.  A failed allocation returns NULL and sets the thread's
 * error. */
#ifndef OC_BASE_MEM_H
#define OC_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *oc__alloc(size_t n, size_t size);                 /* n * size zeroed bytes, at least one */
void *oc__alloc_raw(size_t n, size_t size);             /* the same, for what is filled at once */
void *oc__grow(void *p, size_t old_n, size_t n, size_t size); /* realloc; the new part is zeroed */
void  oc__free(void *p);
char *oc__strdup(const char *s);

/* Blocks for numbers: 64-byte aligned, zeroed; from 2 MiB on aligned to huge pages and marked for
 * them.  Freed with oc__block_free(). */
void *oc__block_alloc(size_t bytes);
void  oc__block_free(void *p);

/* Gives freed memory back to the system, after work that took much of it in small pieces. */
void  oc__mem_trim(void);

size_t oc__mem_limit(void);                             /* bytes of this machine's memory */
uint64_t oc__mem_calls(void);                           /* allocations so far, of both kinds */

/* *out = a * b or a + b; false when that wraps. */
bool oc__mul(size_t a, size_t b, size_t *out);
bool oc__add(size_t a, size_t b, size_t *out);

/* A pool hands out memory that lives as long as itself: nodes, attributes, names. */
struct pool { struct pool_chunk *chunk; };
void *oc__pool_alloc(struct pool *pool, size_t bytes);  /* zeroed, 16-byte aligned */
char *oc__pool_strdup(struct pool *pool, const char *s);
void  oc__pool_free(struct pool *pool);

#endif
