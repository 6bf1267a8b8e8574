/* conv.c — convolution and its gradients as packed products.
 *
 * With X the matrix of windows (window.h), for each image and group
 *     y = w X,   dw = sum over images of dy X^T,   dx = w' X',
 * where w' [in, out * taps] is w with its channels exchanged and X' the windows backwards over dy.
 * Images are shared out among threads for y and dx, parts of dw among them for dw, so that no sum
 * depends on the number of threads.  ConvTranspose is dx with a bias. */
#include "op/conv.h"

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/window.h"

/* ---- y and dx: a product per image -------------------------------------------------------- */

/* The product of every image and group, and what it costs in scratch: the weights packed (and for dx
 * exchanged), then room for each of `parts` threads; a single image is cut up by the product. */
struct images {
    struct conv_dims dims;
    bool             backwards;
    int64_t          m, n, k, from, to;                 /* from, to: elements of an image's group */
    int              parts;
    int64_t          exchanged, packed, room;           /* floats */
};

static struct images images_of(const struct conv_dims *d, bool backwards, int threads)
{
    const int64_t taps = oc__window_count(d->window.kernel);
    const int64_t x = oc__window_count(d->window.x), y = oc__window_count(d->window.y);
    struct images p = { .dims = *d, .backwards = backwards };
    p.m = backwards ? d->in : d->out;
    p.k = (backwards ? d->out : d->in) * taps;
    p.n = backwards ? x : y;
    p.from = backwards ? d->out * y : d->in * x;
    p.to = p.m * p.n;
    p.parts = (int)(d->n < threads ? d->n : threads);
    p.exchanged = backwards ? (d->in * d->out * taps + 15) / 16 * 16 : 0;
    p.packed = p.parts > 1 ? oc__cpu_gemm_packed(p.m, p.k) : 0;
    p.room = (int64_t)(oc__cpu_gemm_scratch(p.m, p.n, p.k, p.parts > 1 ? 1 : threads) / sizeof(float));
    return p;
}

static size_t images_scratch(const struct images *p)
{
    const int64_t rooms = p->parts > 1 ? p->parts : 1;
    return (size_t)(p->exchanged + p->packed + p->room * rooms) * sizeof(float);
}

/* One group of all images. */
struct images_run {
    const struct images *p;
    int64_t              group;
    struct cpu_gemm      gemm;
    const float         *from, *z;
    float               *to, *scratch;
    int                  threads;
};

static void run_image(const struct images_run *r, int64_t image, int threads, float *scratch)
{
    const struct images *p = r->p;
    const int64_t number = image * p->dims.group + r->group;
    struct cpu_windows windows;
    if (p->backwards)
        oc__cpu_windows_backwards(&windows, &p->dims.window);
    else
        oc__cpu_windows(&windows, &p->dims.window);
    windows.image = r->from + number * p->from;
    struct cpu_gemm g = r->gemm;
    g.b = (struct cpu_source){ oc__cpu_pack_windows, &windows };
    g.c = r->to + number * p->to;
    if (r->z)
        g.epilogue.z = (struct cpu_matrix){ r->z + number * p->to, p->n, 1 };
    oc__cpu_gemm(&g, threads, scratch);
}

static void run_share(const void *context, int64_t first, int64_t last)
{
    const struct images_run *r = context;
    const int64_t n = r->p->dims.n;
    for (int64_t part = first; part < last; part++)
        for (int64_t i = n * part / r->p->parts; i < n * (part + 1) / r->p->parts; i++)
            run_image(r, i, 1, r->scratch + r->p->room * part);
}

/* to[c, o, t] = w[o, c, t] */
static void exchange(const struct conv_dims *d, const float *w, float *to)
{
    const int64_t taps = oc__window_count(d->window.kernel);
    for (int64_t o = 0; o < d->out; o++)
        for (int64_t c = 0; c < d->in; c++)
            for (int64_t t = 0; t < taps; t++)
                to[(c * d->out + o) * taps + t] = w[(o * d->in + c) * taps + t];
}

