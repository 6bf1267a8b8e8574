/* onnx_write.h — a graph written as a model of ONNX.
 *
 * Parameters become initializers under their names, their numbers as raw_data; nodes and values
 * keep their names as far as these are different.  The file appears whole or not at all, weights
 * go from the store straight to it, and equal models give equal bytes. */
#ifndef OC_FORMAT_ONNX_WRITE_H
#define OC_FORMAT_ONNX_WRITE_H

#include "base/file.h"
#include "ocellus.h"

struct onnx_result { const char *name; oc_value value; };
struct onnx_property { const char *key, *value; };

struct onnx_writing {
    const oc_graph             *graph;
    oc_store                   *store;                  /* the graph's */
    int64_t                     opset;
    const char                 *name;                   /* of the graph */
    int                         outputs, properties;
    const struct onnx_result   *output;
    const struct onnx_property *property;               /* metadata_props */
};

oc_status oc__onnx_write(const char *path, const struct onnx_writing *w, enum write_flags flags);

#endif
