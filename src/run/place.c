/* place.c — from lifetimes to offsets.
 *
 * A slot of the arena lives from the step that writes it to the last that reads it.  Where a kernel
 * may work in place and its input dies there, the output takes over the input's buffer.  Buffers
 * are then placed largest first, each at the lowest offset where it meets no buffer that lives at
 * the same time (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural
 * net inference", 2020).  Static slots that steps after the prologue read get places of their
 * own.
 *
 * No slot is larger than the machine's memory (plan.c), so a few of them add up without wrapping;
 * what is added up over all of them is checked, and so is the whole. */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

struct buffer { size_t bytes, offset; int first, last, number; };

static size_t aligned(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }

/* Static slots that outlive the prologue move to the fixed space; false when their sizes wrap. */
static bool place_fixed(struct plan *p)
{
    for (int i = 0; i < p->slots; i++) {
        struct slot *s = &p->slot[i];
        if (s->root != i || s->space != SPACE_ARENA || !s->is_static || s->last < p->prologue)
            continue;
        s->space = SPACE_FIXED;
        s->offset = (int64_t)p->fixed_bytes;
        if (!oc__add(p->fixed_bytes, aligned(s->bytes), &p->fixed_bytes))
            return false;
    }
    return true;
}

/* The slot whose buffer step i's first output may take over, or -1. */
static int taken_over(const struct plan *p, int i)
{
    const struct plan_step *s = &p->step[i];
    if (s->in_place < 0 || s->x[s->in_place] < 0)
        return -1;
    const int x = p->slot[s->x[s->in_place]].root;
    const struct slot *from = &p->slot[x], *to = &p->slot[s->y[0]];
    int reads = 0;
    for (int k = 0; k < s->request.n_in; k++)
        reads += s->x[k] >= 0 && p->slot[s->x[k]].root == x;
    const bool fits =
        from->space == SPACE_ARENA && to->space == SPACE_ARENA && from->bytes >= to->bytes;
    return fits && !from->keep && from->last == i && reads == 1 ? x : -1;
}

static int add_buffer(struct buffer *b, int *n, const struct slot *s)
{
    b[*n] = (struct buffer){ aligned(s->bytes), 0, s->first, s->last, *n };
    return (*n)++;
}

static int make_buffers(struct plan *p, struct buffer *b)
{
    int n = 0;
    for (int i = 0; i < p->slots; i++)
        if (p->slot[i].root == i && p->slot[i].space == SPACE_ARENA && p->slot[i].first < 0)
            p->slot[i].buffer = add_buffer(b, &n, &p->slot[i]);
    for (int i = 0; i < p->steps; i++) {
        const struct plan_step *s = &p->step[i];
        const int x = taken_over(p, i);
        for (int k = 0; k < s->request.n_out; k++) {
            struct slot *y = s->y[k] < 0 ? NULL : &p->slot[s->y[k]];
            if (!y || y->space != SPACE_ARENA)
                continue;
            if (k == 0 && x >= 0) {
                y->buffer = p->slot[x].buffer;
                b[y->buffer].last = y->last;
            } else {
                y->buffer = add_buffer(b, &n, y);
            }
        }
    }
    return n;
}

static int by_size(const void *a, const void *b)
{
    const struct buffer *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->number - y->number;
}

static bool live_together(const struct buffer *a, const struct buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which b[i] overlaps none of b[0 … i-1] that lives at the same time. */
static size_t lowest_offset(const struct buffer *b, int i)
{
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int k = 0; k < i; k++)
            if (live_together(&b[i], &b[k]) && at < b[k].offset + b[k].bytes &&
                b[k].offset < at + b[i].bytes) {
                at = b[k].offset + b[k].bytes;
                moved = true;
            }
    }
    return at;
}

/* Places the buffers of the arena, largest first; false when the sizes wrap. */
static bool place_buffers(struct plan *p, struct buffer *b, size_t *offset)
{
    const int n = make_buffers(p, b);
    qsort(b, (size_t)n, sizeof *b, by_size);
    for (int i = 0; i < n; i++) {
        size_t end;
        b[i].offset = offset[b[i].number] = lowest_offset(b, i);
        if (!oc__add(b[i].offset, b[i].bytes, &end))
            return false;
        p->scratch_offset = end > p->scratch_offset ? end : p->scratch_offset;
    }
    return true;
}

/* Hands the places of buffers to their slots, and those of slots to the views of them. */
static void settle_slots(struct plan *p, const size_t *offset)
{
    for (int i = 0; i < p->slots; i++)
        if (p->slot[i].buffer >= 0)
            p->slot[i].offset = (int64_t)offset[p->slot[i].buffer];
    for (int i = 0; i < p->slots; i++) {
        const struct slot *root = &p->slot[p->slot[i].root];
        p->slot[i].space = root->space;
        p->slot[i].offset = root->offset;
    }
}

/* Adds the scratch of the hungriest step, and holds the whole against the machine's memory. */
static oc_status add_up(struct plan *p)
{
    size_t scratch = 0, all, rounded;
    for (int i = 0; i < p->steps; i++)
        scratch = p->step[i].scratch > scratch ? p->step[i].scratch : scratch;
    if (!oc__add(scratch, ALIGN - 1, &rounded) ||
        !oc__add(p->scratch_offset, rounded / ALIGN * ALIGN, &p->arena_bytes) ||
        !oc__add(p->arena_bytes, p->fixed_bytes, &all))
        all = SIZE_MAX;
    return oc__plan_fits("the plan", all);
}

oc_status oc__plan_place(struct plan *p)
{
    struct buffer *b = oc__alloc((size_t)p->slots + 1, sizeof *b);
    size_t *offset = oc__alloc((size_t)p->slots + 1, sizeof *offset);
    oc_status status = b && offset ? OC_OK : OC_ELIMIT;
    if (!status && !(place_fixed(p) && place_buffers(p, b, offset)))
        status = oc__plan_fits("the plan", SIZE_MAX);
    if (!status) {
        settle_slots(p, offset);
        status = add_up(p);
    }
    oc__free(b);
    oc__free(offset);
    return status;
}
