/* depth_to_space.c — DepthToSpace and SpaceToDepth: channels become blocks of pixels, and back.
 *
 *     [n, b b c, h, w]  <->  [n, c, h b, w b]
 *
 * In mode DCR the channel of block place (i, j) is (i b + j) c + k, in CRD it is k b b + i b + j.
 * Each of the two is the gradient of the other. */
#include "op/attributes.h"
#include "op/op.h"

static const char *const modes[] = { "DCR", "CRD", NULL };
static const struct attr attrs[] = {
    ATTR_RANGE(struct blocks, INT, blocksize, "2", "sides of a block", 1, 65536),
    ATTR_WORDS(struct blocks, mode, "DCR", "whether blocks or channels are outermost", modes),
    { 0 }
};

/* n / by, where by divides it. */
static oc_status divide(int64_t n, int64_t by, int64_t *out)
{
    *out = n < 0 ? OC_UNKNOWN : n / by;
    if (n < 0 || n % by == 0)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "%lld is not a multiple of %lld", (long long)n, (long long)by);
}

static oc_status shape_to_space(const struct infer *s)
{
    const int64_t b = ((const struct blocks *)s->attr)->blocksize;
    const oc_shape *const x = s->x[0];
    int64_t channels;
    if (x->rank != 4)
        return oc__fail(OC_EUSAGE, "rank %d, expected 4", x->rank);
    TRY(divide(x->dim[1], b * b, &channels));
    s->y[0] = OC_SHAPE(x->dim[0], channels, oc__dim_mul(x->dim[2], b), oc__dim_mul(x->dim[3], b));
    return OC_OK;
}

static oc_status shape_to_depth(const struct infer *s)
{
    const int64_t b = ((const struct blocks *)s->attr)->blocksize;
    const oc_shape *const x = s->x[0];
    int64_t h, w;
    if (x->rank != 4)
        return oc__fail(OC_EUSAGE, "rank %d, expected 4", x->rank);
    TRY(divide(x->dim[2], b, &h));
    TRY(divide(x->dim[3], b, &w));
    s->y[0] = OC_SHAPE(x->dim[0], oc__dim_mul(x->dim[1], b * b), h, w);
    return OC_OK;
}

/* The element of the deep tensor that is element i of the wide one. */
static int64_t deep_place(const struct blocks *a, const oc_shape *wide, int64_t i)
{
    const int64_t b = a->blocksize, w = wide->dim[3], h = wide->dim[2], c = wide->dim[1];
    const int64_t x = i % w, y = i / w % h, k = i / w / h % c, n = i / w / h / c;
    const int64_t within = y % b * b + x % b;
    const int64_t channel = a->mode == 0 ? within * c + k : k * b * b + within;
    return ((n * c * b * b + channel) * (h / b) + y / b) * (w / b) + x / b;
}

static void run_to_space(const struct call *c)
{
    for (int64_t i = 0; i < oc_shape_count(c->ys[0]); i++)
        c->y[0][i] = c->x[0][deep_place(c->attr, c->ys[0], i)];
}

static void run_to_depth(const struct call *c)
{
    for (int64_t i = 0; i < oc_shape_count(c->xs[0]); i++)
        c->y[0][deep_place(c->attr, c->xs[0], i)] = c->x[0][i];
}

static void grad_to_space(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                          oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_space_to_depth, n->attr, OC_IN(dy[0]));
}

static void grad_to_depth(oc_graph *g, const struct node *n, const oc_value *dy, const bool *want,
                          oc_value *dx)
{
    (void)want;
    dx[0] = oc__apply(g, &oc__op_depth_to_space, n->attr, OC_IN(dy[0]));
}

static const char *const space_cases[] = { "2x8x2x3", "1x9x2x2 blocksize=3 mode=CRD", NULL };
static const char *const depth_cases[] = { "2x2x4x6", "1x2x3x6 blocksize=3 mode=CRD", NULL };

const struct op oc__op_depth_to_space = {
    .entry = { "DepthToSpace", "y = x with channels as blocks of pixels", attrs,
               sizeof(struct blocks) },
    .inputs = "x", .outputs = "y", .flops = oc__flops_none,
    .shape = shape_to_space, .grad = grad_to_space, .run = run_to_space, .cases = space_cases,
};

const struct op oc__op_space_to_depth = {
    .entry = { "SpaceToDepth", "y = x with blocks of pixels as channels", attrs,
               sizeof(struct blocks) },
    .inputs = "x", .outputs = "y", .flops = oc__flops_none,
    .shape = shape_to_depth, .grad = grad_to_depth, .run = run_to_depth, .cases = depth_cases,
};
