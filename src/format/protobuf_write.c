/* protobuf_write.c — writes the wire format of Protocol Buffers.
 *
 * The length of a message stands before it and is known after it: its bytes are written first and
 * then moved to make room for as many bytes of length as it takes. */
#include "format/protobuf_write.h"

#include <string.h>

#include "base/status.h"

enum { WIRE_VARINT = 0, WIRE_8 = 1, WIRE_BYTES = 2, WIRE_4 = 5, VARINT_MAX = 10 };

static size_t varint(uint64_t v, char bytes[VARINT_MAX])
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    return n;
}

static void add_varint(struct pb_writer *w, uint64_t v)
{
    char bytes[VARINT_MAX];
    oc__str_add(&w->out, bytes, varint(v, bytes));
}

static void add_key(struct pb_writer *w, int field, int wire)
{
    add_varint(w, (uint64_t)field << 3 | (uint64_t)wire);
}

/* The `n` lowest bytes of a number, least first. */
static void add_fixed(struct pb_writer *w, uint64_t bits, size_t n)
{
    char bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(bits >> 8 * i);
    oc__str_add(&w->out, bytes, n);
}

static uint64_t float_bits(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t double_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* ---- fields -------------------------------------------------------------------------------- */

void oc__pb_put_int(struct pb_writer *w, int field, int64_t v)
{
    add_key(w, field, WIRE_VARINT);
    add_varint(w, (uint64_t)v);
}

void oc__pb_put_float(struct pb_writer *w, int field, float v)
{
    add_key(w, field, WIRE_4);
    add_fixed(w, float_bits(v), sizeof v);
}

void oc__pb_put_double(struct pb_writer *w, int field, double v)
{
    add_key(w, field, WIRE_8);
    add_fixed(w, double_bits(v), sizeof v);
}

void oc__pb_put_bytes(struct pb_writer *w, int field, const void *data, size_t n)
{
    add_key(w, field, WIRE_BYTES);
    add_varint(w, n);
    oc__str_add(&w->out, data, n);
}

void oc__pb_put_text(struct pb_writer *w, int field, const char *text)
{
    oc__pb_put_bytes(w, field, text, strlen(text));
}

void oc__pb_put_ints(struct pb_writer *w, int field, const int64_t *v, size_t n)
{
    oc__pb_begin(w, field);
    for (size_t i = 0; i < n; i++)
        add_varint(w, (uint64_t)v[i]);
    oc__pb_end(w);
}

void oc__pb_put_floats(struct pb_writer *w, int field, const float *v, size_t n)
{
    oc__pb_begin(w, field);
    for (size_t i = 0; i < n; i++)
        add_fixed(w, float_bits(v[i]), sizeof *v);
    oc__pb_end(w);
}

void oc__pb_put_doubles(struct pb_writer *w, int field, const double *v, size_t n)
{
    oc__pb_begin(w, field);
    for (size_t i = 0; i < n; i++)
        add_fixed(w, double_bits(v[i]), sizeof *v);
    oc__pb_end(w);
}

/* ---- messages ------------------------------------------------------------------------------ */

void oc__pb_begin(struct pb_writer *w, int field)
{
    add_key(w, field, WIRE_BYTES);
    w->failed |= w->depth == PB_NEST_MAX;
    if (!w->failed)
        w->open[w->depth++] = w->out.n;
}

void oc__pb_end(struct pb_writer *w)
{
    char length[VARINT_MAX];
    w->failed |= w->depth == 0;
    if (w->failed || w->out.failed)
        return;
    const size_t from = w->open[--w->depth], n = w->out.n - from, room = varint(n, length);
    oc__str_add(&w->out, length, room);
    if (w->out.failed)
        return;
    memmove(w->out.text + from + room, w->out.text + from, n);
    memcpy(w->out.text + from, length, room);
}

oc_status oc__pb_written(const struct pb_writer *w)
{
    if (w->out.failed)
        return oc__fail(OC_ELIMIT, "a message of %zu bytes: no memory for more", w->out.n);
    if (w->failed || w->depth != 0)
        return oc__fail(OC_EBUG, "a message ends at depth %d, or goes below %d", w->depth,
                        PB_NEST_MAX);
    return OC_OK;
}

void oc__pb_clear(struct pb_writer *w)
{
    oc__str_clear(&w->out);
    w->depth = 0;
    w->failed = false;
}

void oc__pb_free(struct pb_writer *w)
{
    oc__str_free(&w->out);
}
