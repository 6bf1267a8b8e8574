/* fetch.h — published data sets brought over the network: what is downloaded from where, how it is
 * proved to be the right bytes, and what becomes of archives.
 *
 * A file arrives as NAME.part beside its place, goes on where an earlier attempt stopped, and gets
 * its name only when size and checksum are right.  An archive is unpacked beside its place as well,
 * nothing in it may name a path outside, and what it holds is moved into place whole. */
#ifndef OC_FETCH_FETCH_H
#define OC_FETCH_FETCH_H

#include "base/attr.h"
#include "ocellus.h"

enum { FETCH_FILES_MAX = 4, FETCH_MIRRORS_MAX = 3 };

/* One file of a set.  Its digest is "md5:…" or "sha256:…" in hexadecimal digits. */
struct fetch_file {
    const char *path;                                   /* below a mirror; ends in its name */
    int64_t     bytes;
    const char *digest;
    const char *holds;                             /* of an archive: what is moved into place */
};

struct fetch_set {
    struct entry      entry;
    const char       *kind;                             /* that reads it; NULL: none yet */
    const char       *mirror[FETCH_MIRRORS_MAX];        /* tried in turn */
    struct fetch_file file[FETCH_FILES_MAX];
};

extern const struct fetch_set *const oc__fetch_list[];  /* ends in NULL */

/* As oc_data_fetch(), of a set that need not be in the table; `o->set` is not looked at. */
oc_status oc__fetch_set(const struct fetch_set *set, const oc_fetch_options *o);

/* Downloads `url` into the open file `fd`, which already holds `have` bytes of it; it must become
 * `bytes` long.  *have is how far it came, also on failure; *again tells whether trying the same
 * address once more may help. */
struct download {
    const char *url, *name;                             /* the file's name, for progress */
    int         fd;
    int64_t     bytes, have;
    bool        again;
    const oc_fetch_options *options;
};
oc_status oc__download(struct download *d);

/* OC_EINPUT where the digest of the file's bytes is another; both stand in the message. */
oc_status oc__digest_check(const char *path, const char *digest);

/* Unpacks a tar (plain or gzip) or ZIP file into a folder that is made for it and must not exist.
 * Names that are absolute or lead upwards, links, devices, and more bytes than an honest archive of
 * pictures holds are OC_EINPUT and name the entry. */
oc_status oc__unpack(const char *archive, const char *folder);
oc_status oc__remove_tree(const char *path);            /* a path that is not there is fine */

#endif
