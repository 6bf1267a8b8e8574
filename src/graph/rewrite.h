/* rewrite.h — the table of rewrites that binding applies, and what one sees. */
#ifndef OC_GRAPH_REWRITE_H
#define OC_GRAPH_REWRITE_H

#include "graph/fold.h"

struct binding {
    const oc_graph            *from;
    oc_graph                  *to;
    const struct bind_options *options;
    oc_value                  *map;                     /* by value of `from`: its copy */
    bool                      *needed;                  /* by value of `from` */
    int                       *uses;       /* by value of `from`: consumers, wanted counts as one */
    int                       *given;                   /* by value of `from`: place in list + 1 */
};

/* The copy of a value that no plan can know yet. */
#define OC_DARK ((oc_value){ -2 })
static inline bool oc__is_dark(oc_value v) { return v.id == -2; }

/* Lists what there is to compute before the rest can be bound (stage.c). */
oc_status oc__stage_find(struct binding *b);

/* A rewrite looks at a node of `from` and the copies of its inputs; if it fits, it writes the
 * copies of all outputs and returns true. */
struct rewrite {
    const char *op;                                     /* NULL: any operator */
    bool      (*apply)(struct binding *b, const struct node *n, const oc_value *in, oc_value *out);
};

/* Copies the node itself onto these inputs; a Cast to f32 leads to the precision in its place. */
oc_value oc__bind_copy(struct binding *b, const struct node *n, const oc_value *in);

extern const struct rewrite oc__rewrites[];             /* ends with a NULL apply */

#endif
