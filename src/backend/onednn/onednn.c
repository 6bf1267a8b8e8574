/* onednn.c — the back end: its name, its kernels, its reorders. */
#include "backend/onednn/onednn.h"

#include "backend/onednn/prim.h"

#define KERNEL(name) &oc__dnn_##name,
static const struct kernel *const kernels[] = {
#include "backend/onednn/list.h"
    NULL
};
#undef KERNEL

const struct backend oc__backend_onednn = { "onednn", kernels, oc__dnn_reorder_kernel };
