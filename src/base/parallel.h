/* parallel.h — a loop over several threads.
 *
 * There is one pool of threads in the process, libgomp's, which oneDNN uses too.  It is asked
 * by its own entry point and not by pragmas, because clang would translate those for a runtime
 * of its own, and two pools on the same cores cost more than they give. */
#ifndef OC_BASE_PARALLEL_H
#define OC_BASE_PARALLEL_H

#include <stdint.h>

/* Calls body for ranges that together make up [0, n), each on a thread of its own: at most
 * `threads` of them, and no more than n / grain.  Where the cuts are depends on these numbers
 * alone. */
void oc__parallel(int threads, int64_t n, int64_t grain,
                  void (*body)(const void *context, int64_t first, int64_t last),
                  const void *context);

#endif
