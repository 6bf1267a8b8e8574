/* ocellus.h — a compact deep-learning system for computer vision.
 *
 * The header is laid out in strata, each resting on those above it: status, tensor, parameters,
 * graph, session, model, data, train, format.  Objects are opaque and owned by whoever called their
 * `_new`, `_open` or `_load`; a returned plain pointer is borrowed and dies with its parent;
 * `x_free(NULL)` is fine.  Shapes are written [n, c, h, w]; memory is dense and row-major.  Nothing
 * here prints or exits.  An object is used by one thread at a time. */
#ifndef OCELLUS_H
#define OCELLUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OC_VERSION "0.1.0"

/* ---- status ------------------------------------------------------------------------------- */

/* What went wrong, by kind; its negative is the program's exit code. */
typedef enum oc_status {
    OC_OK           = 0,
    OC_ENEGATIVE    = -1,       /* ran, but the answer is no (a check failed, training diverged) */
    OC_EUSAGE       = -2,       /* the caller's words: option, model text, shapes that do not fit */
    OC_EINPUT       = -3,       /* bad input data */
    OC_EIO          = -4,       /* missing, unreadable, no space, short write */
    OC_ELIMIT       = -5,       /* a stated limit, or memory, is exhausted */
    OC_EDEVICE      = -6,       /* a device failed */
    OC_EINTERRUPTED = -7,       /* stopped on request, state saved, resumable */
    OC_EBUG         = -70,      /* an invariant of ours does not hold */
} oc_status;

/* One line about the calling thread's last failure; "" when there was none. */
const char *oc_error(void);

/* Receives warnings and notes, one line each, without newline.  NULL (the default) drops them. */
typedef enum { OC_NOTE, OC_WARNING } oc_log_level;
typedef void oc_log_function(void *context, oc_log_level level, const char *line);
void oc_log_set(oc_log_function *function, void *context);

/* ---- tensor ------------------------------------------------------------------------------- */

typedef enum oc_dtype {
    OC_F32, OC_F64, OC_F16, OC_BF16, OC_U8, OC_I8, OC_I32, OC_I64, OC_BOOL, OC_DTYPES
} oc_dtype;

size_t      oc_dtype_size(oc_dtype t);                  /* bytes of one element */
const char *oc_dtype_name(oc_dtype t);                  /* "f32" */

enum { OC_MAX_RANK = 8 };

/* Dimensions, outermost first.  In a graph a negative one is unknown until prepared: OC_UNKNOWN, or
 * a symbol from oc_symbol(); the same symbol is the same number. */
enum { OC_UNKNOWN = -1 };
typedef struct oc_shape {
    int     rank;
    int64_t dim[OC_MAX_RANK];
} oc_shape;

/* OC_SHAPE(2, 3) is the shape [2, 3]; a scalar's is (oc_shape){ 0 }. */
#define OC_SHAPE(...)                                                                          \
    ((oc_shape){ (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ } })

int64_t oc_shape_count(const oc_shape *s);              /* elements; OC_UNKNOWN if a dimension is */
bool    oc_shape_equal(const oc_shape *a, const oc_shape *b);

/* A view of dense row-major memory that somebody else owns. */
typedef struct oc_tensor {
    oc_dtype dtype;
    oc_shape shape;
    void    *data;
} oc_tensor;

size_t oc_tensor_bytes(const oc_tensor *t);

/* Element i as a double, through the type's conversion (round to nearest even when storing). */
double oc_tensor_get(const oc_tensor *t, int64_t i);
void   oc_tensor_set(const oc_tensor *t, int64_t i, double v);

/* ---- parameters --------------------------------------------------------------------------- */

/* A store owns the parameters of a model by name: their values, and whatever else has one number per
 * parameter (gradients, optimizer state), each role in one flat block.  Graphs refer to it; several
 * graphs may share one.  Declaring, loading and building may come in any order. */
typedef struct oc_store oc_store;

typedef enum { OC_TRAINABLE, OC_STATISTIC } oc_parameter_kind;

typedef struct oc_parameter {
    const char       *name;                             /* "fc1.weight" */
    oc_shape          shape;
    oc_parameter_kind kind;
    float            *value;                            /* row-major; valid until a parameter is added */
} oc_parameter;

