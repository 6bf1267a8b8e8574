/* weights.h — named tensors and metadata in a file, whatever its format.
 *
 * A model file is safetensors (safetensors.h) or our JSON (json_model.h); PyTorch's files (torch.h)
 * are read only.  Opening reads and checks the whole description before anything is returned: names
 * are unique, shapes and types fit the bytes.  Tensors stay in the file and are read, by pread(),
 * when asked for; those of JSON are in memory.  A `struct weights` owns all it points to, until it
 * is closed. */
#ifndef OC_FORMAT_WEIGHTS_H
#define OC_FORMAT_WEIGHTS_H

#include "base/file.h"
#include "base/mem.h"
#include "ocellus.h"

struct weight {
    const char *name;                                   /* "fc1.weight" */
    const char *type;                                   /* as in the file: "F32", "F8_E4M3" */
    int         dtype;                                  /* its oc_dtype; -1: none of ours */
    oc_shape    shape;
    int64_t     begin, end;                             /* of its bytes, from weights.data_at */
    int64_t     described_at;                           /* offset of its description */
    const void *data;                                   /* in memory; NULL: in the file */
};

struct pair { const char *key, *value; };

struct weights {
    const char    *path;
    const char    *format;                              /* "safetensors", "json", "torch" */
    struct weight *tensor;                              /* in the order of the file */
    int            n;
    struct pair   *metadata;                            /* sorted by key */
    int            n_metadata;
    int           *by_name;                             /* indices of tensors, sorted by name */
    struct file    file;                                /* fd -1 where all is in memory */
    int64_t        data_at;
    struct pool    pool;
};

/* Opens by content, not by name.  Bad input is OC_EINPUT, too much of it OC_ELIMIT. */
oc_status   oc__weights_open(struct weights *w, const char *path);
void        oc__weights_close(struct weights *w);       /* harmless on { 0 } and when closed */

int         oc__weights_find(const struct weights *w, const char *name);     /* -1: none */
const char *oc__weights_metadata(const struct weights *w, const char *key); /* NULL: none */

/* Reads tensor i into memory of the same shape, converted where into->dtype differs.  *nonfinite
 * (may be NULL) is how many of its numbers are NaN or infinite. */
oc_status   oc__weights_read(const struct weights *w, int i, const oc_tensor *into,
                             int64_t *nonfinite);

/* What is to be written; everything is borrowed, in any order, names and keys unique. */
struct named_tensor { const char *name; oc_tensor tensor; };
struct weights_content {
    const struct named_tensor *tensor;
    int                        n;
    const struct pair         *metadata;
    int                        n_metadata;
};

/* Writes JSON where the path ends in ".json", else safetensors. */
oc_status   oc__weights_write(const char *path, const struct weights_content *content,
                              enum write_flags flags);

/* ---- for the formats ------------------------------------------------------------------------ */

enum { WEIGHTS_MAX = 1 << 20, WEIGHTS_NAME_MAX = 1024 };

/* Types by their names in files, in the order that the writer puts them: by alignment. */
struct stored_type { const char *name; int bits, dtype; };
extern const struct stored_type oc__stored_types[];     /* ends with a NULL name */
const struct stored_type *oc__stored_type(const char *name);        /* NULL: no such type */
const struct stored_type *oc__stored_type_of(oc_dtype t);

/* Begins w for a path, with everything empty. */
oc_status oc__weights_begin(struct weights *w, const char *path, const char *format);
/* Room for one more at the end; NULL: no memory, or too many. */
struct weight *oc__weights_add(struct weights *w);
oc_status oc__weights_add_pair(struct weights *w, const char *key, const char *value);
/* Sorts names and keys and refuses duplicates. */
oc_status oc__weights_index(struct weights *w);

/* Fails about tensor i: "path: offset 8: tensor 'x': …". */
oc_status oc__weights_fail(const struct weights *w, const struct weight *t,
                           const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The content in canonical order: tensors by alignment and name, metadata by key, both unique. */
struct weights_order { int *tensor, *metadata; };
oc_status oc__weights_order(struct weights_order *out, const char *path,
                            const struct weights_content *content);
void      oc__weights_order_free(struct weights_order *order);

#endif
