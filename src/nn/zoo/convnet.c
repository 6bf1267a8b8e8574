/* convnet.c — one convolution before a wide fully connected layer. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_convnet = {
    .name = "convnet",
    .summary = "one 3x3 convolution, 1000 units, dropout",
    .layers = "conv 32 kernel=3 name=c0; relu; maxpool 2; flatten; linear 1000 name=fc0; relu; "
              "dropout 0.5; linear classes name=fc1",
    .loss = "softmax",
    .optimizer = "adamw learning_rate=0.001 weight_decay=0.01",
    .schedule = "cosine",
    .batch = 64,
    .epochs = 10,
};
