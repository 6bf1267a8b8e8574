/* protobuf.c — see protobuf.h. */
#include "format/protobuf.h"

#include <string.h>

#include "base/status.h"
#include "base/str.h"

enum wire { WIRE_VARINT, WIRE_8, WIRE_BYTES, WIRE_START, WIRE_END, WIRE_4 };

/* A message being read: which, into what, and for messages the field that a nested one is. */
struct frame {
    const struct pb_message *message;
    char                    *object;
    int64_t                  end;
    const struct pb_field   *field;                     /* being read; NULL: between fields */
    int                      index;                     /* in its list; -1: none */
};

struct reader {
    const struct file *f;
    struct pool       *pool;
    unsigned char     *window;
    int64_t            at, window_at;
    size_t             window_n;
    struct frame       frame[PB_DEPTH_MAX];
    int                depth, items;
};

/* ---- bytes -------------------------------------------------------------------------------- */

/* Makes the window hold byte `at` of the file. */
static oc_status load(const struct file *f, unsigned char *window, int64_t at, int64_t *window_at,
                      size_t *window_n)
{
    const int64_t left = f->size - at;
    *window_n = left < PB_WINDOW ? (size_t)left : PB_WINDOW;
    *window_at = at;
    return oc__file_read(f, at, window, *window_n);
}

/* "file: offset 17: graph.node[2].name: ". */
static oc_status refuse(const struct reader *r, oc_status status, int64_t at, const char *what)
{
    enum { SHOWN = 6 };                                 /* of a path, at both ends */
    struct str path = { 0 };
    for (int i = 0; i < r->depth; i++) {
        const struct frame *const f = &r->frame[i];
        if (i == SHOWN && r->depth > 2 * SHOWN) {
            oc__str_addz(&path, ".…");
            i = r->depth - SHOWN - 1;
            continue;
        }
        if (f->field)
            oc__str_addf(&path, "%s%s", path.n ? "." : "", f->field->name);
        if (f->field && f->index >= 0)
            oc__str_addf(&path, "[%d]", f->index);
    }
    oc__fail(status, "%s: offset %lld: %s%s%s", r->f->path, (long long)at, oc__str_text(&path),
             path.n ? ": " : "", what);
    oc__str_free(&path);
    return status;
}

static struct frame *top(struct reader *r) { return &r->frame[r->depth - 1]; }

static oc_status read_byte(struct reader *r, unsigned *byte)
{
    if (r->at >= top(r)->end)
        return refuse(r, OC_EINPUT, r->at,
                      r->depth == 1 ? "truncated: the file ends within a field"
                                    : "a field runs past the end of its message");
    if (r->at < r->window_at || r->at >= r->window_at + (int64_t)r->window_n)
        TRY(load(r->f, r->window, r->at, &r->window_at, &r->window_n));
    *byte = r->window[r->at++ - r->window_at];
    return OC_OK;
}

static oc_status read_varint(struct reader *r, uint64_t *v)
{
    const int64_t start = r->at;
    *v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        unsigned byte;
        TRY(read_byte(r, &byte));
        if (shift == 63 && byte > 1)
            break;
        *v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return OC_OK;
    }
    return refuse(r, OC_EINPUT, start, "a number of more than 64 bits");
}

static oc_status read_fixed(struct reader *r, int bytes, uint64_t *v)
{
    *v = 0;
    for (int i = 0; i < bytes; i++) {
        unsigned byte;
        TRY(read_byte(r, &byte));
        *v |= (uint64_t)byte << (8 * i);
    }
    return OC_OK;
}

/* The length of a field, which must lie within its message. */
static oc_status read_length(struct reader *r, int64_t *n)
{
    const int64_t start = r->at;
    uint64_t v;
    TRY(read_varint(r, &v));
    if (v > (uint64_t)(top(r)->end - r->at))
        return refuse(r, OC_EINPUT, start, "a length past the end of what holds it");
    *n = (int64_t)v;
    return OC_OK;
}

/* ---- values ------------------------------------------------------------------------------- */

/* Room for one more item at the end of a list; NULL: a failure is set. */
static void *add_item(struct reader *r, struct pb_list *list, size_t size)
{
    if (++r->items > PB_ITEMS_MAX) {
        refuse(r, OC_ELIMIT, r->at, "more than 1048576 items are described");
        return NULL;
    }
    if (list->n == list->capacity) {
        const int more = list->capacity ? 2 * list->capacity : 4;
        void *const grown = oc__pool_alloc(r->pool, (size_t)more * size);
        if (!grown)
            return NULL;
        if (list->n)
            memcpy(grown, list->item, (size_t)list->n * size);
        list->item = grown;
        list->capacity = more;
    }
    return (char *)list->item + (size_t)list->n++ * size;
}

