/* activate.c — the activation behind a fused product, on a row that is still in the cache. */
#include "backend/cpu/vector.h"

#define LOOP(id, f)                                                                            \
    WIDE static void id(float *v, int64_t n, float alpha, float beta)                          \
    {                                                                                          \
        (void)alpha, (void)beta;                                                               \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const float x = v[i];                                                              \
            v[i] = f;                                                                          \
        }                                                                                      \
    }

LOOP(none, x)
LOOP(relu, x < 0 ? 0 : x)
LOOP(leaky_relu, x < 0 ? alpha * x : x)
LOOP(clip, oc__cpu_clip(x, alpha, beta))
LOOP(sigmoid, oc__cpu_sigmoid(x))
LOOP(tanh_, oc__cpu_tanh(x))
LOOP(hard_swish, x * oc__cpu_clip(x / 6 + 0.5f, 0, 1))
LOOP(hard_sigmoid, oc__cpu_clip(alpha * x + beta, 0, 1))
LOOP(elu, x < 0 ? alpha * oc__cpu_expm1(x) : x)

void oc__cpu_activate(const struct activation *a, float *v, int64_t n)
{
    static void (*const loops[])(float *, int64_t, float, float) = {
        [ACTIVATION_NONE] = none, [ACTIVATION_RELU] = relu, [ACTIVATION_LEAKY_RELU] = leaky_relu,
        [ACTIVATION_CLIP] = clip, [ACTIVATION_SIGMOID] = sigmoid, [ACTIVATION_TANH] = tanh_,
        [ACTIVATION_HARD_SWISH] = hard_swish, [ACTIVATION_HARD_SIGMOID] = hard_sigmoid,
        [ACTIVATION_ELU] = elu,
    };
    loops[a->kind](v, n, (float)a->alpha, (float)a->beta);
}
