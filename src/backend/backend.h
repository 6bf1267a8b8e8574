/* backend.h — how fast: kernels that replace an operator's own run.
 *
 * A back end is a folder with a list of kernels.  For each node of a bound graph the planner asks
 * the kernels in order, back end by back end, and the first that accepts wins; the last back end,
 * the reference, accepts everything.  An accepting kernel answers with an offer: the memory
 * layouts that it wants for its inputs and will produce, scratch bytes, whether it may work in
 * place.  Where a value lies otherwise than wanted, the planner inserts a reorder as a step of its
 * own.
 *
 * A plan is immutable: a kernel keeps in `state` what is read only, and makes by `bind` what its
 * runs write to, which belongs to the session.  Sessions on different threads share neither, so
 * only what a back end keeps for the process (layouts) needs a lock.  run() must not allocate.
 * Kernels use at most `threads` threads of OpenMP and are called outside parallel regions. */
#ifndef OC_BACKEND_BACKEND_H
#define OC_BACKEND_BACKEND_H

#include "op/op.h"

/* How a value lies in memory; NULL stands for plain row-major.  Layouts are interned: equal ones
 * are the same pointer.  They live as long as the process. */
struct layout {
    const char           *name;                         /* "nChw16c" */
    size_t                bytes;
    bool                  padded;      /* holds elements beyond the shape's, which must stay zero */
    const struct backend *owner;
    const void           *detail;                       /* the owner's own description */
};

struct operand {
    oc_dtype             dtype;
    const oc_shape      *shape;                         /* NULL: absent */
    const struct layout *layout;
    bool                 is_static;    /* depends on parameters and constants alone, in inference */
};

struct request {
    const struct op      *op;
    const void           *attr;
    const char           *name;                         /* of the node, for messages */
    int                   n_in, n_out;
    const struct operand *x;                            /* with the layouts that they have now */
    const struct operand *y;                            /* layouts NULL */
    oc_mode               mode;
    int                   threads;
    unsigned              unread;                       /* outputs, by bit, that nobody reads */
};

/* The planner presets x[i] and y[i] to plain; whatever else a kernel wants it writes. */
struct offer {
    const struct kernel *kernel;
    const struct layout *x[OP_MAX_INPUTS];
    const struct layout *y[OP_MAX_OUTPUTS];
    size_t               scratch;                   /* bytes, 64-byte aligned, contents undefined */
    int                  in_place;         /* input whose buffer output 0 may take over; -1: none */
    unsigned             omits;            /* of the unread outputs those that it will not write:
                                            * they get no memory, and run() sees NULL */
    void                *state;
    const char          *detail;             /* implementation, for the plan's print; may be NULL */
    bool                 no_memory;          /* refused for that reason: no other kernel is asked */
};

struct execution {
    const struct request *request;                      /* attributes, shapes */
    const void           *state;
    void                 *instance;
    const void *const    *x;
    void *const          *y;
    void                 *scratch;
    int                   threads;
    uint64_t              seed, step;
};

struct kernel {
    const char *op;                                     /* operator's name; NULL: any */
    const char *name;                                   /* "im2col_gemm" */
    bool      (*accept)(const struct request *r, struct offer *o);
    void      (*run)(const struct execution *e);
    void     *(*bind)(const void *state);     /* per context; may be NULL; NULL result: no memory */
    void      (*unbind)(void *instance);
    void      (*close)(void *state);
};

struct backend {
    const char                 *name;
    const struct kernel *const *kernels;                /* ends in NULL */
    /* A kernel for moving between two layouts of which at least one is this back end's; NULL: has
     * no layouts. */
    bool (*reorder)(const struct operand *from, const struct operand *to, int threads,
                    struct offer *o);
    /* Appends which version of what is at work, as in "2.6.3 avx512_core"; NULL: the program says
     * it all. */
    void (*identify)(struct str *out);
};

/* fastest first, the reference last; ends in NULL */
extern const struct backend *const oc__backend_list[];

/* Everything beside the program's own version that decides the bits of a result. */
void      oc__backend_identify(struct str *out);

/* The first kernel that accepts, among the back ends named in `names` ("onednn,cpu,reference";
 * NULL: all; the reference is always tried last).  An unknown name is OC_EUSAGE. */
oc_status oc__backend_check(const char *names);
oc_status oc__backend_choose(const char *names, const struct request *r, struct offer *o,
                             const struct backend **chosen);

#endif
