/* protobuf_write.h — the wire format of Protocol Buffers, written (protobuf.h draws it).
 *
 * A message grows in a string, field after field; a message within it is what is written between a
 * begin and its end.  The writer starts as { 0 }, failures stick to it (memory, messages nested too
 * deep, ends without a begin), and oc__pb_written() reports them once.  Equal calls make equal
 * bytes: numbers take as few bytes as they can. */
#ifndef OC_FORMAT_PROTOBUF_WRITE_H
#define OC_FORMAT_PROTOBUF_WRITE_H

#include "base/str.h"
#include "ocellus.h"

enum { PB_NEST_MAX = 32 };

struct pb_writer {
    struct str out;
    int        depth;
    size_t     open[PB_NEST_MAX];                       /* where messages that are open begin */
    bool       failed;
};

/* One field each.  Negative integers take ten bytes, as the format has it. */
void oc__pb_put_int(struct pb_writer *w, int field, int64_t v);     /* int, bool, enum */
void oc__pb_put_float(struct pb_writer *w, int field, float v);
void oc__pb_put_double(struct pb_writer *w, int field, double v);
void oc__pb_put_text(struct pb_writer *w, int field, const char *text);
void oc__pb_put_bytes(struct pb_writer *w, int field, const void *data, size_t n);

/* Packed numbers, one field for all. */
void oc__pb_put_ints(struct pb_writer *w, int field, const int64_t *v, size_t n);
void oc__pb_put_floats(struct pb_writer *w, int field, const float *v, size_t n);
void oc__pb_put_doubles(struct pb_writer *w, int field, const double *v, size_t n);

void oc__pb_begin(struct pb_writer *w, int field);
void oc__pb_end(struct pb_writer *w);

/* OC_OK when all went well and every message is closed; the bytes are in w->out. */
oc_status oc__pb_written(const struct pb_writer *w);
void      oc__pb_clear(struct pb_writer *w);            /* to begin anew, keeping the room */
void      oc__pb_free(struct pb_writer *w);

#endif
