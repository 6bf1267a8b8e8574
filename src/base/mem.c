/* mem.c — the only file that calls malloc and its kin. */
#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/status.h"

enum { BLOCK_ALIGN = 64, HUGE_PAGE = 2 << 20, POOL_ALIGN = 16, POOL_CHUNK = 4096 };

static atomic_uint_fast64_t calls;

uint64_t oc__mem_calls(void)
{
    return atomic_load_explicit(&calls, memory_order_relaxed);
}

static void *counted(void *p, size_t bytes)
{
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    if (!p)
        (void)oc__fail(OC_ELIMIT, "out of memory: %zu bytes cannot be had", bytes);
    return p;
}

bool oc__mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool oc__add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

void *oc__alloc(size_t n, size_t size)
{
    size_t bytes;
    if (!oc__mul(n, size, &bytes))
        bytes = SIZE_MAX;
    if (bytes > PTRDIFF_MAX)
        return counted(NULL, bytes);
    return counted(calloc(bytes ? bytes : 1, 1), bytes);
}

void *oc__alloc_raw(size_t n, size_t size)
{
    size_t bytes;
    if (!oc__mul(n, size, &bytes))
        bytes = SIZE_MAX;
    return counted(bytes > PTRDIFF_MAX ? NULL : malloc(bytes ? bytes : 1), bytes);
}

void *oc__grow(void *p, size_t old_n, size_t n, size_t size)
{
    size_t bytes;
    if (!oc__mul(n, size, &bytes))
        bytes = SIZE_MAX;
    if (bytes > PTRDIFF_MAX)
        return counted(NULL, bytes);
    char *const grown = counted(realloc(p, bytes ? bytes : 1), bytes);
    if (grown && n > old_n)
        memset(grown + old_n * size, 0, (n - old_n) * size);
    return grown;
}

void oc__free(void *p)
{
    free(p);
}

void oc_string_free(char *s)
{
    oc__free(s);
}

char *oc__strdup(const char *s)
{
    const size_t n = strlen(s) + 1;
    char *const copy = oc__alloc(n, 1);
    return copy ? memcpy(copy, s, n) : NULL;
}

void *oc__block_alloc(size_t bytes)
{
    size_t rounded;
    if (!oc__add(bytes ? bytes : 1, BLOCK_ALIGN - 1, &rounded) || rounded > PTRDIFF_MAX)
        return counted(NULL, bytes);
    rounded -= rounded % BLOCK_ALIGN;
    const bool huge = rounded >= HUGE_PAGE;
    void *p = NULL;
    if (posix_memalign(&p, huge ? HUGE_PAGE : BLOCK_ALIGN, rounded) != 0)
        p = NULL;
    if (counted(p, bytes)) {
        if (huge)
            (void)madvise(p, rounded, MADV_HUGEPAGE);   /* a hint: failure leaves small pages */
        memset(p, 0, rounded);
    }
    return p;
}

void oc__mem_trim(void)
{
    malloc_trim(0);
}

size_t oc__mem_limit(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes;
    return pages > 0 && page > 0 && oc__mul((size_t)pages, (size_t)page, &bytes) ? bytes
                                                                                : PTRDIFF_MAX;
}

void oc__block_free(void *p)
{
    free(p);
}

/* Chunks form a list, the one being filled first. */
struct pool_chunk {
    struct pool_chunk *next;
    size_t used, size;
    _Alignas(POOL_ALIGN) char data[];
};

static struct pool_chunk *pool_chunk_new(size_t size)
{
    size_t bytes;
    if (!oc__add(size, sizeof(struct pool_chunk), &bytes))
        bytes = SIZE_MAX;
    struct pool_chunk *const chunk = oc__alloc(1, bytes);
    if (chunk)
        chunk->size = size;
    return chunk;
}

void *oc__pool_alloc(struct pool *pool, size_t bytes)
{
    size_t rounded;
    if (!oc__add(bytes, POOL_ALIGN - 1, &rounded))
        rounded = SIZE_MAX;
    rounded -= rounded % POOL_ALIGN;
    struct pool_chunk *chunk = pool->chunk;
    if (!chunk || chunk->size - chunk->used < rounded) {
        chunk = pool_chunk_new(rounded > POOL_CHUNK ? rounded : POOL_CHUNK);
        if (!chunk)
            return NULL;
        chunk->next = pool->chunk;
        pool->chunk = chunk;
    }
    void *const p = chunk->data + chunk->used;
    chunk->used += rounded;
    return p;
}

char *oc__pool_strdup(struct pool *pool, const char *s)
{
    const size_t n = strlen(s) + 1;
    char *const copy = oc__pool_alloc(pool, n);
    return copy ? memcpy(copy, s, n) : NULL;
}

void oc__pool_free(struct pool *pool)
{
    for (struct pool_chunk *chunk = pool->chunk; chunk;) {
        struct pool_chunk *const next = chunk->next;
        oc__free(chunk);
        chunk = next;
    }
    pool->chunk = NULL;
}
