/* sigmoid.c — 10 hidden units with the logistic function, each class a decision of its own: the
 * small network whose gradient fits on one page, delta = sigmoid - y. */
#include "nn/zoo/zoo.h"

const oc_zoo_entry oc__zoo_sigmoid = {
    .name = "sigmoid",
    .summary = "10 hidden units with the logistic function, sigmoid cross-entropy",
    .layers = "flatten; linear 10 name=fc1; sigmoid; linear classes name=fc2",
    .loss = "sigmoid",
    .optimizer = "sgd learning_rate=0.2",
    .batch = 64,
    .epochs = 10,
};