oc_status     oc_store_new(oc_store **out, uint64_t seed);
void          oc_store_free(oc_store *s);
int           oc_store_count(const oc_store *s);        /* parameters */
int64_t       oc_store_elements(const oc_store *s);     /* numbers in trainable parameters */
oc_parameter  oc_store_at(oc_store *s, int i);          /* initialises what is new; 0 <= i < count */
int           oc_store_find(const oc_store *s, const char *name); /* -1: none of that name */
/* Tells the store that values were written through oc_parameter.value, so that packed copies of them
 * are made anew. */
void          oc_store_touch(oc_store *s);

/* ---- graph -------------------------------------------------------------------------------- */

/* A graph owns its nodes.  Builders return a value and never fail visibly: the first failure is kept
 * in the graph, a failed value passes through every later builder, and oc_graph_check() reports it
 * once with its cause. */
typedef struct oc_graph oc_graph;
typedef struct oc_value { int32_t id; } oc_value;
#define OC_NONE ((oc_value){ 0 })                       /* an optional input that is absent */

oc_status oc_graph_new(oc_graph **out, oc_store *store); /* the store is borrowed; NULL: no parameters */
void      oc_graph_free(oc_graph *g);
oc_status oc_graph_check(const oc_graph *g);            /* the first failure, also as oc_error() */

/* Names below a scope are joined by dots: in oc_scope(g, "layer1"), "conv.weight" is
 * "layer1.conv.weight". */
void oc_scope(oc_graph *g, const char *name);
void oc_scope_end(oc_graph *g);

int64_t oc_symbol(oc_graph *g, const char *name);       /* a named dimension, unknown until prepared */

oc_value oc_input(oc_graph *g, const char *name, oc_dtype t, oc_shape shape);
oc_value oc_constant(oc_graph *g, const oc_tensor *t);  /* copies the data */
oc_value oc_scalar(oc_graph *g, double v);              /* an f32 constant of rank 0 */

/* A parameter of the graph's store, declared on first use: `init` is a step such as "kaiming_normal",
 * "uniform low=-0.1 high=0.1", "ones" (docs/operators.md lists them).  A name that exists with another
 * shape is a failure. */
oc_value oc_parameter_value(oc_graph *g, const char *name, oc_shape shape,
                            oc_parameter_kind kind, const char *init);

/* Applies an operator by its ONNX name to `n` inputs; attributes as text, printf style:
 * oc_apply(g, "LeakyRelu", 1, &x, "alpha=%g", 0.2).  Returns the first output. */
oc_value oc_apply(oc_graph *g, const char *op, int n, const oc_value *in, const char *attributes, ...)
    __attribute__((format(printf, 5, 6)));
oc_value oc_output(oc_graph *g, oc_value v, int i);     /* output i of the node that made v */

/* The commonest operators by name.  Broadcasting is numpy's. */
oc_value oc_add(oc_graph *g, oc_value a, oc_value b);
oc_value oc_sub(oc_graph *g, oc_value a, oc_value b);
oc_value oc_mul(oc_graph *g, oc_value a, oc_value b);
oc_value oc_div(oc_graph *g, oc_value a, oc_value b);
oc_value oc_matmul(oc_graph *g, oc_value a, oc_value b);
oc_value oc_transpose(oc_graph *g, oc_value x);         /* reverses the dimensions */
oc_value oc_relu(oc_graph *g, oc_value x);
oc_value oc_sigmoid(oc_graph *g, oc_value x);
oc_value oc_softmax(oc_graph *g, oc_value x);           /* over the last dimension */
oc_value oc_sum(oc_graph *g, oc_value x);               /* of all elements, rank 0 */
oc_value oc_mean(oc_graph *g, oc_value x);
/* Mean softmax cross-entropy of logits [n, c] against class indices [n], in nats. */
oc_value oc_softmax_cross_entropy(oc_graph *g, oc_value logits, oc_value target);

/* dx[i] = d sum(y) / d x[i] as more graph; OC_NONE where y does not depend on x[i]. */
void oc_grad(oc_graph *g, oc_value y, int n, const oc_value *x, oc_value *dx);

/* After each successful training step the value becomes the parameter's (running statistics). */
void oc_effect(oc_graph *g, oc_value parameter, oc_value value);

oc_dtype    oc_value_dtype(const oc_graph *g, oc_value v);
oc_shape    oc_value_shape(const oc_graph *g, oc_value v);
const char *oc_value_name(const oc_graph *g, oc_value v);

/* The graph as text (one node a line) or for Graphviz; the string is yours: oc_string_free(). */
char *oc_graph_text(const oc_graph *g);
char *oc_graph_dot(const oc_graph *g);
void  oc_string_free(char *s);

