/* npy.c — .npy files: a strict parser of the dictionary that they hold, then the data. */
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "format/npy.h"

enum { PREFIX_BYTES = 8, HEADER_MAX = 1 << 16 };

static const int64_t data_max = (int64_t)1 << 32;

/* The header on its way: `at` runs to `end`, and what was found so far. */
struct parser {
    const char *path, *begin, *at, *end;
    int64_t     offset;                                 /* of `begin` in the file */
    bool        has_descr, has_order, has_shape;
    oc_tensor   tensor;
};

/* ---- the dictionary ----------------------------------------------------------------------- */

static oc_status expected(const struct parser *p, const char *what)
{
    const size_t left = (size_t)(p->end - p->at);
    return oc__fail(OC_EINPUT, "%s: offset %lld: header: %s: expected %s", p->path,
                    (long long)(p->offset + (p->at - p->begin)),
                    oc__quote(p->at, left < 16 ? left : 16), what);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n'))
        p->at++;
}

/* Takes the text if it comes next, after spaces. */
static bool take(struct parser *p, const char *text)
{
    const size_t n = strlen(text);
    skip_space(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, text, n) != 0)
        return false;
    p->at += n;
    return true;
}

static const struct { const char *text; oc_dtype dtype; } types[] = {
    { "'|u1'", OC_U8 },  { "'<f4'", OC_F32 }, { "'<f8'", OC_F64 }, { "'<f2'", OC_F16 },
    { "'|i1'", OC_I8 },  { "'<i2'", OC_I16 }, { "'<i4'", OC_I32 }, { "'<i8'", OC_I64 },
    { "'<u2'", OC_U16 }, { "'<u4'", OC_U32 }, { "'<u8'", OC_U64 }, { "'|b1'", OC_BOOL },
};

static oc_status parse_descr(struct parser *p)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (take(p, types[i].text)) {
            p->tensor.dtype = types[i].dtype;
            return OC_OK;
        }
    return expected(p, "a type of numbers that are little-endian, such as '|u1' or '<f4'");
}

static oc_status parse_order(struct parser *p)
{
    return take(p, "False") ? OC_OK : expected(p, "False (arrays in Fortran order are not read)");
}

static oc_status parse_dimension(struct parser *p)
{
    int64_t v = 0;
    skip_space(p);
    const char *first = p->at;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        v = v * 10 + (*p->at - '0');
        if (v > data_max)
            return expected(p, "a dimension of at most 2^32");
    }
    if (p->at == first)
        return expected(p, "a dimension");
    if (p->tensor.shape.rank == OC_MAX_RANK)
        return expected(p, "at most 8 dimensions");
    p->tensor.shape.dim[p->tensor.shape.rank++] = v;
    return OC_OK;
}

static oc_status parse_shape(struct parser *p)
{
    if (!take(p, "("))
        return expected(p, "a tuple");
    while (!take(p, ")")) {
        TRY(parse_dimension(p));
        if (!take(p, ",")) {
            if (take(p, ")"))
                return OC_OK;
            return expected(p, "',' or ')'");
        }
    }
    return OC_OK;
}

static oc_status parse_pair(struct parser *p)
{
    const struct { const char *key; bool *seen; oc_status (*parse)(struct parser *); } keys[] = {
        { "'descr'", &p->has_descr, parse_descr },
        { "'fortran_order'", &p->has_order, parse_order },
        { "'shape'", &p->has_shape, parse_shape },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (*keys[i].seen || !take(p, keys[i].key))
            continue;
        *keys[i].seen = true;
        if (!take(p, ":"))
            return expected(p, "':'");
        return keys[i].parse(p);
    }
    return expected(p, "'descr', 'fortran_order' or 'shape', each once");
}

static oc_status parse_header(struct parser *p)
{
    bool ended = false;
    if (!take(p, "{"))
        return expected(p, "'{'");
    while (!ended) {
        TRY(parse_pair(p));
        const bool comma = take(p, ",");
        ended = take(p, "}");
        if (!comma && !ended)
            return expected(p, "',' or '}'");
    }
    if (!p->has_descr || !p->has_order || !p->has_shape)
        return expected(p, "'descr', 'fortran_order' and 'shape' before the end");
    skip_space(p);
    return p->at == p->end ? OC_OK : expected(p, "nothing after '}'");
}

/* ---- the file ----------------------------------------------------------------------------- */

/* Reads the prefix and finds where the header lies. */
static oc_status read_prefix(const struct file *f, int64_t *at, size_t *n)
{
    uint8_t b[PREFIX_BYTES], length[4] = { 0 };
    TRY(oc__file_read(f, 0, b, sizeof b));
    if (memcmp(b, "\x93NUMPY", 6) != 0) {
        const char *kind = oc__file_kind(b, sizeof b);
        return oc__fail(OC_EINPUT, "%s: offset 0: not a NumPy array%s%s", f->path,
                        kind != NULL ? ": this is " : "", kind != NULL ? kind : "");
    }
    if (b[6] < 1 || b[6] > 3)
        return oc__fail(OC_EINPUT, "%s: offset 6: version: %d: must be from 1 to 3", f->path,
                        b[6]);
    const size_t bytes = b[6] == 1 ? 2 : 4;
    TRY(oc__file_read(f, PREFIX_BYTES, length, bytes));
    *at = PREFIX_BYTES + (int64_t)bytes;
    *n = (size_t)length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16
         | (size_t)length[3] << 24;
    if (*n > HEADER_MAX)
        return oc__fail(OC_EINPUT, "%s: offset 8: header length: %zu: exceeds %d", f->path, *n,
                        HEADER_MAX);
    return OC_OK;
}

