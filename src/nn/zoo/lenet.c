/* lenet.c — LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998)
 * as it is taught today: ReLU and max pooling instead of tanh and subsampling. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_lenet = {
    .name = "lenet",
    .summary = "LeNet-5: two convolutions, three fully connected layers",
    .layers = "conv 6 kernel=5 padding=2 name=conv1; relu; maxpool 2; conv 16 kernel=5 name=conv2; "
              "relu; maxpool 2; flatten; linear 120 name=fc1; relu; linear 84 name=fc2; relu; "
              "linear classes name=fc3",
    .loss = "softmax",
    .optimizer = "adamw learning_rate=0.001 weight_decay=0.01",
    .schedule = "cosine",
    .batch = 64,
    .epochs = 10,
};
