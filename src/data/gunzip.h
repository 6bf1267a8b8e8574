/* gunzip.h — the bytes of a file that may be compressed with gzip, read front to back.
 *
 * Whether it is compressed is told by its first bytes, not its name.  Nothing is inflated beyond
 * what is asked for, so a bomb costs no memory; the end checks the checksum and the length that
 * gzip keeps, and that nothing follows. */
#ifndef OC_DATA_GUNZIP_H
#define OC_DATA_GUNZIP_H

#include <zlib.h>
#include "base/file.h"

struct gunzip {
    struct file file;
    bool        compressed, ended;
    int64_t     at;                                     /* plain bytes read so far */
    int64_t     taken;                                  /* bytes taken from the file */
    z_stream    inflater;
    uint8_t    *buffer;                                 /* compressed bytes; NULL: plain file */
};

oc_status oc__gunzip_open(struct gunzip *g, const char *path);  /* the path is borrowed */

/* Exactly n bytes, or OC_EINPUT with the offset. */
oc_status oc__gunzip_read(struct gunzip *g, void *to, int64_t n);

/* OC_EINPUT unless all has been read and was sound. */
oc_status oc__gunzip_end(struct gunzip *g);

/* The most plain bytes that the file can hold: deflate shrinks to 1/1032 at best. */
int64_t oc__gunzip_most(const struct gunzip *g);

void oc__gunzip_close(struct gunzip *g);

#endif
