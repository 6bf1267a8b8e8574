/* idx.c — reads IDX files and believes nothing that their header says before it is checked. */
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "data/idx.h"

enum { TYPE_UBYTE = 0x08, LABELS_AT = 8 };

static const int64_t bytes_max = (int64_t)1 << 32;

/* ---- header ------------------------------------------------------------------------------- */

/* Says what the file looks like instead. */
static oc_status not_idx(const struct idx_reader *r, const uint8_t *magic)
{
    uint8_t       head[16] = { 0 };
    const int64_t n = r->in.file.size < 16 ? r->in.file.size : 16;
    const char   *kind = NULL;
    if (!r->in.compressed && oc__file_read(&r->in.file, 0, head, (size_t)n) == OC_OK)
        kind = oc__file_kind(head, (size_t)n);
    return oc__fail(OC_EINPUT, "%s: offset 0: magic: %02x%02x%02x%02x: not an IDX file%s%s",
                    r->in.file.path, magic[0], magic[1], magic[2], magic[3],
                    kind != NULL ? ": this is " : "", kind != NULL ? kind : "");
}

static oc_status check_magic(const struct idx_reader *r, const uint8_t *magic, int wanted)
{
    const char *path = r->in.file.path;
    if (magic[0] != 0 || magic[1] != 0)
        return not_idx(r, magic);
    if (magic[2] != TYPE_UBYTE)
        return oc__fail(OC_EINPUT, "%s: offset 2: type: 0x%02x: must be 0x08, unsigned bytes",
                        path, magic[2]);
    if (magic[3] < 1 || magic[3] > IDX_RANK_MAX)
        return oc__fail(OC_EINPUT, "%s: offset 3: rank: %d: must be from 1 to %d", path, magic[3],
                        IDX_RANK_MAX);
    if (wanted > 0 && magic[3] != wanted)
        return oc__fail(OC_EINPUT, "%s: offset 3: rank: %d: must be %d%s", path, magic[3], wanted,
                        magic[3] == 1 ? " (this is a file of labels)"
                        : magic[3] == 3 ? " (this is a file of images)" : "");
    return OC_OK;
}

static oc_status read_dimensions(struct idx_reader *r)
{
    uint8_t raw[4];
    size_t  bytes = 1;
    for (int i = 0; i < r->rank; i++) {
        TRY(oc__gunzip_read(&r->in, raw, sizeof raw));
        r->dim[i] = (int64_t)raw[0] << 24 | raw[1] << 16 | raw[2] << 8 | raw[3];
        if (r->dim[i] == 0)
            return oc__fail(OC_EINPUT, "%s: offset %d: dimension %d: 0: must be at least 1",
                            r->in.file.path, 4 + 4 * i, i);
        if (!oc__mul(bytes, (size_t)r->dim[i], &bytes) || bytes > INT64_MAX / 2)
            return oc__fail(OC_EINPUT, "%s: offset %d: dimension %d: %lld: the product wraps",
                            r->in.file.path, 4 + 4 * i, i, (long long)r->dim[i]);
    }
    r->bytes = (int64_t)bytes;
    return OC_OK;
}

/* Before a byte is allocated: can the file hold what its header promises? */
static oc_status check_size(const struct idx_reader *r)
{
    const int64_t need = r->in.at + r->bytes, most = oc__gunzip_most(&r->in);
    if (need > most)
        return oc__fail(OC_EINPUT, "%s: offset 4: dimensions: need %lld bytes, have %lld",
                        r->in.file.path, (long long)need, (long long)most);
    if (!r->in.compressed && need < most)
        return oc__fail(OC_EINPUT, "%s: offset %lld: %lld byte%s after the end of the data",
                        r->in.file.path, (long long)need, (long long)(most - need),
                        oc__plural(most - need));
    if (r->bytes > bytes_max)
        return oc__fail(OC_ELIMIT, "%s: offset 4: dimensions: %lld bytes exceed %lld",
                        r->in.file.path, (long long)r->bytes, (long long)bytes_max);
    return OC_OK;
}

static oc_status read_header(struct idx_reader *r, int rank)
{
    uint8_t magic[4];
    if (r->in.file.size > 2 * bytes_max)
        return oc__fail(OC_ELIMIT, "%s: %lld bytes exceed %lld", r->in.file.path,
                        (long long)r->in.file.size, (long long)(2 * bytes_max));
    TRY(oc__gunzip_read(&r->in, magic, sizeof magic));
    TRY(check_magic(r, magic, rank));
    r->rank = magic[3];
    TRY(read_dimensions(r));
    return check_size(r);
}

/* ---- use ---------------------------------------------------------------------------------- */

oc_status oc__idx_open(struct idx_reader *r, const char *path, int rank)
{
    *r = (struct idx_reader){ .in = { .file = { .fd = -1 } } };
    TRY(oc__gunzip_open(&r->in, path));
    const oc_status status = read_header(r, rank);
    if (status < 0)
        oc__idx_close(r);
    return status;
}

oc_status oc__idx_read(struct idx_reader *r, uint8_t *to)
{
    TRY(oc__gunzip_read(&r->in, to, r->bytes));
    return oc__gunzip_end(&r->in);
}

void oc__idx_close(struct idx_reader *r)
{
    oc__gunzip_close(&r->in);
}

oc_status oc__idx_check_labels(const char *path, const uint8_t *label, int64_t n, int classes)
{
    for (int64_t i = 0; i < n; i++)
        if (label[i] >= classes)
            return oc__fail(OC_EINPUT, "%s: offset %lld: label[%lld]: %d: must be below %d", path,
                            (long long)(LABELS_AT + i), (long long)i, label[i], classes);
    return OC_OK;
}

static oc_status read_alone(struct idx *out, struct idx_reader *r, int classes)
{
    *out = (struct idx){ .rank = r->rank, .data = oc__block_alloc((size_t)r->bytes) };
    if (out->data == NULL)
        return OC_ELIMIT;
    for (int i = 0; i < r->rank; i++)
        out->dim[i] = r->dim[i];
    TRY(oc__idx_read(r, out->data));
    return classes > 0 ? oc__idx_check_labels(r->in.file.path, out->data, r->bytes, classes)
                       : OC_OK;
}

oc_status oc__idx_load(struct idx *out, const char *path, int rank, int classes)
{
    struct idx_reader r;
    *out = (struct idx){ 0 };
    TRY(oc__idx_open(&r, path, rank));
    const oc_status status = read_alone(out, &r, classes);
    oc__idx_close(&r);
    if (status < 0)
        oc__idx_free(out);
    return status;
}

void oc__idx_free(struct idx *idx)
{
    oc__block_free(idx->data);
    *idx = (struct idx){ 0 };
}
