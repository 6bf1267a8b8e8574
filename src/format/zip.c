/* zip.c — reads the directory of a ZIP archive, trusting no number in it. */
#include "format/zip.h"

#include <string.h>

#include "base/status.h"

enum {
    END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, LOCAL_SIZE = 30, ENTRY_SIZE = 46,
    COMMENT_MAX = 65535, DIRECTORY_MAX = 64 << 20, ENTRIES_MAX = 1 << 20, NAME_MAX_BYTES = 1024,
};

static uint64_t little(const unsigned char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static bool begins(const unsigned char *p, const char signature[4])
{
    return memcmp(p, signature, 4) == 0;
}

static oc_status fail_at(const struct file *f, int64_t offset, const char *what)
{
    return oc__fail(OC_EINPUT, "%s: offset %lld: archive: %s", f->path, (long long)offset, what);
}

/* Where the directory is, as the end record or its ZIP64 form has it. */
struct directory { uint64_t entries, size, begin; };

static oc_status read_end64(const struct file *f, int64_t end, struct directory *d)
{
    unsigned char locator[LOCATOR_SIZE], record[END64_SIZE];
    if (end < LOCATOR_SIZE)
        return fail_at(f, end, "the ZIP64 record is missing");
    TRY(oc__file_read(f, end - LOCATOR_SIZE, locator, sizeof locator));
    const uint64_t at = little(locator + 8, 8);
    if (!begins(locator, "PK\6\7") || at > (uint64_t)(end - LOCATOR_SIZE))
        return fail_at(f, end - LOCATOR_SIZE, "the ZIP64 record is missing");
    TRY(oc__file_read(f, (int64_t)at, record, sizeof record));
    if (!begins(record, "PK\6\6"))
        return fail_at(f, (int64_t)at, "this is no ZIP64 record");
    *d = (struct directory){ little(record + 32, 8), little(record + 40, 8),
                             little(record + 48, 8) };
    return OC_OK;
}

/* The end record is the last of its signature whose comment reaches to the end of the file. */
static oc_status find_end(const struct file *f, struct directory *d, int64_t *end)
{
    static const char missing[] = "no end record: truncated, or no ZIP archive";
    const int64_t n = f->size < END_SIZE + COMMENT_MAX ? f->size : END_SIZE + COMMENT_MAX;
    unsigned char *const tail = oc__alloc((size_t)n, 1);
    if (!tail)
        return OC_ELIMIT;
    oc_status status = oc__file_read(f, f->size - n, tail, (size_t)n);
    int64_t i = n - END_SIZE;
    while (i >= 0 && !(begins(tail + i, "PK\5\6")
                       && (int64_t)little(tail + i + 20, 2) == n - END_SIZE - i))
        i--;
    if (!status && i < 0)
        status = fail_at(f, f->size, missing);
    if (!status && little(tail + i + 4, 4) != 0)
        status = fail_at(f, f->size - n + i + 4, "is one of several parts");
    if (!status) {
        *end = f->size - n + i;
        *d = (struct directory){ little(tail + i + 10, 2), little(tail + i + 12, 4),
                                 little(tail + i + 16, 4) };
        if (d->entries == UINT16_MAX || d->size == UINT32_MAX || d->begin == UINT32_MAX)
            status = read_end64(f, *end, d);
    }
    oc__free(tail);
    return status;
}

/* Replaces numbers that are all ones by those of the ZIP64 field (its id is 1), which come in this
 * order; false where they are not there, or where fields do not fit. */
static bool widen(const unsigned char *extra, size_t n, uint64_t *const value[3])
{
    const unsigned char *wide = extra;
    size_t room = 0;
    for (size_t at = 0; n - at >= 4;) {
        const size_t size = (size_t)little(extra + at + 2, 2);
        if (size > n - at - 4)
            return false;
        if (little(extra + at, 2) == 1) {
            wide = extra + at + 4;
            room = size;
        }
        at += 4 + size;
    }
    for (int i = 0; i < 3; i++) {
        if (*value[i] != UINT32_MAX)
            continue;
        if (room < 8)
            return false;
        *value[i] = little(wide, 8);
        wide += 8;
        room -= 8;
    }
    return true;
}

/* The data of an entry begins after its local header, whose length differs from the directory's. */
static oc_status locate(const struct file *f, uint64_t header, struct zip_entry *e)
{
    unsigned char local[LOCAL_SIZE];
    if (header > (uint64_t)f->size)
        return fail_at(f, f->size, "an entry lies behind the end of the file");
    TRY(oc__file_read(f, (int64_t)header, local, sizeof local));
    if (!begins(local, "PK\3\4"))
        return fail_at(f, (int64_t)header, "this is no header of an entry");
    e->begin = (int64_t)header + LOCAL_SIZE + (int64_t)little(local + 26, 2)
               + (int64_t)little(local + 28, 2);
    if (e->begin > f->size || e->size > f->size - e->begin)
        return fail_at(f, (int64_t)header, "an entry reaches behind the end of the file");
    return OC_OK;
}

/* One record of the directory, `room` bytes at most; *taken is its length. */
static oc_status read_entry(const struct file *f, const unsigned char *p, size_t room, int64_t at,
                            struct pool *pool, struct zip_entry *e, size_t *taken)
{
    if (room < ENTRY_SIZE || !begins(p, "PK\1\2"))
        return fail_at(f, at, "this is no record of the directory");
    const size_t name = little(p + 28, 2), extra = little(p + 30, 2), comment = little(p + 32, 2);
    uint64_t packed = little(p + 20, 4), size = little(p + 24, 4), header = little(p + 42, 4);
    *taken = ENTRY_SIZE + name + extra + comment;
    if (*taken > room)
        return fail_at(f, at, "a record reaches behind the end of the directory");
    if (name > NAME_MAX_BYTES || memchr(p + ENTRY_SIZE, 0, name))
        return fail_at(f, at, "a name is too long or holds a null byte");
    if (!widen(p + ENTRY_SIZE + name, extra, (uint64_t *const[]){ &size, &packed, &header }))
        return fail_at(f, at, "the extra fields of a record do not fit");
    if (little(p + 8, 2) & 1)
        return fail_at(f, at, "an entry is encrypted");
    if (little(p + 10, 2) != 0 || packed != size)
        return fail_at(f, at, "an entry is compressed; PyTorch stores them as they are");
    if (size > (uint64_t)f->size)
        return fail_at(f, at, "an entry is larger than the file");
    char *const text = oc__pool_alloc(pool, name + 1);
    if (!text)
        return OC_ELIMIT;
    memcpy(text, p + ENTRY_SIZE, name);
    *e = (struct zip_entry){ .name = text, .size = (int64_t)size };
    return locate(f, header, e);
}

static oc_status read_directory(struct zip *z, const struct file *f, const struct directory *d,
                                const unsigned char *text, struct pool *pool)
{
    size_t at = 0;
    for (uint64_t i = 0; i < d->entries; i++) {
        struct zip_entry *const e = &z->entry[i];
        const int64_t offset = (int64_t)(d->begin + at);
        size_t taken = 0;
        TRY(read_entry(f, text + at, (size_t)d->size - at, offset, pool, e, &taken));
        if (oc__zip_find(z, e->name))
            return fail_at(f, offset, "two entries have one name");
        if (!oc__map_put(&z->by_name, e->name, (int64_t)i))
            return OC_ELIMIT;
        z->n++;
        at += taken;
    }
    return OC_OK;
}

oc_status oc__zip_open(struct zip *z, const struct file *f, struct pool *pool)
{
    struct directory d = { 0 };
    int64_t end = 0;
    *z = (struct zip){ 0 };
    TRY(find_end(f, &d, &end));
    if (d.begin > (uint64_t)end || d.size > (uint64_t)end - d.begin)
        return fail_at(f, end, "the directory is not before the end record");
    if (d.size > DIRECTORY_MAX || d.entries > ENTRIES_MAX)
        return oc__fail(OC_ELIMIT, "%s: archive: more than %d entries", f->path, ENTRIES_MAX);
    if (d.entries > d.size / ENTRY_SIZE)
        return fail_at(f, end, "more entries than the directory has room for");
    unsigned char *const text = oc__alloc((size_t)d.size + 1, 1);
    z->entry = oc__pool_alloc(pool, ((size_t)d.entries + 1) * sizeof *z->entry);
    oc_status status = text && z->entry ? OC_OK : OC_ELIMIT;
    if (!status)
        status = oc__file_read(f, (int64_t)d.begin, text, (size_t)d.size);
    if (!status)
        status = read_directory(z, f, &d, text, pool);
    oc__free(text);
    if (status)
        oc__zip_close(z);
    return status;
}

void oc__zip_close(struct zip *z)
{
    oc__map_free(&z->by_name);
    *z = (struct zip){ 0 };
}

const struct zip_entry *oc__zip_find(const struct zip *z, const char *name)
{
    const int64_t i = oc__map_get(&z->by_name, name, -1);
    return i < 0 ? NULL : &z->entry[i];
}
