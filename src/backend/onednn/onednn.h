/* onednn.h — the back end made of the oneDNN library (2.6 or later of version 2).
 *
 * It does f32 alone, and of that what the library does by generated code.  Convolutions, products
 * and averages are primitives (prim.h says how); maxima, normalisation and sums over channels are
 * loops of our own over the library's layouts (lanes.h).  list.h names every kernel once. */
#ifndef OC_BACKEND_ONEDNN_ONEDNN_H
#define OC_BACKEND_ONEDNN_ONEDNN_H

#include "backend/backend.h"

extern const struct backend oc__backend_onednn;

#define KERNEL(name) extern const struct kernel oc__dnn_##name;
#include "backend/onednn/list.h"
#undef KERNEL

#endif
