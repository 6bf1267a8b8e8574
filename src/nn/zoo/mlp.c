/* mlp.c — a hidden layer of 100 units with ReLU. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_mlp = {
    .name = "mlp",
    .summary = "one hidden layer of 100 units",
    .layers = "flatten; linear 100 name=fc1; relu; linear classes name=fc2",
    .loss = "softmax",
    .optimizer = "sgd learning_rate=0.05 momentum=0.9",
    .batch = 64,
    .epochs = 10,
};