/* `run` has everything but the weights and the bias, which are those of all groups. */
static void run_images(struct images_run *run, const float *w, const float *bias, float *scratch)
{
    const struct images *p = run->p;
    float *const packed = scratch + p->exchanged;
    run->scratch = packed + p->packed;
    run->gemm.m = p->m;
    run->gemm.n = run->gemm.c_row = p->n;
    run->gemm.k = p->k;
    run->gemm.alpha = run->gemm.epilogue.factor = 1;
    for (run->group = 0; run->group < p->dims.group; run->group++) {
        const float *a = w + run->group * p->m * p->k;
        if (p->backwards) {
            exchange(&p->dims, a, scratch);
            a = scratch;
        }
        run->gemm.a = (struct cpu_matrix){ a, p->k, 1 };
        run->gemm.epilogue.bias = bias ? bias + run->group * p->m : NULL;
        if (p->parts > 1) {
            oc__cpu_gemm_pack(&run->gemm.a, p->m, p->k, packed);
            run->gemm.packed = packed;
            oc__parallel(p->parts, p->parts, 1, run_share, run);
        } else {
            for (int64_t i = 0; i < p->dims.n; i++)
                run_image(run, i, run->threads, run->scratch);
        }
    }
}

/* ---- Conv and FusedConv ------------------------------------------------------------------- */

static bool accept(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    if (!oc__cpu_all_f32(r) || oc__conv_dims(&d, r->attr, r->x[0].shape, r->x[1].shape) < 0)
        return false;
    const struct images p = images_of(&d, false, r->threads);
    o->scratch = images_scratch(&p);
    return true;
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const struct conv *attr = r->attr;
    struct conv_dims d;
    oc__conv_dims(&d, attr, r->x[0].shape, r->x[1].shape);
    const struct images p = images_of(&d, false, r->threads);
    struct images_run all = { .p = &p, .from = e->x[0], .to = e->y[0], .threads = r->threads };
    if (r->n_in > 3 && r->x[3].shape)
        all.z = e->x[3];
    if (attr->activation.kind != ACTIVATION_NONE)
        all.gemm.epilogue.activation = &attr->activation;
    run_images(&all, e->x[1], r->n_in > 2 && r->x[2].shape ? e->x[2] : NULL, e->scratch);
}

const struct kernel oc__cpu_conv = {
    .op = "Conv", .name = "im2col_gemm", .accept = accept, .run = run,
};
const struct kernel oc__cpu_fused_conv = {
    .op = "FusedConv", .name = "im2col_gemm", .accept = accept, .run = run,
};

/* ---- ConvGradInput and ConvTranspose ------------------------------------------------------ */

static bool accept_grad_input(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    if (!oc__cpu_all_f32(r) || oc__conv_dims(&d, r->attr, r->x[2].shape, r->x[1].shape) < 0)
        return false;
    const struct images p = images_of(&d, true, r->threads);
    o->scratch = images_scratch(&p);
    return true;
}

static void run_grad_input(const struct execution *e)
{
    const struct request *r = e->request;
    struct conv_dims d;
    oc__conv_dims(&d, r->attr, r->x[2].shape, r->x[1].shape);
    const struct images p = images_of(&d, true, r->threads);
    struct images_run all = { .p = &p, .from = e->x[0], .to = e->y[0], .threads = r->threads };
    run_images(&all, e->x[1], NULL, e->scratch);
}

const struct kernel oc__cpu_conv_grad_input = {
    .op = "ConvGradInput", .name = "im2col_gemm", .accept = accept_grad_input, .run = run_grad_input,
};

static bool accept_transpose(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    if (!oc__cpu_all_f32(r) || oc__conv_transpose_dims(&d, r->attr, r->x[0].shape, r->x[1].shape) < 0)
        return false;
    const struct images p = images_of(&d, true, r->threads);
    o->scratch = images_scratch(&p);
    return true;
}

