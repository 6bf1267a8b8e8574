/* op.h — what an operator is.
 *
 * An operator is one `const struct op` at the end of its own file, named once in op/list.h.  It
 * states its attributes (a table), the shape of its results, its gradient as more graph, and `run`:
 * plain C in double precision, complete and right.  `run` is the documentation, the oracle that
 * every back end is held against, and what executes where no back end is faster.  `cases` are the
 * calls its tests must cover; the harness runs them without the author's help.
 *
 * Operators carry ONNX names and meanings; where Ocellus needs one that ONNX lacks (gradients,
 * SumTo, fused forms) the summary says so by formula. */
#ifndef OC_OP_OP_H
#define OC_OP_OP_H

#include "base/attr.h"
#include "base/status.h"
#include "graph/graph.h"

enum { OP_MAX_INPUTS = 64, OP_MAX_OUTPUTS = 8 };

/* Shape inference: given the inputs' shapes and types, fill in the outputs'.  Dimensions may be
 * negative, unknown: pass them through where they pass, put OC_UNKNOWN where they are computed
 * with. yt is preset to the first input's type.  A failure is oc__fail(OC_EUSAGE, "what does not
 * fit"); the graph adds the node's name. */
struct infer {
    const void            *attr;
    int                    n_in, n_out;
    const oc_shape *const *x;                           /* NULL where an optional input is absent */
    const oc_dtype        *xt;
    oc_shape              *y;
    oc_dtype              *yt;
    const oc_tensor       *value;         /* of inputs by_value; no data where it is not known */
};

/* One execution of the reference.  Whatever the types in the graph, elements are doubles here. */
struct call {
    const void            *attr;
    int                    n_in, n_out;
    const double *const   *x;                  /* NULL where absent, and where shape_only says so */
    const oc_shape *const *xs;
    const oc_dtype        *xt;
    double *const         *y;                           /* not cleared beforehand */
    const oc_shape *const *ys;
    const oc_dtype        *yt;
    uint64_t               seed, step;                  /* of random operators */
};

/* What an operator is composed of, and into what. */
struct composition {
    const void     *attr;
    int             n, n_out;
    const oc_value *in;                                 /* OP_MAX_INPUTS; OC_NONE where absent */
    oc_value       *y;                                  /* preset to OC_NONE */
};

struct op {
    struct entry        entry;                          /* name, formula in one line, attributes */
    const char         *inputs;           /* "x w b?": names, ? optional, last… "x*": one or more */
    const char         *outputs;                        /* "y index": outputs that always exist */
    uint64_t            shape_only;                   /* bit i: of input i only the shape is read */
    /* Bit i: the value of input i decides shapes, so a plan is made for that value.  Once all such
     * values are constants, `take` writes them into the attributes and the inputs are dropped;
     * where there is no `take`, `shape` reads them (oc__known) and the inputs stay.  Until then
     * the outputs have no known rank, or what `pending` can say of them. */
    uint64_t            by_value;
    oc_status         (*take)(void *attr, const struct infer *s);
    oc_status         (*pending)(const struct infer *s);
    bool                control;        /* runs graphs of its own: by the session (control.h) */
    int               (*output_count)(const void *attr); /* where outputs are "y*": how many */
    uint64_t            detached;                       /* bit k: output k carries no gradient */
    bool                elementwise;     /* y[i] depends on x[i] alone: all operands of one shape */
    bool                broadcasts;          /* numpy broadcasting: the walker undoes it by SumTo */
    bool                view;          /* y holds the elements of x in their order: costs nothing */
    bool                random;                         /* reads seed and step */
    oc_status         (*shape)(const struct infer *s);
    /* Gradients dx[i] of the inputs with want[i], given those of the outputs (OC_NONE where an
     * output has none).  dx starts as OC_NONE.  NULL: there is none, and a derivative through
     * the operator fails. */
    void              (*grad)(oc_graph *g, const struct node *n, const oc_value *dy,
                              const bool *want, oc_value *dx);
    void              (*run)(const struct call *c);
    /* of one run; NULL: one per output element */
    double            (*flops)(const struct infer *s);
    /* "2x3x5x5 4x3x3x3 - stride=2": one token per input, then attributes.  A token is a shape
     * ("()" for rank 0), or "-" for an absent input, and may begin with the values' kind: "p:"
     * positive, "w:" over a wide range, "u:" in (-1, 1), "a:" above 1, "i7:" i64 in [0, 7), "b:"
     * bool, "c:" positive and without a gradient.  "=" before all that makes it a constant. */
    const char *const  *cases;
    /* Of an operator that others say: builds it from them and sets each output.  It has no node, so
     * no shape, gradient or run of its own; what it is made of has. */
    void              (*compose)(oc_graph *g, const struct composition *c);
};

