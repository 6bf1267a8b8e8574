/* ocellus.h — a compact deep-learning system for computer vision.
 *
 * The header is laid out in strata, each resting on those above it: status, tensor, parameters,
 * graph, session, data, model, train.  Objects are opaque and owned by whoever called their
 * `_new`, `_open` or `_load`; a returned plain pointer is borrowed and dies with its parent;
 * `x_free(NULL)` is fine.  Shapes are written [n, c, h, w]; memory is dense and row-major.  Nothing
 * here prints or exits.  An object is used by one thread at a time. */
#ifndef OCELLUS_H
#define OCELLUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
    OC_F32, OC_F64, OC_F16, OC_BF16, OC_U8, OC_I8, OC_I32, OC_I64, OC_BOOL,
    OC_U16, OC_U32, OC_U64, OC_I16, OC_DTYPES
} oc_dtype;

size_t      oc_dtype_size(oc_dtype t);                  /* bytes of one element */
const char *oc_dtype_name(oc_dtype t);                  /* "f32" */

enum { OC_MAX_RANK = 8 };

/* Dimensions, outermost first.  In a graph a negative one is unknown until prepared: OC_UNKNOWN, or
 * a symbol from oc_symbol(); the same symbol is the same number.  So is the rank where it follows
 * from values that only a run knows. */
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

/* A tensor in a file: NumPy's .npy, or .pb as ONNX's suite has them.  What is loaded is yours:
 * oc_tensor_free().  Saving writes .npy; without `replace` an existing file is an error. */
oc_status oc_tensor_load(oc_tensor *out, const char *path);
oc_status oc_tensor_save(const oc_tensor *t, const char *path, bool replace);
void      oc_tensor_free(oc_tensor *t);                 /* its data; harmless on { 0 } */

/* ---- parameters --------------------------------------------------------------------------- */

/* A store owns the parameters of a model by name: their values, and whatever else has one number
 * per parameter (gradients, optimizer state), each role in one flat block.  Graphs refer to it;
 * several graphs may share one.  Declaring, loading and building may come in any order. */
typedef struct oc_store oc_store;

typedef enum { OC_TRAINABLE, OC_STATISTIC } oc_parameter_kind;

typedef struct oc_parameter {
    const char       *name;                             /* "fc1.weight" */
    oc_shape          shape;
    oc_parameter_kind kind;
    float            *value;                       /* row-major; valid until a parameter is added */
} oc_parameter;

oc_status     oc_store_new(oc_store **out, uint64_t seed);
void          oc_store_free(oc_store *s);
int           oc_store_count(const oc_store *s);        /* parameters */
int64_t       oc_store_elements(const oc_store *s);     /* numbers in trainable parameters */
oc_parameter  oc_store_at(oc_store *s, int i);         /* initialises what is new; 0 <= i < count */
/* The gradient that a training session left for parameter i, shaped as its value; NULL: none
 * yet. */
const float  *oc_store_gradient(const oc_store *s, int i);
int           oc_store_find(const oc_store *s, const char *name); /* -1: none of that name */
/* Tells the store that values were written through oc_parameter.value, so that packed copies of
 * them are made anew. */
void          oc_store_touch(oc_store *s);

/* ---- graph -------------------------------------------------------------------------------- */

/* A graph owns its nodes.  Builders return a value and never fail visibly: the first failure is
 * kept in the graph, a failed value passes through every later builder, and oc_graph_check()
 * reports it once with its cause. */
typedef struct oc_graph oc_graph;
typedef struct oc_value { int32_t id; } oc_value;
#define OC_NONE ((oc_value){ 0 })                       /* an optional input that is absent */

/* the store is borrowed; NULL: no parameters */
oc_status oc_graph_new(oc_graph **out, oc_store *store);
void      oc_graph_free(oc_graph *g);
oc_status oc_graph_check(const oc_graph *g);            /* the first failure, also as oc_error() */

/* Names below a scope are joined by dots: in oc_scope(g, "layer1"), "conv.weight" is
 * "layer1.conv.weight". */
void oc_scope(oc_graph *g, const char *name);
void oc_scope_end(oc_graph *g);

int64_t oc_symbol(oc_graph *g, const char *name);    /* a named dimension, unknown until prepared */

oc_value oc_input(oc_graph *g, const char *name, oc_dtype t, oc_shape shape);
oc_value oc_constant(oc_graph *g, const oc_tensor *t);  /* copies the data */
oc_value oc_scalar(oc_graph *g, double v);              /* an f32 constant of rank 0 */

/* A parameter of the graph's store, declared on first use: `init` is a step such as
 * "kaiming_normal", "uniform low=-0.1 high=0.1", "ones" (docs/operators.md lists them).  A name
 * that exists with another shape is a failure. */
oc_value oc_parameter_value(oc_graph *g, const char *name, oc_shape shape,
                            oc_parameter_kind kind, const char *init);

/* Applies an operator by its ONNX name to `n` inputs; attributes as text, printf style:
 * oc_apply(g, "LeakyRelu", 1, &x, "alpha=%g", 0.2).  Returns the first output. */
oc_value oc_apply(oc_graph *g, const char *op, int n, const oc_value *in, const char *attributes,
                  ...) __attribute__((format(printf, 5, 6)));
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

