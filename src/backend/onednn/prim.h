/* prim.h — kernels that are one primitive of oneDNN, and what they share.
 *
 * A family's accept() makes a primitive descriptor and a table of slots (which argument of the
 * primitive is which operand); oc__prim_offer() does the rest: layouts, scratch, state.  The
 * primitive is made when accepted and never changes; the library's memory objects carry pointers,
 * so each context has its own (bind), and running sets the pointers and executes.  Everything here
 * is f32.  The engine and the layouts live as long as the process. */
#ifndef OC_BACKEND_ONEDNN_PRIM_H
#define OC_BACKEND_ONEDNN_PRIM_H

#include "backend/backend.h"
#include "backend/onednn/shim.h"
#include "op/fused.h"

enum { PRIM_SLOTS = 5 };                                /* arguments, scratch aside */

enum side { SIDE_X, SIDE_Y };

/* Which operand an argument of the primitive is.  An absent operand's slot is skipped. */
struct slot {
    int         arg;                                    /* DNNL_ARG_SRC */
    enum side   side;
    int         index;
    const char *letters;                                /* of the dimensions, for the layout's name;
                                                           NULL: the operand stays as it is */
    int         swap;                                   /* k > 0: the primitive has dimensions k - 1
                                                           and k of the operand exchanged */
};

/* How a primitive serves a request. */
struct fit {
    dnnl_primitive_desc_t pd;                           /* destroyed by oc__prim_offer() */
    const struct slot    *slot;
    int                   slots;
    int                   sum;                          /* input added to the result; -1: none */
    bool                  alone;     /* too little to do for a second thread: it is not woken */
};

dnnl_engine_t oc__dnn_engine(void);                     /* NULL: the library does not work here */

/* The primitive that `make` makes of `what`, for one pass; backwards, with a forward pass as its
 * hint.  `post` may be NULL.  NULL as for the functions of the shim. */
typedef dnnl_primitive_desc_t prim_maker(enum pass pass, const void *what,
                                         const struct setting *s);
dnnl_primitive_desc_t oc__prim_make(enum pass pass, prim_maker *make, const void *what,
                                    const struct post *post);

/* Fills in the offer; false, with nothing left behind, where it cannot. */
bool  oc__prim_offer(const struct fit *fit, const struct request *r, struct offer *o);
void  oc__prim_run(const struct execution *e);
void *oc__prim_bind(const void *state);
void  oc__prim_unbind(void *instance);
void  oc__prim_close(void *state);

/* A kernel made of one primitive, as a row of a table. */
#define PRIM_KERNEL(op_, name_, accept_)                                                       \
    { .op = op_, .name = name_, .accept = accept_, .run = oc__prim_run,                        \
      .bind = oc__prim_bind, .unbind = oc__prim_unbind, .close = oc__prim_close }

/* The layout of a descriptor, interned; *out is NULL for plain row-major.  False: no memory, or a
 * format that the library does not document. */
bool oc__dnn_layout(const struct desc *d, const char *letters, const struct layout **out);
/* An operand as it lies now; false where its layout is another back end's. */
bool oc__dnn_operand(struct desc *d, const struct operand *x);
bool oc__dnn_reorder_kernel(const struct operand *from, const struct operand *to, int threads,
                            struct offer *o);
/* A reorder of our own, from three planes to channels last (weave.c). */
bool oc__dnn_weaves(const struct operand *from, const struct operand *to, struct offer *o);

/* All operands that are present are f32. */
bool oc__all_f32(const struct request *r);

/* The library's words for a fused activation; false where it has none. */
bool oc__dnn_activation(struct post *post, const struct activation *a);

#endif
