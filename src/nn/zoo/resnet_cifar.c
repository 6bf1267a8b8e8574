/* resnet_cifar.c — residual networks for images of 32×32 (He et al., 2015, section 4.2): three
 * stages of 16, 32 and 64 channels, and shortcuts without weights (option A). */
#include "nn/zoo/zoo.h"

/* ROW(name, summary, blocks in each stage) */
#define ROW(id, summary_, n)                                                                   \
    const oc_zoo_entry oc__zoo_##id = {                                                        \
        .name = #id,                                                                           \
        .summary = summary_,                                                                   \
        .layers = "conv 16 padding=1 bias=false name=conv1 "                                   \
                  "init=\"kaiming_normal fan=fan_out\"; batchnorm name=bn1; relu; "            \
                  "basicblock 16 blocks=" #n " shortcut=pad name=layer1; "                     \
                  "basicblock 32 blocks=" #n " stride=2 shortcut=pad name=layer2; "            \
                  "basicblock 64 blocks=" #n " stride=2 shortcut=pad name=layer3; "            \
                  "globalavgpool; flatten; linear classes name=linear init=kaiming_normal",    \
        .loss = "softmax",                                                                     \
        .optimizer = "sgd learning_rate=0.1 momentum=0.9 weight_decay=0.0001",                 \
        .schedule = "cosine warmup=100",                                                       \
        .batch = 128,                                                                          \
        .epochs = 100,                                                                         \
    };

ROW(resnet20, "ResNet-20 for 32x32 images", 3)
ROW(resnet32, "ResNet-32 for 32x32 images", 5)
ROW(resnet44, "ResNet-44 for 32x32 images", 7)
ROW(resnet56, "ResNet-56 for 32x32 images", 9)