static oc_status read_text(struct reader *r, const char **out)
{
    int64_t n;
    const int64_t start = r->at;
    TRY(read_length(r, &n));
    if (n > PB_TEXT_MAX)
        return refuse(r, OC_ELIMIT, start, "a text of more than 1048576 bytes");
    char *const text = oc__pool_alloc(r->pool, (size_t)n + 1);
    if (!text)
        return OC_ELIMIT;
    TRY(oc__file_read(r->f, r->at, text, (size_t)n));
    if (memchr(text, 0, (size_t)n))
        return refuse(r, OC_EINPUT, start, "a text with a null byte");
    r->at += n;
    *out = text;
    return OC_OK;
}

/* Notes where data lies; `start` is where its key began. */
static oc_status note_data(struct reader *r, struct pb_data *d, int wire, int64_t start)
{
    uint64_t v;
    int64_t n = 0;
    const bool packed = wire == WIRE_BYTES, follows = !d->packed && start == d->begin + d->size;
    if (d->begin && (packed || !follows))
        return refuse(r, OC_EINPUT, start, "given twice, or packed and unpacked");
    if (packed)
        TRY(read_length(r, &n));
    else if (wire == WIRE_VARINT)
        TRY(read_varint(r, &v));
    else
        TRY(read_fixed(r, wire == WIRE_8 ? 8 : 4, &v));
    if (packed)
        *d = (struct pb_data){ r->at, n, true };
    else
        *d = (struct pb_data){ d->begin ? d->begin : start, r->at - (d->begin ? d->begin : start),
                               false };
    r->at += n;
    return OC_OK;
}

static oc_status add_number(struct reader *r, struct pb_list *list, enum pb_kind kind)
{
    uint64_t v;
    TRY(kind == PB_INTS ? read_varint(r, &v) : read_fixed(r, 4, &v));
    void *const to = add_item(r, list, kind == PB_INTS ? sizeof(int64_t) : sizeof(float));
    if (!to)
        return OC_ELIMIT;
    const uint32_t low = (uint32_t)v;
    if (kind == PB_INTS)
        memcpy(to, &v, sizeof v);
    else
        memcpy(to, &low, sizeof low);
    return OC_OK;
}

static oc_status read_numbers(struct reader *r, struct pb_list *list, enum pb_kind kind, int wire)
{
    int64_t n;
    if (wire != WIRE_BYTES)
        return add_number(r, list, kind);
    TRY(read_length(r, &n));
    const int64_t end = r->at + n;
    while (r->at < end)
        TRY(add_number(r, list, kind));
    return r->at == end ? OC_OK : refuse(r, OC_EINPUT, end, "a number runs past its list");
}

/* Begins a nested message; the loop of read_all() goes on with it. */
static oc_status descend(struct reader *r, const struct pb_field *field, char *to)
{
    int64_t n;
    const int64_t start = r->at;
    void *object;
    TRY(read_length(r, &n));
    if (field->kind == PB_MESSAGES) {
        struct pb_list *const list = (struct pb_list *)(void *)to;
        top(r)->index = list->n;
        object = add_item(r, list, field->message->size);
    } else {
        if (*(void **)(void *)to)
            return refuse(r, OC_EINPUT, start, "given twice");
        object = oc__pool_alloc(r->pool, field->message->size);
        *(void **)(void *)to = object;
        if (++r->items > PB_ITEMS_MAX)
            return refuse(r, OC_ELIMIT, start, "more than 1048576 items are described");
    }
    if (!object)
        return OC_ELIMIT;
    if (r->depth == PB_DEPTH_MAX)
        return refuse(r, OC_ELIMIT, start, "nested deeper than 64 messages");
    r->frame[r->depth++] = (struct frame){ field->message, object, r->at + n, NULL, -1 };
    return OC_OK;
}

static bool wire_fits(enum pb_kind kind, int wire)
{
    static const unsigned fits[] = {
        [PB_INT] = 1 << WIRE_VARINT, [PB_FLOAT] = 1 << WIRE_4, [PB_TEXT] = 1 << WIRE_BYTES,
        [PB_DATA] = 1 << WIRE_BYTES | 1 << WIRE_VARINT | 1 << WIRE_4 | 1 << WIRE_8,
        [PB_MESSAGE] = 1 << WIRE_BYTES, [PB_INTS] = 1 << WIRE_BYTES | 1 << WIRE_VARINT,
        [PB_FLOATS] = 1 << WIRE_BYTES | 1 << WIRE_4, [PB_TEXTS] = 1 << WIRE_BYTES,
        [PB_MESSAGES] = 1 << WIRE_BYTES,
    };
    return fits[kind] >> wire & 1;
}

