/* torch.c — what the names in PyTorch's pickles stand for, and how tensors become weights. */
#include "format/torch.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/str.h"
#include "format/pickle.h"
#include "format/zip.h"

enum { PICKLE_MAX = 16 << 20, DEPTH_MAX = 16, VISITS_MAX = 1 << 21 };

bool oc__torch_is(const unsigned char *head, size_t n)
{
    return n >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "\x80\x02\x8a\x0a", 4) == 0);
}

/* ---- what names stand for ------------------------------------------------------------------- */

struct storage { const struct stored_type *type; int64_t begin, count; };
struct tensor_view {
    const struct storage *storage;
    oc_shape              shape;
    int64_t               first, stride[OC_MAX_RANK];   /* in elements */
    int64_t               described_at;
};

struct reading {
    struct weights *w;
    struct zip      zip;
    char            folder[WEIGHTS_NAME_MAX];           /* "archive/" */
    int64_t         gathered, visits;                   /* bytes; items walked over */
};

/* A storage type by its name in the safetensors format, or something to be called. */
struct known {
    const char *module, *name, *type;
    oc_status (*make)(struct pickle *p, const struct sequence *arguments, struct item *out);
};

static oc_status read_sizes(struct pickle *p, const struct item *item, int *n,
                            int64_t size[OC_MAX_RANK])
{
    if (item->kind != ITEM_TUPLE || item->sequence->n > OC_MAX_RANK)
        return oc__pickle_fail(p, "a tensor has a shape of up to %d dimensions", OC_MAX_RANK);
    *n = item->sequence->n;
    for (int i = 0; i < *n; i++) {
        const struct item *const v = &item->sequence->item[i];
        if (v->kind != ITEM_INTEGER || v->integer < 0)
            return oc__pickle_fail(p, "a tensor's sizes and strides are whole numbers from 0");
        size[i] = v->integer;
    }
    return OC_OK;
}

/* Every element that the view reaches must be one of the storage's. */
static oc_status check_view(struct pickle *p, const struct tensor_view *t)
{
    int64_t last = t->first;
    size_t count = 1;
    bool good = true, empty = false;
    for (int i = 0; i < t->shape.rank; i++) {
        int64_t reach;
        empty |= t->shape.dim[i] == 0;
        good &= oc__mul(count, (size_t)t->shape.dim[i], &count)
                && !__builtin_mul_overflow(t->shape.dim[i] - 1, t->stride[i], &reach)
                && !__builtin_add_overflow(last, reach, &last);
    }
    if (empty || (good && last < t->storage->count && count <= (size_t)t->storage->count))
        return OC_OK;
    return oc__pickle_fail(p, "a tensor does not fit its storage of %lld elements",
                           (long long)t->storage->count);
}

/* _rebuild_tensor_v2(storage, first, sizes, strides, requires_grad, hooks, …) */
static oc_status make_tensor(struct pickle *p, const struct sequence *arguments, struct item *out)
{
    const struct item *const a = arguments->item;
    int strides;
    if (arguments->n < 4 || a[0].kind != ITEM_STORAGE || a[1].kind != ITEM_INTEGER
        || a[1].integer < 0)
        return oc__pickle_fail(p, "a tensor wants a storage, an offset, sizes and strides");
    struct tensor_view *const t = oc__pool_alloc(p->pool, sizeof *t);
    if (!t)
        return OC_ELIMIT;
    *t = (struct tensor_view){ .storage = a[0].object, .first = a[1].integer,
                               .described_at = p->offset + (int64_t)p->opcode_at };
    TRY(read_sizes(p, &a[2], &t->shape.rank, t->shape.dim));
    TRY(read_sizes(p, &a[3], &strides, t->stride));
    if (strides != t->shape.rank)
        return oc__pickle_fail(p, "a tensor has %d sizes and %d strides", t->shape.rank, strides);
    TRY(check_view(p, t));
    *out = (struct item){ .kind = ITEM_TENSOR, .object = t };
    return OC_OK;
}

/* _rebuild_parameter(tensor, requires_grad, hooks) */
static oc_status make_parameter(struct pickle *p, const struct sequence *arguments,
                                struct item *out)
{
    if (arguments->n < 1 || arguments->item[0].kind != ITEM_TENSOR)
        return oc__pickle_fail(p, "a parameter wants a tensor");
    *out = arguments->item[0];
    return OC_OK;
}

