/* taps.c — kernels, and the weights that they give. */
#include "image/taps.h"

#include <math.h>
#include "base/mem.h"
#include "base/status.h"

/* ---- kernels ------------------------------------------------------------------------------ */

/* Each changes n places into the kernel's values there. */

static void triangle(double *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = fabs(x[i]) < 1 ? 1 - fabs(x[i]) : 0;
}

static void cubic(double *x, int n)
{
    for (int i = 0; i < n; i++) {
        const double a = fabs(x[i]);
        const double near = (1.5 * a - 2.5) * a * a + 1, far = ((-0.5 * a + 2.5) * a - 4) * a + 2;
        x[i] = a < 1 ? near : a < 2 ? far : 0;
    }
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(pi * x) / (pi * x);
}

static void lanczos(double *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = fabs(x[i]) < 3 ? sinc(x[i]) * sinc(x[i] / 3) : 0;
}

static const struct kernel { double reach; void (*at)(double *x, int n); } kernels[] = {
    [FILTER_NEAREST] = { 0.5, NULL }, [FILTER_BILINEAR] = { 1, triangle },
    [FILTER_BICUBIC] = { 2, cubic }, [FILTER_LANCZOS] = { 3, lanczos },
};

const char *const oc__filter_names[] = {
    [FILTER_NEAREST] = "nearest", [FILTER_BILINEAR] = "bilinear", [FILTER_BICUBIC] = "bicubic",
    [FILTER_LANCZOS] = "lanczos", NULL
};

/* ---- taps --------------------------------------------------------------------------------- */

void oc__taps_free(struct taps *t)
{
    oc__free(t->first);
    oc__free(t->count);
    oc__free(t->weight);
}

/* Positions are summed up as Pillow does, so that those on an edge fall to the same side. */
static void fill_nearest(struct taps *t, int in, int out)
{
    const double scale = (double)in / out;
    double       at = scale * 0.5;
    for (int o = 0; o < out; o++, at += scale) {
        t->first[o] = at < in ? (int)at : in - 1;
        t->count[o] = 1;
        t->weight[o] = 1 << FRACTION_BITS;
    }
}

static void fill_taps(struct taps *t, const struct kernel *kernel, int o, int in, double scale,
                      double *scratch)
{
    const double stretch = scale > 1 ? scale : 1, reach = kernel->reach * stretch;
    const double centre = (o + 0.5) * scale, shrink = 1 / stretch;
    int          from = (int)floor(centre - reach + 0.5);
    int          to = (int)floor(centre + reach + 0.5);
    double       sum = 0;
    from = from > 0 ? from : 0;
    to = to < in ? to : in;
    for (int i = from; i < to; i++)
        scratch[i - from] = (i + 0.5 - centre) * shrink;
    kernel->at(scratch, to - from);
    for (int i = from; i < to; i++)
        sum += scratch[i - from];
    t->first[o] = from;
    t->count[o] = to - from;
    for (int i = 0; i < to - from; i++) {
        const double weight = scratch[i] / sum * (1 << FRACTION_BITS);
        t->weight[(size_t)o * (size_t)t->width + (size_t)i] =
            (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
}

oc_status oc__taps_make(struct taps *t, enum filter filter, int in, int out)
{
    const struct kernel *kernel = &kernels[filter];
    const double         scale = (double)in / out;
    size_t               weights;
    *t = (struct taps){ in, out, 1, NULL, NULL, NULL };
    if (kernel->at != NULL)
        t->width = 2 * (int)ceil(kernel->reach * (scale > 1 ? scale : 1)) + 1;
    if (!oc__mul((size_t)out, (size_t)t->width, &weights))
        return OC_ELIMIT;
    t->first = oc__alloc((size_t)out, sizeof *t->first);
    t->count = oc__alloc((size_t)out, sizeof *t->count);
    t->weight = oc__alloc(weights, sizeof *t->weight);
    double *scratch = oc__alloc((size_t)t->width, sizeof *scratch);
    if (t->first == NULL || t->count == NULL || t->weight == NULL || scratch == NULL) {
        oc__free(scratch);
        return OC_ELIMIT;
    }
    if (kernel->at == NULL)
        fill_nearest(t, in, out);
    for (int o = 0; kernel->at != NULL && o < out; o++)
        fill_taps(t, kernel, o, in, scale, scratch);
    oc__free(scratch);
    return OC_OK;
}
