/* half.h — the 16-bit floating types: IEEE 754 binary16 (f16) and bfloat16 (bf16).
 *
 * Widening is exact.  Narrowing rounds once, to nearest even, with subnormals, infinities and the
 * sign and leading payload of NaNs kept. */
#ifndef OC_TENSOR_HALF_H
#define OC_TENSOR_HALF_H

#include <stdint.h>

double   oc__f16_to_double(uint16_t h);
uint16_t oc__f16_from_double(double v);
double   oc__bf16_to_double(uint16_t h);
uint16_t oc__bf16_from_double(double v);

#endif
