/* vector.h — single-precision functions that compilers turn into vector code.
 *
 * Plain expressions without branches or calls; polynomials from Moshier's Cephes library (expf.c,
 * tanhf.c), good to two units in the last place.  The loops around them are marked WIDE. */
#ifndef OC_BACKEND_CPU_VECTOR_H
#define OC_BACKEND_CPU_VECTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "op/fused.h"
#include "backend/wide.h"

static inline float oc__cpu_power_of_two(int32_t n)
{
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline float oc__cpu_clip(float v, float low, float high)
{
    const float held = v < low ? low : v;
    return held > high ? high : held;
}

/* e^r - 1 for |r| <= ln(2) / 2. */
static inline float oc__cpu_exp_small(float r)
{
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * r * r + r;
}

/* e^x = 2^n e^r; the power is applied in two steps, so that both ends of the range are met. */
static inline float oc__cpu_exp(float x)
{
    const float round = 12582912.0f;                    /* 1.5 * 2^23: adding drops fractions */
    const float v = oc__cpu_clip(x, -104.0f, 89.0f);
    const float n = (v * 1.44269504f + round) - round;
    const float r = (v - n * 0.693359375f) + n * 2.12194440e-4f;
    const int32_t half = (int32_t)n / 2, rest = (int32_t)n - half;
    return (oc__cpu_exp_small(r) + 1) * oc__cpu_power_of_two(half) * oc__cpu_power_of_two(rest);
}

static inline float oc__cpu_expm1(float x)
{
    const float near = oc__cpu_exp_small(oc__cpu_clip(x, -0.3f, 0.3f)), far = oc__cpu_exp(x) - 1;
    return fabsf(x) < 0.3f ? near : far;
}

/* ln(1 + e^x) */
static inline float oc__cpu_softplus(float x)
{
    return (x > 0 ? x : 0) + log1pf(oc__cpu_exp(-fabsf(x)));
}

static inline float oc__cpu_sigmoid(float x) { return 1 / (1 + oc__cpu_exp(-x)); }

static inline float oc__cpu_tanh(float x)
{
    const float z = x * x, a = fabsf(x);
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const float near = p * z * x + x, far = 1 - 2 / (oc__cpu_exp(2 * a) + 1);
    return a < 0.625f ? near : copysignf(far, x);
}

/* tanh(ln(1 + e^x)) = w / (w + 2) with w = e^x (e^x + 2); from 20 on it is 1 in f32. */
static inline float oc__cpu_tanh_softplus(float x)
{
    const float e = oc__cpu_exp(x < 20 ? x : 20), w = e * (e + 2);
    return w / (w + 2);
}

/* v[i] = activation(v[i]), on the calling thread. */
void oc__cpu_activate(const struct activation *a, float *v, int64_t n);

#endif
