/* onednn.h — the back end made of the oneDNN library (2.6 or later of version 2).
 *
 * It does f32 alone, and of that what the library does by generated code.  prim.h says how a kernel
 * is one primitive; the files of the families (conv, gemm, pool, norm, …) hold the kernels, and
 * list.h names each once. */
#ifndef OC_BACKEND_ONEDNN_ONEDNN_H
#define OC_BACKEND_ONEDNN_ONEDNN_H

#include "backend/backend.h"

extern const struct backend oc__backend_onednn;

#define KERNEL(name) extern const struct kernel oc__dnn_##name;
#include "backend/onednn/list.h"
#undef KERNEL

#endif
