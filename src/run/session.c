/* session.c — prepare once, run many. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "param/store.h"
#include "run/inspect.h"
#include "run/session.h"

/* ---- making ------------------------------------------------------------------------------- */

static const oc_value *keep_values(struct pool *pool, const oc_value *v, int n)
{
    oc_value *copy = oc__pool_alloc(pool, (size_t)(n ? n : 1) * sizeof *v);
    if (copy && n)
        memcpy(copy, v, (size_t)n * sizeof *v);
    return copy;
}

const char *oc_device_reason(const char *device)
{
    if (!device || !strcmp(device, "auto"))
        return "cpu (auto: this build has no GPU back end)";
    return strcmp(device, "cpu") ? NULL : "cpu (as asked)";
}

static oc_status check_options(const oc_graph *g, const oc_session_options *o)
{
    TRY(oc_graph_check(g));
    if (o->device && !strcmp(o->device, "cuda"))
        return oc__fail(OC_EDEVICE, "device cuda: this build has no back end for it; auto and cpu "
                                    "compute on the processor");
    if (!oc_device_reason(o->device))
        return oc__fail(OC_EUSAGE, "device %s: not known; there are auto, cpu and cuda",
                        oc__quote_z(o->device));
    if (o->precision != OC_F32 && o->precision != OC_F64)
        return oc__fail(OC_EUSAGE, "precision %s: a session computes in f32 or f64",
                        oc_dtype_name(o->precision));
    if (o->threads < 0)
        return oc__fail(OC_EUSAGE, "threads: %d is below 0", o->threads);
    return oc__backend_check(o->backends);
}

oc_status oc_session_new(oc_session **out, oc_graph *g, const oc_session_options *options)
{
    *out = NULL;
    TRY(check_options(g, options));
    oc_session *s = oc__alloc(1, sizeof *s);
    if (!s)
        return OC_ELIMIT;
    s->graph = g;
    s->options = *options;
    s->threads = options->threads ? options->threads : omp_get_num_procs();
    oc_session_options *o = &s->options;
    o->output = keep_values(&s->pool, o->output, o->outputs);
    o->parameter = keep_values(&s->pool, o->parameter, o->gradients);
    o->gradient = keep_values(&s->pool, o->gradient, o->gradients);
    o->backends = o->backends ? oc__pool_strdup(&s->pool, o->backends) : NULL;
    if (!o->output || !o->parameter || !o->gradient) {
        oc_session_free(s);
        return OC_ELIMIT;
    }
    *out = s;
    return OC_OK;
}

static void context_free(struct context *c)
{
    for (int i = 0; c->instance && i < c->plan->steps; i++) {
        const struct kernel *k = c->plan->step[i].kernel;
        if (c->instance[i] && k->unbind)
            k->unbind(c->instance[i]);
    }
    oc__free(c->instance);
    oc__free(c->row);
    oc__block_free(c->fixed);
    oc__plan_free(c->plan);
    *c = (struct context){ 0 };
}

void oc__session_forget(oc_session *s)
{
    for (int i = 0; i < PLANS; i++)
        context_free(&s->context[i]);
    s->current = NULL;
}

void oc_session_free(oc_session *s)
{
    if (!s)
        return;
    oc__session_forget(s);
    oc__session_bodies_free(s);
    oc__block_free(s->arena);
    oc__pool_free(&s->pool);
    oc__free(s);
}

/* ---- preparing ---------------------------------------------------------------------------- */

static void start_row(oc_profile_row *row, const struct plan_step *s)
{
    *row = (oc_profile_row){ .name = s->name,
                             .op = s->request.op ? s->request.op->entry.name : "Reorder",
                             .kernel = s->detail ? s->detail : s->kernel->name,
                             .flops = s->flops };
}

