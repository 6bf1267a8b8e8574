/* fused.c — the formulas of fused activations, in double. */
#include "op/fused.h"

#include <math.h>

const char *const oc__activation_words[] = {
    "none", "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Elu", NULL
};

static double clip(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

double oc__activate(const struct activation *a, double v)
{
    switch ((enum activation_kind)a->kind) {
    case ACTIVATION_NONE:         break;
    case ACTIVATION_RELU:         return v < 0 ? 0 : v;
    case ACTIVATION_LEAKY_RELU:   return v < 0 ? a->alpha * v : v;
    case ACTIVATION_CLIP:         return clip(v, a->alpha, a->beta);
    case ACTIVATION_SIGMOID:      return 1 / (1 + exp(-v));
    case ACTIVATION_TANH:         return tanh(v);
    case ACTIVATION_HARD_SWISH:   return v * clip(v / 6 + 0.5, 0, 1);
    case ACTIVATION_HARD_SIGMOID: return clip(a->alpha * v + a->beta, 0, 1);
    case ACTIVATION_ELU:          return v < 0 ? a->alpha * expm1(v) : v;
    }
    return v;
}
