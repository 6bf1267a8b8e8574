/* onnx_wording.h — how operators are said in ONNX: the other way of op/onnx.h.
 *
 * Operators carry ONNX's names and newest meanings, so most are a row of onnx_words.h: the opset
 * that brought them as they are meant here.  What else there is to say, attributes that are inputs
 * or came later, other names, or what an operator is made of where ONNX lacks it, is a
 * `const struct onnx_wording` in the operator's own file, named in onnx_wording_list.h.
 *
 * A graph is worded in two steps: oc__onnx_plain() copies what some values need into a graph of
 * operators that the opset has, and oc__onnx_word() says each of its nodes. */
#ifndef OC_OP_ONNX_WORDING_H
#define OC_OP_ONNX_WORDING_H

#include "op/onnx.h"

enum { WORDS_OPSET_MIN = 9, WORDS_OPSET_MAX = 23, WORDED_INPUTS = 4 };

/* A node on its way into the plain graph g: its inputs there, attributes that may be changed, and
 * outputs that may be set. */
struct onnx_lowering {
    oc_graph          *g;
    const oc_graph    *from;
    const struct node *node;                            /* of `from` */
    int64_t            opset;
    void              *attr;
    oc_value           in[OP_MAX_INPUTS], y[OP_MAX_OUTPUTS];
};

struct onnx_wording {
    const struct op *op;
    int              since;                             /* the first opset that has it; 0: none */
    const char      *as;                                /* NULL: its own name */
    const char      *rename;                            /* ours and theirs, "p ratio" */
    const char      *required;                          /* written also at their defaults: "axis" */
    const char      *without;                           /* attributes that ONNX knows nothing of */
    /* Attributes that became inputs, or that came, with an opset. */
    struct { const char *attr; int at, since; } input[WORDED_INPUTS];
    struct { const char *attr; int since; } later[WORDED_INPUTS];
    /* Changes the attributes, or builds what the node is made of and sets y[0]. */
    oc_status      (*lower)(struct onnx_lowering *l);
};

/* Copies what `n` values of `from` need into a new graph, at map[i]; it is the caller's, borrows
 * constants and the store, and lives no longer than `from`.  OC_EUSAGE names node, operator and
 * opset where something cannot be said. */
oc_status oc__onnx_plain(oc_graph **out, const oc_graph *from, int64_t opset, int n,
                         const oc_value *want, oc_value *map);

/* A node of a plain graph as ONNX has it; memory of the pool.  Inputs of constants come in
 * addition to its own: those with data. */
struct onnx_worded {
    const char       *op;
    int               attrs, n_in;
    struct onnx_attr *attr;
    oc_tensor         constant[OP_MAX_INPUTS];          /* of input i, where it has data */
};
oc_status oc__onnx_word(struct onnx_worded *out, const oc_graph *g, const struct node *n,
                        int64_t opset, struct pool *pool);

/* For wordings: the size of every dimension of a window where one number stands for all. */
void oc__onnx_spread(struct ints *list, int n);

#define WORDING(name) extern const struct onnx_wording oc__wording_##name;
#include "op/onnx_wording_list.h"
#undef WORDING

#endif