/* dx[i] = d sum(y) / d x[i] as more graph; OC_NONE where y does not depend on x[i], or only by
 * steps (Floor, comparisons).  A derivative of dx in turn works as far as dx is made of operators
 * that have a gradient (docs/operators.md); where one has none, the graph fails and names it. */
void oc_grad(oc_graph *g, oc_value y, int n, const oc_value *x, oc_value *dx);

/* After each successful training step the value becomes the parameter's (running statistics),
 * unless a number of it is not finite. */
void oc_effect(oc_graph *g, oc_value parameter, oc_value value);

oc_dtype    oc_value_dtype(const oc_graph *g, oc_value v);
oc_shape    oc_value_shape(const oc_graph *g, oc_value v);
const char *oc_value_name(const oc_graph *g, oc_value v);
oc_value    oc_value_find(const oc_graph *g, const char *name);  /* OC_NONE: none of that name */

/* The graph as text (one node a line) or for Graphviz; the string is yours: oc_string_free(). */
char *oc_graph_text(const oc_graph *g);
char *oc_graph_dot(const oc_graph *g);
/* docs/operators.md: every operator and initialiser from its table; yours: oc_string_free(). */
char *oc_operators_manual(void);
void  oc_string_free(char *s);

/* ---- session ------------------------------------------------------------------------------ */

/* A session prepares a graph once for each combination of input shapes and runs it many times.
 * Running does not allocate. */
typedef struct oc_session oc_session;

typedef enum { OC_INFER, OC_TRAIN } oc_mode;

