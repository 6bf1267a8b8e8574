/* count_malloc.h — every allocation of a test program, counted.
 *
 * malloc and its kin are defined here, in front of the C library's, so that those of the libraries
 * below are counted too.  A sanitizer has a malloc of its own, and one that keeps what is freed:
 * there nothing is counted, and a test watches our own allocator alone. */
#ifndef OC_TEST_COUNT_MALLOC_H
#define OC_TEST_COUNT_MALLOC_H

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OWN_MALLOC 0
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 0
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

static struct {
    atomic_llong calls, live;                           /* allocations: so far; not freed */
    atomic_llong bytes, most;                           /* of those not freed: now; at most */
} heap;

#if OWN_MALLOC
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);
extern void  __libc_free(void *p);

static void *counted(void *p)
{
    heap.calls++;
    heap.live += p != NULL;
    const long long size = (long long)malloc_usable_size(p);
    const long long now = atomic_fetch_add(&heap.bytes, size) + size;
    for (long long most = heap.most; now > most;)
        if (atomic_compare_exchange_weak(&heap.most, &most, now))
            break;
    return p;
}

void *malloc(size_t n)                          { return counted(__libc_malloc(n)); }
void *calloc(size_t n, size_t size)             { return counted(__libc_calloc(n, size)); }
void *memalign(size_t alignment, size_t n)      { return counted(__libc_memalign(alignment, n)); }
void *aligned_alloc(size_t alignment, size_t n) { return counted(__libc_memalign(alignment, n)); }

int posix_memalign(void **out, size_t alignment, size_t n)
{
    *out = counted(__libc_memalign(alignment, n));
    return *out ? 0 : ENOMEM;
}

void *realloc(void *p, size_t n)
{
    const long long before = (long long)malloc_usable_size(p);
    void *const q = __libc_realloc(p, n);
    if (q || n == 0) {
        heap.live -= p != NULL;
        heap.bytes -= before;
    }
    return counted(q);
}

void free(void *p)
{
    heap.live -= p != NULL;
    heap.bytes -= (long long)malloc_usable_size(p);
    __libc_free(p);
}
#endif

#endif
