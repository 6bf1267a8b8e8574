/* mobilenet_v2.c — MobileNetV2 (Sandler et al., "Inverted residuals and linear bottlenecks", 2018,
 * table 2) with torchvision's names. */
#include "nn/zoo/zoo.h"

#define INIT "init=\"kaiming_normal fan=fan_out\""

const oc_zoo_entry oc__zoo_mobilenet_v2 = {
    .name = "mobilenet_v2",
    .summary = "MobileNetV2: inverted residuals, 3x3 convolutions by channel",
    .layers = "conv 32 stride=2 padding=1 bias=false name=features.0.0 " INIT "; "
              "batchnorm name=features.0.1; relu6; "
              "invertedresidual 16 expand=1 name=features.1; "
              "invertedresidual 24 stride=2 name=features.2; "
              "invertedresidual 24 name=features.3; "
              "invertedresidual 32 stride=2 name=features.4; "
              "invertedresidual 32 name=features.5; invertedresidual 32 name=features.6; "
              "invertedresidual 64 stride=2 name=features.7; "
              "invertedresidual 64 name=features.8; invertedresidual 64 name=features.9; "
              "invertedresidual 64 name=features.10; invertedresidual 96 name=features.11; "
              "invertedresidual 96 name=features.12; invertedresidual 96 name=features.13; "
              "invertedresidual 160 stride=2 name=features.14; "
              "invertedresidual 160 name=features.15; invertedresidual 160 name=features.16; "
              "invertedresidual 320 name=features.17; "
              "conv 1280 kernel=1 bias=false name=features.18.0 " INIT "; "
              "batchnorm name=features.18.1; relu6; globalavgpool; flatten; dropout 0.2; "
              "linear classes name=classifier.1 init=\"normal std=0.01\" bias_init=zeros",
    .loss = "softmax",
    .optimizer = "sgd learning_rate=0.05 momentum=0.9 weight_decay=0.00004",
    .schedule = "cosine warmup=100",
    .batch = 32,
    .epochs = 30,
};
