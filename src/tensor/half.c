/* half.c — conversion between double and the 16-bit types, by one pair of functions that is told
 * how many exponent and mantissa bits a type has.
 *
 *     f16:  s eeeee mmmmmmmmmm        bf16:  s eeeeeeee mmmmmmm        double:  s e*11 m*52
 */
#include "tensor/half.h"

#include <math.h>
#include <string.h>

struct layout { int exponent, mantissa; };

static const struct layout f16 = { 5, 10 }, bf16 = { 8, 7 };

static const uint64_t double_mantissa = (UINT64_C(1) << 52) - 1;
enum { DOUBLE_SPECIAL = 0x7ff, DOUBLE_BIAS = 1023 };

static double widen(uint16_t h, struct layout l)
{
    const int special = (1 << l.exponent) - 1, bias = special >> 1;
    const int exponent = (h >> l.mantissa) & special;
    const int mantissa = h & ((1 << l.mantissa) - 1);
    const uint64_t sign = (uint64_t)(h >> 15) << 63;
    if (exponent == special) {
        const uint64_t bits = sign | (uint64_t)DOUBLE_SPECIAL << 52
                            | (uint64_t)mantissa << (52 - l.mantissa);
        double v;
        memcpy(&v, &bits, sizeof v);
        return v;
    }
    const int whole = exponent ? mantissa | 1 << l.mantissa : mantissa;
    const double v = ldexp(whole, (exponent ? exponent : 1) - bias - l.mantissa);
    return sign ? -v : v;
}

/* m / 2^shift, rounded to nearest even. */
static uint64_t shift_rounded(uint64_t m, int shift)
{
    if (shift > 54)
        return 0;
    const uint64_t half = UINT64_C(1) << (shift - 1), rest = m & (2 * half - 1);
    const uint64_t quotient = m >> shift;
    return quotient + (rest > half || (rest == half && (quotient & 1)));
}

static uint16_t narrow(double v, struct layout l)
{
    const int special = (1 << l.exponent) - 1, bias = special >> 1;
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    const uint64_t sign = bits >> 63 << 15, infinity = (uint64_t)special << l.mantissa;
    const int exponent = (int)(bits >> 52 & DOUBLE_SPECIAL);
    const uint64_t mantissa = bits & double_mantissa;
    if (exponent == DOUBLE_SPECIAL) {
        uint64_t payload = mantissa >> (52 - l.mantissa);
        if (mantissa && !payload)
            payload = UINT64_C(1) << (l.mantissa - 1);
        return (uint16_t)(sign | infinity | payload);
    }
    /* Below the smallest normal exponent every step costs one more bit. A rounding that carries
     * out of the mantissa adds one to the exponent, which is right up to infinity itself. */
    const uint64_t whole = exponent ? mantissa | (double_mantissa + 1) : mantissa;
    const int wanted = exponent - DOUBLE_BIAS + bias;
    const int below = wanted < 1 ? 1 - wanted : 0;
    uint64_t magnitude = shift_rounded(whole, 52 - l.mantissa + below);
    if (wanted > 1)
        magnitude += (uint64_t)(wanted - 1) << l.mantissa;
    return (uint16_t)(sign | (magnitude < infinity ? magnitude : infinity));
}

double   oc__f16_to_double(uint16_t h)   { return widen(h, f16); }
uint16_t oc__f16_from_double(double v)   { return narrow(v, f16); }
double   oc__bf16_to_double(uint16_t h)  { return widen(h, bf16); }
uint16_t oc__bf16_from_double(double v)  { return narrow(v, bf16); }