static oc_status context_new(struct context *c, struct plan *plan)
{
    const size_t n = (size_t)plan->steps + 1;
    *c = (struct context){ .plan = plan };
    c->instance = oc__alloc(n, sizeof *c->instance);
    c->row = oc__alloc(n, sizeof *c->row);
    c->fixed = plan->fixed_bytes ? oc__block_alloc(plan->fixed_bytes) : NULL;
    if (!c->instance || !c->row || (plan->fixed_bytes && !c->fixed))
        return OC_ELIMIT;
    for (int i = 0; i < plan->steps; i++) {
        const struct plan_step *const s = &plan->step[i];
        start_row(&c->row[i], s);
        if (s->kernel->bind && !(c->instance[i] = s->kernel->bind(s->state)))
            return OC_ELIMIT;
    }
    return OC_OK;
}

static bool same_given(const struct given *a, const struct given *b)
{
    if (a->value.id != b->value.id || a->constant != b->constant ||
        a->tensor.dtype != b->tensor.dtype || !oc_shape_equal(&a->tensor.shape, &b->tensor.shape))
        return false;
    return !a->constant || memcmp(a->tensor.data, b->tensor.data, oc_tensor_bytes(&a->tensor)) == 0;
}

static struct context *find_context(oc_session *s, const oc_shape *inputs,
                                    const struct given *given, int n_given)
{
    for (int i = 0; i < PLANS; i++) {
        const struct plan *p = s->context[i].plan;
        bool same = p != NULL && p->n_given == n_given;
        for (int k = 0; same && k < p->inputs - n_given; k++)
            same = oc_shape_equal(&p->input_shape[k], &inputs[k]);
        for (int k = 0; same && k < n_given; k++)
            same = same_given(&p->given[k], &given[k]);
        if (same)
            return &s->context[i];
    }
    return NULL;
}

static struct context *least_used(oc_session *s)
{
    struct context *least = &s->context[0];
    for (int i = 1; i < PLANS; i++)
        if (s->context[i].used < least->used)
            least = &s->context[i];
    return least;
}

static oc_status grow_arena(oc_session *s, size_t bytes)
{
    if (s->arena && bytes <= s->arena_bytes)
        return OC_OK;
    char *arena = oc__block_alloc(bytes ? bytes : 1);   /* empty tensors have a place too */
    if (!arena)
        return OC_ELIMIT;
    oc__block_free(s->arena);
    s->arena = arena;
    s->arena_bytes = bytes;
    return OC_OK;
}

oc_status oc_session_prepare(oc_session *s, const oc_shape *inputs)
{
    return oc__session_prepare(s, inputs, NULL, 0);
}

oc_status oc__session_prepare(oc_session *s, const oc_shape *inputs, const struct given *given,
                              int n_given)
{
    oc_store *store = s->graph->store;
    struct context *c = find_context(s, inputs, given, n_given);
    omp_set_num_threads(s->threads);
    if (store)
        TRY(oc__store_ready(store, ROLE_VALUE));
    if (store && s->options.gradients)
        TRY(oc__store_ready(store, ROLE_GRADIENT));
    if (!c) {
        struct plan *plan;
        c = least_used(s);
        context_free(c);
        s->current = NULL;
        TRY(oc__plan_new(&plan, s->graph,
                         &(struct plan_options){ &s->options, inputs, s->threads, given,
                                                 n_given }));
        const oc_status status = context_new(c, plan);
        if (status) {
            context_free(c);
            return status;
        }
    }
    TRY(grow_arena(s, c->plan->arena_bytes));
    c->used = ++s->clock;
    s->current = c;
    return OC_OK;
}

/* ---- running ------------------------------------------------------------------------------ */

/* Where the spaces of a run begin. */
struct places {
    char            *base[SPACES];
    const oc_tensor *in;                                /* read where the caller has them */
};

