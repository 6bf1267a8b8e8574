/* json_model.c — reading and writing weights as JSON; json_model.h shows what they look like.
 *
 * Both walk over the elements of a tensor in memory's order.  Where element i stands at the begin
 * of a row of dimension d (i is a multiple of the row's size), a bracket opens; where it is a
 * row's last, one closes.  So no recursion is needed, whatever the rank. */
#include "format/json_model.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/status.h"

enum { FLUSH_BYTES = 1 << 16, ELEMENT_MAX = 40 };
static const int64_t file_max = INT64_C(1) << 31;

/* Decimal digits that survive the type, and its least normal number; 0 for whole numbers. */
static const struct { int digits; double least; } floats[OC_DTYPES] = {
    [OC_F32] = { 6, 0x1p-126 }, [OC_F64]  = { 15, 0x1p-1022 },
    [OC_F16] = { 3, 0x1p-14 },  [OC_BF16] = { 2, 0x1p-126 },
};

/* Elements in a row of each dimension: size[d] is the product of the dimensions from d on. */
static void row_sizes(const oc_shape *s, int64_t size[OC_MAX_RANK])
{
    int64_t n = 1;
    for (int d = s->rank - 1; d >= 0; d--)
        size[d] = n *= s->dim[d];
}

/* ---- reading -------------------------------------------------------------------------------- */

/* "NaN(0x…)" with as many digits as the type has, and the bits of a NaN. */
static bool read_nan_bits(const char *text, const oc_tensor *t, int64_t i)
{
    static const char open[] = "NaN(0x";
    const size_t bytes = oc_dtype_size(t->dtype), n = sizeof open - 1;
    if (strncmp(text, open, n) != 0 || strspn(text + n, "0123456789abcdef") != 2 * bytes
        || strcmp(text + n + 2 * bytes, ")") != 0)
        return false;
    const uint64_t bits = strtoull(text + n, NULL, 16);
    memcpy((char *)t->data + (size_t)i * bytes, &bits, bytes);
    return isnan(oc_tensor_get(t, i));
}

static oc_status read_special(struct json *j, const oc_tensor *t, int64_t i)
{
    static const struct { const char *text; double v; } specials[] = {
        { "NaN", NAN }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY },
    };
    const char *text;
    TRY(oc__json_string(j, &text));
    for (size_t k = 0; k < sizeof specials / sizeof *specials; k++)
        if (strcmp(text, specials[k].text) == 0) {
            oc_tensor_set(t, i, specials[k].v);
            return OC_OK;
        }
    return read_nan_bits(text, t, i) ? OC_OK
        : oc__json_fail(j, "%s: wants a number, \"NaN\" or \"Infinity\"", oc__quote_z(text));
}

static oc_status read_float(struct json *j, const oc_tensor *t, int64_t i)
{
    double v;
    if (oc__json_peek(j) == '"')
        return read_special(j, t, i);
    TRY(oc__json_number(j, &v));
    oc_tensor_set(t, i, v);
    return isfinite(oc_tensor_get(t, i)) ? OC_OK
        : oc__json_fail(j, "%g exceeds what %s can hold", v, oc_dtype_name(t->dtype));
}

static oc_status read_whole(struct json *j, const oc_tensor *t, int64_t i)
{
    int64_t v;
    if (t->dtype == OC_U64)
        return oc__json_unsigned(j, (uint64_t *)t->data + i);
    TRY(oc__json_integer(j, &v));
    if (t->dtype == OC_I64) {
        ((int64_t *)t->data)[i] = v;
        return OC_OK;
    }
    oc_tensor_set(t, i, (double)v);
    return oc_tensor_get(t, i) == (double)v ? OC_OK
        : oc__json_fail(j, "%" PRId64 " exceeds what %s can hold", v, oc_dtype_name(t->dtype));
}

static oc_status read_element(struct json *j, const oc_tensor *t, int64_t i)
{
    if (t->dtype == OC_BOOL) {
        bool v;
        TRY(oc__json_bool(j, &v));
        oc_tensor_set(t, i, v);
        return OC_OK;
    }
    return floats[t->dtype].digits ? read_float(j, t, i) : read_whole(j, t, i);
}

/* One more member of a row, or its end, as the shape has it. */
static oc_status row_goes_on(struct json *j, bool wanted)
{
    bool more;
    TRY(oc__json_item(j, &more));
    if (more == wanted)
        return OC_OK;
    return oc__json_fail(j, "data: a row has %s than shape says", more ? "more" : "less");
}