static oc_status make_dictionary(struct pickle *p, const struct sequence *arguments,
                                 struct item *out)
{
    if (arguments->n)
        return oc__pickle_fail(p, "an ordered dictionary begins empty");
    struct sequence *const s = oc__pool_alloc(p->pool, sizeof *s);
    *out = (struct item){ .kind = ITEM_DICT, .sequence = s };
    return s ? OC_OK : OC_ELIMIT;
}

static const struct known known[] = {
    { "collections", "OrderedDict", NULL, make_dictionary },
    { "torch._utils", "_rebuild_tensor_v2", NULL, make_tensor },
    { "torch._utils", "_rebuild_parameter", NULL, make_parameter },
    { "torch", "FloatStorage", "F32", NULL },
    { "torch", "DoubleStorage", "F64", NULL },
    { "torch", "HalfStorage", "F16", NULL },
    { "torch", "BFloat16Storage", "BF16", NULL },
    { "torch", "LongStorage", "I64", NULL },
    { "torch", "IntStorage", "I32", NULL },
    { "torch", "ShortStorage", "I16", NULL },
    { "torch", "CharStorage", "I8", NULL },
    { "torch", "ByteStorage", "U8", NULL },
    { "torch", "BoolStorage", "BOOL", NULL },
    { "torch", "ComplexFloatStorage", "C64", NULL },
};

static const void *find_known(const char *module, const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].module, module) && !strcmp(known[i].name, name))
            return &known[i];
    return NULL;
}

static oc_status call_known(struct pickle *p, const void *object, const struct sequence *arguments,
                            struct item *out)
{
    const struct known *const k = object;
    return k->make ? k->make(p, arguments, out)
                   : oc__pickle_fail(p, "%s is a type, not to be called", k->name);
}

/* ('storage', type, key, device, count): the bytes of the entry data/key. */
static oc_status find_storage(struct pickle *p, const struct item *id, struct item *out)
{
    const struct reading *const r = p->context;
    const struct item *const a = id->kind == ITEM_TUPLE ? id->sequence->item : NULL;
    char name[2 * WEIGHTS_NAME_MAX];
    size_t bytes;
    if (!a || id->sequence->n != 5 || a[0].kind != ITEM_TEXT || strcmp(a[0].text, "storage") != 0
        || a[1].kind != ITEM_GLOBAL || a[2].kind != ITEM_TEXT || a[4].kind != ITEM_INTEGER
        || a[4].integer < 0 || !((const struct known *)a[1].object)->type)
        return oc__pickle_fail(p, "wants ('storage', type, key, device, count)");
    struct storage *const s = oc__pool_alloc(p->pool, sizeof *s);
    if (!s)
        return OC_ELIMIT;
    snprintf(name, sizeof name, "%sdata/%.*s", r->folder, WEIGHTS_NAME_MAX - 16, a[2].text);
    const struct zip_entry *const e = oc__zip_find(&r->zip, name);
    if (!e)
        return oc__pickle_fail(p, "the archive has no entry %s", oc__quote_z(name));
    s->type = oc__stored_type(((const struct known *)a[1].object)->type);
    s->begin = e->begin;
    s->count = a[4].integer;
    if (!oc__mul((size_t)s->count, (size_t)s->type->bits / 8, &bytes) || bytes > (size_t)e->size)
        return oc__pickle_fail(p, "%s: %lld elements do not fit %lld bytes", oc__quote_z(name),
                               (long long)s->count, (long long)e->size);
    *out = (struct item){ .kind = ITEM_STORAGE, .object = s };
    return OC_OK;
}

static const struct pickle_host host = { find_known, call_known, find_storage };

/* ---- tensors become weights ------------------------------------------------------------------ */

