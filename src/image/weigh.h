/* weigh.h — weighted sums of bytes that lie beside each other, in vectors that the compiler maps to
 * what the machine has. */
#ifndef OC_IMAGE_WEIGH_H
#define OC_IMAGE_WEIGH_H

#include <string.h>
#include "backend/wide.h"
#include "image/taps.h"

enum { VECTOR = 16, LANES = 2 * VECTOR };

typedef int32_t lanes __attribute__((vector_size(4 * VECTOR)));
typedef uint8_t bytes __attribute__((vector_size(VECTOR)));

/* Rounds, 0 … 255. */
WIDE_PART static void oc__finish(const lanes *whole, uint8_t *y)
{
    lanes sum = *whole;
    sum >>= FRACTION_BITS;
    sum &= ~(sum >> 31);                                /* negative ones become 0 */
    sum |= (255 - sum) >> 31;                           /* too large ones all ones */
    const bytes b = __builtin_convertvector(sum & 255, bytes);
    memcpy(y, &b, sizeof b);
}

/* y[j] = sum over i of weight[i] * x[i * step + j], rounded, 0 … 255, for LANES neighbours. */
WIDE_PART static void oc__weigh(const uint8_t *x, size_t step, const int32_t *weight, int taps,
                                uint8_t *y)
{
    lanes low = (lanes){ 0 } + (1 << (FRACTION_BITS - 1)), high = low;
#pragma GCC unroll 4
    for (int i = 0; i < taps; i++, x += step) {
        lanes v, w;
        for (int j = 0; j < VECTOR; j++) {
            v[j] = x[j];
            w[j] = x[VECTOR + j];
        }
        low += v * weight[i];
        high += w * weight[i];
    }
    oc__finish(&low, y);
    oc__finish(&high, y + VECTOR);
}

#endif
