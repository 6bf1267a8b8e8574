/* onnx_tensor.c — see onnx_tensor.h. */
#include "format/onnx_tensor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/status.h"
#include "base/str.h"
#include "format/npy.h"
#include "op/onnx.h"

oc_status oc__onnx_source_open(struct onnx_source *s, const struct file *model)
{
    *s = (struct onnx_source){ .model = model, .other = { .fd = -1 } };
    s->window = oc__alloc(PB_WINDOW, 1);
    return s->window ? OC_OK : OC_ELIMIT;
}

static void close_other(struct onnx_source *s)
{
    if (s->other.fd >= 0)
        oc__file_close(&s->other);
    s->other.fd = -1;
    oc__free(s->other_name);
    s->other_name = NULL;
}

void oc__onnx_source_close(struct onnx_source *s)
{
    close_other(s);
    oc__free(s->window);
}

/* "model.onnx: initializer 'w': ". */
static oc_status refuse(const struct onnx_source *s, const struct onnx_tensor *t, const char *what,
                        oc_status status, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static oc_status refuse(const struct onnx_source *s, const struct onnx_tensor *t, const char *what,
                        oc_status status, const char *format, ...)
{
    struct str text = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&text, format, arguments);
    va_end(arguments);
    oc__fail(status, "%s: %s %s: %s", s->model->path, what, oc__quote_z(t->name ? t->name : ""),
             oc__str_text(&text));
    oc__str_free(&text);
    return status;
}

/* ---- files beside the model --------------------------------------------------------------- */

/* Where the data of a tensor lies in another file; length -1: up to its end. */
struct place { const char *location; int64_t offset, length; };

static bool read_count(const char *text, int64_t *out)
{
    int64_t v = 0;
    if (!*text)
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, *text - '0', &v))
            return false;
    *out = v;
    return true;
}

static oc_status find_place(const struct onnx_source *s, const struct onnx_tensor *t,
                            const char *what, struct place *p)
{
    *p = (struct place){ NULL, 0, -1 };
    for (int i = 0; i < t->external_data.n; i++) {
        const struct onnx_pair *const pair = LIST_AT(struct onnx_pair, t->external_data, i);
        const char *const key = pair->key ? pair->key : "", *value = pair->value;
        bool good = value != NULL;
        if (!strcmp(key, "location"))
            p->location = value;
        else if (!strcmp(key, "offset"))
            good = good && read_count(value, &p->offset);
        else if (!strcmp(key, "length"))
            good = good && read_count(value, &p->length);
        else if (strcmp(key, "checksum") != 0)
            return refuse(s, t, what, OC_EINPUT, "external_data: unknown key %s",
                          oc__quote_z(key));
        if (!good)
            return refuse(s, t, what, OC_EINPUT, "external_data: %s: %s is no sound value", key,
                          oc__quote_z(value ? value : ""));
    }
    if (!p->location || !*p->location)
        return refuse(s, t, what, OC_EINPUT, "external_data: location is missing");
    return OC_OK;
}

/* Opens a path beneath the folder of the model, and nowhere else. */
static oc_status open_beneath(const struct onnx_source *s, const struct onnx_tensor *t,
                              const char *what, const char *location, int *fd)
{
    int folder;
    struct stat st;
    struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
    TRY(oc__open_parent(s->model->path, &folder));
    *fd = (int)syscall(SYS_openat2, folder, location, &how, sizeof how);
    const int error = errno;
    close(folder);
    if (*fd < 0 && (error == EXDEV || error == ELOOP))
        return refuse(s, t, what, OC_EINPUT,
                      "external_data: location: %s leaves the folder of the model",
                      oc__quote_z(location));
    if (*fd < 0)
        return refuse(s, t, what, error == ENOMEM ? OC_ELIMIT : OC_EIO,
                      "external_data: location: %s: %s", oc__quote_z(location), strerror(error));
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        close(*fd);
        return refuse(s, t, what, OC_EINPUT,
                      "external_data: location: %s is not a regular file with one name",
                      oc__quote_z(location));
    }
    return OC_OK;
}

