/* plan.h — a bound graph made ready: a flat list of steps over one arena.
 *
 * Every value that a step reads or writes has a slot: type, shape, layout, and a place (a space
 * and an offset in it).  Building a plan chooses kernels, inserts reorders where layouts differ,
 * finds how long each slot lives, lets steps work in place where their kernel offers it, and puts
 * everything else at offsets of one arena, so that the peak is known before the first step.  Steps
 * that depend on parameters and constants alone form the prologue, which runs once per version of
 * the parameters.
 *
 * A plan is immutable once built; what a run writes to belongs to a context (session.c). */
#ifndef OC_RUN_PLAN_H
#define OC_RUN_PLAN_H

#include "backend/backend.h"
#include "graph/fold.h"

enum space {
    SPACE_ARENA,                                  /* shared by lifetimes; scratch lies at its end */
    SPACE_FIXED,                                    /* what the prologue makes and the steps read */
    SPACE_VALUE, SPACE_STATISTIC, SPACE_GRADIENT,       /* blocks of the store */
    SPACE_INPUT,                     /* the caller's own memory: the offset is the input's number */
    SPACE_ABSOLUTE,                    /* constants of the bound graph: the offset is the address */
    SPACES
};

struct slot {
    oc_value             value;                         /* of the bound graph */
    const char          *name;
    oc_dtype             dtype;
    oc_shape             shape;
    const struct layout *layout;
    size_t               bytes;
    enum space           space;
    int64_t              offset;
    /* steps that write and last read it; -1 and n_steps: outside */
    int                  first, last;
    int                  root;                     /* the slot that this one is a view of; itself */
    int                  buffer;           /* of the arena, by number; -1: has a place of its own */
    bool                 is_static, keep; /* keep: read after the run, never overwritten in place */
};

struct plan_step {
    const char           *name;
    struct request        request;
    const struct backend *backend;
    const struct kernel  *kernel;
    void                 *state;                        /* what follows is as in the offer */
    const char           *detail;
    size_t                scratch;
    int                   in_place;
    int                  *x, *y;        /* slots; -1: absent, only its shape is read, or omitted */
    bool                  prologue;
    double                flops;
};

/* What is converted into a parameter's place after a run. */
struct effect_slot { int parameter, slot; };

struct plan {
    struct pool         pool;
    oc_graph           *graph;                          /* bound; owned */
    struct slot        *slot;
    struct plan_step        *step;
    int                 slots, steps, prologue;         /* the first `prologue` steps */
    struct stage        stage;              /* n > 0: what this plan computes in place of outputs */
    struct given       *given;                          /* constants with their numbers */
    int                 n_given;
    /* Slot by input number, -1: not needed; the graph's inputs, then what is given. */
    int                *input;
    oc_shape           *input_shape;
    int                 inputs;
    int                *output;                         /* slot by output number */
    int                 outputs;
    struct effect_slot *effect;
    int                 effects;
    struct effect_slot *gradient;                       /* of f64; those of f32 are in place */
    int                 gradients;
    size_t              arena_bytes, scratch_offset, fixed_bytes;
};

struct plan_options {
    const oc_session_options *session;
    const oc_shape           *inputs;
    int                       threads;
    const struct given       *given;                    /* by an earlier plan (graph/fold.h) */
    int                       n_given;
};

oc_status oc__plan_new(struct plan **out, oc_graph *g, const struct plan_options *o);
void      oc__plan_free(struct plan *p);
void      oc__plan_print(const struct plan *p, struct str *out);

/* OC_ELIMIT when `what` takes more bytes than the machine has memory (SIZE_MAX: uncountably many).
 * */
oc_status oc__plan_fits(const char *what, size_t bytes);

/* Gives every slot of the arena its offset, and the arena its size (place.c). */
oc_status oc__plan_place(struct plan *p);

#endif
