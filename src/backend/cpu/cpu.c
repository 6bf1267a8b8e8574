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
