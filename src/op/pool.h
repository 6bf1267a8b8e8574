/* pool.h — attributes of pooling. */
#ifndef OC_OP_POOL_H
#define OC_OP_POOL_H

#include "op/op.h"
#include "op/window.h"

struct pool_attr {
    struct window_attr window;
    bool               count_include_pad;               /* AveragePool */
};

#define POOL_ATTRS                                                                          \
    WINDOW_ATTRS(struct pool_attr),                                                         \
    { .name = "ceil_mode", .type = ATTR_BOOL, .preset = "false",                            \
      .offset = offsetof(struct pool_attr, window.ceil_mode),                               \
      .help = "round the output's size up; no window starts in the padding at the end" }

/* How many places an average over the window at y (of all three dimensions) is taken. */
int64_t oc__pool_divisor(const struct window *w, const int64_t y[WINDOW_DIMS], bool include_pad);

/* One per place of each window. */
double oc__pool_flops(const struct infer *s);

#endif
