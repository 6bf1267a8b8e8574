/* print.c — a plan as a table: step, operator, kernel, result, place. */
#include "run/plan.h"

static const char *const space_name[SPACES] = { "arena",      "fixed",     "values",
                                                "statistics", "gradients", "input", "constant" };

static void print_shape(struct str *out, const oc_shape *s)
{
    oc__str_addz(out, "[");
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, i ? ",%lld" : "%lld", (long long)s->dim[i]);
    oc__str_addz(out, "]");
}

static void print_step(const struct plan *p, int i, struct str *out)
{
    const struct plan_step *s = &p->step[i];
    const struct slot *y = &p->slot[s->y[0]];
    struct str kernel = { 0 }, shape = { 0 };
    oc__str_addf(&kernel, "%s %s", s->backend->name, s->detail ? s->detail : s->kernel->name);
    print_shape(&shape, &y->shape);
    oc__str_addf(out, "%s%4d  %-32s %-26s %-34s %-20s %-10s %s+%lld", s->prologue ? "*" : " ", i,
                 s->name, s->request.op ? s->request.op->entry.name : "Reorder",
                 oc__str_text(&kernel), oc__str_text(&shape), y->layout ? y->layout->name : "plain",
                 space_name[y->space], y->space == SPACE_ABSOLUTE ? 0LL : (long long)y->offset);
    const int over = s->in_place < 0 ? -1 : s->x[s->in_place];
    if (over >= 0 && p->slot[over].buffer >= 0 && p->slot[over].buffer == y->buffer)
        oc__str_addz(out, " in place");
    oc__str_addz(out, "\n");
    out->failed |= kernel.failed || shape.failed;
    oc__str_free(&kernel);
    oc__str_free(&shape);
}

void oc__plan_print(const struct plan *p, struct str *out)
{
    oc__str_addf(out, "      %-32s %-26s %-34s %-20s %-10s place\n", "step", "operator", "kernel",
                 "result", "layout");
    for (int i = 0; i < p->steps; i++)
        print_step(p, i, out);
    if (p->prologue)
        oc__str_addf(out, "  * %d steps run once per version of the parameters\n", p->prologue);
    oc__str_addf(out, "  arena %zu bytes (scratch %zu), fixed %zu bytes\n", p->arena_bytes,
                 p->arena_bytes - p->scratch_offset, p->fixed_bytes);
}