static struct places find_places(const oc_session *s, const struct context *c, const oc_tensor *in)
{
    const oc_store *store = s->graph->store;
    struct places p = { .base = { [SPACE_ARENA] = s->arena, [SPACE_FIXED] = c->fixed }, .in = in };
    if (store) {
        p.base[SPACE_VALUE] = (char *)store->block[ROLE_VALUE][OC_TRAINABLE];
        p.base[SPACE_STATISTIC] = (char *)store->block[ROLE_VALUE][OC_STATISTIC];
        p.base[SPACE_GRADIENT] = (char *)store->block[ROLE_GRADIENT][OC_TRAINABLE];
    }
    return p;
}

static void *address(const struct slot *s, const struct places *p)
{
    if (s->space == SPACE_ABSOLUTE)
        return (void *)(intptr_t)s->offset;
    return s->space == SPACE_INPUT ? p->in[s->offset].data : p->base[s->space] + s->offset;
}

static void run_steps(oc_session *s, struct context *c, const struct places *at, int from, int to)
{
    const struct plan *p = c->plan;
    for (int i = from; i < to; i++) {
        const struct plan_step *step = &p->step[i];
        const void *x[OP_MAX_INPUTS];
        void *y[OP_MAX_OUTPUTS];
        for (int k = 0; k < step->request.n_in; k++)
            x[k] = step->x[k] < 0 ? NULL : address(&p->slot[step->x[k]], at);
        for (int k = 0; k < step->request.n_out; k++)
            y[k] = step->y[k] < 0 ? NULL : address(&p->slot[step->y[k]], at);
        const struct execution e = {
            &step->request, step->state, c->instance[i], x, y, s->arena + p->scratch_offset,
            s->threads, s->options.seed, s->step,
        };
        const double start = s->profile ? oc__seconds() : 0;
        step->kernel->run(&e);
        if (s->profile) {
            c->row[i].seconds += oc__seconds() - start;
            c->row[i].runs++;
        }
        if (s->inspector)
            oc__inspect_step(s->inspector, i, x, y);
    }
}

/* Checks the inputs that are needed; converts those that cannot be read where they are. */
static oc_status take_inputs(const struct context *c, const struct places *at)
{
    for (int i = 0; i < c->plan->inputs; i++) {
        if (c->plan->input[i] < 0)
            continue;
        const struct slot *s = &c->plan->slot[c->plan->input[i]];
        const oc_tensor *t = &at->in[i];
        if (!t->data)
            return oc__fail(OC_EUSAGE, "input %s: no data", s->name);
        if (s->space == SPACE_INPUT) {
            if (t->dtype != s->dtype)
                return oc__fail(OC_EUSAGE, "input %s: is %s, expected %s", s->name,
                                oc_dtype_name(t->dtype), oc_dtype_name(s->dtype));
            continue;
        }
        const oc_tensor to = { s->dtype, s->shape, address(s, at) };
        for (int64_t k = 0, n = oc_shape_count(&s->shape); k < n; k++)
            oc_tensor_set(&to, k, oc_tensor_get(t, k));
    }
    return OC_OK;
}

static oc_status read_outputs(const struct context *c, const struct places *at, oc_tensor *out,
                              bool allocate)
{
    for (int i = 0; i < c->plan->outputs; i++) {
        const struct slot *slot = &c->plan->slot[c->plan->output[i]];
        out[i].dtype = slot->dtype;
        out[i].shape = slot->shape;
        if (allocate && !(out[i].data = oc__block_alloc(slot->bytes + 1)))
            return OC_ELIMIT;
        if (out[i].data)
            memcpy(out[i].data, address(slot, at), slot->bytes);
    }
    return OC_OK;
}

static bool fits_single(const oc_tensor *t)
{
    for (int64_t k = 0, n = oc_shape_count(&t->shape); k < n; k++)
        if (!isfinite((float)oc_tensor_get(t, k)))
            return false;
    return true;
}

/* Converts what is in slots into the blocks of a role.  Running statistics never recover from a
 * number that is not finite, so such a value of theirs is left. */
