/* parallel.c — oc__parallel() on libgomp's pool. */
#include "base/parallel.h"

/* What `#pragma omp parallel num_threads(n)` becomes in gcc: fn(data) once on each thread. */
extern void GOMP_parallel(void (*fn)(void *data), void *data, unsigned num_threads, unsigned flags);
extern int  omp_get_thread_num(void);
extern int  omp_get_num_threads(void);

struct loop {
    int64_t     n;
    void      (*body)(const void *context, int64_t first, int64_t last);
    const void *context;
};

static void run_share(void *data)
{
    const struct loop *loop = data;
    const int64_t threads = omp_get_num_threads(), i = omp_get_thread_num();
    const int64_t first = loop->n * i / threads, last = loop->n * (i + 1) / threads;
    if (first < last)
        loop->body(loop->context, first, last);
}

void oc__parallel(int threads, int64_t n, int64_t grain,
                  void (*body)(const void *context, int64_t first, int64_t last),
                  const void *context)
{
    struct loop loop = { n, body, context };
    const int64_t worth = grain > 0 ? n / grain : n;
    if (threads > worth)
        threads = (int)worth;
    if (threads > 1)
        GOMP_parallel(run_share, &loop, (unsigned)threads, 0);
    else if (n > 0)
        body(context, 0, n);
}
