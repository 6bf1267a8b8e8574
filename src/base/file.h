/* file.h — reading files that may be hostile, writing files that must survive.
 *
 * Reading never maps and never blocks: a path is opened without blocking, must be a regular file,
 * and is read with pread(), so a FIFO cannot hang the program and a file that shrinks cannot kill
 * it.  Writing goes to a temporary file in the same directory: space is reserved first, every
 * write is checked, the file and then the directory are synced, and only a rename makes it
 * visible; until then nothing that existed is touched.  Errors name the path as it was given. */
#ifndef OC_BASE_FILE_H
#define OC_BASE_FILE_H

#include <stdbool.h>
#include "ocellus.h"

struct file { int fd; int64_t size; const char *path; };    /* path is borrowed */

oc_status oc__file_open(struct file *f, const char *path);  /* regular files only, else OC_EIO */
oc_status oc__file_read(const struct file *f, int64_t offset, void *to, size_t n);
                                                            /* all n, or OC_EINPUT "truncated" */
void      oc__file_close(struct file *f);

/* The whole file as bytes with a null after them (not counted); *data is yours (oc__free).  More
 * than `limit` bytes is OC_ELIMIT, said before anything is read. */
oc_status oc__file_load(const char *path, int64_t limit, char **data, size_t *n);

/* What the first bytes look like, for "this is a PNG" (NULL: unknown). */
const char *oc__file_kind(const void *bytes, size_t n);

/* Whether a word names a file of ONNX, by its ending or its content. */
bool      oc__names_onnx(const char *word);

bool      oc__is_file(const char *path);
bool      oc__is_directory(const char *path);
oc_status oc__make_directories(const char *path);           /* as mkdir -p, and on the disk */

/* Opens the directory that a path's last part is a name in, to be synced. */
oc_status oc__open_parent(const char *path, int *fd);
size_t    oc__parent_length(const char *path);              /* up to and with the last slash */

/* Names in a directory, sorted bytewise, without "." and ".."; free with oc__names_free(). */
struct names { char **name; size_t n; };
oc_status oc__list_directory(const char *path, struct names *out);
void      oc__names_free(struct names *names);

/* A file being written.  Begin, add bytes, then commit or abandon; each of these that fails has
 * abandoned already.  A size that was announced must be what is written. */
struct writer { int fd; char *path, *temporary; int64_t written, size; };
enum write_flags {
    WRITE_NEW     = 0,                                  /* an existing file is an error */
    WRITE_REPLACE = 1,                                  /* an existing file is replaced whole */
    WRITE_LIGHTLY = 2,               /* not synced: whole after a kill, not after a loss of power */
};
oc_status oc__write_begin(struct writer *w, const char *path, int64_t size); /* < 0: unknown */
oc_status oc__write(struct writer *w, const void *data, size_t n);
oc_status oc__write_commit(struct writer *w, enum write_flags flags);
void      oc__write_abandon(struct writer *w);              /* harmless after a commit */

oc_status oc__write_file(const char *path, const void *data, size_t n, enum write_flags flags);

/* Takes the lock file `path` for this process until it ends or oc__unlock(); a lock that another
 * process holds is OC_EIO. */
oc_status oc__lock(const char *path, int *fd);
void      oc__unlock(int fd);
bool      oc__is_locked(const char *path);         /* by anybody; true where that cannot be told */

uint32_t oc__crc32c(uint32_t crc, const void *data, size_t n); /* Castagnoli; begin with 0 */
uint32_t oc__crc32c_portable(uint32_t crc, const void *data, size_t n); /* without SSE4.2 */

#endif
