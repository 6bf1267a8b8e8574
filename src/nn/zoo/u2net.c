/* u2net.c — U-2-Net and its small form U-2-Net-P (Qin et al., "U^2-Net: going deeper with nested
 * U-structure for salient object detection", 2020, figure 5 and table 1) with its authors' names.
 *
 * Six stages of U-blocks go down, five go up again, each joined with what left the stage of its
 * size; every one on the way up, and the deepest, gives a map of its own (side1 … side6), brought
 * to the input's size, and the six joined give the result.  All seven are scores of which the
 * sigmoid is the saliency: the result, d0, and d1 … d6 as further outputs. */
#include "nn/zoo/zoo.h"

/* A stage of the way up: from what is below, at the size of `own` and joined with it. */
#define UP(own, rsu, map) "upsample like=" own "; concat " own "; " rsu "; keep " map "; "

/* A map of one of the stages. */
#define SIDE(n, of) "from " of "; conv 1 padding=1 name=side" n "; upsample like=d1; keep d" n \
                    "; output; "

/* Blocks s1 … s6 on the way down and u5 … u1 on the way up. */
#define NETWORK(s1, s2, s3, s4, s5, s6, u5, u4, u3, u2, u1)                                      \
    s1 "; keep hx1; maxpool 2 ceil; " s2 "; keep hx2; maxpool 2 ceil; "                          \
    s3 "; keep hx3; maxpool 2 ceil; " s4 "; keep hx4; maxpool 2 ceil; "                          \
    s5 "; keep hx5; maxpool 2 ceil; " s6 "; keep hx6; "                                          \
    UP("hx5", u5, "hx5d") UP("hx4", u4, "hx4d") UP("hx3", u3, "hx3d") UP("hx2", u2, "hx2d")      \
    UP("hx1", u1, "hx1d")                                                                        \
    "conv 1 padding=1 name=side1; keep d1; output; "                                             \
    SIDE("2", "hx2d") SIDE("3", "hx3d") SIDE("4", "hx4d") SIDE("5", "hx5d") SIDE("6", "hx6")     \
    "from d1; concat d2,d3,d4,d5,d6; conv 1 kernel=1 name=outconv"

/* The authors train with Adam at this rate, without decay, and batches of 12. */
#define TRAINING                                                                                 \
    .task = "saliency", .loss = "sigmoid", .optimizer = "adam learning_rate=0.001",              \
    .schedule = "constant", .batch = 12, .epochs = 100

const oc_zoo_entry oc__zoo_u2net = {
    .name = "u2net",
    .summary = "U-2-Net: what stands out, by nested U-shaped networks",
    .layers = NETWORK("rsu 64 inside=32 depth=7 name=stage1",
                      "rsu 128 inside=32 depth=6 name=stage2",
                      "rsu 256 inside=64 depth=5 name=stage3", "rsu 512 inside=128 name=stage4",
                      "rsu 512 inside=256 dilated name=stage5",
                      "rsu 512 inside=256 dilated name=stage6",
                      "rsu 512 inside=256 dilated name=stage5d",
                      "rsu 256 inside=128 name=stage4d", "rsu 128 inside=64 depth=5 name=stage3d",
                      "rsu 64 inside=32 depth=6 name=stage2d",
                      "rsu 64 inside=16 depth=7 name=stage1d"),
    TRAINING,
};

const oc_zoo_entry oc__zoo_u2netp = {
    .name = "u2netp",
    .summary = "U-2-Net-P: U-2-Net with 64 channels and 16 inside its blocks",
    .layers = NETWORK("rsu 64 depth=7 name=stage1", "rsu 64 depth=6 name=stage2",
                      "rsu 64 depth=5 name=stage3", "rsu 64 name=stage4",
                      "rsu 64 dilated name=stage5", "rsu 64 dilated name=stage6",
                      "rsu 64 dilated name=stage5d", "rsu 64 name=stage4d",
                      "rsu 64 depth=5 name=stage3d", "rsu 64 depth=6 name=stage2d",
                      "rsu 64 depth=7 name=stage1d"),
    TRAINING,
};
