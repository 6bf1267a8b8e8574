/* prim.c — from a primitive descriptor to an offer, and from an execution to the primitive. */
#include "backend/onednn/prim.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"

/* What the library's descriptions of the arguments are is asked again when they are needed: each
 * takes more than half a kibibyte. */
struct prim {
    dnnl_primitive_t primitive;
    struct slot      part[PRIM_SLOTS];                  /* arguments, and the operands they are */
    int              parts;
    size_t           scratch_bytes;
    int              sum;
    size_t           result_bytes;                      /* of output 0 */
    bool             alone;
};

/* One context's memory objects, in the order of the parts, the scratch last. */
struct bound {
    dnnl_stream_t   stream;
    dnnl_exec_arg_t arg[PRIM_SLOTS + 1];
    int             n;
};

static const struct operand *operand_of(const struct request *r, const struct slot *s)
{
    return s->side == SIDE_X ? &r->x[s->index] : &r->y[s->index];
}

bool oc__all_f32(const struct request *r)
{
    for (int i = 0; i < r->n_in; i++)
        if (r->x[i].shape && r->x[i].dtype != OC_F32)
            return false;
    for (int i = 0; i < r->n_out; i++)
        if (r->y[i].shape && r->y[i].dtype != OC_F32)
            return false;
    return true;
}

/* By kind of activation; what has no entry the library lacks. */
static const dnnl_alg_kind_t activations[] = {
    [ACTIVATION_RELU] = dnnl_eltwise_relu,         [ACTIVATION_LEAKY_RELU] = dnnl_eltwise_relu,
    [ACTIVATION_CLIP] = dnnl_eltwise_clip,         [ACTIVATION_SIGMOID] = dnnl_eltwise_logistic,
    [ACTIVATION_TANH] = dnnl_eltwise_tanh,         [ACTIVATION_HARD_SWISH] = dnnl_eltwise_hardswish,
    [ACTIVATION_ELU] = dnnl_eltwise_elu,
};

bool oc__dnn_activation(struct post *post, const struct activation *a)
{
    *post = (struct post){ .activation = dnnl_alg_kind_undef };
    if (a->kind == ACTIVATION_NONE)
        return true;
    if (a->kind >= (int)(sizeof activations / sizeof *activations))
        return false;
    post->activation = activations[a->kind];
    post->alpha = a->kind == ACTIVATION_RELU ? 0 : (float)a->alpha;
    post->beta = (float)a->beta;
    return post->activation != dnnl_alg_kind_undef;
}

static bool add_part(struct prim *p, const struct slot *slot, const struct fit *fit,
                     const struct request *r, struct offer *o)
{
    const int count = slot->side == SIDE_X ? r->n_in : r->n_out;
    if (slot->index >= count || !operand_of(r, slot)->shape)
        return true;
    struct desc desc;
    p->part[p->parts++] = *slot;
    if (!oc__desc_of(&desc, fit->pd, slot->arg))
        return false;
    if (slot->side == SIDE_Y && slot->index == 0)
        p->result_bytes = oc__desc_bytes(&desc);
    if (!slot->letters)
        return true;
    struct desc own = desc;                             /* in the operand's order of dimensions */
    if (slot->swap > 0 && !oc__desc_swap(&own, &desc, slot->swap - 1))
        return false;
    if (oc__dnn_layout(&own, slot->letters, slot->side == SIDE_X ? &o->x[slot->index]
                                                                 : &o->y[slot->index]))
        return true;
    o->no_memory = oc__desc_is_known(&own);             /* it would be there otherwise */
    return false;
}

static bool fill(struct prim *p, const struct fit *fit, const struct request *r, struct offer *o)
{
    for (int i = 0; i < fit->slots; i++)
        if (!add_part(p, &fit->slot[i], fit, r, o))
            return false;
    struct desc scratch;
    if (oc__desc_of(&scratch, fit->pd, DNNL_ARG_SCRATCHPAD))
        p->scratch_bytes = oc__desc_bytes(&scratch);
    p->sum = fit->sum;
    p->alone = fit->alone;
    if (dnnl_primitive_create(&p->primitive, fit->pd) != dnnl_success)
        return false;
    if (p->sum >= 0)
        o->x[p->sum] = o->y[0];
    o->scratch = p->scratch_bytes;
    o->in_place = p->sum;
    o->state = p;
    /* The library's name of its implementation lives in a static table of its own. */
    dnnl_primitive_desc_query(fit->pd, dnnl_query_impl_info_str, 0, &o->detail);
    return true;
}