static bool in_order(const struct tensor_view *t)
{
    int64_t step = 1;
    for (int i = t->shape.rank - 1; i >= 0; i--) {
        if (t->shape.dim[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->shape.dim[i];
    }
    return true;
}

/* Copies the elements out of `from`, the storage's bytes, in row-major order. */
static void gather(const struct tensor_view *t, size_t size, const char *from, char *to)
{
    int64_t index[OC_MAX_RANK] = { 0 };
    for (int64_t i = 0; i < oc_shape_count(&t->shape); i++) {
        int64_t place = t->first;
        for (int k = 0; k < t->shape.rank; k++)
            place += index[k] * t->stride[k];
        memcpy(to + (size_t)i * size, from + (size_t)place * size, size);
        for (int k = t->shape.rank - 1; k >= 0 && ++index[k] == t->shape.dim[k]; k--)
            index[k] = 0;
    }
}

/* All gathered tensors together take no more memory than the file has bytes. */
static oc_status load_gathered(struct reading *r, const struct tensor_view *t, struct weight *out)
{
    const size_t size = (size_t)t->storage->type->bits / 8;
    const size_t all = (size_t)t->storage->count * size;
    r->gathered += out->end;
    if (r->gathered > r->w->file.size)
        return oc__weights_fail(r->w, out, "views of storages take more room than the file");
    char *const to = oc__pool_alloc(&r->w->pool, (size_t)out->end + 1);
    char *const from = oc__alloc(all + 1, 1);
    oc_status status = to && from ? OC_OK : OC_ELIMIT;
    if (!status)
        status = oc__file_read(&r->w->file, t->storage->begin, from, all);
    if (!status)
        gather(t, size, from, to);
    oc__free(from);
    out->data = to;
    return status;
}

static oc_status add_tensor(struct reading *r, const char *name, const struct tensor_view *t)
{
    const struct stored_type *const type = t->storage->type;
    const int64_t size = type->bits / 8, count = oc_shape_count(&t->shape);
    struct weight *const out = oc__weights_add(r->w);
    char *const copy = oc__pool_strdup(&r->w->pool, name);
    if (!out || !copy)
        return OC_ELIMIT;
    const bool plain = count == 0 || in_order(t);
    const int64_t begin = plain && count ? t->storage->begin + t->first * size : 0;
    *out = (struct weight){ .name = copy, .type = type->name, .dtype = type->dtype,
                            .shape = t->shape, .begin = begin, .end = begin + count * size,
                            .described_at = t->described_at };
    return plain ? OC_OK : load_gathered(r, t, out);
}

/* Makes "prefix.key" of a key that is a text or a number; false for other keys. */
static bool key_text(const struct item *key, struct str *name)
{
    if (key->kind == ITEM_TEXT)
        oc__str_addz(name, key->text);
    else if (key->kind == ITEM_INTEGER)
        oc__str_addf(name, "%lld", (long long)key->integer);
    return key->kind == ITEM_TEXT || key->kind == ITEM_INTEGER;
}

static oc_status walk(struct reading *r, const struct item *item, struct str *name, int depth);

static oc_status walk_members(struct reading *r, const struct item *item, struct str *name,
                              int depth)
{
    const struct sequence *const s = item->sequence;
    const size_t n = name->n;
    const int step = item->kind == ITEM_DICT ? 2 : 1;
    for (int i = 0; i + step <= s->n; i += step) {
        const struct item number = { .kind = ITEM_INTEGER, .integer = i };
        if (n)
            oc__str_addz(name, ".");
        if (key_text(step == 2 ? &s->item[i] : &number, name))
            TRY(walk(r, &s->item[i + step - 1], name, depth + 1));
        if (name->failed)
            return OC_ELIMIT;
        if (name->text)
            name->text[name->n = n] = '\0';
    }
    return OC_OK;
}

static oc_status walk(struct reading *r, const struct item *item, struct str *name, int depth)
{
    const char *const path = r->w->path;
    if (++r->visits > VISITS_MAX)
        return oc__fail(OC_ELIMIT, "%s: pickle: more than %d items", path, VISITS_MAX);
    if (item->kind == ITEM_TENSOR) {
        if (name->n == 0 || name->n > WEIGHTS_NAME_MAX)
            return oc__fail(OC_EINPUT, "%s: pickle: a tensor's name has %zu bytes, wants 1 to %d",
                            path, name->n, WEIGHTS_NAME_MAX);
        return add_tensor(r, oc__str_text(name), item->object);
    }
    if (item->kind != ITEM_DICT && item->kind != ITEM_LIST && item->kind != ITEM_TUPLE)
        return OC_OK;
    if (depth == DEPTH_MAX)
        return oc__fail(OC_EINPUT, "%s: pickle: nested deeper than %d", path, DEPTH_MAX);
    return walk_members(r, item, name, depth);
}

/* The dictionary of weights in what was saved. */
static const struct item *weights_of(const struct item *root)
{
    static const char *const names[] = { "state_dict", "model_state_dict", "model", "net",
                                        "network", "weights" };
    for (size_t i = 0; i < sizeof names / sizeof *names && root->kind == ITEM_DICT; i++) {
        const struct item *const found = oc__pickle_value(root, names[i]);
        if (found && found->kind == ITEM_DICT)
            return found;
    }
    return root;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* The pickle is the entry data.pkl in the archive's one folder. */
static oc_status find_pickle(struct reading *r, const struct zip_entry **out)
{
    for (int i = 0; i < r->zip.n; i++) {
        const char *const name = r->zip.entry[i].name, *const slash = strchr(name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0)
            continue;
        snprintf(r->folder, sizeof r->folder, "%.*s", (int)(slash + 1 - name), name);
        *out = &r->zip.entry[i];
        return OC_OK;
    }
    return oc__fail(OC_EINPUT, "%s: archive: no entry data.pkl: not written by torch.save()",
                    r->w->path);
}

static oc_status check_byte_order(const struct reading *r)
{
    char name[WEIGHTS_NAME_MAX + 16], order[8] = { 0 };
    snprintf(name, sizeof name, "%sbyteorder", r->folder);
    const struct zip_entry *const e = oc__zip_find(&r->zip, name);
    if (!e)
        return OC_OK;                                   /* older versions, little-endian */
    if (e->size == 6)
        TRY(oc__file_read(&r->w->file, e->begin, order, 6));
    if (strcmp(order, "little") == 0)
        return OC_OK;
    return oc__fail(OC_EINPUT, "%s: offset %lld: byteorder: little is read, this is %s",
                    r->w->path, (long long)e->begin, oc__quote_z(order));
}

static oc_status run_pickle(struct reading *r, const struct zip_entry *e, unsigned char *text,
                            struct pool *pool)
{
    struct pickle p = { .host = &host, .context = r, .path = r->w->path, .text = text,
                        .n = (size_t)e->size, .offset = e->begin, .pool = pool };
    struct str name = { 0 };
    struct item root;
    TRY(oc__file_read(&r->w->file, e->begin, text, p.n));
    TRY(oc__pickle_run(&p, &root));
    const oc_status status = walk(r, weights_of(&root), &name, 0);
    oc__str_free(&name);
    return status;
}

static oc_status read_archive(struct reading *r)
{
    const struct zip_entry *e = NULL;
    struct pool pool = { 0 };
    TRY(find_pickle(r, &e));
    TRY(check_byte_order(r));
    if (e->size > PICKLE_MAX)
        return oc__fail(OC_ELIMIT, "%s: pickle: %lld bytes, %d at most are read", r->w->path,
                        (long long)e->size, PICKLE_MAX);
    unsigned char *const text = oc__alloc((size_t)e->size + 1, 1);
    oc_status status = text ? run_pickle(r, e, text, &pool) : OC_ELIMIT;
    oc__free(text);
    oc__pool_free(&pool);
    return status ? status : oc__weights_index(r->w);
}

static oc_status open_file(struct reading *r)
{
    unsigned char head[4] = { 0 };
    struct pool names = { 0 };
    TRY(oc__file_open(&r->w->file, r->w->path));
    TRY(oc__file_read(&r->w->file, 0, head, sizeof head));
    if (head[0] == 0x80)
        return oc__fail(OC_EINPUT, "%s: the form of PyTorch before 1.6, which is not read: load it "
                                   "there and torch.save() it anew", r->w->path);
    oc_status status = oc__zip_open(&r->zip, &r->w->file, &names);
    if (!status)
        status = read_archive(r);
    oc__zip_close(&r->zip);
    oc__pool_free(&names);
    return status;
}

oc_status oc__torch_open(struct weights *w, const char *path)
{
    struct reading r = { .w = w };
    TRY(oc__weights_begin(w, path, "torch"));
    const oc_status status = open_file(&r);
    if (status)
        oc__weights_close(w);
    return status;
}
