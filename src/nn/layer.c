/* layer.c — the table of layers, and what they share. */
#include "nn/layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

#define LAYER(name) &oc__layer_##name.entry,
const struct entry *const oc__layer_list[] = {
#include "nn/list.h"
    NULL
};
#undef LAYER

/* PyTorch initialises linear and convolution by this: uniform in ±1/sqrt(fan_in). */
static const char weight_init[] = "kaiming_uniform slope=2.23606797749979";

const char *oc__layer_name(const struct layer *l, const void *attr)
{
    for (const struct attr *a = l->entry.attrs; a && a->name; a++)
        if (!strcmp(a->name, "name"))
            return (const char *)attr + a->offset;
    return NULL;
}

oc_value oc__layer_weight(oc_graph *g, const struct layer_context *c, oc_shape shape,
                          const char *init)
{
    if (shape.rank >= 2 && c->init)
        init = c->init;
    return oc_parameter_value(g, "weight", shape, OC_TRAINABLE, *init ? init : weight_init);
}

oc_value oc__layer_bias(oc_graph *g, int64_t n, int64_t fan_in, const char *init)
{
    char uniform[96];
    const double bound = 1 / sqrt((double)(fan_in > 0 ? fan_in : 1));
    snprintf(uniform, sizeof uniform, "uniform low=%.17g high=%.17g", -bound, bound);
    return oc_parameter_value(g, "bias", OC_SHAPE(n), OC_TRAINABLE, *init ? init : uniform);
}

oc_status oc__layer_pair(const struct ints *list, const char *where, const char *name)
{
    if (list->n == 1 || list->n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: %s: wants one number, or height and width", where, name);
}

int64_t oc__pair_at(const struct ints *list, int i) { return list->v[list->n == 1 ? 0 : i]; }
