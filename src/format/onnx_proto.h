/* onnx_proto.h — the messages of ONNX (onnx.proto, IR version 14) as far as they are read.
 *
 * Names are the format's own.  Lists are of the struct of the same name, of text, or of numbers. */
#ifndef OC_FORMAT_ONNX_PROTO_H
#define OC_FORMAT_ONNX_PROTO_H

#include "format/protobuf.h"

struct onnx_pair { const char *key, *value; };          /* StringStringEntryProto */

struct onnx_tensor {
    struct pb_list dims;
    struct pb_int  data_type, data_location;            /* location 1: in another file */
    const char    *name;
    struct pb_data raw_data, float_data, int32_data, int64_data, double_data,
                   uint64_data;
    struct pb_list external_data;                       /* struct onnx_pair */
};

struct onnx_dimension { struct pb_int dim_value; const char *dim_param; };
struct onnx_shape { struct pb_list dim; };
struct onnx_tensor_type { struct pb_int elem_type; struct onnx_shape *shape; };
struct onnx_other { struct pb_int unused; };            /* of which only the presence matters */
struct onnx_type {
    struct onnx_tensor_type *tensor_type;
    struct onnx_other       *sequence_type, *map_type, *optional_type, *sparse_tensor_type;
};
struct onnx_value_info { const char *name; struct onnx_type *type; };

struct onnx_graph;
struct onnx_attribute {
    const char         *name, *ref_attr_name, *s;
    struct pb_int       type, i;
    float               f;
    struct onnx_tensor *t;
    struct onnx_graph  *g;
    struct pb_list      floats, ints, strings;
};
struct onnx_node_proto {
    const char    *name, *op_type, *domain, *overload;
    struct pb_list input, output, attribute;
};
struct onnx_graph {
    const char    *name;
    struct pb_list node, initializer, sparse_initializer, input, output;
};
struct onnx_opset { const char *domain; struct pb_int version; };
struct onnx_function {
    const char    *name, *domain, *overload;
    struct pb_list input, output, attribute, node, opset_import, attribute_proto;
};
struct onnx_model {
    struct pb_int      ir_version;
    const char        *producer_name, *producer_version;
    struct onnx_graph *graph;
    struct pb_list     opset_import, metadata_props, functions;
};

extern const struct pb_message oc__onnx_model_message, oc__onnx_tensor_message;

#define LIST_AT(type_, list_, i_) (&((type_ const *)(list_).item)[i_])

#endif