/* ---- session ------------------------------------------------------------------------------ */

/* A session prepares a graph once for each combination of input shapes and runs it many times.
 * Running does not allocate. */
typedef struct oc_session oc_session;

typedef enum { OC_INFER, OC_TRAIN } oc_mode;

typedef struct oc_session_options {
    oc_mode         mode;
    const char     *device;                             /* NULL or "auto", "cpu" */
    const char     *backends;                           /* NULL: all, fastest first; else "onednn,cpu,reference" */
    oc_dtype        precision;                          /* OC_F32, or OC_F64: every f32 of the graph in double */
    int             threads;                            /* 0: as many as the machine has cores */
    uint64_t        seed;                               /* of random operators */
    int             outputs;
    const oc_value *output;                             /* what oc_session_run() hands back */
    /* Gradients to leave in the store's gradient block: pairs of parameter and gradient. */
    int             gradients;
    const oc_value *parameter, *gradient;
} oc_session_options;

oc_status oc_session_new(oc_session **out, oc_graph *g, const oc_session_options *options);
void      oc_session_free(oc_session *s);

/* Plans for these shapes of the graph's inputs (in the order they were made) without running, so that
 * the peak is known before the first step. */
oc_status oc_session_prepare(oc_session *s, const oc_shape *inputs);

/* Runs once.  `in` holds the graph's inputs in order; `out` receives the outputs of the options in
 * order: their shape and dtype are set, and data, where not NULL, must have room and is written. */
oc_status oc_session_run(oc_session *s, const oc_tensor *in, oc_tensor *out);

/* The step that random operators see; counts up by itself after each run in training. */
void     oc_session_set_step(oc_session *s, uint64_t step);

/* Bytes of the plan last prepared: arena with scratch and packed weights (parameters, gradients and
 * optimizer state live in the store). */
int64_t  oc_session_bytes(const oc_session *s);
/* The plan as a table: step, kernel, layout, shape, place; yours: oc_string_free(). */
char    *oc_session_text(const oc_session *s);

/* Time per step of the plan, gathered while profiling is on. */
typedef struct oc_profile_row {
    const char *name, *op, *kernel;                     /* node, operator, "onednn jit:avx512_core" */
    double      seconds;                                /* total */
    double      flops;                                  /* of one run; 0 where not counted */
    int64_t     runs;
} oc_profile_row;
void oc_session_profile(oc_session *s, bool on);
int  oc_session_profile_rows(const oc_session *s, const oc_profile_row **rows);

const char *oc_device_reason(const char *device);       /* "cpu: no CUDA back end in this build" */

/* ---- data --------------------------------------------------------------------------------- */

/* A data set: labelled images in up to three parts.  `spec` is `kind:place[,key=value…]`:
 * "mnist:DIR", "synth:digits,train=10000,test=2000". */
typedef struct oc_data oc_data;
typedef enum { OC_PART_TRAIN, OC_PART_VAL, OC_PART_TEST, OC_PARTS } oc_part;

oc_status   oc_data_open(oc_data **out, const char *spec);
void        oc_data_free(oc_data *d);
int64_t     oc_data_count(const oc_data *d, oc_part part);
int         oc_data_classes(const oc_data *d);
const char *oc_data_class_name(const oc_data *d, int i);
oc_shape    oc_data_shape(const oc_data *d);            /* [c, h, w] of its images; unknown where they differ */
uint64_t    oc_data_hash(const oc_data *d);             /* of all pixels and labels */
const char *oc_data_preparation(const oc_data *d);      /* the preparation that suits it, as steps */

/* Moves a fraction in [0, 1) of the training part, the same of every class, to validation. */
oc_status oc_data_split(oc_data *d, double fraction, uint64_t seed);

/* 8-bit image, [h, w, c] with c = 1 (grey), 2, 3 (RGB) or 4 (with alpha); freed with oc_image_free(). */
typedef struct oc_image {
    int      width, height, channels;
    uint8_t *pixel;
} oc_image;

/* Sample i of a part, 0 <= i < count; the image is yours. */
oc_status oc_data_sample(const oc_data *d, oc_part part, int64_t i, oc_image *image, int64_t *label);
oc_status oc_image_load(oc_image *out, const char *path);   /* PNG or JPEG, by content */
oc_status oc_image_save(const oc_image *image, const char *path); /* PNG */
void      oc_image_free(oc_image *image);

#ifdef __cplusplus
}
#endif
#endif