static oc_status read_header(const struct file *f, oc_tensor *t, int64_t *data_at)
{
    int64_t at = 0;
    size_t  n = 0;
    TRY(read_prefix(f, &at, &n));
    char *text = oc__alloc(n, 1);
    if (text == NULL)
        return OC_ELIMIT;
    struct parser p = { .path = f->path, .begin = text, .at = text, .end = text + n,
                        .offset = at };
    oc_status status = oc__file_read(f, at, text, n);
    if (status == OC_OK)
        status = parse_header(&p);
    oc__free(text);
    *t = p.tensor;
    *data_at = at + (int64_t)n;
    return status;
}

/* The bytes of the data, which must be what the file has left. */
static oc_status check_size(const struct file *f, const oc_tensor *t, int64_t at, size_t *bytes)
{
    *bytes = oc_dtype_size(t->dtype);
    for (int i = 0; i < t->shape.rank; i++)
        if (!oc__mul(*bytes, (size_t)t->shape.dim[i], bytes) || *bytes > (size_t)data_max)
            return oc__fail(OC_EINPUT, "%s: shape: dimension %d: %lld: more than %lld bytes",
                            f->path, i, (long long)t->shape.dim[i], (long long)data_max);
    const int64_t need = at + (int64_t)*bytes;
    if (need != f->size)
        return oc__fail(OC_EINPUT, "%s: offset %lld: size: need %lld bytes, have %lld", f->path,
                        (long long)(need < f->size ? need : f->size), (long long)need,
                        (long long)f->size);
    return OC_OK;
}

static oc_status read_array(const struct file *f, oc_tensor *t)
{
    int64_t at;
    size_t  bytes;
    TRY(read_header(f, t, &at));
    TRY(check_size(f, t, at, &bytes));
    t->data = oc__block_alloc(bytes);
    if (t->data == NULL)
        return OC_ELIMIT;
    return oc__file_read(f, at, t->data, bytes);
}

oc_status oc__npy_load(oc_tensor *out, const char *path)
{
    struct file f;
    *out = (oc_tensor){ 0 };
    TRY(oc__file_open(&f, path));
    const oc_status status = read_array(&f, out);
    oc__file_close(&f);
    if (status < 0)
        oc__npy_free(out);
    return status;
}

void oc__npy_free(oc_tensor *t)
{
    oc__block_free(t->data);
    *t = (oc_tensor){ 0 };
}

/* ---- writing ------------------------------------------------------------------------------ */

/* The header, padded so that the data begins at a multiple of 64 bytes. */
static void add_header(const oc_tensor *t, struct str *out)
{
    size_t i = 0;
    while (types[i].dtype != t->dtype)
        i++;
    oc__str_addf(out, "{'descr': %s, 'fortran_order': False, 'shape': (", types[i].text);
    for (int k = 0; k < t->shape.rank; k++)
        oc__str_addf(out, t->shape.rank == 1 ? "%lld," : k ? ", %lld" : "%lld",
                     (long long)t->shape.dim[k]);
    oc__str_addz(out, "), }");
    while ((out->n + 11) % 64)
        oc__str_addz(out, " ");
    oc__str_addz(out, "\n");
}

static oc_status write_array(struct writer *w, const oc_tensor *t, const struct str *header)
{
    const unsigned char prefix[] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0,
                                     (unsigned char)header->n, (unsigned char)(header->n >> 8) };
    TRY(oc__write(w, prefix, sizeof prefix));
    TRY(oc__write(w, header->text, header->n));
    return oc__write(w, t->data, oc_tensor_bytes(t));
}

static oc_status save(const oc_tensor *t, const char *path, bool replace)
{
    struct writer w;
    struct str header = { 0 };
    add_header(t, &header);
    oc_status status = header.failed ? OC_ELIMIT : oc__write_begin(&w, path, -1);
    if (!status)
        status = write_array(&w, t, &header);
    if (!status)
        status = oc__write_commit(&w, replace ? WRITE_REPLACE : WRITE_NEW);
    oc__str_free(&header);
    return status;
}

oc_status oc__npy_save(const oc_tensor *t, const char *path, bool replace)
{
    if (t->dtype != OC_BF16)
        return save(t, path, replace);
    oc_tensor wide = { OC_F32, t->shape, NULL };
    wide.data = oc__block_alloc(oc_tensor_bytes(&wide) + 1);
    if (!wide.data)
        return OC_ELIMIT;
    for (int64_t i = 0; i < oc_shape_count(&t->shape); i++)
        oc_tensor_set(&wide, i, oc_tensor_get(t, i));
    const oc_status status = save(&wide, path, replace);
    oc__block_free(wide.data);
    return status;
}

oc_status oc_tensor_save(const oc_tensor *t, const char *path, bool replace)
{
    return oc__npy_save(t, path, replace);
}

void oc_tensor_free(oc_tensor *t) { oc__npy_free(t); }