static oc_status read_data(struct json *j, const oc_tensor *t)
{
    const int64_t count = oc_shape_count(&t->shape);
    const int rank = t->shape.rank;
    int64_t size[OC_MAX_RANK] = { 0 };
    row_sizes(&t->shape, size);
    if (count == 0) {
        TRY(oc__json_open(j, '['));
        return row_goes_on(j, false);
    }
    for (int64_t i = 0; i < count; i++) {
        for (int d = 0; d < rank; d++)
            if (i % size[d] == 0) {
                if (d > 0)
                    TRY(row_goes_on(j, true));
                TRY(oc__json_open(j, '['));
            }
        if (rank > 0)
            TRY(row_goes_on(j, true));
        TRY(read_element(j, t, i));
        for (int d = rank - 1; d >= 0; d--)
            if ((i + 1) % size[d] == 0)
                TRY(row_goes_on(j, false));
    }
    return OC_OK;
}

static oc_status read_shape(struct json *j, oc_shape *s)
{
    TRY(oc__json_open(j, '['));
    for (*s = (oc_shape){ 0 };;) {
        bool more;
        TRY(oc__json_item(j, &more));
        if (!more)
            return OC_OK;
        if (s->rank == OC_MAX_RANK)
            return oc__json_fail(j, "shape: more than %d dimensions", OC_MAX_RANK);
        int64_t *const dim = &s->dim[s->rank++];
        TRY(oc__json_integer(j, dim));
        if (*dim < 0)
            return oc__json_fail(j, "shape: %" PRId64 ": wants at least 0", *dim);
    }
}

static oc_status read_type(struct json *j, struct weight *t)
{
    const char *name;
    TRY(oc__json_string(j, &name));
    const struct stored_type *const type = oc__stored_type(name);
    if (!type || type->dtype < 0)
        return oc__json_fail(j, "dtype: %s is not a type that can be read", oc__quote_z(name));
    t->type = type->name;
    t->dtype = type->dtype;
    return OC_OK;
}

/* The fields of a tensor in any order; data is passed over, as it can only be read last. */
static oc_status read_fields(struct json *j, struct weight *t, struct json_place *data)
{
    bool shape = false, has_data = false;
    TRY(oc__json_open(j, '{'));
    for (;;) {
        const char *key;
        TRY(oc__json_key(j, &key));
        if (!key)
            break;
        if (strcmp(key, "dtype") == 0 && !t->type) {
            TRY(read_type(j, t));
        } else if (strcmp(key, "shape") == 0 && !shape) {
            shape = true;
            TRY(read_shape(j, &t->shape));
        } else if (strcmp(key, "data") == 0 && !has_data) {
            has_data = true;
            *data = oc__json_place(j);
            TRY(oc__json_skip(j));
        } else {
            const bool known
                = !strcmp(key, "dtype") || !strcmp(key, "shape") || !strcmp(key, "data");
            return oc__json_fail(j, "%s %s", oc__quote_z(key),
                                 known ? "occurs twice" : "is not known here");
        }
    }
    if (!t->type || !shape || !has_data)
        return oc__json_fail(j, "wants dtype, shape and data");
    return OC_OK;
}

static oc_status read_tensor(struct weights *w, struct json *j, struct weight *t)
{
    struct json_place data = { 0 };
    snprintf(j->field, sizeof j->field, "tensor %s", oc__quote_z(t->name));
    TRY(read_fields(j, t, &data));
    const struct json_place end = oc__json_place(j);
    oc__json_return(j, data);
    oc_tensor values = { .dtype = (oc_dtype)t->dtype, .shape = t->shape };
    /* Each element takes a byte of text at least, so a lie about the shape allocates nothing. */
    if (oc_shape_count(&t->shape) > (int64_t)(end.at - data.at))
        return oc__json_fail(j, "shape asks for more elements than data holds");
    t->end = (int64_t)oc_tensor_bytes(&values);
    t->data = values.data = oc__pool_alloc(&w->pool, (size_t)t->end);
    if (!t->data)
        return OC_ELIMIT;
    TRY(read_data(j, &values));
    oc__json_return(j, end);
    return OC_OK;
}

static oc_status read_tensors(struct weights *w, struct json *j)
{
    TRY(oc__json_open(j, '{'));
    for (;;) {
        const char *name;
        snprintf(j->field, sizeof j->field, "tensors");
        TRY(oc__json_key(j, &name));
        if (!name)
            return OC_OK;
        if (strlen(name) > WEIGHTS_NAME_MAX)
            return oc__json_fail(j, "%s: a name of more than %d bytes", oc__quote_z(name),
                                 WEIGHTS_NAME_MAX);
        struct weight *const t = oc__weights_add(w);
        if (!t)
            return OC_ELIMIT;
        t->described_at = (int64_t)j->at;
        t->name = oc__pool_strdup(&w->pool, name);
        TRY(t->name ? read_tensor(w, j, t) : OC_ELIMIT);
    }
}