static void run_transpose(const struct execution *e)
{
    const struct request *r = e->request;
    struct conv_dims d;
    oc__conv_transpose_dims(&d, r->attr, r->x[0].shape, r->x[1].shape);
    const struct images p = images_of(&d, true, r->threads);
    struct images_run all = { .p = &p, .from = e->x[0], .to = e->y[0], .threads = r->threads };
    run_images(&all, e->x[1], r->n_in > 2 && r->x[2].shape ? e->x[2] : NULL, e->scratch);
}

const struct kernel oc__cpu_conv_transpose = {
    .op = "ConvTranspose", .name = "im2col_gemm", .accept = accept_transpose, .run = run_transpose,
};

/* ---- ConvGradWeight: parts of dw over all images ------------------------------------------ */

struct weights_run {
    struct conv_dims dims;
    const float     *x, *dy;
    float           *dw, *scratch;
    int              parts;
    int64_t          room;                              /* floats of scratch for each part */
};

static struct cpu_gemm weights_gemm(const struct conv_dims *d)
{
    const int64_t y = oc__window_count(d->window.y);
    const int64_t columns = d->in * oc__window_count(d->window.kernel);
    return (struct cpu_gemm){ .m = d->out, .n = columns, .k = y, .alpha = 1, .c_row = columns };
}

static int weights_parts(const struct conv_dims *d, int threads)
{
    const struct cpu_gemm g = weights_gemm(d);
    return oc__cpu_gemm_threads(g.m, g.n, g.k * d->n, threads);
}

static bool accept_grad_weight(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    if (!oc__cpu_all_f32(r) || oc__conv_dims(&d, r->attr, r->x[0].shape, r->x[2].shape) < 0)
        return false;
    const struct cpu_gemm g = weights_gemm(&d);
    o->scratch = (size_t)weights_parts(&d, r->threads) * oc__cpu_gemm_scratch(g.m, g.n, g.k, 1);
    return d.n > 0;
}

/* Part `part` of the gradient of one group, summed over the images in order. */
static void sum_images(const struct weights_run *r, int64_t group, int part)
{
    const struct conv_dims *d = &r->dims;
    const int64_t x = oc__window_count(d->window.x), y = oc__window_count(d->window.y);
    struct cpu_windows windows;
    oc__cpu_windows(&windows, &d->window);
    struct cpu_gemm whole = weights_gemm(d), g;
    whole.c = r->dw + group * whole.m * whole.n;
    whole.b = (struct cpu_source){ oc__cpu_pack_windows_transposed, &windows };
    for (int64_t i = 0; i < d->n; i++) {
        const int64_t number = i * d->group + group;
        windows.image = r->x + number * d->in * x;
        whole.a = (struct cpu_matrix){ r->dy + number * d->out * y, y, 1 };
        whole.add = i > 0;
        if (oc__cpu_gemm_part(&whole, r->parts, part, &g))
            oc__cpu_gemm(&g, 1, r->scratch + r->room * part);
    }
}

static void run_weights(const void *context, int64_t first, int64_t last)
{
    const struct weights_run *r = context;
    for (int64_t part = first; part < last; part++)
        for (int64_t group = 0; group < r->dims.group; group++)
            sum_images(r, group, (int)part);
}

static void run_grad_weight(const struct execution *e)
{
    const struct request *r = e->request;
    struct weights_run all = { .x = e->x[0], .dy = e->x[1], .dw = e->y[0], .scratch = e->scratch };
    oc__conv_dims(&all.dims, r->attr, r->x[0].shape, r->x[2].shape);
    const struct cpu_gemm g = weights_gemm(&all.dims);
    all.parts = weights_parts(&all.dims, r->threads);
    all.room = (int64_t)(oc__cpu_gemm_scratch(g.m, g.n, g.k, 1) / sizeof(float));
    oc__parallel(all.parts, all.parts, 1, run_weights, &all);
}

const struct kernel oc__cpu_conv_grad_weight = {
    .op = "ConvGradWeight", .name = "im2col_gemm", .accept = accept_grad_weight,
    .run = run_grad_weight,
};
