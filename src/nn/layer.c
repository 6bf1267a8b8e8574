/* layer.c — the table of layers, and what they share. */
#include "nn/layer.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "op/op.h"

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

/* Does one of the comma-separated patterns, with the shell's `*` and `?`, match the name? */
bool oc__frozen(const char *patterns, const char *name)
{
    char pattern[256];
    for (const char *p = patterns; p && *p; p += *p == ',') {
        const size_t n = strcspn(p, ",");
        snprintf(pattern, sizeof pattern, "%.*s", (int)n, p);
        if (n && n < sizeof pattern && fnmatch(pattern, name, 0) == 0)
            return true;
        p += n;
    }
    return false;
}

bool oc__layer_frozen(const oc_graph *g, const struct layer_context *c, const char *parameter)
{
    char name[sizeof g->scope + 64];
    snprintf(name, sizeof name, "%s%s%s", g->scope, *g->scope ? "." : "", parameter);
    return oc__frozen(c->freeze, name);
}

oc_status oc__layer_out(char *text, const char *where, int classes, int64_t most, int64_t *out)
{
    if (!strcmp(text, "classes"))
        snprintf(text, ATTR_TEXT_MAX, "%d", classes);
    const size_t n = strlen(text);
    const bool digits = n > 0 && n < 10 && strspn(text, "0123456789") == n;
    *out = digits ? strtoll(text, NULL, 10) : 0;
    if (*out >= 1 && *out <= most)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: out: %s: wants a number from 1 to %lld, or the word classes",
                    where, oc__quote_z(text), (long long)most);
}

/* One layer of a block in its scope. */
static oc_value build_part(oc_graph *g, oc_value x, const struct layer_context *c,
                           const struct step *s)
{
    const struct layer *const l = (const struct layer *)(const void *)s->entry;
    const char *const name = oc__layer_name(l, s->attr);
    char scope[sizeof g->scope];
    if (l->ready && l->ready(s->attr, l->entry.name, 0) < 0)
        return oc__graph_fail(g, OC_EUSAGE, NULL);
    memcpy(scope, g->scope, sizeof scope);
    if (name && *name)
        oc_scope(g, name);
    const oc_value y = g->status ? OC_FAILED : l->build(g, x, s->attr, c);
    memcpy(g->scope, scope, sizeof scope);
    return y;
}

oc_value oc__layer_steps(oc_graph *g, oc_value x, const struct layer_context *c,
                         const char *format, ...)
{
    struct str text = { 0 };
    struct steps parsed;
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&text, format, arguments);
    va_end(arguments);
    const oc_status status = oc__steps_parse(&parsed, oc__layer_list, "layer",
                                             oc__str_text(&text));
    oc__str_free(&text);
    if (status < 0)
        return oc__graph_fail(g, status, NULL);
    for (int i = 0; i < parsed.n && !g->status; i++)
        x = build_part(g, x, c, &parsed.step[i]);
    oc__steps_free(&parsed);
    return g->status ? OC_FAILED : x;
}

oc_status oc__layer_pair(const struct ints *list, const char *where, const char *name)
{
    if (list->n == 1 || list->n == 2)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%s: %s: wants one number, or height and width", where, name);
}

int64_t oc__pair_at(const struct ints *list, int i) { return list->v[list->n == 1 ? 0 : i]; }
