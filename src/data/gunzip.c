/* gunzip.c — reads plain and gzip files alike, through zlib. */
#include <string.h>
#include "base/mem.h"
#include "base/status.h"
#include "data/gunzip.h"

enum { BUFFER_BYTES = 1 << 16, CHUNK_MAX = 1 << 30, WINDOW_GZIP = 16 + 15, RATIO_MAX = 1032 };

static oc_status truncated(const struct gunzip *g, int64_t need, int64_t have)
{
    return oc__fail(OC_EINPUT, "%s: offset %lld: truncated: need %lld bytes, have %lld",
                    g->file.path, (long long)g->at, (long long)need, (long long)have);
}

static oc_status start_inflating(struct gunzip *g)
{
    g->buffer = oc__alloc(BUFFER_BYTES, 1);
    if (g->buffer == NULL)
        return OC_ELIMIT;
    g->compressed = true;
    if (inflateInit2(&g->inflater, WINDOW_GZIP) != Z_OK)
        return oc__fail(OC_ELIMIT, "%s: no memory to inflate", g->file.path);
    return OC_OK;
}

oc_status oc__gunzip_open(struct gunzip *g, const char *path)
{
    uint8_t magic[2] = { 0 };
    *g = (struct gunzip){ 0 };
    TRY(oc__file_open(&g->file, path));
    oc_status status = OC_OK;
    if (g->file.size >= 2)
        status = oc__file_read(&g->file, 0, magic, 2);
    if (status == OC_OK && magic[0] == 0x1F && magic[1] == 0x8B)
        status = start_inflating(g);
    if (status < 0)
        oc__gunzip_close(g);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------ */

static oc_status fill_buffer(struct gunzip *g)
{
    const int64_t left = g->file.size - g->taken;
    const size_t  n = left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES;
    if (n == 0)
        return oc__fail(OC_EINPUT, "%s: offset %lld: gzip: truncated", g->file.path,
                        (long long)g->file.size);
    TRY(oc__file_read(&g->file, g->taken, g->buffer, n));
    g->taken += (int64_t)n;
    g->inflater.next_in = g->buffer;
    g->inflater.avail_in = (uInt)n;
    return OC_OK;
}

/* Inflates until the room given is full or the member ends. */
static oc_status inflate_into(struct gunzip *g, void *to, uInt room)
{
    g->inflater.next_out = to;
    g->inflater.avail_out = room;
    while (g->inflater.avail_out > 0 && !g->ended) {
        if (g->inflater.avail_in == 0)
            TRY(fill_buffer(g));
        const int result = inflate(&g->inflater, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END)
            return oc__fail(OC_EINPUT, "%s: offset %lld: gzip: %s", g->file.path,
                            (long long)(g->taken - g->inflater.avail_in),
                            g->inflater.msg != NULL ? g->inflater.msg : "damaged");
        g->ended = result == Z_STREAM_END;
    }
    g->at += room - g->inflater.avail_out;
    return OC_OK;
}

oc_status oc__gunzip_read(struct gunzip *g, void *to, int64_t n)
{
    if (!g->compressed) {
        if (g->file.size - g->at < n)
            return truncated(g, n, g->file.size - g->at);
        TRY(oc__file_read(&g->file, g->at, to, (size_t)n));
        g->at += n;
        return OC_OK;
    }
    for (int64_t done = 0; done < n;) {
        const int64_t left = n - done, before = g->at;
        TRY(inflate_into(g, (uint8_t *)to + done, (uInt)(left < CHUNK_MAX ? left : CHUNK_MAX)));
        done += g->at - before;
        if (g->ended && done < n)
            return truncated(g, n - done, 0);
    }
    return OC_OK;
}

oc_status oc__gunzip_end(struct gunzip *g)
{
    uint8_t       more;
    const int64_t at = g->at;
    int64_t       after = g->file.size - at;
    if (g->compressed) {
        TRY(inflate_into(g, &more, 1));
        after = g->at - at;
        if (after == 0 && g->taken - g->inflater.avail_in < g->file.size)
            return oc__fail(OC_EINPUT, "%s: offset %lld: bytes after the end of the gzip member",
                            g->file.path, (long long)(g->taken - g->inflater.avail_in));
    }
    if (after > 0)
        return oc__fail(OC_EINPUT, "%s: offset %lld: bytes after the end of the data",
                        g->file.path, (long long)at);
    return OC_OK;
}

int64_t oc__gunzip_most(const struct gunzip *g)
{
    if (!g->compressed)
        return g->file.size;
    return g->file.size < INT64_MAX / RATIO_MAX ? g->file.size * RATIO_MAX : INT64_MAX;
}

void oc__gunzip_close(struct gunzip *g)
{
    if (g->compressed)
        inflateEnd(&g->inflater);
    oc__free(g->buffer);
    oc__file_close(&g->file);
    *g = (struct gunzip){ .file = { .fd = -1 } };
}
