/* onnx.h — models of ONNX whose numbers are read later, straight to where they belong. */
#ifndef OC_FORMAT_ONNX_H
#define OC_FORMAT_ONNX_H

#include "ocellus.h"

/* As oc_onnx_load(), but the file stays open and its own store has no numbers yet. */
oc_status oc__onnx_open(oc_onnx **out, const char *path, const oc_onnx_options *options);

/* Reads the numbers of all parameters of a store that the file has in that name and shape; the
 * others are initialised as they were declared. */
oc_status oc__onnx_values(oc_onnx *m, oc_store *to);

#endif
