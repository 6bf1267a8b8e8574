/* protobuf.h — the wire format of Protocol Buffers, read by tables.
 *
 * A message is a sequence of fields, each a key (number << 3 | wire type, as a varint) and a value:
 *
 *     wire type 0  varint: 7 bits a byte, least first, the top bit says that more follow
 *               1  8 bytes        5  4 bytes, both little-endian
 *               2  length (varint) and that many bytes: text, bytes, a message, packed numbers
 *
 * A `struct pb_message` says which fields of a message are wanted and where in a C struct they go;
 * all others are skipped without memory.  Bulk data stays in the file: of it, only the place is
 * noted.  Reading is by pread() through a window, walks nested messages with a stack of its own,
 * and names what it refuses by offset and path: "offset 6735: graph.node[3].input: …". */
#ifndef OC_FORMAT_PROTOBUF_H
#define OC_FORMAT_PROTOBUF_H

#include "base/file.h"
#include "base/mem.h"
#include "ocellus.h"

enum pb_kind {
    PB_INT,                                             /* struct pb_int */
    PB_FLOAT,                                           /* float */
    PB_TEXT,                                            /* const char *; NULL: absent */
    PB_DATA,                                            /* struct pb_data: stays in the file */
    PB_MESSAGE,                                         /* pointer to the struct; NULL: absent */
    PB_INTS, PB_FLOATS, PB_TEXTS, PB_MESSAGES,          /* struct pb_list of these */
};

struct pb_int { int64_t v; bool set; };

/* Bytes, or numbers: packed as one field, or one field each, the keys among them, that follow each
 * other.  begin 0: absent. */
struct pb_data { int64_t begin, size; bool packed; };

/* int64_t, float, const char *, or the message's struct. */
struct pb_list { int n, capacity; void *item; };

struct pb_message;
struct pb_field {
    int                      number;                    /* 0 ends a table */
    const char              *name;
    enum pb_kind             kind;
    size_t                   offset;
    const struct pb_message *message;
};
struct pb_message { const char *name; size_t size; const struct pb_field *fields; };

enum { PB_DEPTH_MAX = 64, PB_TEXT_MAX = 1 << 20, PB_ITEMS_MAX = 1 << 20 };

/* Reads the whole file as one message into `object`, which must be zero; what it points to lives in
 * the pool.  What breaks the format is OC_EINPUT, too much of it (depth, lengths, counts) is
 * OC_ELIMIT. */
oc_status oc__pb_read(const struct file *f, const struct pb_message *message, void *object,
                      struct pool *pool);

/* Numbers of noted data one after the other: its varints as they are, or fixed values of `width`
 * bytes as bits.  `next` is false at the end. */
struct pb_numbers {
    const struct file *f;
    int64_t            at, end;
    bool               packed;
    int                width;                           /* 0: varints */
    unsigned char     *window;                          /* PB_WINDOW bytes, the caller's */
    int64_t            window_at;
    size_t             window_n;
};
enum { PB_WINDOW = 1 << 16 };
void      oc__pb_numbers(struct pb_numbers *n, const struct file *f, const struct pb_data *data,
                         int width, unsigned char *window);
oc_status oc__pb_next(struct pb_numbers *n, uint64_t *bits, bool *more);

#endif
