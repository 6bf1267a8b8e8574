/* weights.c — what files of weights have in common: finding, reading, converting, order. */
#include "format/weights.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/status.h"
#include "base/str.h"
#include "format/json_model.h"
#include "format/safetensors.h"
#include "format/torch.h"

/* The types of the safetensors format, largest alignment first, as its own writer orders them. */
const struct stored_type oc__stored_types[] = {
    { "U64", 64, OC_U64 },     { "I64", 64, OC_I64 },     { "F64", 64, OC_F64 },
    { "C64", 64, -1 },         { "F32", 32, OC_F32 },     { "U32", 32, OC_U32 },
    { "I32", 32, OC_I32 },     { "BF16", 16, OC_BF16 },   { "F16", 16, OC_F16 },
    { "U16", 16, OC_U16 },     { "I16", 16, OC_I16 },     { "F8_E5M2FNUZ", 8, -1 },
    { "F8_E4M3FNUZ", 8, -1 },  { "F8_E8M0", 8, -1 },      { "F8_E4M3", 8, -1 },
    { "F8_E5M2", 8, -1 },      { "I8", 8, OC_I8 },        { "U8", 8, OC_U8 },
    { "F6_E3M2", 6, -1 },      { "F6_E2M3", 6, -1 },      { "F4", 4, -1 },
    { "BOOL", 8, OC_BOOL },    { 0 },
};

const struct stored_type *oc__stored_type(const char *name)
{
    const struct stored_type *t = oc__stored_types;
    while (t->name && strcmp(t->name, name) != 0)
        t++;
    return t->name ? t : NULL;
}

const struct stored_type *oc__stored_type_of(oc_dtype dtype)
{
    const struct stored_type *t = oc__stored_types;
    while (t->dtype != (int)dtype)
        t++;
    return t;
}

/* ---- making --------------------------------------------------------------------------------- */

oc_status oc__weights_begin(struct weights *w, const char *path, const char *format)
{
    *w = (struct weights){ .format = format, .file = { .fd = -1 } };
    w->path = oc__pool_strdup(&w->pool, path);
    return w->path ? OC_OK : OC_ELIMIT;
}

/* Arrays double when their length is a power of two, so that no capacity need be kept. */
static void *one_more(void *array, int n, size_t size)
{
    if (n & (n - 1))
        return array;
    return oc__grow(array, (size_t)n, n ? 2 * (size_t)n : 1, size);
}

struct weight *oc__weights_add(struct weights *w)
{
    if (w->n == WEIGHTS_MAX) {
        (void)oc__fail(OC_ELIMIT, "%s: more than %d tensors", w->path, WEIGHTS_MAX);
        return NULL;
    }
    struct weight *const grown = one_more(w->tensor, w->n, sizeof *grown);
    if (!grown)
        return NULL;
    w->tensor = grown;
    return &w->tensor[w->n++];
}

oc_status oc__weights_add_pair(struct weights *w, const char *key, const char *value)
{
    if (w->n_metadata == WEIGHTS_MAX)
        return oc__fail(OC_ELIMIT, "%s: metadata: more than %d keys", w->path, WEIGHTS_MAX);
    struct pair *const grown = one_more(w->metadata, w->n_metadata, sizeof *grown);
    if (!grown)
        return OC_ELIMIT;
    w->metadata = grown;
    const struct pair pair = { oc__pool_strdup(&w->pool, key), oc__pool_strdup(&w->pool, value) };
    if (!pair.key || !pair.value)
        return OC_ELIMIT;
    w->metadata[w->n_metadata++] = pair;
    return OC_OK;
}