/* The file that holds `bytes` of the tensor, and where in it. */
static oc_status open_other(struct onnx_source *s, const struct onnx_tensor *t, const char *what,
                            size_t bytes, int64_t *at)
{
    struct place p;
    struct stat st;
    TRY(find_place(s, t, what, &p));
    if (!s->other_name || strcmp(s->other_name, p.location) != 0) {
        int fd;
        close_other(s);
        TRY(open_beneath(s, t, what, p.location, &fd));
        s->other = (struct file){ .fd = fd };
        s->other_name = oc__strdup(p.location);
        if (!s->other_name || fstat(fd, &st) != 0) {
            close_other(s);
            return OC_ELIMIT;
        }
        s->other.size = st.st_size;
        s->other.path = s->other_name;
    }
    const int64_t left = s->other.size - p.offset;
    if (p.length >= 0 && (uint64_t)p.length != bytes)
        return refuse(s, t, what, OC_EINPUT, "external_data: length %lld where %zu are needed",
                      (long long)p.length, bytes);
    if (left < 0 || (uint64_t)left < bytes)
        return refuse(s, t, what, OC_EINPUT,
                      "external_data: offset %lld and %zu bytes pass the end of %s",
                      (long long)p.offset, bytes, oc__quote_z(p.location));
    *at = p.offset;
    return OC_OK;
}

/* ---- what a tensor is --------------------------------------------------------------------- */

/* The list that holds the numbers of each type, and their width there (0: varints). */
static const struct pb_data *typed_data(const struct onnx_tensor *t, oc_dtype type, int *width)
{
    *width = type == OC_F32 ? 4 : type == OC_F64 ? 8 : 0;
    if (type == OC_F32)
        return &t->float_data;
    if (type == OC_F64)
        return &t->double_data;
    if (type == OC_I64)
        return &t->int64_data;
    return type == OC_U64 || type == OC_U32 ? &t->uint64_data : &t->int32_data;
}

static oc_status check_type(const struct onnx_source *s, const struct onnx_tensor *t,
                            const char *what, oc_dtype *dtype)
{
    const int type = oc__onnx_dtype(t->data_type.v);
    const char *const name = oc__onnx_type_name(t->data_type.v);
    if (type < 0)
        return refuse(s, t, what, OC_EINPUT, "data_type: %lld%s%s is not one of ours",
                      (long long)t->data_type.v, name ? ", " : "", name ? name : "");
    *dtype = (oc_dtype)type;
    return OC_OK;
}

static oc_status check_dims(const struct onnx_source *s, const struct onnx_tensor *t,
                            const char *what, size_t size, oc_shape *shape)
{
    size_t bytes = size;
    if (t->dims.n > OC_MAX_RANK)
        return refuse(s, t, what, OC_EINPUT, "dims: %d dimensions, at most %d are possible",
                      t->dims.n, OC_MAX_RANK);
    shape->rank = t->dims.n;
    for (int i = 0; i < t->dims.n; i++) {
        const int64_t d = shape->dim[i] = *LIST_AT(int64_t, t->dims, i);
        if (d < 0)
            return refuse(s, t, what, OC_EINPUT, "dims[%d]: %lld is negative", i, (long long)d);
        if (d && (!oc__mul(bytes, (size_t)d, &bytes) || bytes > INT64_MAX / 2))
            return refuse(s, t, what, OC_EINPUT, "dims[%d]: %lld: the size cannot be counted", i,
                          (long long)d);
    }
    return OC_OK;
}

static bool is_external(const struct onnx_tensor *t) { return t->data_location.v == 1; }

