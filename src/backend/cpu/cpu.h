/* cpu.h — what the kernels of the portable back end share.
 *
 * Kernels compute in f32 and want plain row-major operands, except the elementwise ones, which take
 * any layout that all their operands have in common. */
#ifndef OC_BACKEND_CPU_CPU_H
#define OC_BACKEND_CPU_CPU_H

#include "backend/backend.h"

#define KERNEL(name) extern const struct kernel oc__cpu_##name;
#include "backend/cpu/list.h"
#undef KERNEL

/* Whether all operands that are read and all results are f32. */
bool oc__cpu_all_f32(const struct request *r);

/* Below this many elements a loop stays on one thread: waking a second costs more. */
enum { CPU_PARALLEL_FROM = 16384 };

static inline bool oc__cpu_is_read(const struct request *r, int i)
{
    return r->x[i].shape && !(r->op->shape_only >> i & 1);
}

static inline int64_t oc__cpu_count(const struct operand *o) { return oc_shape_count(o->shape); }

#endif