dnnl_primitive_desc_t oc__prim_make(enum pass pass, prim_maker *make, const void *what,
                                    const struct post *post)
{
    const dnnl_primitive_attr_t attr = oc__dnn_attr(post);
    if (!attr)
        return NULL;
    struct setting setting = { oc__dnn_engine(), attr, NULL };
    dnnl_primitive_desc_t forward = NULL, pd = NULL;
    const bool backward = pass == PASS_DATA || pass == PASS_WEIGHTS;
    if (backward)
        setting.forward = forward = make(PASS_TRAINING, what, &setting);
    if (!backward || forward)
        pd = make(pass, what, &setting);
    if (forward)
        dnnl_primitive_desc_destroy(forward);
    dnnl_primitive_attr_destroy(attr);
    return pd;
}

bool oc__prim_offer(const struct fit *fit, const struct request *r, struct offer *o)
{
    if (!fit->pd)
        return false;
    struct prim *p = oc__alloc(1, sizeof *p);
    const bool ok = p && fill(p, fit, r, o);
    o->no_memory |= !p;
    dnnl_primitive_desc_destroy(fit->pd);
    if (!ok && p)
        oc__prim_close(p);
    return ok;
}

void oc__prim_close(void *state)
{
    struct prim *p = state;
    if (p->primitive)
        dnnl_primitive_destroy(p->primitive);
    oc__free(p);
}

static bool bind_memory(struct bound *b, int arg, const_dnnl_primitive_desc_t pd)
{
    struct desc desc;
    const dnnl_memory_t memory
        = oc__desc_of(&desc, pd, arg) ? oc__dnn_memory(&desc, oc__dnn_engine()) : NULL;
    if (memory)
        b->arg[b->n++] = (dnnl_exec_arg_t){ arg, memory };
    return memory != NULL;
}

void *oc__prim_bind(const void *state)
{
    const struct prim *p = state;
    struct bound *b = oc__alloc(1, sizeof *b);
    if (!b)
        return NULL;
    const_dnnl_primitive_desc_t pd;
    bool ok = dnnl_stream_create(&b->stream, oc__dnn_engine(), dnnl_stream_default_flags) ==
              dnnl_success
              && dnnl_primitive_get_primitive_desc(p->primitive, &pd) == dnnl_success;
    for (int i = 0; i < p->parts && ok; i++)
        ok = bind_memory(b, p->part[i].arg, pd);
    if (ok && p->scratch_bytes > 0)
        ok = bind_memory(b, DNNL_ARG_SCRATCHPAD, pd);
    if (ok)
        return b;
    oc__prim_unbind(b);
    return NULL;
}

void oc__prim_unbind(void *instance)
{
    struct bound *b = instance;
    for (int i = 0; i < b->n; i++)
        dnnl_memory_destroy(b->arg[i].memory);
    if (b->stream)
        dnnl_stream_destroy(b->stream);
    oc__free(b);
}

/* A failed primitive must not leave numbers that look like a result. */
static void poison(const struct execution *e, const struct prim *p)
{
    float *y = e->y[0];
    for (size_t i = 0; y && i < p->result_bytes / sizeof *y; i++)
        y[i] = NAN;
}

/* The library takes as many threads as OpenMP would give it. */
static bool execute(const struct prim *p, const struct bound *b)
{
    const int threads = omp_get_max_threads();
    if (p->alone)
        omp_set_num_threads(1);
    const dnnl_status_t status = dnnl_primitive_execute(p->primitive, b->stream, b->n, b->arg);
    if (p->alone)
        omp_set_num_threads(threads);
    return status == dnnl_success && dnnl_stream_wait(b->stream) == dnnl_success;
}

void oc__prim_run(const struct execution *e)
{
    const struct prim *p = e->state;
    struct bound *b = e->instance;
    if (p->sum >= 0 && e->x[p->sum] != e->y[0])
        memcpy(e->y[0], e->x[p->sum], p->result_bytes);
    bool ok = true;
    for (int i = 0; i < p->parts; i++) {
        const struct slot *s = &p->part[i];
        void *at = s->side == SIDE_X ? (void *)(uintptr_t)e->x[s->index] : e->y[s->index];
        ok &= dnnl_memory_set_data_handle(b->arg[i].memory, at) == dnnl_success;
    }
    if (p->scratch_bytes > 0)
        ok &= dnnl_memory_set_data_handle(b->arg[p->parts].memory, e->scratch) == dnnl_success;
    if (!ok || !execute(p, b))
        poison(e, p);
}
