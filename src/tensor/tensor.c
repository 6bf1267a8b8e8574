/* tensor.c — element types, shapes, and one element at a time as a double.
 *
 * Each type is a row of a table: its name, its size, and how an element is read and written.
 * Whole numbers are rounded to nearest even and held at the ends of their range when written; NaN
 * becomes 0. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ocellus.h"
#include "tensor/half.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files hold numbers as memory does");

static double clamp(double v, double low, double high)
{
    if (isnan(v))
        return 0;
    return v < low ? low : v > high ? high : rint(v);
}

static uint8_t  to_u8(double v)  { return (uint8_t)clamp(v, 0, UINT8_MAX); }
static uint16_t to_u16(double v) { return (uint16_t)clamp(v, 0, UINT16_MAX); }
static uint32_t to_u32(double v) { return (uint32_t)clamp(v, 0, UINT32_MAX); }
static int8_t   to_i8(double v)  { return (int8_t)clamp(v, INT8_MIN, INT8_MAX); }
static int16_t  to_i16(double v) { return (int16_t)clamp(v, INT16_MIN, INT16_MAX); }
static int32_t  to_i32(double v) { return (int32_t)clamp(v, INT32_MIN, INT32_MAX); }

/* 2^64 is the first double that a uint64_t does not hold. */
static uint64_t to_u64(double v)
{
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)clamp(v, 0, 0x1p64);
}

/* 2^63 is the first double that an int64_t does not hold. */
static int64_t to_i64(double v)
{
    return v >= 0x1p63 ? INT64_MAX : (int64_t)clamp(v, -0x1p63, 0x1p63);
}

#define TYPES(ROW)                                                                             \
    ROW(OC_F32,  "f32",  float,    *p,                     (float)v)                           \
    ROW(OC_F64,  "f64",  double,   *p,                     v)                                  \
    ROW(OC_F16,  "f16",  uint16_t, oc__f16_to_double(*p),  oc__f16_from_double(v))             \
    ROW(OC_BF16, "bf16", uint16_t, oc__bf16_to_double(*p), oc__bf16_from_double(v))            \
    ROW(OC_U8,   "u8",   uint8_t,  *p,                     to_u8(v))                           \
    ROW(OC_I8,   "i8",   int8_t,   *p,                     to_i8(v))                           \
    ROW(OC_I32,  "i32",  int32_t,  *p,                     to_i32(v))                          \
    ROW(OC_I64,  "i64",  int64_t,  (double)*p,             to_i64(v))                          \
    ROW(OC_BOOL, "bool", uint8_t,  *p != 0,                v != 0)                             \
    ROW(OC_U16,  "u16",  uint16_t, *p,                     to_u16(v))                          \
    ROW(OC_U32,  "u32",  uint32_t, *p,                     to_u32(v))                          \
    ROW(OC_U64,  "u64",  uint64_t, (double)*p,             to_u64(v))                          \
    ROW(OC_I16,  "i16",  int16_t,  *p,                     to_i16(v))

#define ROW(id, text, type, get, set)                                                          \
    static double get_##id(const void *data, int64_t i)                                        \
    {                                                                                          \
        const type *const p = (const type *)data + i;                                          \
        return get;                                                                            \
    }                                                                                          \
    static void set_##id(void *data, int64_t i, double v) { ((type *)data)[i] = set; }
TYPES(ROW)
#undef ROW

static const struct {
    const char *name;
    size_t      size;
    double    (*get)(const void *data, int64_t i);
    void      (*set)(void *data, int64_t i, double v);
} types[OC_DTYPES] = {
#define ROW(id, text, type, get, set) [id] = { text, sizeof(type), get_##id, set_##id },
    TYPES(ROW)
#undef ROW
};

size_t oc_dtype_size(oc_dtype t)
{
    assert(t >= 0 && t < OC_DTYPES);
    return types[t].size;
}

const char *oc_dtype_name(oc_dtype t)
{
    assert(t >= 0 && t < OC_DTYPES);
    return types[t].name;
}

/* A product that does not fit is INT64_MAX, so that whoever wants memory for it is refused. */
int64_t oc_shape_count(const oc_shape *s)
{
    int64_t n = 1;
    bool huge = false;
    if (s->rank < 0)
        return OC_UNKNOWN;
    for (int i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0)
            return OC_UNKNOWN;
        huge |= __builtin_mul_overflow(n, s->dim[i], &n);
    }
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] == 0)
            return 0;
    return huge ? INT64_MAX : n;
}

bool oc_shape_equal(const oc_shape *a, const oc_shape *b)
{
    return a->rank == b->rank && a->rank >= 0 &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

size_t oc_tensor_bytes(const oc_tensor *t)
{
    const int64_t n = oc_shape_count(&t->shape);
    size_t bytes;
    assert(n >= 0);
    return __builtin_mul_overflow((size_t)n, oc_dtype_size(t->dtype), &bytes) ? SIZE_MAX : bytes;
}

double oc_tensor_get(const oc_tensor *t, int64_t i)
{
    return types[t->dtype].get(t->data, i);
}

void oc_tensor_set(const oc_tensor *t, int64_t i, double v)
{
    types[t->dtype].set(t->data, i, v);
}
