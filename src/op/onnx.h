/* onnx.h — how nodes of ONNX become values of a graph.
 *
 * Operators carry ONNX's names and newest meanings, so for most nodes nothing needs saying: inputs
 * and outputs go in order, attributes by name and type through the operator's table.  What differs,
 * by name or by opset, is a `const struct onnx_form` in the operator's own file (or, for what is no
 * operator here but several, in onnx_forms.c), named once in onnx_list.h.  The importer fills in a
 * `struct onnx_node`; all it points to lives as long as the import. */
#ifndef OC_OP_ONNX_H
#define OC_OP_ONNX_H

#include "op/op.h"

/* As numbered in AttributeProto.type. */
enum onnx_attr_type {
    ONNX_FLOAT = 1, ONNX_INT, ONNX_STRING, ONNX_TENSOR, ONNX_GRAPH, ONNX_FLOATS, ONNX_INTS,
    ONNX_STRINGS,
};

struct onnx_attr {
    const char         *name;
    int                 type;
    bool                used;                           /* somebody has asked for it */
    int64_t             i;
    double              f;
    const char         *s;
    int                 n;                              /* of the lists */
    const int64_t      *ints;
    const float        *floats;
    const char *const  *strings;
    oc_tensor           tensor;                         /* data in the pool of the graph */
    const void         *graph;                          /* the importer's: see struct onnx_bodies */
};

/* What the importer can do with a graph that is an attribute: make it the body of a node of
 * control, or put it where the node is, which sets n->out. */
struct onnx_node;
struct control_body;
struct onnx_bodies {
    oc_status (*make)(struct onnx_node *n, const struct onnx_attr *a, struct control_body *out);
    oc_status (*put)(struct onnx_node *n, const struct onnx_attr *a);
};

struct onnx_node {
    oc_graph          *g;
    const char        *op, *name, *domain;
    int64_t            opset;                           /* of the domain */
    int                n_in, n_out;
    oc_value           in[OP_MAX_INPUTS];               /* OC_NONE where absent, and from n_in on */
    oc_value           out[OP_MAX_OUTPUTS];             /* to be set; OC_NONE: not made */
    bool               want[OP_MAX_OUTPUTS];            /* outputs that have a name */
    struct onnx_attr  *attr;
    int                attrs;
    const struct onnx_bodies *bodies;
    void              *importer;
};

struct onnx_form {
    const char      *op, *domain;                       /* domain NULL: ONNX's own */
    int              since, until;                      /* opsets, inclusive; 0: no limit */
    const struct op *to;                                /* NULL: the operator of that name */
    const char      *preset;                            /* attributes of ours, "convention=onnx" */
    const char      *rename;                            /* theirs and ours, "ratio p; seed key" */
    const char      *ignore;                            /* attributes without effect: "a b" */
    const char      *exact;                             /* floats that numbers are compared with */
    oc_status      (*build)(struct onnx_node *n);       /* instead of all that */
};

/* Is there such an operator, in this version? */
bool      oc__onnx_knows(const char *domain, const char *op, int64_t opset);

/* Sets n->out.  A failure names the attribute or input, not the node; attributes that nobody asked
 * for are one. */
oc_status oc__onnx_build(struct onnx_node *n);

/* ---- for forms ---------------------------------------------------------------------------- */

/* The node as an operator of ours, as far as the form (may be NULL) does not say otherwise. */
oc_status oc__onnx_apply(struct onnx_node *n, const struct op *op, const struct onnx_form *form);

/* Attributes; one of another type is a failure that the graph keeps. */
const struct onnx_attr *oc__onnx_attr(struct onnx_node *n, const char *name, int type);
int64_t     oc__onnx_int(struct onnx_node *n, const char *name, int64_t otherwise);
double      oc__onnx_float(struct onnx_node *n, const char *name, double otherwise);
const char *oc__onnx_text(struct onnx_node *n, const char *name, const char *otherwise);
/* more than ATTR_INTS_MAX numbers are a failure; none: as it is absent */
struct ints oc__onnx_ints(struct onnx_node *n, const char *name);

/* Adds a node, and computes it at once where its inputs are small constants. */
oc_value    oc__onnx_make(struct onnx_node *n, const struct op *op, const void *attr, int n_in,
                          const oc_value *in);
/* A constant i64 list or scalar. */
oc_value    oc__onnx_constant_ints(oc_graph *g, int n, const int64_t *v);

/* TensorProto.data_type and ours; -1: none. */
int         oc__onnx_dtype(int64_t data_type);
int64_t     oc__onnx_data_type(oc_dtype t);
const char *oc__onnx_type_name(int64_t data_type);      /* "FLOAT8E4M3FN"; NULL: not known */

#define FORM(name) extern const struct onnx_form oc__onnx_##name;
#include "op/onnx_list.h"
#undef FORM

#endif
