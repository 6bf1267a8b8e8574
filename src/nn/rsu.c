/* rsu.c — U-2-Net's residual U-block (Qin et al., "U^2-Net: going deeper with nested U-structure
 * for salient object detection", 2020, figure 2c and table 1), with its authors' names.
 *
 * A convolution makes `out` channels of the input; a small U-shaped network of `inside` channels
 * goes down `depth` levels and up again; both are added:
 *
 *     in ── x ── 1 ───────────────────── 1d ── + x
 *                 ╲ pool               ╱
 *                  2 ────────────── 2d       every number: 3x3 convolution, norm, relu
 *                   ╲ …          … ╱
 *                    depth-1 ── (depth-1)d
 *                       ╲        ╱
 *                        depth                dilated by 2
 *
 * A dilated block (RSU-4F) does not pool; its levels are dilated by 1, 2, 4, 8 instead. */
#include <stdio.h>

#include "base/status.h"
#include "nn/layer.h"
#include "op/op.h"

enum { CHANNELS_MAX = 65536, DEPTH_MIN = 3, DEPTH_MAX = 12 };

struct rsu {
    int64_t out, inside, depth;
    bool    dilated;
    char    name[ATTR_TEXT_MAX];
};

static const struct attr attrs[] = {
    ATTR_RANGE(struct rsu, INT, out, "64", "channels that leave", 1, CHANNELS_MAX),
    ATTR_RANGE(struct rsu, INT, inside, "16", "channels inside", 1, CHANNELS_MAX),
    ATTR_RANGE(struct rsu, INT, depth, "4", "levels", DEPTH_MIN, DEPTH_MAX),
    ATTR(struct rsu, BOOL, dilated, "false", "dilates in place of pooling"),
    ATTR(struct rsu, TEXT, name, NULL, "begins the parameters' names"),
    { 0 }
};

/* What a block works with. */
struct block {
    oc_graph                   *graph;
    const struct rsu           *attr;
    const struct layer_context *context;
};

/* Convolution, norm and relu: the authors' REBNCONV, called "rebnconv3d" for 3 and "d". */
static oc_value part(const struct block *b, oc_value x, const char *name, int64_t channels,
                     int64_t dilation)
{
    oc_scope(b->graph, name);
    const oc_value y = oc__layer_steps(b->graph, x, b->context,
                                       "conv %lld padding=%lld dilation=%lld name=conv_s1; "
                                       "batchnorm name=bn_s1; relu",
                                       (long long)channels, (long long)dilation,
                                       (long long)dilation);
    oc_scope_end(b->graph);
    return y;
}

static oc_value level(const struct block *b, oc_value x, int64_t i, const char *suffix,
                      int64_t channels)
{
    const bool deepest = i == b->attr->depth;
    const int64_t dilation = b->attr->dilated ? (int64_t)1 << (i - 1) : deepest ? 2 : 1;
    char name[32];
    snprintf(name, sizeof name, "rebnconv%lld%s", (long long)i, suffix);
    return part(b, x, name, channels, dilation);
}

/* Level i read from the one above it.  The deepest two have one size. */
static oc_value go_down(const struct block *b, oc_value above, int64_t i)
{
    const bool pools = !b->attr->dilated && i > 1 && i < b->attr->depth;
    if (pools)
        above = oc__layer_steps(b->graph, above, b->context, "maxpool 2 ceil");
    return level(b, above, i, "", b->attr->inside);
}

/* Level i on the way up, from the one below and its own on the way down. */
static oc_value go_up(const struct block *b, oc_value below, oc_value own, int64_t i)
{
    const oc_shape s = oc_value_shape(b->graph, own);
    const oc_value in[] = { oc__layer_resize(b->graph, below, s.dim[2], s.dim[3], "linear"), own };
    return level(b, oc_apply(b->graph, "Concat", 2, in, "axis=1"), i, "d",
                 i == 1 ? b->attr->out : b->attr->inside);
}

static oc_value build(oc_graph *g, oc_value x, const void *attr, const struct layer_context *c)
{
    const struct block b = { g, attr, c };
    const int64_t depth = b.attr->depth;
    oc_value down[DEPTH_MAX + 1];
    const oc_shape s = oc_value_shape(g, x);
    char text[OC_SHAPE_TEXT];
    if (s.rank != 4)
        return oc__graph_fail(g, OC_EUSAGE, "the input is %s, not images [n, c, h, w]",
                              oc__shape_text(&s, text));
    down[0] = part(&b, x, "rebnconvin", b.attr->out, 1);
    for (int64_t i = 1; i <= depth && !g->status; i++)
        down[i] = go_down(&b, down[i - 1], i);
    oc_value y = down[depth];
    for (int64_t i = depth - 1; i > 0 && !g->status; i--)
        y = go_up(&b, y, down[i], i);
    return g->status ? OC_FAILED : oc_add(g, y, down[0]);
}

const struct layer oc__layer_rsu = {
    .entry = { "rsu", "U-2-Net's residual U-block: a U-shaped network + x", attrs,
               sizeof(struct rsu) },
    .build = build,
};
