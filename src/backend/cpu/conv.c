/* conv.c — convolution and its gradients as packed products.
 *
 * With X the matrix of windows of an image (window.h), for each image and group
 *     y = w X,   dw = sum over images of dy X^T,   dX = w^T dy,
 * and dx is dX added back to where X was read, some channels at a time so that dX stays in the
 * cache. Images are shared out among threads for y and dx, parts of dw among them for dw, so
 * that no sum depends on the number of threads.  ConvTranspose is dx on top of a bias. */
#include "op/conv.h"

#include "base/parallel.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/window.h"

enum { LINE = 16, MATRIX_ELEMENTS = 65536 };            /* of dX at a time */

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* ---- y and dx: products per image --------------------------------------------------------- */

/* What the products of every image cost in scratch: the weights, packed once for all images, then
 * room for each of `parts` threads. */
struct images {
    struct conv_dims dims;
    bool             backwards;                         /* dx and not y */
    int64_t          m, n, k;                           /* of the product; dX has m rows */
    int64_t          channels;                          /* of dX at a time */
    int              parts, threads;                    /* of each part's product */
    int64_t          packed, matrix, room;              /* floats: weights; dX; dX and product's */
    int64_t          packed_block;                      /* floats: weights of that many channels */
};

static struct images images_of(const struct conv_dims *d, bool backwards, int threads)
{
    const int64_t taps = oc__window_count(d->window.kernel), y = oc__window_count(d->window.y);
    struct images p = { .dims = *d, .backwards = backwards, .n = y };
    p.m = backwards ? d->in * taps : d->out;
    p.k = backwards ? d->out : d->in * taps;
    p.packed = p.packed_block = oc__cpu_gemm_packed(p.m, p.k);
    p.parts = d->n < 1 ? 1 : d->n < threads ? (int)d->n : threads;
    p.threads = p.parts > 1 ? 1 : threads;
    if (backwards) {
        p.channels = MATRIX_ELEMENTS / (taps * y + 1) + 1;
        p.channels = p.channels < d->in ? p.channels : d->in;
        p.matrix = round_up(p.channels * taps * y, LINE);
        p.packed_block = oc__cpu_gemm_packed(p.channels * taps, p.k);
        p.packed = (d->in + p.channels - 1) / p.channels * p.packed_block;
    }
    p.room = p.matrix + (int64_t)(oc__cpu_gemm_scratch(p.m, p.n, p.k, p.threads) / sizeof(float));
    return p;
}

static size_t images_scratch(const struct images *p)
{
    return (size_t)(p->packed + p->room * p->parts) * sizeof(float);
}

/* One group of all images. */
struct images_run {
    const struct images *p;
    int64_t              group;
    struct cpu_gemm      gemm;
    const float         *from, *z, *bias;
    float               *to, *scratch;
};

static void run_image(const struct images_run *r, int64_t number, float *scratch)
{
    const struct images *p = r->p;
    const struct conv_dims *d = &p->dims;
    const struct cpu_windows windows = {
        &d->window, r->from + number * d->in * oc__window_count(d->window.x)
    };
    struct cpu_gemm g = r->gemm;
    g.b = (struct cpu_source){ oc__cpu_pack_windows, &windows };
    g.c = r->to + number * p->m * p->n;
    g.epilogue.bias = r->bias;
    if (r->z)
        g.epilogue.z = (struct cpu_matrix){ r->z + number * p->m * p->n, p->n, 1 };
    oc__cpu_gemm(&g, p->threads, scratch);
}

/* How many channels of dX are made at a time from channel c on. */
static int64_t block_channels(const struct images *p, int64_t c)
{
    return p->dims.in - c < p->channels ? p->dims.in - c : p->channels;
}

static void run_image_backwards(const struct images_run *r, int64_t number, float *scratch)
{
    const struct images *p = r->p;
    const struct conv_dims *d = &p->dims;
    const int64_t taps = oc__window_count(d->window.kernel), plane = oc__window_count(d->window.x);
    const struct cpu_matrix dy = { r->from + number * p->k * p->n, p->n, 1 };
    float *dx = r->to + number * d->in * plane;
    struct cpu_gemm g = r->gemm;
    g.b = (struct cpu_source){ oc__cpu_pack_matrix, &dy };
    g.c = scratch;
    for (int64_t i = 0; i < d->in * plane; i++)
        dx[i] = r->bias ? r->bias[i / plane] : 0;
    for (int64_t c = 0; c < d->in; c += p->channels) {
        const int64_t channels = block_channels(p, c);
        g.m = g.packed_m = channels * taps;
        g.packed = r->gemm.packed + c / p->channels * p->packed_block;
        oc__cpu_gemm(&g, p->threads, scratch + p->matrix);
        oc__cpu_add_windows(&d->window, scratch, channels, dx + c * plane);
    }
}