static oc_status read_metadata(struct weights *w, struct json *j)
{
    struct str key = { 0 };
    oc_status status = oc__json_open(j, '{');
    while (status >= 0) {
        const char *text;
        status = oc__json_key(j, &text);
        if (status < 0 || !text)
            break;
        oc__str_clear(&key);
        oc__str_addz(&key, text);
        status = oc__json_string(j, &text);
        if (status >= 0)
            status = key.failed ? OC_ELIMIT : oc__weights_add_pair(w, oc__str_text(&key), text);
    }
    oc__str_free(&key);
    return status;
}

static oc_status read_format(struct weights *w, struct json *j)
{
    const char *text;
    (void)w;
    TRY(oc__json_string(j, &text));
    return strcmp(text, "ocellus") == 0 ? OC_OK
        : oc__json_fail(j, "%s: wants \"ocellus\"", oc__quote_z(text));
}

static const struct {
    const char *name;
    oc_status (*read)(struct weights *w, struct json *j);
} parts[] = {
    { "format", read_format }, { "metadata", read_metadata }, { "tensors", read_tensors },
};
enum { PARTS = sizeof parts / sizeof *parts };

static oc_status read_model(struct weights *w, struct json *j)
{
    bool seen[PARTS] = { 0 };
    TRY(oc__json_open(j, '{'));
    for (;;) {
        const char *key;
        int i = 0;
        j->field[0] = '\0';
        TRY(oc__json_key(j, &key));
        if (!key)
            break;
        while (i < PARTS && strcmp(parts[i].name, key) != 0)
            i++;
        if (i == PARTS || seen[i])
            return oc__json_fail(j, "%s %s", oc__quote_z(key),
                                 i == PARTS ? "is not known here" : "occurs twice");
        seen[i] = true;
        snprintf(j->field, sizeof j->field, "%s", parts[i].name);
        TRY(parts[i].read(w, j));
    }
    if (!seen[0] || !seen[2])
        return oc__json_fail(j, "not a model: wants \"format\": \"ocellus\" and \"tensors\"");
    return oc__json_end(j);
}

static oc_status load(struct weights *w)
{
    char *text;
    size_t n;
    struct json j;
    TRY(oc__file_load(w->path, file_max, &text, &n));
    oc__json_begin(&j, w->path, text, n, 0, JSON_MAX_DEPTH);
    oc_status status = read_model(w, &j);
    oc__json_free(&j);
    oc__free(text);
    return status < 0 ? status : oc__weights_index(w);
}

