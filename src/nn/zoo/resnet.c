/* resnet.c — residual networks for photographs (He et al., "Deep residual learning for image
 * recognition", 2015, table 1) with torchvision's names, so that its weights load. */
#include "nn/zoo/zoo.h"

/* ROW(name, summary, kind of block, how many in each of the four stages) */
#define ROW(id, summary_, kind, n1, n2, n3, n4)                                                \
    const oc_zoo_entry oc__zoo_##id = {                                                        \
        .name = #id,                                                                           \
        .summary = summary_,                                                                   \
        .layers = "conv 64 kernel=7 stride=2 padding=3 bias=false name=conv1 "                 \
                  "init=\"kaiming_normal fan=fan_out\"; batchnorm name=bn1; relu; "            \
                  "maxpool 3 stride=2 padding=1; " kind " 64 blocks=" #n1 " name=layer1; "     \
                  kind " 128 blocks=" #n2 " stride=2 name=layer2; "                            \
                  kind " 256 blocks=" #n3 " stride=2 name=layer3; "                            \
                  kind " 512 blocks=" #n4 " stride=2 name=layer4; "                            \
                  "globalavgpool; flatten; linear classes name=fc",                            \
        .loss = "softmax",                                                                     \
        .optimizer = "sgd learning_rate=0.05 momentum=0.9 weight_decay=0.0001",                \
        .schedule = "cosine warmup=100",                                                       \
        .batch = 32,                                                                           \
        .epochs = 30,                                                                          \
    };

ROW(resnet18, "ResNet-18: blocks of two 3x3 convolutions", "basicblock", 2, 2, 2, 2)
ROW(resnet34, "ResNet-34: blocks of two 3x3 convolutions", "basicblock", 3, 4, 6, 3)
ROW(resnet50, "ResNet-50: bottlenecks of three convolutions", "bottleneck", 3, 4, 6, 3)
ROW(resnet101, "ResNet-101: bottlenecks of three convolutions", "bottleneck", 3, 4, 23, 3)