oc_status oc__onnx_tensor_check(const struct onnx_source *s, const struct onnx_tensor *t,
                                const char *what, oc_dtype *dtype, oc_shape *shape)
{
    int width;
    TRY(check_type(s, t, what, dtype));
    TRY(check_dims(s, t, what, oc_dtype_size(*dtype), shape));
    const size_t bytes = oc_tensor_bytes(&(oc_tensor){ *dtype, *shape, NULL });
    const struct pb_data *const typed = typed_data(t, *dtype, &width);
    if (is_external(t))
        return OC_OK;
    if (t->raw_data.begin && typed->begin && t->raw_data.size && typed->size)
        return refuse(s, t, what, OC_EINPUT, "raw_data and a list of numbers are both given");
    if (t->raw_data.begin && (t->raw_data.size || !typed->begin)) {
        if ((uint64_t)t->raw_data.size != bytes)
            return refuse(s, t, what, OC_EINPUT, "raw_data: %lld bytes where dims need %zu",
                          (long long)t->raw_data.size, bytes);
    } else if (width && typed->packed && (uint64_t)typed->size != bytes) {
        return refuse(s, t, what, OC_EINPUT, "%lld bytes of numbers where dims need %zu",
                      (long long)typed->size, bytes);
    } else if ((uint64_t)typed->size < bytes / oc_dtype_size(*dtype)) {
        return refuse(s, t, what, OC_EINPUT, "fewer numbers than the %zu that dims need",
                      bytes / oc_dtype_size(*dtype));
    }
    return OC_OK;
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Stores the low bytes of `bits`, which is how every type lies in the lists. */
static oc_status read_typed(struct onnx_source *s, const struct onnx_tensor *t, const char *what,
                            const oc_tensor *into)
{
    int width;
    const struct pb_data *const data = typed_data(t, into->dtype, &width);
    const size_t size = oc_dtype_size(into->dtype);
    const int64_t count = oc_shape_count(&into->shape);
    struct pb_numbers numbers;
    int64_t n = 0;
    if (width && data->packed)
        return oc__file_read(s->model, data->begin, into->data, (size_t)data->size);
    oc__pb_numbers(&numbers, s->model, data, width, s->window);
    for (;; n++) {
        uint64_t bits;
        bool more;
        TRY(oc__pb_next(&numbers, &bits, &more));
        if (!more || n == count)
            break;
        memcpy((char *)into->data + (size_t)n * size, &bits, size);
    }
    if (n != count || numbers.at != numbers.end)
        return refuse(s, t, what, OC_EINPUT, "the list has not the %lld numbers of dims",
                      (long long)count);
    return OC_OK;
}

oc_status oc__onnx_tensor_read(struct onnx_source *s, const struct onnx_tensor *t,
                               const char *what, const oc_tensor *into)
{
    const size_t bytes = oc_tensor_bytes(into);
    int64_t at = 0;
    if (is_external(t)) {
        TRY(open_other(s, t, what, bytes, &at));
        return oc__file_read(&s->other, at, into->data, bytes);
    }
    if (bytes && t->raw_data.begin && t->raw_data.size)
        return oc__file_read(s->model, t->raw_data.begin, into->data, bytes);
    return bytes ? read_typed(s, t, what, into) : OC_OK;
}

static oc_status load_tensor(const struct file *f, struct pool *pool, oc_tensor *out)
{
    struct onnx_tensor *const t = oc__pool_alloc(pool, sizeof *t);
    struct onnx_source source;
    if (!t)
        return OC_ELIMIT;
    TRY(oc__pb_read(f, &oc__onnx_tensor_message, t, pool));
    TRY(oc__onnx_source_open(&source, f));
    oc_status status = oc__onnx_tensor_check(&source, t, "tensor", &out->dtype, &out->shape);
    if (!status && !(out->data = oc__block_alloc(oc_tensor_bytes(out) + 1)))
        status = OC_ELIMIT;
    if (!status)
        status = oc__onnx_tensor_read(&source, t, "tensor", out);
    oc__onnx_source_close(&source);
    return status;
}

oc_status oc__onnx_tensor_load(oc_tensor *out, const char *path)
{
    struct file f;
    struct pool pool = { 0 };
    *out = (oc_tensor){ 0 };
    TRY(oc__file_open(&f, path));
    const oc_status status = load_tensor(&f, &pool, out);
    oc__pool_free(&pool);
    oc__file_close(&f);
    if (status) {
        oc__block_free(out->data);
        out->data = NULL;
    }
    return status;
}

oc_status oc_tensor_load(oc_tensor *out, const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && !strcmp(dot, ".pb") ? oc__onnx_tensor_load(out, path) : oc__npy_load(out, path);
}