extern const struct entry *const oc__op_list[];  /* every `struct op`, by its entry; ends in NULL */
const struct op *oc__op_find(const char *name);         /* NULL: no such operator */
/* of op->inputs, op->outputs */
int oc__op_count_names(const char *names, bool *variadic, int *required);
/* How many outputs it has with these attributes. */
int oc__op_count_outputs(const struct op *op, const void *attr);

/* What builders inside the library use: attributes as the operator's own struct (NULL: defaults).
 * Returns the first output; oc_output() gives the others. */
oc_value oc__apply(oc_graph *g, const struct op *op, const void *attr, int n, const oc_value *in);
#define OC_IN(...)                                                                             \
    (int)(sizeof((oc_value[]){ __VA_ARGS__ }) / sizeof(oc_value)), (oc_value[]) { __VA_ARGS__ }
/* oc__apply(g, &oc__op_relu_grad, NULL, OC_IN(dy, y)) */

/* The `grad` of operators whose slope is zero wherever there is one (Floor): leaves dx OC_NONE. */
void oc__grad_flat(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                   oc_value *dx);

/* A constant of rank 0 with the type of `like`. */
oc_value oc__scalar_like(oc_graph *g, double v, oc_value like);

/* The operators' page of the manual, in Markdown (manual.c). */
void oc__operators_manual(struct str *out);

/* Shape rules that operators share (op/op.c); loops over indices are in op/walk.h. */
oc_status oc__shape_same(const struct infer *s);        /* every output like the first input */
oc_status oc__shape_alike(const struct infer *s);       /* the same, and so are all other inputs */
oc_status oc__shape_broadcast(const struct infer *s);   /* numpy broadcasting of all inputs */
oc_status oc__broadcast(const oc_shape *a, const oc_shape *b, oc_shape *out);
oc_status oc__shape_match(const char *what, const oc_shape *expected, const oc_shape *found);
/* all inputs from `first` on have one type */
oc_status oc__same_dtype(const struct infer *s, int first);
bool      oc__is_float(oc_dtype t);
/* Choices of an attribute that is a type; in the second list the last, OC_DTYPES, leaves it to the
 * operator. */
extern const char *const oc__type_words[], *const oc__type_words_or_same[];
bool      oc__is_type(const struct attr *a);            /* is it one of these? */
oc_status oc__axis(int64_t axis, int rank, int *out);   /* negative counts from the end */
oc_status oc__axes(const struct ints *axes, int rank, bool chosen[OC_MAX_RANK]);
bool      oc__dim_fits(int64_t a, int64_t b);           /* equal, or unknown */
int64_t   oc__dim_mul(int64_t a, int64_t b);        /* OC_UNKNOWN if the product is, or overflows */
void      oc__strides(const oc_shape *s, int64_t stride[OC_MAX_RANK]); /* in elements, row-major */
enum { OC_SHAPE_TEXT = 192 };
const char *oc__shape_text(const oc_shape *s, char buffer[OC_SHAPE_TEXT]); /* "[?, 3, 224, 224]" */

/* The value of an input by_value: NULL where it is absent or not known. */
const oc_tensor *oc__known(const struct infer *s, int i);
/* For `take`: leaves *out as it is where input i is absent.  More than ATTR_INTS_MAX whole numbers,
 * or several where one is wanted, are a failure. */
oc_status oc__take_ints(const struct infer *s, int i, struct ints *out);
oc_status oc__take_int(const struct infer *s, int i, int64_t *out);
oc_status oc__take_float(const struct infer *s, int i, double *out);
/* For `pending`: the rank of the first input, no dimension known. */
oc_status oc__pending_like(const struct infer *s);

/* FLOPs of a node; 0 where shapes are not known. */
double oc__node_flops(const oc_graph *g, const struct node *n);

/* For the tables: what moves data only; what reads its first input once. */
double oc__flops_none(const struct infer *s);
double oc__flops_input(const struct infer *s);

#define OP(name) extern const struct op oc__op_##name;
#include "op/list.h"
#undef OP

#endif
