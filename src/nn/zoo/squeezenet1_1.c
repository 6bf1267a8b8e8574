/* squeezenet1_1.c — SqueezeNet (Iandola et al., "AlexNet-level accuracy with 50x fewer parameters",
 * 2016) in its authors' version 1.1, with torchvision's names. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_squeezenet1_1 = {
    .name = "squeezenet1_1",
    .summary = "SqueezeNet 1.1: fire modules, 1.2 million parameters",
    .layers = "conv 64 stride=2 name=features.0 init=kaiming_uniform bias_init=zeros; relu; "
              "maxpool 3 stride=2 ceil=true; fire 16 expand=64 name=features.3; "
              "fire 16 expand=64 name=features.4; maxpool 3 stride=2 ceil=true; "
              "fire 32 expand=128 name=features.6; fire 32 expand=128 name=features.7; "
              "maxpool 3 stride=2 ceil=true; fire 48 expand=192 name=features.9; "
              "fire 48 expand=192 name=features.10; fire 64 expand=256 name=features.11; "
              "fire 64 expand=256 name=features.12; dropout 0.5; "
              "conv classes kernel=1 name=classifier.1 init=\"normal std=0.01\" "
              "bias_init=zeros; relu; globalavgpool; flatten",
    .loss = "softmax",
    .optimizer = "adamw learning_rate=0.0003 weight_decay=0.01",
    .schedule = "cosine warmup=100",
    .batch = 32,
    .epochs = 30,
};
