/* attributes.h — the attribute structs that are read outside of their operator's file: by kernels
 * of back ends, rewrites and importers.  The tables with defaults and help stand with the
 * operators. */
#ifndef OC_OP_ATTRIBUTES_H
#define OC_OP_ATTRIBUTES_H

#include "base/attr.h"

/* Activations. */
struct leaky_relu       { double alpha; };
struct elu              { double alpha; };
struct selu             { double alpha, gamma; };
struct hard_sigmoid     { double alpha, beta; };
struct thresholded_relu { double alpha; };
struct clip             { double min, max; };
struct celu             { double alpha; };
struct swish            { double alpha; };
struct shrink           { double bias, lambd; };
struct is_inf           { bool detect_negative, detect_positive; };
struct gelu             { int approximate; };           /* enum gelu_form */
enum gelu_form          { GELU_NONE, GELU_TANH };

/* Along axes; a negative axis counts from the end. */
struct softmax { int64_t axis; };
struct arg_max { int64_t axis; bool keepdims, select_last_index; };
struct reduce  { struct ints axes; bool keepdims, noop_with_empty_axes; };  /* no axes: all */

struct scan    { bool exclusive, reverse; };

struct rms_norm           { int64_t axis; double epsilon; int stash_type; };  /* oc_dtype */
struct mean_variance_norm { struct ints axes; };
struct lp_norm            { int64_t axis, p; };

struct rotary           { bool interleaved; int64_t num_heads, rotary_embedding_dim; };
struct linear_attention {
    int64_t chunk_size, kv_num_heads, q_num_heads;
    double  scale;
    int     update_rule;
};
struct causal_conv    { int activation; };
struct attention_bias { bool is_causal; int64_t left_window_size, right_window_size; };
struct attention {
    bool    is_causal;
    int64_t left_window_size, right_window_size, kv_num_heads, q_num_heads, qk_matmul_output_mode;
    double  scale, softcap;
    int     softmax_precision;                          /* oc_dtype */
};

/* Losses. */
enum reduction { REDUCTION_MEAN, REDUCTION_SUM, REDUCTION_NONE };
struct element_loss  { int reduction; };
struct cross_entropy { int reduction; int64_t ignore_index; double label_smoothing; };

struct dropout { double p; int64_t key; };              /* key 0: made from the node's name */
struct dropout_seeded { double ratio; int64_t seed; bool training_mode; };
struct cast    { int to; };                             /* oc_dtype */
struct cast_like { bool saturate; int round_mode; };

/* Shapes and places. */
struct shape     { int64_t start, end; };
struct constant_of_shape { struct ints shape; double value; int type; };  /* oc_dtype */
struct reshape   { struct ints shape; bool allowzero; };
struct flatten   { int64_t axis; };
struct squeeze   { struct ints axes; };                 /* Squeeze, Unsqueeze */
struct expand    { struct ints shape; };
struct tile      { struct ints repeats; };
struct transpose { struct ints perm; };
struct concat    { int64_t axis; };
struct split     { int64_t axis; struct ints split; int64_t num_outputs; };
struct slice     { struct ints starts, ends, axes, steps; };
struct gather    { int64_t axis; };
enum scatter_reduction { SCATTER_NONE, SCATTER_ADD, SCATTER_MUL, SCATTER_MAX, SCATTER_MIN };
struct scatter   { int64_t axis, batch_dims; int reduction; }; /* and the gathers alike */
struct trilu     { bool upper; };
struct blocks    { int64_t blocksize; int mode; };      /* DepthToSpace, SpaceToDepth */
struct grid_sample { int mode, padding_mode; bool align_corners; };
struct affine_grid { struct ints size; bool align_corners; };
struct quantize  { int64_t axis, block_size; int output_dtype, precision; bool saturate; };
struct top_k     { int64_t axis, k; bool largest, sorted; };
struct compress  { int64_t axis; };                     /* INT64_MAX: none */
struct one_hot   { int64_t axis, depth; };
struct eye_like  { int64_t k; int dtype; };             /* OC_DTYPES: that of the input */
struct number_range { int stash_type; };
struct unique    { int64_t axis; bool sorted; };        /* INT64_MAX: none */
struct non_max_suppression { bool center_point_box; };
struct center_crop_pad     { struct ints shape, axes; };
struct tensor_scatter      { int64_t axis; int mode; };
struct reverse_sequence    { int64_t batch_axis, time_axis; };
struct lrn       { int64_t size; double alpha, beta, bias; };
struct roi_align {
    int     coordinate_transformation_mode, mode;
    int64_t output_height, output_width, sampling_ratio;
    double  spatial_scale;
};
struct einsum    { char equation[ATTR_TEXT_MAX]; int64_t operand; };
struct dft           { int64_t axis, dft_length; bool inverse, onesided; };
struct signal_window { int64_t size; bool periodic; int output_datatype; };  /* oc_dtype */
struct col2im        { struct ints image_shape, block_shape, dilations, pads, strides; };
struct bundle    { int64_t count; };
struct mod       { bool fmod; };
struct bit_shift { int direction; };                    /* 0: left, 1: right */
enum pad_mode    { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };
struct pad       { struct ints pads; int mode; double value; struct ints axes; };

#endif