static int by_name(const void *a, const void *b, void *context)
{
    const struct weight *const tensor = context;
    return strcmp(tensor[*(const int *)a].name, tensor[*(const int *)b].name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

oc_status oc__weights_index(struct weights *w)
{
    w->by_name = oc__alloc((size_t)w->n, sizeof *w->by_name);
    if (!w->by_name)
        return OC_ELIMIT;
    for (int i = 0; i < w->n; i++)
        w->by_name[i] = i;
    qsort_r(w->by_name, (size_t)w->n, sizeof *w->by_name, by_name, w->tensor);
    for (int i = 1; i < w->n; i++) {
        const struct weight *const t = &w->tensor[w->by_name[i]];
        if (strcmp(t->name, w->tensor[w->by_name[i - 1]].name) == 0)
            return oc__weights_fail(w, t, "occurs twice");
    }
    if (w->n_metadata)
        qsort(w->metadata, (size_t)w->n_metadata, sizeof *w->metadata, by_key);
    for (int i = 1; i < w->n_metadata; i++)
        if (strcmp(w->metadata[i].key, w->metadata[i - 1].key) == 0)
            return oc__fail(OC_EINPUT, "%s: offset 8: metadata: %s occurs twice", w->path,
                            oc__quote_z(w->metadata[i].key));
    return OC_OK;
}

oc_status oc__weights_fail(const struct weights *w, const struct weight *t,
                           const char *format, ...)
{
    struct str what = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&what, format, arguments);
    va_end(arguments);
    const oc_status status = oc__fail(OC_EINPUT, "%s: offset %lld: tensor %s: %s", w->path,
                                      (long long)t->described_at, oc__quote_z(t->name),
                                      oc__str_text(&what));
    oc__str_free(&what);
    return status;
}

/* ---- using ---------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcasecmp(text + n - m, end) == 0;
}

typedef oc_status opener(struct weights *w, const char *path);

/* A JSON text, by name or by content: its first eight bytes are never the small number with which
 * safetensors begin. */
static bool is_json(const char *path, const unsigned char *head, size_t n)
{
    size_t i = 0;
    while (i < n && (head[i] == ' ' || head[i] == '\t' || head[i] == '\n' || head[i] == '\r'))
        i++;
    const bool object = i < n && head[i] == '{';
    return (object || ends_in(path, ".json")) && (n < 8 || head[7] != 0);
}

/* The reader of a file by its first bytes; what is unknown may be safetensors. */
static oc_status find_opener(const char *path, opener **out)
{
    unsigned char head[64];
    struct file f;
    TRY(oc__file_open(&f, path));
    const size_t n = f.size < (int64_t)sizeof head ? (size_t)f.size : sizeof head;
    const oc_status status = oc__file_read(&f, 0, head, n);
    oc__file_close(&f);
    *out = oc__torch_is(head, n)       ? oc__torch_open
           : is_json(path, head, n)    ? oc__json_model_open
                                       : oc__safetensors_open;
    return status;
}

oc_status oc__weights_open(struct weights *w, const char *path)
{
    opener *open;
    *w = (struct weights){ .file = { .fd = -1 } };
    TRY(find_opener(path, &open));
    return open(w, path);
}

void oc__weights_close(struct weights *w)
{
    oc__file_close(&w->file);
    oc__free(w->tensor);
    oc__free(w->metadata);
    oc__free(w->by_name);
    oc__pool_free(&w->pool);
    *w = (struct weights){ .file = { .fd = -1 } };
}

int oc__weights_find(const struct weights *w, const char *name)
{
    for (int low = 0, high = w->n; low < high;) {
        const int middle = low + (high - low) / 2;
        const int order = strcmp(name, w->tensor[w->by_name[middle]].name);
        if (order == 0)
            return w->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

const char *oc__weights_metadata(const struct weights *w, const char *key)
{
    if (w->n_metadata == 0)
        return NULL;
    const struct pair wanted = { .key = key };
    const struct pair *const found = bsearch(&wanted, w->metadata, (size_t)w->n_metadata,
                                             sizeof wanted, by_key);
    return found ? found->value : NULL;
}

static void shape_text(const oc_shape *s, struct str *out)
{
    oc__str_addz(out, "[");
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, "%s%lld", i ? ", " : "", (long long)s->dim[i]);
    oc__str_addz(out, "]");
}

static oc_status other_shape(const struct weights *w, const struct weight *t,
                             const oc_shape *wanted)
{
    struct str text = { 0 };
    shape_text(&t->shape, &text);
    oc__str_addz(&text, " is its shape, wanted is ");
    shape_text(wanted, &text);
    const oc_status status = oc__weights_fail(w, t, "%s", oc__str_text(&text));
    oc__str_free(&text);
    return status;
}

static oc_status copy_bytes(const struct weights *w, const struct weight *t, int64_t from,
                            void *to, size_t n)
{
    if (!t->data)
        return oc__file_read(&w->file, w->data_at + t->begin + from, to, n);
    if (n)
        memcpy(to, (const char *)t->data + from, n);
    return OC_OK;
}

/* Reads through a buffer and converts element by element. */
static oc_status read_converted(const struct weights *w, const struct weight *t,
                                const oc_tensor *into)
{
    _Alignas(8) char buffer[16384];
    const oc_tensor from = { .dtype = (oc_dtype)t->dtype, .data = buffer };
    const int64_t count = oc_shape_count(&t->shape), size = (int64_t)oc_dtype_size(from.dtype);
    const int64_t room = (int64_t)sizeof buffer / size;
    for (int64_t i = 0; i < count; i += room) {
        const int64_t n = count - i < room ? count - i : room;
        TRY(copy_bytes(w, t, i * size, buffer, (size_t)(n * size)));
        for (int64_t k = 0; k < n; k++)
            oc_tensor_set(into, i + k, oc_tensor_get(&from, k));
    }
    return OC_OK;
}

static int64_t count_nonfinite(const oc_tensor *t)
{
    const int64_t count = oc_shape_count(&t->shape);
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        n += !isfinite(oc_tensor_get(t, i));
    return n;
}

oc_status oc__weights_read(const struct weights *w, int i, const oc_tensor *into,
                           int64_t *nonfinite)
{
    assert(i >= 0 && i < w->n);
    const struct weight *const t = &w->tensor[i];
    if (t->dtype < 0)
        return oc__weights_fail(w, t, "its type %s is listed but cannot be read", t->type);
    if (!oc_shape_equal(&t->shape, &into->shape))
        return other_shape(w, t, &into->shape);
    if (t->dtype == (int)into->dtype)
        TRY(copy_bytes(w, t, 0, into->data, (size_t)(t->end - t->begin)));
    else
        TRY(read_converted(w, t, into));
    if (nonfinite)
        *nonfinite = count_nonfinite(into);
    return OC_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

oc_status oc__weights_write(const char *path, const struct weights_content *content,
                            enum write_flags flags)
{
    return ends_in(path, ".json") ? oc__json_model_write(path, content, flags)
                                  : oc__safetensors_write(path, content, flags);
}

static int canonical_tensor(const void *a, const void *b, void *context)
{
    const struct named_tensor *const t = context;
    const struct named_tensor *const x = &t[*(const int *)a], *const y = &t[*(const int *)b];
    const ptrdiff_t order
        = oc__stored_type_of(x->tensor.dtype) - oc__stored_type_of(y->tensor.dtype);
    return order ? (order > 0) - (order < 0) : strcmp(x->name, y->name);
}

static int canonical_pair(const void *a, const void *b, void *context)
{
    const struct pair *const p = context;
    return strcmp(p[*(const int *)a].key, p[*(const int *)b].key);
}

static int *sorted(int n, int (*compare)(const void *, const void *, void *), const void *items)
{
    int *const order = oc__alloc((size_t)n, sizeof *order);
    for (int i = 0; order && i < n; i++)
        order[i] = i;
    if (order && n)
        qsort_r(order, (size_t)n, sizeof *order, compare, (void *)(uintptr_t)items);
    return order;
}

static oc_status check_unique(const char *path, const struct weights_content *c)
{
    struct map names = { 0 };
    oc_status status = OC_OK;
    for (int i = 0; i < c->n && status >= 0; i++) {
        if (oc__map_get(&names, c->tensor[i].name, 0))
            status = oc__fail(OC_EUSAGE, "%s: tensor %s: is given twice", path,
                              oc__quote_z(c->tensor[i].name));
        else if (!oc__map_put(&names, c->tensor[i].name, 1))
            status = OC_ELIMIT;
    }
    oc__map_free(&names);
    return status;
}

oc_status oc__weights_order(struct weights_order *out, const char *path,
                            const struct weights_content *c)
{
    TRY(check_unique(path, c));
    out->tensor = sorted(c->n, canonical_tensor, c->tensor);
    out->metadata = sorted(c->n_metadata, canonical_pair, c->metadata);
    oc_status status = out->tensor && out->metadata ? OC_OK : OC_ELIMIT;
    for (int i = 1; i < c->n_metadata && status >= 0; i++) {
        const char *const key = c->metadata[out->metadata[i]].key;
        if (strcmp(key, c->metadata[out->metadata[i - 1]].key) == 0)
            status = oc__fail(OC_EUSAGE, "%s: metadata: %s: is given twice", path,
                              oc__quote_z(key));
    }
    if (status < 0)
        oc__weights_order_free(out);
    return status;
}

void oc__weights_order_free(struct weights_order *order)
{
    oc__free(order->tensor);
    oc__free(order->metadata);
    *order = (struct weights_order){ 0 };
}
