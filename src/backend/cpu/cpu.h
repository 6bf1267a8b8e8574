/* cpu.h — what the kernels of the portable back end share.
 *
 * Kernels compute in f32 and want plain row-major operands, except the elementwise ones, which take
 * any layout that all their operands have in common. */
#ifndef OC_BACKEND_CPU_CPU_H
#define OC_BACKEND_CPU_CPU_H

#include <string.h>

#include "backend/backend.h"

#define KERNEL(name) extern const struct kernel oc__cpu_##name;
#include "backend/cpu/list.h"
#undef KERNEL

/* Whether all operands that are read and all results are f32. */
bool oc__cpu_all_f32(const struct request *r);

/* Elements that are worth a thread: waking one costs as much as some thousands of them. */
enum { CPU_GRAIN = 8192 };

/* Where an operand of fewer elements stands under a result: element i of the result reads number
 * (i / inner) % middle.  Scalars, biases along the last dimension or along channels, and the whole
 * are all of this kind. */
struct cpu_pattern { int64_t outer, middle, inner; };
bool oc__cpu_pattern(struct cpu_pattern *p, const oc_shape *whole, const oc_shape *part);

/* Offers the one layout that all operands of an elementwise kernel can have; a padded one, whose
 * padding must stay zero, only where zeros give zero. */
void oc__cpu_offer_common_layout(const struct request *r, struct offer *o, bool keeps_zero);

static inline bool oc__cpu_is_read(const struct request *r, int i)
{
    return r->x[i].shape && !(r->op->shape_only >> i & 1);
}

static inline int64_t oc__cpu_count(const struct operand *o) { return oc_shape_count(o->shape); }

/* Floats in memory, padding included. */
static inline int64_t oc__cpu_floats(const struct operand *o)
{
    return o->layout ? (int64_t)(o->layout->bytes / sizeof(float)) : oc__cpu_count(o);
}

/* Whether the bits are those of zero; not those of -0. */
static inline bool oc__cpu_is_zero(float v)
{
    const float zero = 0;
    return memcmp(&v, &zero, sizeof v) == 0;
}

#endif