static oc_status read_value(struct reader *r, const struct pb_field *field, int wire,
                            int64_t start)
{
    char *const to = top(r)->object + field->offset;
    void *const at = to;
    uint64_t v;
    if (!wire_fits(field->kind, wire))
        return refuse(r, OC_EINPUT, start, "the wire type is not that of this field");
    switch (field->kind) {
    case PB_INT:
        TRY(read_varint(r, &v));
        *(struct pb_int *)at = (struct pb_int){ (int64_t)v, true };
        return OC_OK;
    case PB_FLOAT: {
        TRY(read_fixed(r, 4, &v));
        const uint32_t bits = (uint32_t)v;
        memcpy(to, &bits, sizeof bits);
        return OC_OK;
    }
    case PB_TEXT:
        return read_text(r, at);
    case PB_TEXTS: {
        top(r)->index = ((struct pb_list *)at)->n;
        const char **const text = add_item(r, at, sizeof *text);
        return text ? read_text(r, text) : OC_ELIMIT;
    }
    case PB_DATA:
        return note_data(r, at, wire, start);
    case PB_INTS:
    case PB_FLOATS:
        return read_numbers(r, at, field->kind, wire);
    case PB_MESSAGE:
    case PB_MESSAGES:
        break;
    }
    return descend(r, field, to);
}

/* ---- messages ----------------------------------------------------------------------------- */

/* Steps over a field that no table names. */
static oc_status skip(struct reader *r, int wire, int64_t start)
{
    uint64_t v;
    int64_t n;
    switch (wire) {
    case WIRE_VARINT: return read_varint(r, &v);
    case WIRE_8:      return read_fixed(r, 8, &v);
    case WIRE_4:      return read_fixed(r, 4, &v);
    case WIRE_BYTES:
        TRY(read_length(r, &n));
        r->at += n;
        return OC_OK;
    case WIRE_START:
    case WIRE_END:
        return refuse(r, OC_EINPUT, start, "a group, which is refused");
    default:
        return refuse(r, OC_EINPUT, start, "a wire type that does not exist");
    }
}

static oc_status read_field(struct reader *r)
{
    const int64_t start = r->at;
    uint64_t key;
    TRY(read_varint(r, &key));
    if (key >> 3 == 0 || key >> 3 > 536870911)
        return refuse(r, OC_EINPUT, start, "a field number that does not exist");
    if ((key & 7) == WIRE_START || (key & 7) == WIRE_END || (key & 7) > WIRE_4)
        return skip(r, (int)(key & 7), start);
    const struct pb_field *field = top(r)->message->fields;
    while (field->number && (uint64_t)field->number != key >> 3)
        field++;
    if (!field->number)
        return skip(r, (int)(key & 7), start);
    top(r)->field = field;
    top(r)->index = -1;
    const int depth = r->depth;
    TRY(read_value(r, field, (int)(key & 7), start));
    if (r->depth == depth)
        top(r)->field = NULL;
    return OC_OK;
}

static oc_status read_all(struct reader *r)
{
    while (r->depth > 0) {
        if (r->at < top(r)->end) {
            TRY(read_field(r));
            continue;
        }
        if (--r->depth > 0)
            top(r)->field = NULL;
    }
    return OC_OK;
}

oc_status oc__pb_read(const struct file *f, const struct pb_message *message, void *object,
                      struct pool *pool)
{
    struct reader *const r = oc__alloc(1, sizeof *r);
    unsigned char *const window = oc__alloc(PB_WINDOW, 1);
    oc_status status = r && window ? OC_OK : OC_ELIMIT;
    if (!status) {
        *r = (struct reader){ .f = f, .pool = pool, .window = window, .depth = 1 };
        r->frame[0] = (struct frame){ message, object, f->size, NULL, -1 };
        status = read_all(r);
    }
    oc__free(window);
    oc__free(r);
    return status;
}

/* ---- numbers ------------------------------------------------------------------------------ */

void oc__pb_numbers(struct pb_numbers *n, const struct file *f, const struct pb_data *data,
                    int width, unsigned char *window)
{
    *n = (struct pb_numbers){ f, data->begin, data->begin + data->size, data->packed, width,
                              window, 0, 0 };
}

static oc_status next_byte(struct pb_numbers *n, unsigned *byte)
{
    if (n->at >= n->end)
        return oc__fail(OC_EINPUT, "%s: offset %lld: a number runs past its list", n->f->path,
                        (long long)n->at);
    if (n->at < n->window_at || n->at >= n->window_at + (int64_t)n->window_n)
        TRY(load(n->f, n->window, n->at, &n->window_at, &n->window_n));
    *byte = n->window[n->at++ - n->window_at];
    return OC_OK;
}

static oc_status next_varint(struct pb_numbers *n, uint64_t *v)
{
    const int64_t start = n->at;
    *v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        unsigned byte;
        TRY(next_byte(n, &byte));
        if (shift == 63 && byte > 1)
            break;
        *v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return OC_OK;
    }
    return oc__fail(OC_EINPUT, "%s: offset %lld: a number of more than 64 bits", n->f->path,
                    (long long)start);
}

oc_status oc__pb_next(struct pb_numbers *n, uint64_t *bits, bool *more)
{
    uint64_t key;
    *more = n->at < n->end;
    if (!*more)
        return OC_OK;
    if (!n->packed)
        TRY(next_varint(n, &key));
    if (n->width == 0)
        return next_varint(n, bits);
    *bits = 0;
    for (int i = 0; i < n->width; i++) {
        unsigned byte;
        TRY(next_byte(n, &byte));
        *bits |= (uint64_t)byte << (8 * i);
    }
    return OC_OK;
}
