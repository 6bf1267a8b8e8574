/* micro.h — the innermost loop of the matrix product, once per instruction set.
 *
 * A micro kernel multiplies a panel of `rows` rows of A by a panel of one or two vectors of
 * columns of B: c[i][j] (+)= alpha * sum over p of a[p * rows + i] b[p * b_step + j], with all
 * of c's tile in registers. */
#ifndef OC_BACKEND_CPU_MICRO_H
#define OC_BACKEND_CPU_MICRO_H

#include <stdbool.h>
#include <stdint.h>

struct micro_tile {
    int64_t      k;
    const float *a;                                     /* [k, rows] */
    const float *b;                                     /* [k, columns], rows b_step apart */
    int64_t      b_step;
    float        alpha;
    float       *c;                                     /* [rows, columns], rows c_step apart */
    int64_t      c_step;
    bool         add;                                   /* to what c holds; else c is written */
};

enum { MICRO_ROWS_MAX = 8, MICRO_COLUMNS_MAX = 32 };

struct micro_kernel {
    const char *name;
    int         rows, vector;                           /* floats in a vector */
    void      (*narrow)(const struct micro_tile *t);    /* one vector of columns */
    void      (*wide)(const struct micro_tile *t);      /* two vectors of columns */
};

/* The best for this machine. */
const struct micro_kernel *oc__cpu_micro(void);

#endif
