/* file.c — opening and reading files that may be hostile, and telling what they are. */
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

static oc_status not_regular(const char *path)
{
    return oc__fail(OC_EIO, "%s: not a regular file", path);
}

oc_status oc__file_open(struct file *f, const char *path)
{
    *f = (struct file){ .fd = -1, .path = path };
    int fd;
    do
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == ENXIO)                      /* a socket, or a device without a driver */
        return not_regular(path);
    if (fd < 0)
        return oc__fail_errno(errno, "%s: cannot be opened", path);
    struct stat st;
    oc_status status = OC_OK;
    if (fstat(fd, &st) != 0)
        status = oc__fail_errno(errno, "%s: cannot be examined", path);
    else if (!S_ISREG(st.st_mode))
        status = not_regular(path);
    if (status < 0) {
        close(fd);
        return status;
    }
    f->fd = fd;
    f->size = st.st_size;
    return OC_OK;
}

/* Fills what it can; less than n bytes only where the file ends. */
static oc_status read_at(const struct file *f, int64_t offset, char *to, size_t n, size_t *got)
{
    for (*got = 0; *got < n;) {
        const ssize_t r = pread(f->fd, to + *got, n - *got, (off_t)offset + (off_t)*got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return oc__fail_errno(errno, "%s: offset %lld: cannot be read", f->path,
                                  (long long)offset + (long long)*got);
        if (r == 0)
            break;
        *got += (size_t)r;
    }
    return OC_OK;
}

oc_status oc__file_read(const struct file *f, int64_t offset, void *to, size_t n)
{
    assert(offset >= 0);
    if (offset > f->size || n > (uint64_t)(f->size - offset))
        return oc__fail(OC_EINPUT, "%s: offset %lld: truncated: need %zu bytes, have %lld",
                        f->path, (long long)offset, n,
                        (long long)(offset < f->size ? f->size - offset : 0));
    size_t got;
    TRY(read_at(f, offset, to, n, &got));
    if (got < n)
        return oc__fail(OC_EIO, "%s: offset %lld: the file became shorter while it was read",
                        f->path, (long long)offset + (long long)got);
    return OC_OK;
}

void oc__file_close(struct file *f)
{
    if (f->path && f->fd >= 0)                          /* a file of zeros was never opened */
        close(f->fd);
    f->fd = -1;
}

/* Reads the whole file, and a byte past its end, which must not be there. */
static oc_status load_all(const struct file *f, char *data)
{
    size_t more;
    TRY(oc__file_read(f, 0, data, (size_t)f->size));
    TRY(read_at(f, f->size, data + f->size, 1, &more));
    if (more)
        return oc__fail(OC_EIO, "%s: the file became longer while it was read", f->path);
    return OC_OK;
}

oc_status oc__file_load(const char *path, int64_t limit, char **data, size_t *n)
{
    struct file f;
    *data = NULL;
    *n = 0;
    TRY(oc__file_open(&f, path));
    oc_status status = OC_OK;
    char *bytes = NULL;
    if (f.size > limit)
        status = oc__fail(OC_ELIMIT, "%s: %lld bytes exceed the limit of %lld", path,
                          (long long)f.size, (long long)limit);
    else if (!(bytes = oc__alloc_raw((size_t)f.size + 1, 1)))
        status = OC_ELIMIT;
    else
        status = load_all(&f, bytes);
    if (bytes)
        bytes[f.size] = '\0';
    oc__file_close(&f);
    if (status < 0) {
        oc__free(bytes);
        return status;
    }
    *data = bytes;
    *n = (size_t)f.size;
    return OC_OK;
}

static const struct { size_t offset, n; const char *magic, *kind; } kinds[] = {
    { 0, 8, "\x89PNG\r\n\x1a\n", "a PNG" },
    { 0, 3, "\xff\xd8\xff", "a JPEG" },
    { 0, 4, "GIF8", "a GIF" },
    { 8, 4, "WEBP", "a WebP" },
    { 0, 2, "\x1f\x8b", "gzip data" },
    { 0, 4, "PK\x03\x04", "a ZIP archive, as PyTorch's .pt and .pth are" },
    { 0, 2, "\x80\x02", "a Python pickle" },
    { 0, 6, "\x93NUMPY", "a NumPy array" },
    { 0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file" },
    { 0, 16, "SQLite format 3", "an SQLite database" },
    { 0, 4, "\x7f" "ELF", "a program" },
    { 0, 4, "%PDF", "a PDF" },
    { 0, 2, "BM", "a BMP" },
    { 0, 5, "<?xml", "XML" },
    { 0, 14, "<!DOCTYPE html", "a web page" },
    { 0, 3, "\0\0\x08", "IDX data of bytes" },
    { 5, 4, "\0\0\0{", "safetensors" },
    { 0, 1, "{", "JSON" },
    { 0, 1, "[", "JSON" },
};

/* ONNX has no magic; it begins with its version, a small number in field 1, and then the string of
 * field 2 or a message of field 7 or 8. */
static bool looks_like_onnx(const unsigned char *b, size_t n)
{
    return n > 2 && b[0] == 0x08 && b[1] >= 3 && b[1] < 32
        && (b[2] == 0x12 || b[2] == 0x3a || b[2] == 0x42);
}

const char *oc__file_kind(const void *bytes, size_t n)
{
    const char *const b = bytes;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t end = kinds[i].offset + kinds[i].n;
        if (n >= end && memcmp(b + kinds[i].offset, kinds[i].magic, kinds[i].n) == 0)
            return kinds[i].kind;
    }
    return looks_like_onnx(bytes, n) ? "an ONNX model" : NULL;
}

bool oc__names_onnx(const char *word)
{
    const char *const dot = strrchr(word, '.');
    struct file f;
    unsigned char head[16];
    const char *kind = NULL;
    if (dot && !strcmp(dot, ".onnx"))
        return true;
    if (!oc__is_file(word) || oc__file_open(&f, word) < 0)
        return false;
    if (f.size >= (int64_t)sizeof head && oc__file_read(&f, 0, head, sizeof head) == OC_OK)
        kind = oc__file_kind(head, sizeof head);
    oc__file_close(&f);
    return kind && strstr(kind, "ONNX");
}
