/* cpu.c — the portable back end: f32 kernels in C that need no library. */
#include "backend/cpu/cpu.h"

#define KERNEL(name) &oc__cpu_##name,
static const struct kernel *const kernels[] = {
#include "backend/cpu/list.h"
    NULL
};
#undef KERNEL

extern const struct backend oc__backend_cpu;
const struct backend oc__backend_cpu = { .name = "cpu", .kernels = kernels };

bool oc__cpu_all_f32(const struct request *r)
{
    for (int i = 0; i < r->n_in; i++)
        if (oc__cpu_is_read(r, i) && r->x[i].dtype != OC_F32)
            return false;
    for (int k = 0; k < r->n_out; k++)
        if (r->y[k].dtype != OC_F32)
            return false;
    return true;
}

bool oc__cpu_pattern(struct cpu_pattern *p, const oc_shape *whole, const oc_shape *part)
{
    int64_t *at = &p->inner;
    *p = (struct cpu_pattern){ 1, 1, 1 };
    for (int i = whole->rank - 1, k = part->rank - 1; i >= 0; i--, k--) {
        const int64_t n = whole->dim[i];
        const bool stretched = k < 0 || part->dim[k] != n;
        if (n == 1)
            continue;
        if (!stretched && at == &p->inner)
            at = &p->middle;
        if (stretched && at == &p->middle)
            at = &p->outer;
        if (!stretched && at == &p->outer)
            return false;
        *at *= n;
    }
    return true;
}

void oc__cpu_offer_common_layout(const struct request *r, struct offer *o, bool keeps_zero)
{
    const struct layout *common = NULL;
    for (int i = 0; i < r->n_in; i++)
        if (oc__cpu_is_read(r, i) && r->x[i].layout && !common)
            common = r->x[i].layout->padded && !keeps_zero ? NULL : r->x[i].layout;
    for (int i = 0; i < r->n_in; i++)
        o->x[i] = common;
    for (int k = 0; k < r->n_out; k++)
        o->y[k] = common;
}