static void run_share(const void *context, int64_t first, int64_t last)
{
    const struct images_run *r = context;
    const struct images *p = r->p;
    const int64_t n = p->dims.n;
    for (int64_t part = first; part < last; part++)
        for (int64_t i = n * part / p->parts; i < n * (part + 1) / p->parts; i++)
            (p->backwards ? run_image_backwards : run_image)(
                r, i * p->dims.group + r->group, r->scratch + p->room * part);
}

/* Packs the weights of one group: w, or for each block of channels of dX its part of w^T. */
static void pack_weights(const struct images *p, const float *w, float *to)
{
    const int64_t taps = oc__window_count(p->dims.window.kernel);
    if (!p->backwards) {
        oc__cpu_gemm_pack(&(struct cpu_matrix){ w, p->k, 1 }, p->m, p->k, to);
        return;
    }
    for (int64_t c = 0; c < p->dims.in; c += p->channels)
        oc__cpu_gemm_pack(&(struct cpu_matrix){ w + c * taps, 1, p->m },
                          block_channels(p, c) * taps, p->k,
                          to + c / p->channels * p->packed_block);
}

/* `run` has everything but the weights and the bias, which are those of all groups. */
static void run_images(struct images_run *run, const float *w, const float *bias, float *scratch)
{
    const struct images *p = run->p;
    const int64_t biases = p->backwards ? p->dims.in : p->dims.out;
    run->scratch = scratch + p->packed;
    run->gemm.m = run->gemm.packed_m = p->m;
    run->gemm.n = run->gemm.c_row = p->n;
    run->gemm.k = p->k;
    run->gemm.alpha = run->gemm.epilogue.factor = 1;
    run->gemm.packed = scratch;
    for (run->group = 0; run->group < p->dims.group; run->group++) {
        run->bias = bias ? bias + run->group * biases : NULL;
        pack_weights(p, w + run->group * p->m * p->k, scratch);
        oc__parallel(p->parts, p->parts, 1, run_share, run);
    }
}

/* ---- Conv and FusedConv ------------------------------------------------------------------- */

static bool offer_images(const struct conv_dims *d, bool backwards, int threads, struct offer *o)
{
    const struct images p = images_of(d, backwards, threads);
    o->scratch = images_scratch(&p);
    return true;
}

static const void *optional(const struct execution *e, int i)
{
    return e->request->n_in > i && e->request->x[i].shape ? e->x[i] : NULL;
}

static bool accept(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    return oc__cpu_all_f32(r) &&
           oc__conv_dims(&d, r->attr, r->x[0].shape, r->x[1].shape) == OC_OK &&
           offer_images(&d, false, r->threads, o);
}

static void run(const struct execution *e)
{
    const struct request *r = e->request;
    const struct conv *attr = r->attr;
    struct conv_dims d;
    oc__conv_dims(&d, attr, r->x[0].shape, r->x[1].shape);
    const struct images p = images_of(&d, false, r->threads);
    struct images_run all = { .p = &p, .from = e->x[0], .to = e->y[0], .z = optional(e, 3) };
    if (attr->activation.kind != ACTIVATION_NONE)
        all.gemm.epilogue.activation = &attr->activation;
    run_images(&all, e->x[1], optional(e, 2), e->scratch);
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
    return oc__cpu_all_f32(r) &&
           oc__conv_dims(&d, r->attr, r->x[2].shape, r->x[1].shape) == OC_OK &&
           offer_images(&d, true, r->threads, o);
}

static void run_backwards(const struct execution *e, const struct conv_dims *d, const float *bias)
{
    const struct images p = images_of(d, true, e->request->threads);
    struct images_run all = { .p = &p, .from = e->x[0], .to = e->y[0] };
    run_images(&all, e->x[1], bias, e->scratch);
}

static void run_grad_input(const struct execution *e)
{
    const struct request *r = e->request;
    struct conv_dims d;
    oc__conv_dims(&d, r->attr, r->x[2].shape, r->x[1].shape);
    run_backwards(e, &d, NULL);
}

const struct kernel oc__cpu_conv_grad_input = {
    .op = "ConvGradInput", .name = "gemm_col2im", .accept = accept_grad_input,
    .run = run_grad_input,
};

static bool accept_transpose(const struct request *r, struct offer *o)
{
    struct conv_dims d;
    return oc__cpu_all_f32(r) &&
           oc__conv_transpose_dims(&d, r->attr, r->x[0].shape, r->x[1].shape) == OC_OK &&
           offer_images(&d, true, r->threads, o);
}

static void run_transpose(const struct execution *e)
{
    const struct request *r = e->request;
    struct conv_dims d;
    oc__conv_transpose_dims(&d, r->attr, r->x[0].shape, r->x[1].shape);
    run_backwards(e, &d, optional(e, 2));
}

const struct kernel oc__cpu_conv_transpose = {
    .op = "ConvTranspose", .name = "gemm_col2im", .accept = accept_transpose, .run = run_transpose,
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
    struct cpu_windows windows = { .window = &d->window };
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
