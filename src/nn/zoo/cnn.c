/* cnn.c — two convolutions and two fully connected layers, with dropout between these; nothing but
 * pooling follows a convolution. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_cnn = {
    .name = "cnn",
    .summary = "two 5x5 convolutions, 1024 units, dropout",
    .layers = "conv 32 kernel=5 name=c1; maxpool 2; conv 64 kernel=5 name=c2; maxpool 2; flatten; "
              "linear 1024 name=fc1; relu; dropout 0.5; linear classes name=fc2",
    .loss = "softmax",
    .optimizer = "adamw learning_rate=0.001 weight_decay=0.01",
    .schedule = "cosine",
    .batch = 64,
    .epochs = 10,
};
