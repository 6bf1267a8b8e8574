/* control.c — nodes of control: If, Loop and Scan run their bodies by sessions of their own.
 *
 * A body's session keeps its plans from turn to turn.  What a turn makes is kept as raw slices and
 * put together at the end, when the number of turns is known. */
#include "op/control.h"

#include <string.h>

#include "base/status.h"
#include "op/op.h"
#include "run/session.h"

enum { TURNS_MAX = 1000000 };

struct body { int node, which; oc_session *session; struct body *next; };

void oc__session_bodies_free(oc_session *s)
{
    while (s->bodies) {
        struct body *const b = s->bodies;
        s->bodies = b->next;
        oc_session_free(b->session);
        oc__free(b);
    }
}

/* The session of a body, made when it is first run. */
static oc_status body_session(oc_session *s, int node, int which, oc_session **out)
{
    const struct control *const a = s->graph->node[node].attr;
    for (struct body *b = s->bodies; b; b = b->next)
        if (b->node == node && b->which == which) {
            *out = b->session;
            return OC_OK;
        }
    oc_session_options options = s->options;
    options.outputs = a->body[which].outputs;
    options.output = a->body[which].output;
    options.gradients = 0;
    struct body *const b = oc__alloc(1, sizeof *b);
    if (!b)
        return OC_ELIMIT;
    const oc_status status = oc_session_new(&b->session, a->body[which].g, &options);
    if (status) {
        oc__free(b);
        return status;
    }
    *b = (struct body){ node, which, b->session, s->bodies };
    s->bodies = b;
    *out = b->session;
    return OC_OK;
}

static oc_status copy_tensor(const oc_tensor *from, oc_tensor *to)
{
    *to = *from;
    to->data = oc__block_alloc(oc_tensor_bytes(from) + 1);
    if (!to->data)
        return OC_ELIMIT;
    memcpy(to->data, from->data, oc_tensor_bytes(from));
    return OC_OK;
}

static void free_tensors(oc_tensor *t, int n)
{
    for (int i = 0; i < n; i++) {
        oc__block_free(t[i].data);
        t[i].data = NULL;
    }
}

/* ---- slices ------------------------------------------------------------------------------- */

/* What turns made of one output, one after the other. */
struct pile { oc_tensor slice; char *data; size_t each, capacity; int64_t n; };

static oc_status pile_up(struct pile *p, const oc_tensor *t)
{
    const size_t bytes = oc_tensor_bytes(t);
    if (p->n == 0) {
        p->slice = *t;
        p->each = bytes;
    } else if (!oc_shape_equal(&p->slice.shape, &t->shape) || p->slice.dtype != t->dtype) {
        return oc__fail(OC_EINPUT, "a turn makes another shape than the one before");
    }
    size_t end;
    if (!oc__mul((size_t)p->n + 1, bytes, &end))
        return OC_ELIMIT;
    if (end > p->capacity) {
        char *const grown = oc__grow(p->data, p->capacity, 2 * end, 1);
        if (!grown)
            return OC_ELIMIT;
        p->data = grown;
        p->capacity = 2 * end;
    }
    if (bytes)
        memcpy(p->data + end - bytes, t->data, bytes);
    p->n++;
    return OC_OK;
}

static int64_t at_list(const struct ints *list, int i) { return list->n ? list->v[i] : 0; }

/* Elements before and from an axis on. */
static void lanes_at(const oc_shape *s, int axis, int64_t *outer, int64_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < s->rank; i++)
        *(i < axis ? outer : inner) *= s->dim[i];
}

/* Puts the slices together along a new axis. */
static oc_status put_together(const struct pile *p, int64_t axis, bool backwards, oc_tensor *out)
{
    const oc_shape *const s = &p->slice.shape;
    int64_t outer, inner;
    int at;
    if (s->rank == OC_MAX_RANK)
        return oc__fail(OC_ELIMIT, "a result of more than %d dimensions", OC_MAX_RANK);
    TRY(oc__axis(axis, s->rank + 1, &at));
    *out = (oc_tensor){ p->slice.dtype, { .rank = s->rank + 1 }, NULL };
    for (int i = 0; i <= s->rank; i++)
        out->shape.dim[i] = i < at ? s->dim[i] : i == at ? p->n : s->dim[i - 1];
    out->data = oc__block_alloc(oc_tensor_bytes(out) + 1);
    if (!out->data)
        return OC_ELIMIT;
    lanes_at(s, at, &outer, &inner);
    const size_t line = (size_t)inner * oc_dtype_size(out->dtype);
    for (int64_t t = 0; line && t < p->n; t++)
        for (int64_t o = 0; o < outer; o++) {
            const int64_t to = o * p->n + (backwards ? p->n - 1 - t : t);
            memcpy((char *)out->data + (size_t)to * line,
                   p->data + (size_t)t * p->each + (size_t)o * line, line);
        }
    return OC_OK;
}