typedef struct oc_session_options {
    oc_mode         mode;
    const char     *device;                             /* NULL or "auto", "cpu" */
    const char     *backends;            /* NULL: all, fastest first; else "onednn,cpu,reference" */
    /* OC_F32, or OC_F64: every f32 of the graph in double; the store stays in f32 and is converted,
     * on the way in and, as gradients and effects, on the way out. */
    oc_dtype        precision;
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

/* Plans for these shapes of the graph's inputs (in the order they were made) without running, so
 * that the peak is known before the first step. */
oc_status oc_session_prepare(oc_session *s, const oc_shape *inputs);

/* Runs once.  `in` holds the graph's inputs in order, read where they are, and those that no output
 * needs may have no data; `out` receives the outputs of the options in order: their shape and dtype
 * are set, and data, where not NULL, must have room and is written. */
oc_status oc_session_run(oc_session *s, const oc_tensor *in, oc_tensor *out);

/* The same, where sizes are not known before: outputs get memory of their own, which is yours:
 * oc_tensor_free(). */
oc_status oc_session_results(oc_session *s, const oc_tensor *in, oc_tensor *out);

/* The step that random operators see; counts up by itself after each run in training. */
void     oc_session_set_step(oc_session *s, uint64_t step);

/* Bytes of the plan last prepared: arena with scratch and packed weights (parameters, gradients and
 * optimizer state live in the store). */
int64_t  oc_session_bytes(const oc_session *s);
/* The plan as a table: step, kernel, layout, shape, place; yours: oc_string_free(). */
char    *oc_session_text(const oc_session *s);

/* Time per step of the plan, gathered while profiling is on. */
typedef struct oc_profile_row {
    const char *name, *op, *kernel;                   /* node, operator, "onednn jit:avx512_core" */
    double      seconds;                                /* total */
    double      flops;                                  /* of one run; 0 where not counted */
    int64_t     runs;
} oc_profile_row;
void oc_session_profile(oc_session *s, bool on);
int  oc_session_profile_rows(const oc_session *s, const oc_profile_row **rows);

const char *oc_device_reason(const char *device);       /* "cpu: no CUDA back end in this build" */

/* ---- data --------------------------------------------------------------------------------- */

/* A data set: labelled images in up to three parts.  `spec` is `kind:place[,key=value…]`:
 * "mnist:DIR", "synth:digits,train=10000,test=2000", "images:DIR,split=0.8,0.1,0.1,seed=1".  Files
 * are decoded when they are asked for. */
typedef struct oc_data oc_data;
typedef enum { OC_PART_TRAIN, OC_PART_VAL, OC_PART_TEST, OC_PARTS } oc_part;

oc_status   oc_data_open(oc_data **out, const char *spec);
void        oc_data_free(oc_data *d);
int64_t     oc_data_count(const oc_data *d, oc_part part);
int         oc_data_classes(const oc_data *d);
const char *oc_data_class_name(const oc_data *d, int i);
const char *oc_data_task(const oc_data *d);     /* what it can teach: "classify", "saliency" */
/* [c, h, w] of its images; unknown where they differ */
oc_shape    oc_data_shape(const oc_data *d);
/* of all pixels and labels as they were opened; of files, names and sizes in place of pixels */
uint64_t    oc_data_hash(const oc_data *d);
const char *oc_data_preparation(const oc_data *d);     /* the preparation that suits it, as steps */

/* Divides the training and validation parts, taken together, anew: a fraction in [0, 1) of every
 * class becomes validation; or, of `folds` equal shares of every class, share number `fold`
 * does. */
oc_status oc_data_split(oc_data *d, double fraction, uint64_t seed);
oc_status oc_data_folds(oc_data *d, int folds, int fold, uint64_t seed);
/* Moves the samples of all parts into one, as for measuring a model on everything. */
oc_status oc_data_gather(oc_data *d, oc_part part);

/* 8-bit image, [h, w, c] with c = 1 (grey), 2, 3 (RGB) or 4 (with alpha); freed with
 * oc_image_free(). */
typedef struct oc_image {
    int      width, height, channels;
    uint8_t *pixel;
} oc_image;

/* Sample i of a part, 0 <= i < count; the image is yours. */
oc_status oc_data_sample(const oc_data *d, oc_part part, int64_t i, oc_image *image,
                         int64_t *label);
/* Its size without its pixels, as the header of its file has it, and the format's name; "" where it
 * is in no file of its own. */
oc_status oc_data_header(const oc_data *d, oc_part part, int64_t i, oc_image *header,
                         const char **format);
/* Its class without its image; -1: there is no such sample. */
int64_t     oc_data_label(const oc_data *d, oc_part part, int64_t i);
/* The file that it is in; "" where it is in none of its own. */
const char *oc_data_name(const oc_data *d, oc_part part, int64_t i);

/* A contact sheet: prepared samples, spread over the classes, from sample `first` on in rows of
 * ten; or, with augmentation, a row per sample, which shows it as prepared and then as `variants`
 * epochs of a training with that seed would see it, blended, where steps do, with the sample of the
 * row before.  Below stands the class; what masks mean is tinted.  The image is yours. */
typedef struct oc_sheet_options {
    oc_part     part;
    int64_t     first, count;
    const char *preparation;                            /* NULL: what suits the data */
    const char *augment;                                /* NULL: none */
    int         variants;
    uint64_t    seed;
} oc_sheet_options;
oc_status oc_data_sheet(const oc_data *d, const oc_sheet_options *options, oc_image *sheet);

oc_status oc_image_load(oc_image *out, const char *path);   /* PNG, JPEG or WebP */
/* The same as training decodes it for a preparation: of a large JPEG only as much detail as the
 * preparation keeps.  For oc_predict(), so that the network sees the same bytes as in training. */
oc_status oc_image_load_for(oc_image *out, const char *path, const char *preparation);
oc_status oc_image_save(const oc_image *image, const char *path); /* PNG */
void      oc_image_free(oc_image *image);

/* Calls a function for each image that a word of the user stands for: a PNG, JPEG or WebP; a .npy
 * array of one or more images (bytes, or fractions of white); an IDX file, plain or .gz; raw bytes,
 * exactly h*w or h*w*c for `shape` [c, h, w] (NULL: none are raw); one image of several by its
 * number, "images.npy:7"; or a folder, whose pictures and .npy come in order of their names.
 * Pictures are decoded as by oc_image_load_for(); NULL: as by oc_image_load().  A
 * file that cannot be read is given as its status with a NULL image.  A negative status from the
 * function ends it and is handed on. */
typedef oc_status oc_image_function(void *context, const char *name, oc_status status,
                                    const oc_image *image);
typedef struct oc_each_options {
    const oc_shape *shape;                              /* of raw files; NULL: none are */
    const char     *preparation;                        /* that they are decoded for; NULL: none */
    bool            lenient;                            /* grey where a JPEG ends early */
} oc_each_options;
oc_status oc_image_each(const char *word, const oc_each_options *options,
                        oc_image_function *function, void *context);

/* How fast the training part comes as prepared batches, shuffled, for some seconds.  `work`, where
 * given, stands for the training and is called after each batch; `waited` is what the batches were
 * waited for.  `workers`: 0: chosen; -1: none. */
typedef struct oc_speed_options {
    const char *augment;                                /* NULL: none */
    int64_t     batch;
    int         workers;
    double      seconds;
    oc_status (*work)(void *context);
    void       *context;
} oc_speed_options;
typedef struct oc_speed { int64_t images; double seconds, waited; int workers; } oc_speed;
oc_status oc_data_speed(const oc_data *d, const char *preparation, const oc_speed_options *options,
                        oc_speed *out);
/* How fast the files of the training part are decoded, whole and for nothing; no images where the
 * data lies in memory. */
oc_status oc_data_decode_speed(const oc_data *d, int workers, double seconds, oc_speed *out);

/* Downloads a published data set ("mnist", "fashion", "cifar10", "voc2012", "coco-val") into a
 * folder, proves its checksums and unpacks it.  What is in place stays; a download that was cut off
 * goes on where it stopped.  *kind reads the folder, as in "mnist:FOLDER"; NULL: none does yet. */
typedef struct oc_fetch_options {
    const char *set, *folder;                           /* NULL folder: named as the set */
    const char *from;                 /* files come from FROM/NAME; NULL: the publishers' address */
    void      (*progress)(void *context, const char *file, int64_t bytes, int64_t all);
    void       *context;
} oc_fetch_options;
oc_status oc_data_fetch(const oc_fetch_options *options, const char **kind);

/* The shape [c, h, w] that a preparation makes of images of a shape, unknown where not known. */
oc_status oc_preparation_shape(const char *preparation, const oc_shape *image, oc_shape *out);
/* What a preparation makes of one image: f32 [c, h, w], yours: oc_tensor_free(). */
oc_status oc_image_prepare(oc_tensor *out, const oc_image *image, const char *preparation);

/* ---- model -------------------------------------------------------------------------------- */

/* A network that can be built into any graph, its parameters, and what its users need beside them:
 * the input's shape and preparation, the names of the classes, the task.  All of it is in its
 * file. */
typedef struct oc_model oc_model;

typedef struct oc_model_options {
    const char        *architecture;     /* a name ("cnn") or steps ("conv 32 kernel=5; relu; …") */
    oc_shape           input;                           /* [c, h, w] */
    int                classes;
    const char *const *class_name;                      /* NULL: "0", "1", … */
    const char        *preparation;                     /* steps; NULL: "scale" */
    const char        *init;     /* of weights with two or more dimensions; NULL: the layers' own */
    uint64_t           seed;
    const char        *task;     /* "classify", "saliency"; NULL: what the architecture is for */
    const oc_data     *data;     /* says what of the above is zero, so that the model suits it */
} oc_model_options;

oc_status oc_model_new(oc_model **out, const oc_model_options *options);
void      oc_model_free(oc_model *m);

/* Appends layers to a model whose architecture is NULL or steps: as text, or a plain function of
 * the graph (a model with functions can be trained and saved, but loading it needs the same
 * program). */
typedef oc_value oc_layer_function(oc_graph *g, oc_value x, void *context);
oc_status oc_model_add(oc_model *m, const char *steps);
oc_status oc_model_add_function(oc_model *m, const char *name, oc_layer_function *f, void *context);

/* Builds the network on x [n, c, h, w]; gives logits: [n, classes], or [n, 1, h, w] where the task
 * is saliency. */
oc_value oc_model_build(oc_model *m, oc_graph *g, oc_value x);
/* The same; out[0] is the result, and behind it stand the values that steps `output` hand out.
 * Says how many there are: oc_model_outputs(). */
int      oc_model_build_all(oc_model *m, oc_graph *g, oc_value x, oc_value *out);
int      oc_model_outputs(const oc_model *m);

oc_store   *oc_model_store(const oc_model *m);
oc_shape    oc_model_input(const oc_model *m);          /* [c, h, w] */
int         oc_model_classes(const oc_model *m);
const char *oc_model_task(const oc_model *m);           /* what it is trained for: "classify" */
const char *oc_model_class_name(const oc_model *m, int i);
const char *oc_model_preparation(const oc_model *m);
const char *oc_model_architecture(const oc_model *m);   /* as steps, reads back equal */

/* Gives the data's labels the numbers that the model knows their classes under, found by name;
 * where one side has only numbers for names, classes follow in order.  From then on the data's
 * classes are the model's.  OC_EUSAGE where the model does not know a class. */
oc_status   oc_model_match(const oc_model *m, oc_data *d);

/* The model's preparation of one image into x [c, h, w]: what the network sees. */
oc_status oc_model_prepare(const oc_model *m, const oc_image *image, float *x);

/* A model file is a safetensors file (or readable JSON, by the ending .json) whose metadata holds
 * the rest.  Saving is atomic; without `replace` an existing file is an error. */
oc_status oc_model_save(oc_model *m, const char *path, bool replace);
/* A model from a file: one of ours, a run folder's best, or one of ONNX, whose initializers become
 * parameters by name; norms and dropout then work as in layers, and a softmax or sigmoid at the end
 * is the loss's.  Options (NULL: none) stand before what the file says: a preparation, which is
 * noted where it differs, and, with `classes` 0, as many names as there are classes, NULL behind
 * them.  With data whose classes the model does not know, its last layer begins anew for these,
 * which is noted.  Of ONNX `input` closes what the file leaves open, other `classes` exchange the
 * last Gemm, MatMul or Conv for one that begins anew, and the data says what neither file nor
 * options do. */
oc_status oc_model_load(oc_model **out, const char *path, const oc_model_options *options);
/* Takes weights by name from any safetensors, JSON or PyTorch file, or a run folder's best, into an
 * existing model; missing,
 * surplus and misfitting ones are an error that lists them.  Adopting allows a last layer for
 * another number of classes: the model's own stays as it was, and a note says so. */
oc_status oc_model_read(oc_model *m, const char *path);
oc_status oc_model_adopt(oc_model *m, const char *path);

/* Writes what inference computes as a model of ONNX: input x [n, c, h, w], results `logits`,
 * `logits1`, … without softmax or sigmoid, parameters under their names; classes, preparation and
 * task are metadata.  Atomic, as saving.  OC_EUSAGE names the operator that the opset lacks.
 *
 * With its preparation the model takes `image`, u8 [n, h, w, c], and makes x of it by nodes that
 * compute what oc_model_prepare() does: the same bytes, and numbers made of these up to the last
 * bit of an f32.  OC_EUSAGE names a step that nodes cannot do. */
typedef struct oc_export_options {
    int64_t  opset;                          /* 9 to 23, with preparation from 13 on; 0: 17 */
    int64_t  batch;                                     /* 0: any, the symbol N */
    bool     replace;
    bool     with_preparation;
    /* [c, h, w] of its images; a side of 0 is any, or what the preparation leaves the network's;
     * no channels: 3 where the preparation makes the network's of them, else these. */
    oc_shape image;
} oc_export_options;
oc_status oc_model_export(oc_model *m, const char *path, const oc_export_options *options);

/* What a model is: one line per layer with output shape, parameters and FLOPs for a batch, then the
 * plan of inference; and what any safetensors or JSON file of weights holds.  Yours, to be freed
 * with oc_string_free(); NULL on failure. */
char *oc_model_text(oc_model *m, int64_t batch);
char *oc_file_text(const char *path);
/* Every layer of the grammar with its attributes, for help; likewise yours. */
char *oc_layers_text(void);

/* The same for programs: the layers of a model, or the nodes of a graph or of a model that is one,
 * freed with oc_layers_free(); and a function called for each tensor of a file. */
typedef struct oc_layer_info {
    char     name[64], step[256];         /* "c1", "conv out=32 kernel=5 name=c1"; "n7", "Conv" */
    oc_shape output;                                    /* of the first result */
    int64_t  parameters;                 /* trainable numbers; of a node, those not seen before */
    double   flops;
} oc_layer_info;
oc_status oc_model_layers(const oc_model *m, int64_t batch, oc_layer_info **out, int *n);
oc_status oc_graph_layers(const oc_graph *g, oc_layer_info **out, int *n);
void      oc_layers_free(oc_layer_info *layers);
typedef void oc_tensor_function(void *context, const char *name, const char *type,
                                const oc_shape *shape, int64_t bytes);
oc_status oc_file_tensors(const char *path, oc_tensor_function *function, void *context);

/* The models that ship: name, one line, layers, and the training settings that suit it.  A family
 * of models has settings behind its name, "layers:100,50,dropout=0.2"; `layers` is then what the
 * name alone stands for, and oc_zoo_steps() gives those of a member, yours: oc_string_free(). */
typedef struct oc_zoo_entry {
    const char *name, *summary, *layers;
    const char *loss, *optimizer, *schedule;            /* as in oc_train_options */
    const char *task;                                   /* NULL: classify */
    int64_t     batch, epochs;
    oc_status (*family)(const char *settings, char **steps);  /* NULL: one model */
} oc_zoo_entry;
int                 oc_zoo_count(void);
const oc_zoo_entry *oc_zoo_at(int i);
const oc_zoo_entry *oc_zoo_find(const char *name);      /* NULL: none of that name */
oc_status           oc_zoo_steps(const char *name, char **steps);

/* ---- train -------------------------------------------------------------------------------- */

enum { OC_BATCH_FULL = -1 };

/* Zeroes are sensible: what is 0 or NULL is taken from the model's entry in the zoo, or as said. */
typedef struct oc_train_options {
    const char *loss;                            /* "softmax smoothing=0.1", "sigmoid", "squared" */
    const char *optimizer;                       /* "adamw learning_rate=0.001 weight_decay=0.01" */
    const char *schedule;                               /* "constant", "cosine warmup=100", … */
    const char *augment;                          /* steps, "flip; crop 28 padding=2"; NULL: none */
    const char *freeze;                  /* parameters that stay, "layer1.*,*.bias"; NULL: none */
    int64_t     epochs, batch;                          /* batch: samples, or OC_BATCH_FULL */
    int64_t     accumulate;                             /* micro-batches per update; 0: 1 */
    double      clip_norm;                              /* largest norm of the gradient; 0: none */
    double      average;                       /* decay of the moving average of weights; 0: none */
    double      validation;              /* fraction of the training part, 0 ≤ v < 1; 0: no split */
    bool        watch_test;                     /* validate on the test part instead, every epoch */
    bool        measure_fit;            /* evaluate the kept model on the training part too */
    int64_t     patience;          /* epochs without a lower validation loss to stop after; 0: none;
                                    * the best model is then that of the lowest loss */
    uint64_t    seed;                                   /* of shuffling, augmentation, dropout */
    uint64_t    split_seed;                             /* of what `validation` divides */
    int         threads, workers;                       /* 0: chosen; workers −1: none */
    const char *device, *backends;
    oc_dtype    precision;      /* OC_F32; OC_F64: forward, loss, gradient and validation in double,
                                 * weights, their update and what is saved in f32 */
    const char *run;                   /* folder for everything that is written; NULL: nothing is */
    int64_t     checkpoint_every;                       /* steps; 0: at the end of each epoch */
    int64_t     keep_checkpoints;                       /* 0: 3 */
    /* Recorded in run.json, NULL where there is none: the data; the model's name in the zoo with
     * its settings, "layers:16", or its file; the file whose weights it began with; who looks on,
     * as steps of oc_watch(), for whoever resumes. */
    const char *data_spec, *model_name, *weights, *watch;
} oc_train_options;

typedef struct oc_epoch {
    int64_t epoch;                                      /* from 1 */
    double  train_loss, train_accuracy;               /* means over the epoch, before each update */
    double  val_loss, val_accuracy;                     /* NaN where nothing is validated */
    double  learning_rate, seconds;
} oc_epoch;

typedef struct oc_class_metrics { int64_t count; double precision, recall, f1; } oc_class_metrics;

/* Of saliency, as fractions: mean absolute error; F with beta^2 = 0.3, the largest of 256
 * thresholds and which, and at twice the mean; intersection over union at one half. */
typedef struct oc_map_metrics {
    double mae, max_f, threshold, adaptive_f, iou;
} oc_map_metrics;

/* Where the task is saliency, there is one class, and accuracy is the share of pixels on the right
 * side of one half. */
typedef struct oc_metrics {
    int64_t           samples;
    double            loss, accuracy, top5;             /* fractions; loss in nats */
    int               classes;
    oc_class_metrics *per_class;
    int64_t          *confusion;                        /* [true class, predicted class] */
    oc_map_metrics    map;                              /* of saliency; else zeroes */
} oc_metrics;

typedef struct oc_train_result {
    const oc_epoch *epoch;                          /* of the whole training; owned by the result */
    int64_t         epochs;
    int64_t         best_epoch;                         /* 0: none */
    double          best_val_accuracy;
    oc_epoch        kept;                   /* of the model that is kept: the best, else the last */
    bool            stopped_early;                      /* patience ran out */
    double          test_loss, test_accuracy;       /* of that model; NaN without a test part */
    double          fit_loss, fit_accuracy;     /* on the training part; NaN if not measured */
    int64_t         last_epoch;                         /* how many were trained */
    double          seconds;
    int64_t         peak_rss_bytes, planned_bytes;
    bool            finished_before;                    /* resuming found nothing left to do */
    char            model[1024];               /* path of the best model; "" without a run folder */
} oc_train_result;
void oc_train_result_free(oc_train_result *r);          /* what it owns, not itself */

/* What observers are told.  `seconds_left` is an estimate for the whole training. */
typedef struct oc_progress {
    int64_t epoch, epochs, step, steps;                 /* step of the epoch, from 1 */
    double  loss, accuracy;                             /* running means of the epoch */
    double  learning_rate, samples_per_second, seconds_left;
    int64_t rss_bytes;
} oc_progress;

typedef struct oc_train_info {
    const char *device, *reason;                        /* which and why */
    int         threads;
    int64_t     train, val, test;                       /* samples */
    bool        watch_test;                             /* test samples validate */
    int64_t     parameters, trained;            /* trainable numbers; those that are not frozen */
    int64_t     steps;                                  /* per epoch */
    int64_t     planned_bytes;          /* parameters, states, arena: known before the first step */
    const char *run;
    int64_t     resumed_step;                           /* 0: from the start */
    /* What is trained, on what, by what and how; to be looked at, not changed.  They live until
     * `end`. */
    oc_model               *model;
    oc_session             *session;                    /* runs the batches */
    const oc_data          *data;
    const oc_train_options *options;                    /* resolved */
    const oc_epoch         *epoch;                      /* `resumed_epochs` finished before */
    int64_t                 resumed_epochs;
} oc_train_info;

/* An update that is about to change the weights, which still are those that it was computed with.
 * `in` are the inputs of its last batch: x [n, c, h, w], labels [n], and, where samples are
 * blended, the labels of what is blended in [n] and the share of the first, of rank 0. */
typedef struct oc_update {
    int64_t          epoch, step;                       /* from 1 */
    int64_t          draw;                              /* the step that random operators saw */
    int64_t          samples;
    double           loss;                              /* mean over them */
    const oc_tensor *in;
    const float     *logits;                            /* [n, classes] of the last batch */
    const float     *gradient;             /* of the mean loss, laid out as the trainable block */
} oc_update;

/* Samples of a part that were just evaluated, number `first` and those behind it. */
typedef struct oc_evaluated {
    oc_part        part;
    int64_t        first, n;
    int            classes;
    const int64_t *label;                               /* [n] */
    const float   *logits, *probability;                /* [n, classes], of saliency [n, h, w] */
    const float   *mask;                                /* [n, h, w] of saliency; else NULL */
    int64_t        values;                              /* logits of a sample */
} oc_evaluated;
typedef oc_status oc_evaluated_function(void *context, const oc_evaluated *batch);

/* Looks on while training runs; any function may be NULL.  `update` comes before the weights
 * change, also where they will not since the loss is not finite; `step` after; `evaluated` with
 * each batch of what is watched at the end of an epoch, then `epoch` with its metrics (NULL:
 * nothing is); before the end `evaluated` comes with the test part and the best weights.  A
 * negative status stops the training and is handed on; what is on disk is then what was saved
 * last. */
typedef struct oc_observer {
    oc_status (*begin)(void *context, const oc_train_info *info);
    oc_status (*update)(void *context, const oc_update *update);
    oc_status (*step)(void *context, const oc_progress *progress);
    oc_evaluated_function *evaluated;
    oc_status (*epoch)(void *context, const oc_epoch *epoch, const oc_metrics *watched);
    void      (*end)(void *context, const oc_train_result *result); /* NULL: it failed */
    void       *context;
} oc_observer;

/* What can be known to be wrong in options before there are a model and data: ranges, and what the
 * texts of optimizer, schedule and augmentation say.  OC_EUSAGE names it. */
oc_status oc_train_check(const oc_train_options *options);

/* Trains; afterwards the model holds the best weights (by validation accuracy, else the last).
 * With `stop` set to true from a signal handler it saves a checkpoint and returns
 * OC_EINTERRUPTED. */
oc_status oc_train(oc_model *m, oc_data *d, const oc_train_options *options,
                   const oc_observer *observers, int n, const volatile bool *stop,
                   oc_train_result *result);

/* How a run is continued; NULL options are all zeroes. */
typedef struct oc_resume_options {
    int         threads;                                /* 0: the run's; another needs not_exact */
    bool        not_exact;                 /* another program or thread count may continue */
    const char *data_spec;                     /* where the same data lies now; NULL: as recorded */
} oc_resume_options;

/* Continues a run folder with the settings that it holds; a finished run is left as it is. */
oc_status oc_resume(const char *run, const oc_resume_options *options, const oc_observer *observers,
                    int n, const volatile bool *stop, oc_train_result *result);

/* Training by epochs, so that several can take turns: made ready with a run folder, then
 * epochs until *more is false, and ended with the status so far, which is handed on where it is
 * negative.  Ending tells the observers, fills *result and frees, whatever happened.  Model, data
 * and observers are borrowed until then. */
typedef struct oc_training oc_training;
oc_status oc_training_new(oc_training **out, oc_model *m, oc_data *d,
                          const oc_train_options *options, const oc_observer *observers, int n,
                          const volatile bool *stop);
/* As oc_resume(); a run that was finished has no epochs left.  `d` may be NULL: the data is then
 * opened as the run says. */
oc_status oc_training_resume(oc_training **out, const char *run, oc_data *d,
                             const oc_resume_options *options, const oc_observer *observers, int n,
                             const volatile bool *stop);
int64_t   oc_training_bytes(const oc_training *t);      /* planned; of a finished one, 0 */
oc_status oc_training_epoch(oc_training *t, bool *more);
oc_status oc_training_end(oc_training *t, oc_status status, oc_train_result *result);

/* The result as JSON, fractions and seconds; yours: oc_string_free().  NULL: no memory. */
char *oc_train_result_json(const oc_train_result *r);

/* Observers that ship, as steps: "csv table.csv; plots" (oc_manual("observers") has them all).
 * They are put behind the *n that a list with room for `room` holds, and counted.  `progress`
 * writes to a stream: on a terminal one live line, else a line per epoch. */
oc_status oc_watch(oc_observer *out, int room, int *n, const char *steps);
oc_status oc_watch_progress(oc_observer *out, FILE *to);
void      oc_watch_free(oc_observer *o);                /* of these only, when training ended */

/* Curves of runs that are on the disk, finished or under way: folders of runs, or folders that hold
 * such folders.  They are as they were when they were opened. */
typedef struct oc_plot oc_plot;
typedef struct oc_plot_run {
    char    name[96], model[96], data[256];             /* the folder's name; "": not known */
    char    state[24];                     /* running, finished, stopped early, interrupted (also by
                                            * being killed), diverged or failed */
    char    reason[256];                                /* why it diverged or failed; else "" */
    bool    finished, running;                          /* finished: stopped early, too */
    int64_t epochs, epochs_wanted, best_epoch;          /* best_epoch 0: none */
    double  train_loss, val_loss, best_accuracy, test_accuracy; /* the last; NaN: none */
} oc_plot_run;
oc_status          oc_plot_open(oc_plot **out, const char *const *folder, int n);
void               oc_plot_free(oc_plot *p);
int                oc_plot_runs(const oc_plot *p);
const oc_plot_run *oc_plot_run_at(const oc_plot *p, int i);
/* Loss and accuracy as a picture, .png or .svg by the path's ending, which is replaced; and as text
 * of Braille characters for a terminal of that size: yours, oc_string_free(); NULL: no memory. */
oc_status          oc_plot_save(const oc_plot *p, const char *path);
char              *oc_plot_text(const oc_plot *p, int columns, int rows, bool colours);

typedef struct oc_eval_options {
    int64_t     batch;                                  /* 0: 256 */
    int         threads;
    const char *device, *backends;
    oc_dtype    precision;                              /* of evaluation: OC_F32 or OC_F64 */
    oc_evaluated_function *evaluated;                   /* told each batch; NULL: nobody is */
    void       *context;
} oc_eval_options;
oc_status oc_evaluate(oc_model *m, const oc_data *d, oc_part part, const oc_eval_options *options,
                      oc_metrics *out);
/* The same of an answer that looks at no image: the mean target of the training part.  Its loss is
 * that of one output. */
oc_status oc_evaluate_mean(const oc_model *m, const oc_data *d, oc_part part, oc_metrics *out);
void      oc_metrics_free(oc_metrics *m);

/* What a model is trained for, on a batch of n samples: makes the graph's inputs x [n, c, h, w] and
 * the targets (labels [n] as i64; of saliency, masks [n, 1, h, w]); hands out logits and loss. */
oc_status oc_model_objective(oc_model *m, oc_graph *g, int64_t n, oc_value *logits, oc_value *loss);
oc_tensor oc_model_targets(const oc_model *m, int64_t n);       /* type and shape; no data */

/* Probabilities of one image, through the model's preparation: of the classes [classes]; of
 * saliency, of the pixels [h, w] of its input. */
typedef struct oc_predictor oc_predictor;
oc_status oc_predictor_new(oc_predictor **out, oc_model *m, const oc_eval_options *options);
oc_status oc_predict(oc_predictor *p, const oc_image *image, float *probability);
/* What a model of saliency answers, as pictures in the image's size: "mask", grey; "overlay", the
 * image with what stands out in colour; "cutout", the image with the mask as its alpha.  Models of
 * classes draw none.  Freed with oc_pictures_free(). */
enum { OC_PICTURES_MAX = 8 };
typedef struct oc_picture { const char *name; oc_image image; } oc_picture;
oc_status oc_predict_pictures(oc_predictor *p, const oc_image *image,
                              oc_picture picture[OC_PICTURES_MAX], int *n);
void      oc_pictures_free(oc_picture *picture, int n);
void      oc_predictor_free(oc_predictor *p);

/* What a decision rests on: how much each place of an image speaks for a class, in one number of
 * heat a pixel.  The network is seen as inference computes it, and its score of a class is the
 * logit.
 *
 *   grad-cam        maps of a layer, each weighted by the mean of the score's gradient on it, where
 *                   their sum speaks for the class (Selvaraju and others, 2017)
 *   input-gradient  the largest of the channels' |d score / d x|, the gradient being a mean over
 *                   noisy copies of the image (SmoothGrad, Smilkov and others, 2017)
 *   occlusion       how much the score falls, on average, while a grey patch covers the place
 *                   (Zeiler and Fergus, 2014) */
typedef struct oc_explain_options {
    const char *method;             /* with its settings, "occlusion size=32"; NULL: grad-cam, or
                                     * occlusion where the network has no convolution */
    const char *layer;           /* of grad-cam; NULL: the last convolution, with what follows it */
    int         threads;
    const char *device, *backends;
} oc_explain_options;

typedef struct oc_explanation {
    int    class_index;
    double probability;                                 /* of that class */
    int    width, height;                               /* of the image */
    float *heat;              /* [height, width], 0 … 1, the hottest 1; all 0: nothing speaks */
    double strongest;                      /* the method's own number where the heat is 1 */
    double left, top, seen_width, seen_height;  /* the box of the image that the network sees */
} oc_explanation;

typedef struct oc_explainer oc_explainer;
oc_status oc_explainer_new(oc_explainer **out, oc_model *m, const oc_explain_options *options);
void      oc_explainer_free(oc_explainer *e);
const char *oc_explainer_method(const oc_explainer *e); /* its name */
/* For a class, or for the likeliest (-1). */
oc_status oc_explain(oc_explainer *e, const oc_image *image, int class_index, oc_explanation *out);
/* The same, laid over the whole of an image (oc_image_load()) that the network sees as it was
 * decoded for it, with less detail (oc_image_load_for()). */
oc_status oc_explain_whole(oc_explainer *e, const oc_image *image, const oc_image *whole,
                           int class_index, oc_explanation *out);
void      oc_explanation_free(oc_explanation *e);       /* what it owns, not itself */
/* The heat over the image, and below it a line of text and the scale of colours from 0 to what is
 * strongest; small images are magnified by a whole number, narrow ones stand between margins.
 * The picture is yours. */
oc_status oc_explanation_draw(const oc_explanation *e, const oc_image *image, const char *text,
                              oc_image *picture);
/* The methods by number from 0, and what they do; NULL after the last. */
const char *oc_explain_method(int i, const char **summary);

/* Holds gradients of every operator, or of a model on `samples` inputs, against central differences
 * in double precision; `report` receives one line each.  OC_ENEGATIVE where one is off. */
typedef void oc_report_function(void *context, const char *name, double error, bool good);
oc_status oc_check_operators(oc_report_function *report, void *context);
oc_status oc_check_model(oc_model *m, int samples, int entries, oc_report_function *report,
                         void *context);

/* ---- onnx ---------------------------------------------------------------------------------- */

/* A model of ONNX, read into a graph: opsets up to 28, weights as parameters of a store by their
 * names.  A session over its graph runs it. */
typedef struct oc_onnx oc_onnx;

/* Dimensions that the model leaves open: of inputs by name; of the others the first is `batch` and
 * those behind it are `sample`'s.  What follows from them is then checked and computed at once. */
typedef struct oc_onnx_options {
    int                inputs;
    const char *const *name;
    const oc_shape    *shape;
    int64_t            batch;                           /* 0: stays open */
    oc_shape           sample;                          /* of another rank: stay open */
} oc_onnx_options;

/* Reads and checks all of it.  Operators that are not known are listed all at once; anything
 * unsound is OC_EINPUT with its offset, or its node, operator and attribute. */
oc_status   oc_onnx_load(oc_onnx **out, const char *path, const oc_onnx_options *options);
void        oc_onnx_free(oc_onnx *m);
oc_graph   *oc_onnx_graph(oc_onnx *m);
oc_store   *oc_onnx_store(oc_onnx *m);
/* Inputs in the order of the graph's, and outputs; their names are those of the file. */
int         oc_onnx_inputs(const oc_onnx *m);
oc_value    oc_onnx_input(const oc_onnx *m, int i);
int         oc_onnx_outputs(const oc_onnx *m);
oc_value    oc_onnx_output(const oc_onnx *m, int i, const char **name);
oc_value    oc_onnx_value(const oc_onnx *m, const char *name);  /* any by its name, or OC_NONE */
int64_t     oc_onnx_opset(const oc_onnx *m);
const char *oc_onnx_producer(const oc_onnx *m);         /* "pytorch 2.1.0"; "" where not said */
const char *oc_onnx_metadata(const oc_onnx *m, const char *key);        /* NULL: none */

/* ---- manual -------------------------------------------------------------------------------- */

/* What the tables of the library say about a topic: operators, layers, optimizers, and so on; or
 * about whatever is called so in any of them: a layer, a model, a step, with its attributes and an
 * example.  Topics and entries are counted from 0; NULL after the last.  The text is yours:
 * oc_string_free(); NULL for an unknown word and when there is no memory. */
const char *oc_manual_topic(int i);
const char *oc_manual_entry(int i);
char       *oc_manual(const char *word);

#ifdef __cplusplus
}
#endif
#endif
