/* graph.h — nodes, values and the sticky error, from the inside.
 *
 * A graph owns nodes in creation order, which is a topological order, and values, which are
 * numbered from 1.  A value is an input, a parameter of the store, a constant, or output k of a
 * node.  Names, attributes and constants live in the graph's pool.  After the first failure
 * nothing is added. */
#ifndef OC_GRAPH_GRAPH_H
#define OC_GRAPH_GRAPH_H

#include "base/mem.h"
#include "base/map.h"
#include "ocellus.h"

struct op;

struct node {
    const struct op *op;
    void            *attr;                              /* op->entry.size bytes */
    const char      *name;                              /* "layer1.Relu3" */
    int              n_in, n_out;
    oc_value        *in;                                /* OC_NONE where absent */
    oc_value         out;                               /* output k is value out.id + k */
};

enum value_kind { VALUE_INPUT, VALUE_PARAMETER, VALUE_CONSTANT, VALUE_RESULT };

struct value {
    enum value_kind kind;
    oc_dtype        dtype;
    oc_shape        shape;
    const char     *name;
    int             index;                      /* input number, parameter number, or node number */
    int             output;                             /* of the node */
    const void     *data;                               /* of a constant */
};

struct effect { oc_value parameter, value; };

struct oc_graph {
    oc_store      *store;                               /* borrowed; may be NULL */
    struct pool    pool;
    struct node   *node;
    struct value  *value;                               /* value id i is value[i - 1] */
    struct effect *effect;
    int            nodes, values, effects, inputs;
    int            node_capacity, value_capacity, effect_capacity;
    const char   **symbol;                              /* symbol k is dimension -2 - k */
    int            symbols;
    char           scope[256];
    struct map     counter;                      /* nodes so far by scope and operator, for names */
    oc_graph      *bodies, *next_body;                  /* of its nodes of control; owned */
    oc_status      status;
    char           message[512];
};

/* A failed value: passes through builders, distinct from OC_NONE. */
#define OC_FAILED ((oc_value){ -1 })

static inline struct value *oc__value(const oc_graph *g, oc_value v) { return &g->value[v.id - 1]; }
static inline bool oc__is_none(oc_value v) { return v.id == 0; }
/* The node that made v, or NULL when it is an input, a parameter or a constant. */
static inline struct node *oc__maker(const oc_graph *g, oc_value v)
{
    const struct value *p = oc__value(g, v);
    return p->kind == VALUE_RESULT ? &g->node[p->index] : NULL;
}

/* The key of a random node of this name. */
int64_t oc__random_key(const char *name);

/* Records the first failure (the thread's current oc_error() when format is NULL), returns
 * OC_FAILED. */
oc_value oc__graph_fail(oc_graph *g, oc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether what a node reads of its inputs is constant, so that it can be computed here and now. */
bool oc__is_constant(const oc_graph *g, const struct op *op, int n, const oc_value *in);
/* Computes the node that was added last, for which that holds: its outputs become constants and
 * the node goes.  False: no memory. */
bool oc__evaluate(oc_graph *g);

/* Inputs by value that are constants of g become attributes of the node, which is not yet part of
 * it, and are dropped.  *pending: some are no constants, and nothing was done. */
oc_status oc__take_values(const oc_graph *g, struct node *n, bool *pending);

/* Adds a source value of any kind; `index` as in struct value. */
oc_value oc__graph_source(oc_graph *g, enum value_kind kind, const char *name, oc_dtype t,
                          const oc_shape *shape, int index, const void *data);

#endif