/* Part t of a sequence along an axis, into memory of its own. */
static oc_status take_part(const oc_tensor *x, int axis, int64_t t, oc_tensor *out)
{
    int64_t outer, inner;
    const int64_t n = x->shape.dim[axis];
    *out = (oc_tensor){ x->dtype, { .rank = x->shape.rank - 1 }, NULL };
    for (int i = 0; i < out->shape.rank; i++)
        out->shape.dim[i] = x->shape.dim[i + (i >= axis)];
    out->data = oc__block_alloc(oc_tensor_bytes(out) + 1);
    if (!out->data)
        return OC_ELIMIT;
    lanes_at(&out->shape, axis, &outer, &inner);
    const size_t line = (size_t)inner * oc_dtype_size(x->dtype);
    for (int64_t o = 0; line && o < outer; o++)
        memcpy((char *)out->data + (size_t)o * line,
               (const char *)x->data + (size_t)(o * n + t) * line, line);
    return OC_OK;
}

/* ---- turns -------------------------------------------------------------------------------- */

/* Inputs and outputs of a body, and what is carried from turn to turn, which is owned. */
struct turns {
    const struct control *attr;
    oc_session           *body;
    int                   own, skip;          /* inputs before the carried; outputs before theirs */
    int                   made;                         /* outputs that pile up */
    oc_tensor             in[OP_MAX_INPUTS], out[OP_MAX_INPUTS], carried[OP_MAX_INPUTS];
    struct pile           pile[OP_MAX_INPUTS];
    int64_t               turn;                         /* Loop's own inputs of the body */
    bool                  go;
};

/* One turn; what it carries on takes the place of what it got. */
static oc_status take_turn(struct turns *t)
{
    const int carried = t->attr->carried;
    for (int i = 0; i < carried; i++)
        t->in[t->own + i] = t->carried[i];
    memset(t->out, 0, sizeof t->out);
    oc_status status = oc_session_results(t->body, t->in, t->out);
    for (int i = 0; i < t->made && !status; i++)
        status = pile_up(&t->pile[i], &t->out[t->skip + carried + i]);
    for (int i = 0; i < carried && !status; i++) {
        oc__block_free(t->carried[i].data);
        t->carried[i] = t->out[t->skip + i];
        t->out[t->skip + i].data = NULL;
    }
    return status;
}

static oc_status begin(struct turns *t, oc_session *s, int node, const oc_tensor *first, int own,
                       int skip)
{
    const struct control *const a = s->graph->node[node].attr;
    *t = (struct turns){ .attr = a, .own = own, .skip = skip };
    t->made = a->body[0].outputs - skip - a->carried;
    if (a->body[0].outputs > OP_MAX_INPUTS)
        return oc__fail(OC_ELIMIT, "a body with more than %d outputs", OP_MAX_INPUTS);
    TRY(body_session(s, node, 0, &t->body));
    for (int i = 0; i < a->carried; i++)
        TRY(copy_tensor(&first[i], &t->carried[i]));
    return OC_OK;
}

/* Hands out what was carried last and what piled up. */
static oc_status finish(struct turns *t, const struct node *n, oc_tensor *out)
{
    const struct control *const a = t->attr;
    for (int k = 0; k < n->n_out; k++) {
        if (k < a->carried) {
            out[k] = t->carried[k];
            t->carried[k].data = NULL;
            continue;
        }
        const int i = k - a->carried;
        if (t->pile[i].n == 0) {                        /* of no turns the shape is what is known */
            const oc_value v = a->body[0].output[t->skip + k];
            t->pile[i].slice = (oc_tensor){ oc_value_dtype(a->body[0].g, v),
                                            oc_value_shape(a->body[0].g, v), NULL };
            for (int d = 0; d < t->pile[i].slice.shape.rank; d++)
                if (t->pile[i].slice.shape.dim[d] < 0)
                    t->pile[i].slice.shape.dim[d] = 0;
            if (t->pile[i].slice.shape.rank < 0)
                t->pile[i].slice.shape.rank = 0;
        }
        TRY(put_together(&t->pile[i], at_list(&a->out_axes, i), at_list(&a->out_backwards, i) != 0,
                         &out[k]));
    }
    return OC_OK;
}

