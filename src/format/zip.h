/* zip.h — the table of contents of a ZIP archive whose entries are stored, not compressed.
 *
 *     [local header | name | extra | data] … | central directory | end record
 *
 * The end record says where the directory is, and that says where entries are; ZIP64 records take
 * its place where numbers are too large for 16 or 32 bits (APPNOTE.TXT, sections 4.3 and 4.5).
 * Compressed or encrypted entries and archives in several parts are refused. */
#ifndef OC_FORMAT_ZIP_H
#define OC_FORMAT_ZIP_H

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"

struct zip_entry { const char *name; int64_t begin, size; };    /* of its bytes in the file */

struct zip {
    struct zip_entry *entry;                            /* in the pool that was given */
    int               n;
    struct map        by_name;
};

/* Reads and checks the whole directory; names live in `pool`. */
oc_status oc__zip_open(struct zip *z, const struct file *f, struct pool *pool);
void      oc__zip_close(struct zip *z);

const struct zip_entry *oc__zip_find(const struct zip *z, const char *name);    /* NULL: none */

#endif