oc_status oc__json_model_open(struct weights *w, const char *path)
{
    oc_status status = oc__weights_begin(w, path, "json");
    if (status >= 0)
        status = load(w);
    if (status < 0)
        oc__weights_close(w);
    return status;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void nan_text(const oc_tensor *t, int64_t i, char text[ELEMENT_MAX])
{
    const size_t bytes = oc_dtype_size(t->dtype);
    uint64_t bits = 0, usual = 0;
    memcpy(&bits, (const char *)t->data + (size_t)i * bytes, bytes);
    oc_tensor_set(&(oc_tensor){ .dtype = t->dtype, .data = &usual }, 0, NAN);
    if (bits == usual)
        strcpy(text, "\"NaN\"");
    else
        snprintf(text, ELEMENT_MAX, "\"NaN(0x%0*" PRIx64 ")\"", (int)(2 * bytes), bits);
}

/* The least digits that give the same bits.  As many as the type surely keeps are tried first:
 * they print fewer by themselves where fewer do, save for subnormals, which keep less. */
static void float_text(const oc_tensor *t, int64_t i, char text[ELEMENT_MAX])
{
    const double v = oc_tensor_get(t, i);
    if (isnan(v)) {
        nan_text(t, i, text);
        return;
    }
    if (isinf(v)) {
        strcpy(text, v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
        return;
    }
    const oc_tensor back = { .dtype = t->dtype, .data = &(double){ 0 } };
    const int first = fabs(v) < floats[t->dtype].least ? 1 : floats[t->dtype].digits;
    for (int digits = first; digits <= 17; digits++) {
        snprintf(text, ELEMENT_MAX, "%.*g", digits, v);
        oc_tensor_set(&back, 0, strtod(text, NULL));
        if (oc_tensor_get(&back, 0) == v)
            return;
    }
}

static void element_text(const oc_tensor *t, int64_t i, char text[ELEMENT_MAX])
{
    if (floats[t->dtype].digits)
        float_text(t, i, text);
    else if (t->dtype == OC_BOOL)
        strcpy(text, oc_tensor_get(t, i) != 0 ? "true" : "false");
    else if (t->dtype == OC_I64)
        snprintf(text, ELEMENT_MAX, "%" PRId64, ((const int64_t *)t->data)[i]);
    else if (t->dtype == OC_U64)
        snprintf(text, ELEMENT_MAX, "%" PRIu64, ((const uint64_t *)t->data)[i]);
    else
        snprintf(text, ELEMENT_MAX, "%.0f", oc_tensor_get(t, i));
}

static oc_status flush(struct writer *w, struct str *out, size_t most)
{
    if (out->failed)
        return OC_ELIMIT;
    if (out->n > most) {
        TRY(oc__write(w, out->text, out->n));
        oc__str_clear(out);
    }
    return OC_OK;
}

static oc_status write_data(struct writer *w, const oc_tensor *t, struct str *out)
{
    const int64_t count = oc_shape_count(&t->shape);
    const int rank = t->shape.rank;
    int64_t size[OC_MAX_RANK] = { 0 };
    row_sizes(&t->shape, size);
    if (count == 0)
        oc__str_addz(out, " []");
    for (int64_t i = 0; i < count; i++) {
        char text[ELEMENT_MAX];
        const bool row = rank > 0 && i % size[rank - 1] == 0;
        oc__str_addz(out, i > 0 ? "," : "");
        oc__str_addz(out, row ? "\n        " : " ");
        for (int d = 0; d < rank; d++)
            oc__str_addz(out, i % size[d] == 0 ? "[" : "");
        element_text(t, i, text);
        oc__str_addz(out, text);
        for (int d = 0; d < rank; d++)
            oc__str_addz(out, (i + 1) % size[d] == 0 ? "]" : "");
        TRY(flush(w, out, FLUSH_BYTES));
    }
    return OC_OK;
}

static oc_status write_tensor(struct writer *w, const struct named_tensor *t, struct str *out)
{
    const oc_shape *const s = &t->tensor.shape;
    if (!oc__json_quote(out, t->name))
        return oc__fail(OC_EUSAGE, "%s: tensor %s: its name is not UTF-8", w->path,
                        oc__quote_z(t->name));
    oc__str_addf(out, ": {\n      \"dtype\": \"%s\",\n      \"shape\": [",
                 oc__stored_type_of(t->tensor.dtype)->name);
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, "%s%" PRId64, i ? ", " : "", s->dim[i]);
    oc__str_addz(out, "],\n      \"data\":");
    TRY(write_data(w, &t->tensor, out));
    oc__str_addz(out, "\n    }");
    return OC_OK;
}

static oc_status write_metadata(struct writer *w, const struct weights_content *c,
                                const int *order, struct str *out)
{
    bool good = true;
    oc__str_addz(out, "{\n  \"format\": \"ocellus\",\n  \"metadata\": {");
    for (int i = 0; i < c->n_metadata; i++) {
        const struct pair *const p = &c->metadata[order[i]];
        oc__str_addz(out, i ? ",\n    " : "\n    ");
        good = oc__json_quote(out, p->key) && good;
        oc__str_addz(out, ": ");
        good = oc__json_quote(out, p->value) && good;
    }
    oc__str_addz(out, c->n_metadata ? "\n  }" : "}");
    return good ? OC_OK : oc__fail(OC_EUSAGE, "%s: metadata: not UTF-8", w->path);
}

static oc_status write_all(struct writer *w, const struct weights_content *c,
                           const struct weights_order *order, struct str *out)
{
    TRY(write_metadata(w, c, order->metadata, out));
    oc__str_addz(out, ",\n  \"tensors\": {");
    for (int i = 0; i < c->n; i++) {
        oc__str_addz(out, i ? ",\n    " : "\n    ");
        TRY(write_tensor(w, &c->tensor[order->tensor[i]], out));
    }
    oc__str_addz(out, c->n ? "\n  }\n}\n" : "}\n}\n");
    return flush(w, out, 0);
}

oc_status oc__json_model_write(const char *path, const struct weights_content *content,
                               enum write_flags flags)
{
    struct weights_order order = { 0 };
    struct writer w;
    struct str out = { 0 };
    TRY(oc__weights_order(&order, path, content));
    const locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(mine);
    oc_status status = oc__write_begin(&w, path, -1);
    if (status >= 0)
        status = write_all(&w, content, &order, &out);
    if (status >= 0)
        status = oc__write_commit(&w, flags);
    oc__write_abandon(&w);
    uselocale(before);
    freelocale(mine);
    oc__str_free(&out);
    oc__weights_order_free(&order);
    return status;
}
