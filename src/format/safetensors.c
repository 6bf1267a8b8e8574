/* safetensors.c — reading and writing safetensors.
 *
 *     0      8                          8 + N                                  end of file
 *     | N    | JSON, may end in spaces  | tensors, back to back                |
 *      u64 le  {"__metadata__": {"key": "value", …},
 *               "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
 *
 * Offsets count from 8 + N.  Sorted by offset the tensors must fill the rest of the file without
 * hole or overlap.  Everything is checked before a tensor is handed out, and stricter than the
 * format asks: no duplicate names, and at most OC_MAX_RANK dimensions. */
#include "format/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

enum { LENGTH_BYTES = 8, HEADER_DEPTH = 4, HEADER_ALIGN = 8 };

/* ---- reading -------------------------------------------------------------------------------- */

static oc_status read_metadata(struct weights *w, struct json *j)
{
    struct str key = { 0 };
    oc_status status = oc__json_open(j, '{');
    while (status >= 0) {
        const char *text;
        snprintf(j->field, sizeof j->field, "__metadata__");
        status = oc__json_key(j, &text);
        if (status < 0 || !text)
            break;
        oc__str_clear(&key);
        oc__str_addz(&key, text);
        snprintf(j->field, sizeof j->field, "__metadata__.%s", oc__quote_z(text));
        status = oc__json_string(j, &text);
        if (status >= 0)
            status = key.failed ? OC_ELIMIT : oc__weights_add_pair(w, oc__str_text(&key), text);
    }
    oc__str_free(&key);
    return status;
}

/* A whole number of at least 0. */
static oc_status read_size(struct json *j, int64_t *v)
{
    TRY(oc__json_integer(j, v));
    return *v >= 0 ? OC_OK : oc__json_fail(j, "%lld: wants at least 0", (long long)*v);
}

static oc_status read_type(struct json *j, struct weight *t)
{
    const char *name;
    TRY(oc__json_string(j, &name));
    const struct stored_type *const type = oc__stored_type(name);
    if (!type)
        return oc__json_fail(j, "dtype: %s is not a known type", oc__quote_z(name));
    t->type = type->name;
    t->dtype = type->dtype;
    return OC_OK;
}

static oc_status read_shape(struct json *j, struct weight *t)
{
    TRY(oc__json_open(j, '['));
    for (bool more;;) {
        TRY(oc__json_item(j, &more));
        if (!more)
            return OC_OK;
        if (t->shape.rank == OC_MAX_RANK)
            return oc__json_fail(j, "shape: more than %d dimensions", OC_MAX_RANK);
        TRY(read_size(j, &t->shape.dim[t->shape.rank++]));
    }
}

static oc_status read_offsets(struct json *j, struct weight *t)
{
    int64_t *const offset[] = { &t->begin, &t->end };
    TRY(oc__json_open(j, '['));
    for (int i = 0;; i++) {
        bool more;
        TRY(oc__json_item(j, &more));
        if (more == (i == 2))
            return oc__json_fail(j, "data_offsets: wants two numbers");
        if (!more)
            return OC_OK;
        TRY(read_size(j, offset[i]));
    }
}

static const struct {
    const char *name;
    oc_status (*read)(struct json *j, struct weight *t);
} fields[] = { { "dtype", read_type }, { "shape", read_shape }, { "data_offsets", read_offsets } };
enum { FIELDS = sizeof fields / sizeof *fields };

/* Reads the description of one tensor; `t` holds its name. */
static oc_status read_entry(struct json *j, struct weight *t)
{
    bool seen[FIELDS] = { 0 };
    snprintf(j->field, sizeof j->field, "tensor %s", oc__quote_z(t->name));
    TRY(oc__json_open(j, '{'));
    for (;;) {
        const char *key;
        int i = 0;
        TRY(oc__json_key(j, &key));
        if (!key)
            break;
        while (i < FIELDS && strcmp(fields[i].name, key) != 0)
            i++;
        if (i == FIELDS || seen[i])
            return oc__json_fail(j, "%s %s", oc__quote_z(key), seen[i % FIELDS] && i < FIELDS
                                 ? "occurs twice" : "is not a known field");
        seen[i] = true;
        TRY(fields[i].read(j, t));
    }
    for (int i = 0; i < FIELDS; i++)
        if (!seen[i])
            return oc__json_fail(j, "%s is missing", fields[i].name);
    return OC_OK;
}

