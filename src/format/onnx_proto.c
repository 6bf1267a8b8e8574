/* onnx_proto.c — the tables of ONNX's messages: field numbers and where they go. */
#include "format/onnx_proto.h"

#define FIELD(number_, type_, kind_, field_)                                                   \
    { number_, #field_, PB_##kind_, offsetof(type_, field_), NULL }
#define NESTED(number_, type_, kind_, field_, of_)                                             \
    { number_, #field_, PB_##kind_, offsetof(type_, field_), &of_ }
#define MESSAGE(name_, type_, text_)                                                           \
    const struct pb_message name_ = { text_, sizeof(type_), name_##_fields };

static const struct pb_field pair_fields[] = {
    FIELD(1, struct onnx_pair, TEXT, key), FIELD(2, struct onnx_pair, TEXT, value), { 0 }
};
static MESSAGE(pair, struct onnx_pair, "StringStringEntryProto")

static const struct pb_field oc__onnx_tensor_message_fields[] = {
    FIELD(1, struct onnx_tensor, INTS, dims),
    FIELD(2, struct onnx_tensor, INT, data_type),
    FIELD(4, struct onnx_tensor, DATA, float_data),
    FIELD(5, struct onnx_tensor, DATA, int32_data),
    FIELD(7, struct onnx_tensor, DATA, int64_data),
    FIELD(8, struct onnx_tensor, TEXT, name),
    FIELD(9, struct onnx_tensor, DATA, raw_data),
    FIELD(10, struct onnx_tensor, DATA, double_data),
    FIELD(11, struct onnx_tensor, DATA, uint64_data),
    NESTED(13, struct onnx_tensor, MESSAGES, external_data, pair),
    FIELD(14, struct onnx_tensor, INT, data_location),
    { 0 }
};
MESSAGE(oc__onnx_tensor_message, struct onnx_tensor, "TensorProto")

static const struct pb_field dimension_fields[] = {
    FIELD(1, struct onnx_dimension, INT, dim_value),
    FIELD(2, struct onnx_dimension, TEXT, dim_param),
    { 0 }
};
static MESSAGE(dimension, struct onnx_dimension, "Dimension")

static const struct pb_field shape_fields[] = {
    NESTED(1, struct onnx_shape, MESSAGES, dim, dimension), { 0 }
};
static MESSAGE(shape, struct onnx_shape, "TensorShapeProto")

static const struct pb_field tensor_type_fields[] = {
    FIELD(1, struct onnx_tensor_type, INT, elem_type),
    NESTED(2, struct onnx_tensor_type, MESSAGE, shape, shape),
    { 0 }
};
static MESSAGE(tensor_type, struct onnx_tensor_type, "Tensor")

static const struct pb_field other_fields[] = { { 0 } };
static MESSAGE(other, struct onnx_other, "Type")

static const struct pb_field type_fields[] = {
    NESTED(1, struct onnx_type, MESSAGE, tensor_type, tensor_type),
    NESTED(4, struct onnx_type, MESSAGE, sequence_type, other),
    NESTED(5, struct onnx_type, MESSAGE, map_type, other),
    NESTED(8, struct onnx_type, MESSAGE, sparse_tensor_type, other),
    NESTED(9, struct onnx_type, MESSAGE, optional_type, other),
    { 0 }
};
static MESSAGE(type, struct onnx_type, "TypeProto")

static const struct pb_field value_info_fields[] = {
    FIELD(1, struct onnx_value_info, TEXT, name),
    NESTED(2, struct onnx_value_info, MESSAGE, type, type),
    { 0 }
};
static MESSAGE(value_info, struct onnx_value_info, "ValueInfoProto")

static const struct pb_message graph;
static const struct pb_field attribute_fields[] = {
    FIELD(1, struct onnx_attribute, TEXT, name),
    FIELD(2, struct onnx_attribute, FLOAT, f),
    FIELD(3, struct onnx_attribute, INT, i),
    FIELD(4, struct onnx_attribute, TEXT, s),
    NESTED(5, struct onnx_attribute, MESSAGE, t, oc__onnx_tensor_message),
    NESTED(6, struct onnx_attribute, MESSAGE, g, graph),
    FIELD(7, struct onnx_attribute, FLOATS, floats),
    FIELD(8, struct onnx_attribute, INTS, ints),
    FIELD(9, struct onnx_attribute, TEXTS, strings),
    FIELD(20, struct onnx_attribute, INT, type),
    FIELD(21, struct onnx_attribute, TEXT, ref_attr_name),
    { 0 }
};
static MESSAGE(attribute, struct onnx_attribute, "AttributeProto")

static const struct pb_field node_fields[] = {
    FIELD(1, struct onnx_node_proto, TEXTS, input),
    FIELD(2, struct onnx_node_proto, TEXTS, output),
    FIELD(3, struct onnx_node_proto, TEXT, name),
    FIELD(4, struct onnx_node_proto, TEXT, op_type),
    NESTED(5, struct onnx_node_proto, MESSAGES, attribute, attribute),
    FIELD(7, struct onnx_node_proto, TEXT, domain),
    FIELD(8, struct onnx_node_proto, TEXT, overload),
    { 0 }
};
static MESSAGE(node, struct onnx_node_proto, "NodeProto")

static const struct pb_field graph_fields[] = {
    NESTED(1, struct onnx_graph, MESSAGES, node, node),
    FIELD(2, struct onnx_graph, TEXT, name),
    NESTED(5, struct onnx_graph, MESSAGES, initializer, oc__onnx_tensor_message),
    NESTED(11, struct onnx_graph, MESSAGES, input, value_info),
    NESTED(12, struct onnx_graph, MESSAGES, output, value_info),
    NESTED(15, struct onnx_graph, MESSAGES, sparse_initializer, other),
    { 0 }
};
static MESSAGE(graph, struct onnx_graph, "GraphProto")

static const struct pb_field opset_fields[] = {
    FIELD(1, struct onnx_opset, TEXT, domain), FIELD(2, struct onnx_opset, INT, version), { 0 }
};
static MESSAGE(opset, struct onnx_opset, "OperatorSetIdProto")

static const struct pb_field function_fields[] = {
    FIELD(1, struct onnx_function, TEXT, name),
    FIELD(4, struct onnx_function, TEXTS, input),
    FIELD(5, struct onnx_function, TEXTS, output),
    FIELD(6, struct onnx_function, TEXTS, attribute),
    NESTED(7, struct onnx_function, MESSAGES, node, node),
    NESTED(9, struct onnx_function, MESSAGES, opset_import, opset),
    FIELD(10, struct onnx_function, TEXT, domain),
    NESTED(11, struct onnx_function, MESSAGES, attribute_proto, attribute),
    FIELD(13, struct onnx_function, TEXT, overload),
    { 0 }
};
static MESSAGE(function, struct onnx_function, "FunctionProto")

static const struct pb_field oc__onnx_model_message_fields[] = {
    FIELD(1, struct onnx_model, INT, ir_version),
    FIELD(2, struct onnx_model, TEXT, producer_name),
    FIELD(3, struct onnx_model, TEXT, producer_version),
    NESTED(7, struct onnx_model, MESSAGE, graph, graph),
    NESTED(8, struct onnx_model, MESSAGES, opset_import, opset),
    NESTED(14, struct onnx_model, MESSAGES, metadata_props, pair),
    NESTED(25, struct onnx_model, MESSAGES, functions, function),
    { 0 }
};
MESSAGE(oc__onnx_model_message, struct onnx_model, "ModelProto")
