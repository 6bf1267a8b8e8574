/* onednn.c — the back end: its name, its kernels, its reorders. */
#include "backend/onednn/onednn.h"

#include <dnnl_debug.h>
#include <string.h>
#include "backend/onednn/prim.h"

#define KERNEL(name) &oc__dnn_##name,
static const struct kernel *const kernels[] = {
#include "backend/onednn/list.h"
    NULL
};
#undef KERNEL

static void identify(struct str *out)
{
    const dnnl_version_t *const v = dnnl_version();
    const char *const isa = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
    static const char before[] = "cpu_isa_";
    const size_t n = sizeof before - 1;
    oc__str_addf(out, "%d.%d.%d %s", v->major, v->minor, v->patch,
                 strncmp(isa, before, n) ? isa : isa + n);
}

const struct backend oc__backend_onednn = {
    .name = "onednn", .kernels = kernels, .reorder = oc__dnn_reorder_kernel,
    .identify = identify,
};