static oc_status read_header(struct weights *w, struct json *j)
{
    TRY(oc__json_open(j, '{'));
    for (bool metadata = false;;) {
        const char *key;
        j->field[0] = '\0';
        TRY(oc__json_key(j, &key));
        if (!key)
            return oc__json_end(j);
        const int64_t at = j->offset + (int64_t)j->at;
        if (strcmp(key, "__metadata__") == 0) {
            if (metadata)
                return oc__json_fail(j, "__metadata__ occurs twice");
            metadata = true;
            TRY(read_metadata(w, j));
            continue;
        }
        if (strlen(key) > WEIGHTS_NAME_MAX)
            return oc__json_fail(j, "tensor %s: a name of more than %d bytes", oc__quote_z(key),
                                 WEIGHTS_NAME_MAX);
        struct weight *const t = oc__weights_add(w);
        if (!t)
            return OC_ELIMIT;
        t->described_at = at;
        t->name = oc__pool_strdup(&w->pool, key);
        TRY(t->name ? read_entry(j, t) : OC_ELIMIT);
    }
}

/* Whether shape and type ask for the bytes that the offsets give. */
static oc_status check_size(const struct weights *w, const struct weight *t)
{
    if (t->end < t->begin)
        return oc__weights_fail(w, t, "data_offsets: the end %lld is before the begin %lld",
                                (long long)t->end, (long long)t->begin);
    const int64_t count = oc_shape_count(&t->shape);
    int64_t bits;
    if (__builtin_mul_overflow(count, (int64_t)oc__stored_type(t->type)->bits, &bits))
        return oc__weights_fail(w, t, "shape: its size in bits exceeds 2^63");
    if (bits % 8)
        return oc__weights_fail(w, t, "shape: %lld elements of %s are no whole bytes",
                                (long long)count, t->type);
    if (bits / 8 != t->end - t->begin)
        return oc__weights_fail(w, t, "shape and dtype ask for %lld bytes, data_offsets give %lld",
                                (long long)(bits / 8), (long long)(t->end - t->begin));
    return OC_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct weight *const x = a, *const y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Whether the tensors fill the file's data exactly. */
static oc_status check_layout(struct weights *w)
{
    const int64_t data = w->file.size - w->data_at;
    int64_t filled = 0;
    if (w->n)
        qsort(w->tensor, (size_t)w->n, sizeof *w->tensor, by_offset);
    for (int i = 0; i < w->n; i++) {
        const struct weight *const t = &w->tensor[i];
        if (t->begin != filled)
            return oc__weights_fail(w, t, "data_offsets: begins at %lld, %s %lld",
                                    (long long)t->begin, t->begin < filled
                                    ? "inside the one before, up to" : "leaving a hole after",
                                    (long long)filled);
        if (t->end > data)
            return oc__weights_fail(w, t, "data_offsets: ends at %lld, the file has %lld bytes of "
                                    "data", (long long)t->end, (long long)data);
        filled = t->end;
    }
    if (filled == data)
        return OC_OK;
    return oc__fail(OC_EINPUT, "%s: offset %lld: %lld byte%s after the last tensor", w->path,
                    (long long)w->data_at + filled, (long long)(data - filled),
                    oc__plural(data - filled));
}

/* What a file that is not safetensors is instead, where that can be told. */
static oc_status not_safetensors(const struct weights *w, const char *why)
{
    char head[64];
    const size_t n = w->file.size < (int64_t)sizeof head ? (size_t)w->file.size : sizeof head;
    TRY(oc__file_read(&w->file, 0, head, n));
    const char *const kind = oc__file_kind(head, n);
    if (kind && strcmp(kind, "safetensors") != 0)
        return oc__fail(OC_EINPUT, "%s: offset 0: this is %s, not safetensors", w->path, kind);
    return oc__fail(OC_EINPUT, "%s: offset 0: %s", w->path, why);
}

static oc_status read_length(const struct weights *w, size_t *n)
{
    uint64_t length;
    char why[128];
    TRY(oc__file_read(&w->file, 0, &length, sizeof length));
    const uint64_t rest = (uint64_t)w->file.size - LENGTH_BYTES;
    if (length == 0)
        return not_safetensors(w, "header length: 0, wants at least 2");
    if (length > SAFETENSORS_HEADER_MAX)
        snprintf(why, sizeof why, "header length: %llu exceeds the limit of %d",
                 (unsigned long long)length, SAFETENSORS_HEADER_MAX);
    else if (length > rest)
        snprintf(why, sizeof why, "truncated: header length: %llu, the file has %llu more bytes",
                 (unsigned long long)length, (unsigned long long)rest);
    else {
        *n = (size_t)length;
        return OC_OK;
    }
    return not_safetensors(w, why);
}

static oc_status read_text(struct weights *w, const char *text, size_t n)
{
    struct json j;
    if (text[0] != '{')
        return oc__fail(OC_EINPUT, "%s: offset %d: the header begins with %s, wants '{'", w->path,
                        LENGTH_BYTES, oc__quote(text, 1));
    oc__json_begin(&j, w->path, text, n, LENGTH_BYTES, HEADER_DEPTH);
    const oc_status status = read_header(w, &j);
    oc__json_free(&j);
    return status;
}

static oc_status open_and_check(struct weights *w)
{
    size_t n = 0;
    TRY(oc__file_open(&w->file, w->path));
    TRY(read_length(w, &n));
    char *const text = oc__alloc(n, 1);
    if (!text)
        return OC_ELIMIT;
    oc_status status = oc__file_read(&w->file, LENGTH_BYTES, text, n);
    if (status >= 0)
        status = read_text(w, text, n);
    oc__free(text);
    TRY(status);
    w->data_at = LENGTH_BYTES + (int64_t)n;
    for (int i = 0; i < w->n; i++)
        TRY(check_size(w, &w->tensor[i]));
    TRY(check_layout(w));
    return oc__weights_index(w);
}

oc_status oc__safetensors_open(struct weights *w, const char *path)
{
    oc_status status = oc__weights_begin(w, path, "safetensors");
    if (status >= 0)
        status = open_and_check(w);
    if (status < 0)
        oc__weights_close(w);
    return status;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool add_metadata(struct str *out, const struct weights_content *c, const int *order)
{
    bool good = true;
    oc__str_addz(out, "\"__metadata__\":{");
    for (int i = 0; i < c->n_metadata; i++) {
        const struct pair *const p = &c->metadata[order[i]];
        oc__str_addz(out, i ? "," : "");
        good = oc__json_quote(out, p->key) && good;
        oc__str_addz(out, ":");
        good = oc__json_quote(out, p->value) && good;
    }
    oc__str_addz(out, "}");
    return good;
}

static bool add_entry(struct str *out, const struct named_tensor *t, int64_t begin, int64_t end)
{
    const bool good = oc__json_quote(out, t->name);
    oc__str_addf(out, ":{\"dtype\":\"%s\",\"shape\":[", oc__stored_type_of(t->tensor.dtype)->name);
    for (int i = 0; i < t->tensor.shape.rank; i++)
        oc__str_addf(out, "%s%lld", i ? "," : "", (long long)t->tensor.shape.dim[i]);
    oc__str_addf(out, "],\"data_offsets\":[%lld,%lld]}", (long long)begin, (long long)end);
    return good;
}

/* Makes the header with its length before it; *total becomes the bytes of all tensors. */
static oc_status make_header(struct str *out, const char *path, const struct weights_content *c,
                             const struct weights_order *order, int64_t *total)
{
    uint64_t length = 0;
    bool good = true;
    oc__str_add(out, (const char *)&length, sizeof length);
    oc__str_addz(out, "{");
    if (c->n_metadata)
        good = add_metadata(out, c, order->metadata);
    *total = 0;
    for (int i = 0; i < c->n; i++) {
        const struct named_tensor *const t = &c->tensor[order->tensor[i]];
        const int64_t begin = *total;
        if (__builtin_add_overflow(begin, oc_tensor_bytes(&t->tensor), total))
            return oc__fail(OC_ELIMIT, "%s: tensor %s: more bytes than a file can hold", path,
                            oc__quote_z(t->name));
        oc__str_addz(out, i || c->n_metadata ? "," : "");
        if (!add_entry(out, t, begin, *total) || strcmp(t->name, "__metadata__") == 0)
            return oc__fail(OC_EUSAGE, "%s: tensor %s: not a legal name", path,
                            oc__quote_z(t->name));
    }
    oc__str_addz(out, "}");
    while (out->n % HEADER_ALIGN && !out->failed)
        oc__str_addz(out, " ");
    if (out->failed)
        return OC_ELIMIT;
    length = out->n - LENGTH_BYTES;
    memcpy(out->text, &length, sizeof length);
    if (!good)
        return oc__fail(OC_EUSAGE, "%s: metadata: not UTF-8", path);
    if (length > SAFETENSORS_HEADER_MAX)
        return oc__fail(OC_ELIMIT, "%s: the header would exceed %d bytes", path,
                        SAFETENSORS_HEADER_MAX);
    return OC_OK;
}

static oc_status write_all(const char *path, const struct weights_content *c,
                           const struct weights_order *order, const struct str *header,
                           int64_t total, enum write_flags flags)
{
    struct writer w;
    TRY(oc__write_begin(&w, path, (int64_t)header->n + total));
    TRY(oc__write(&w, header->text, header->n));
    for (int i = 0; i < c->n; i++) {
        const oc_tensor *const t = &c->tensor[order->tensor[i]].tensor;
        TRY(oc__write(&w, t->data, oc_tensor_bytes(t)));
    }
    return oc__write_commit(&w, flags);
}

oc_status oc__safetensors_write(const char *path, const struct weights_content *content,
                                enum write_flags flags)
{
    struct weights_order order = { 0 };
    struct str header = { 0 };
    int64_t total;
    TRY(oc__weights_order(&order, path, content));
    oc_status status = make_header(&header, path, content, &order, &total);
    if (status >= 0)
        status = write_all(path, content, &order, &header, total, flags);
    oc__str_free(&header);
    oc__weights_order_free(&order);
    return status;
}
