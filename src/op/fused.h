/* fused.h — the activation at the end of a fused operator (FusedConv, FusedGemm).
 *
 * Rewrites put it there; the words and formulas are those of the operators of the same names. */
#ifndef OC_OP_FUSED_H
#define OC_OP_FUSED_H

#include "base/attr.h"

enum activation_kind {
    ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_CLIP, ACTIVATION_SIGMOID,
    ACTIVATION_TANH, ACTIVATION_HARD_SWISH, ACTIVATION_HARD_SIGMOID, ACTIVATION_ELU,
};

struct activation {
    int    kind;
    double alpha;                                       /* slope; lower bound of Clip */
    double beta;                        /* offset of HardSigmoid; upper bound of Clip */
};

extern const char *const oc__activation_words[];

/* The rows of an attribute table, for a struct whose `activation` is a struct activation. */
#define ACTIVATION_ATTRS(type_)                                                             \
    { .name = "activation", .type = ATTR_CHOICE, .offset = offsetof(type_, activation.kind),\
      .preset = "none", .choices = oc__activation_words, .help = "function of the result" },\
    { .name = "activation_alpha", .type = ATTR_FLOAT,                                       \
      .offset = offsetof(type_, activation.alpha), .preset = "0",                           \
      .help = "slope below zero, or lower bound of Clip" },                                 \
    { .name = "activation_beta", .type = ATTR_FLOAT,                                        \
      .offset = offsetof(type_, activation.beta), .preset = "0",                            \
      .help = "offset of HardSigmoid, or upper bound of Clip" }

double oc__activate(const struct activation *a, double v);

#endif