static void end(struct turns *t)
{
    free_tensors(t->out, OP_MAX_INPUTS);
    free_tensors(t->carried, OP_MAX_INPUTS);
    for (int i = 0; i < OP_MAX_INPUTS; i++)
        oc__free(t->pile[i].data);
    oc__free(t);
}

static bool is_true(const oc_tensor *t)
{
    return oc_shape_count(&t->shape) > 0 && oc_tensor_get(t, 0) != 0;
}

static oc_status loop(oc_session *s, int node, const oc_tensor *in, struct turns *t)
{
    const struct control *const a = s->graph->node[node].attr;
    const int64_t most = in[0].data ? (int64_t)oc_tensor_get(&in[0], 0) : INT64_MAX;
    TRY(begin(t, s, node, in + 2, 2, 1));
    for (int i = 0; i < a->body[0].captures; i++)
        t->in[2 + a->carried + i] = in[2 + a->carried + i];
    t->go = !in[1].data || is_true(&in[1]);
    t->in[0] = (oc_tensor){ OC_I64, { 0 }, &t->turn };
    t->in[1] = (oc_tensor){ OC_BOOL, { 0 }, &t->go };
    for (; t->go && t->turn < most; t->turn++) {
        if (t->turn == TURNS_MAX)
            return oc__fail(OC_ELIMIT, "more than %d turns", TURNS_MAX);
        TRY(take_turn(t));
        t->go = is_true(&t->out[0]);
        free_tensors(t->out, OP_MAX_INPUTS);
    }
    return OC_OK;
}

static oc_status scan(oc_session *s, int node, const oc_tensor *in, struct turns *t)
{
    const struct control *const a = s->graph->node[node].attr;
    const oc_tensor *const x = in + a->carried;
    int axis[ATTR_INTS_MAX] = { 0 };
    int64_t n = 0;
    TRY(begin(t, s, node, in, 0, 0));
    for (int i = 0; i < a->sequences; i++) {
        TRY(oc__axis(at_list(&a->in_axes, i), x[i].shape.rank, &axis[i]));
        if (i && x[i].shape.dim[axis[i]] != n)
            return oc__fail(OC_EINPUT, "sequences of %lld and %lld parts", (long long)n,
                            (long long)x[i].shape.dim[axis[i]]);
        n = x[i].shape.dim[axis[i]];
    }
    const int fed = a->carried + a->sequences;
    for (int i = 0; i < a->body[0].captures; i++)
        t->in[fed + i] = in[fed + i];
    for (int64_t turn = 0; turn < n; turn++) {
        oc_status status = OC_OK;
        for (int i = 0; i < a->sequences && !status; i++)
            status = take_part(&x[i], axis[i],
                               at_list(&a->in_backwards, i) ? n - 1 - turn : turn,
                               &t->in[a->carried + i]);
        if (!status)
            status = take_turn(t);
        free_tensors(t->in + a->carried, a->sequences);
        free_tensors(t->out, OP_MAX_INPUTS);
        TRY(status);
    }
    return OC_OK;
}

static oc_status branch(oc_session *s, int node, const oc_tensor *in, oc_tensor *out)
{
    const struct control *const a = s->graph->node[node].attr;
    const int which = is_true(&in[0]) ? 0 : 1;
    oc_tensor made[OP_MAX_INPUTS] = { 0 };
    oc_session *body;
    if (a->body[which].outputs > OP_MAX_INPUTS)
        return oc__fail(OC_ELIMIT, "a branch with more than %d outputs", OP_MAX_INPUTS);
    TRY(body_session(s, node, which, &body));
    const oc_status status
        = oc_session_results(body, in + 1 + (which ? a->body[0].captures : 0), made);
    for (int k = 0; k < a->body[which].outputs; k++) {
        if (k < a->outputs && !status)
            out[k] = made[k];
        else
            oc__block_free(made[k].data);
    }
    return status;
}

oc_status oc__session_control(oc_session *s, int node, const oc_tensor *in, oc_tensor *out)
{
    const struct node *const n = &s->graph->node[node];
    const struct control *const a = n->attr;
    if (a->kind == CONTROL_IF)
        return branch(s, node, in, out);
    struct turns *const t = oc__alloc(1, sizeof *t);
    if (!t)
        return OC_ELIMIT;
    oc_status status = a->kind == CONTROL_LOOP ? loop(s, node, in, t) : scan(s, node, in, t);
    if (!status)
        status = finish(t, n, out);
    end(t);
    return status;
}