static void commit(oc_store *store, const struct context *c, const struct places *at,
                   const struct effect_slot *effect, int n, enum role role)
{
    for (const struct effect_slot *e = effect; e < effect + n; e++) {
        const struct slot *slot = &c->plan->slot[e->slot];
        const oc_tensor from = { slot->dtype, slot->shape, address(slot, at) };
        float *to = oc__store_place(store, role, e->parameter);
        if (role == ROLE_VALUE && !fits_single(&from))
            continue;
        for (int64_t k = 0; k < store->parameter[e->parameter].count; k++)
            to[k] = (float)oc_tensor_get(&from, k);
    }
}

static void commit_effects(oc_store *store, const struct context *c, const struct places *at)
{
    commit(store, c, at, c->plan->effect, c->plan->effects, ROLE_VALUE);
    if (c->plan->effects)
        oc_store_touch(store);
}

oc_status oc__session_execute(oc_session *s, const oc_tensor *in, oc_tensor *out, bool allocate)
{
    struct context *c = s->current;
    const uint64_t version = s->graph->store ? s->graph->store->version : 1;
    omp_set_num_threads(s->threads);
    const struct places at = find_places(s, c, in);
    TRY(take_inputs(c, &at));
    if (s->inspector)
        TRY(oc__inspect_run(s->inspector, c->plan));
    if (c->version != version)
        run_steps(s, c, &at, 0, c->plan->prologue);
    c->version = version;
    run_steps(s, c, &at, c->plan->prologue, c->plan->steps);
    TRY(read_outputs(c, &at, out, allocate));
    commit(s->graph->store, c, &at, c->plan->gradient, c->plan->gradients, ROLE_GRADIENT);
    if (s->options.mode == OC_TRAIN) {
        commit_effects(s->graph->store, c, &at);
        s->step++;
    }
    return OC_OK;
}

static oc_status run(oc_session *s, const oc_tensor *in, oc_tensor *out, bool allocate)
{
    oc_shape shape[64];
    if (s->graph->inputs > (int)(sizeof shape / sizeof *shape))
        return oc__fail(OC_ELIMIT, "%d graph inputs, at most 64 are possible", s->graph->inputs);
    for (int i = 0; i < s->graph->inputs; i++)
        shape[i] = in[i].shape;
    if (!s->current || find_context(s, shape, NULL, 0) != s->current)
        TRY(oc_session_prepare(s, shape));
    const struct stage *const stage = &s->current->plan->stage;
    if (stage->n + stage->controls)
        return oc__session_stages(s, in, out, allocate);
    return oc__session_execute(s, in, out, allocate);
}

oc_status oc_session_run(oc_session *s, const oc_tensor *in, oc_tensor *out)
{
    return run(s, in, out, false);
}

oc_status oc_session_results(oc_session *s, const oc_tensor *in, oc_tensor *out)
{
    return run(s, in, out, true);
}

/* ---- looking ------------------------------------------------------------------------------ */

void oc_session_set_step(oc_session *s, uint64_t step) { s->step = step; }
void oc_session_profile(oc_session *s, bool on)        { s->profile = on; }

struct inspector *oc__session_inspect(oc_session *s, struct inspector *inspector)
{
    struct inspector *const before = s->inspector;
    s->inspector = inspector;
    return before;
}

int64_t oc_session_bytes(const oc_session *s)
{
    return s->current ? (int64_t)(s->current->plan->arena_bytes + s->current->plan->fixed_bytes)
                      : 0;
}

char *oc_session_text(const oc_session *s)
{
    struct str text = { 0 };
    if (s->current)
        oc__plan_print(s->current->plan, &text);
    if (text.failed)
        oc__str_free(&text);
    return text.text;
}

int oc_session_profile_rows(const oc_session *s, const oc_profile_row **rows)
{
    *rows = s->current ? s->current->row : NULL;
    return s->current ? s->current->plan->steps : 0;
}
