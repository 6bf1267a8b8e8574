/* idx.h — the IDX format of MNIST, Fashion-MNIST and their like, plain or gzip.
 *
 *     0 0 type rank | rank x u32 dimension | data      all big-endian, the last dimension fastest
 *
 * Type 0x08 is unsigned bytes, the only one taken here.  Images have rank 3 [n, h, w], labels rank
 * 1.  The size must be exact.  Errors tell the offset within the plain data. */
#ifndef OC_DATA_IDX_H
#define OC_DATA_IDX_H

#include "data/gunzip.h"

enum { IDX_RANK_MAX = 4 };

/* A file opened, its header read. */
struct idx_reader {
    struct gunzip in;
    int           rank;
    int64_t       dim[IDX_RANK_MAX];
    int64_t       bytes;                                /* of the data: the product */
};

/* rank 0 accepts any. */
oc_status oc__idx_open(struct idx_reader *r, const char *path, int rank);
/* All the data, and the proof that nothing is missing, damaged or left over. */
oc_status oc__idx_read(struct idx_reader *r, uint8_t *to);
void      oc__idx_close(struct idx_reader *r);

/* OC_EINPUT, with its place, if a label is not below `classes`. */
oc_status oc__idx_check_labels(const char *path, const uint8_t *label, int64_t n, int classes);

/* One file alone; with `classes` > 0 its values must be below that. */
struct idx { int rank; int64_t dim[IDX_RANK_MAX]; uint8_t *data; };
oc_status oc__idx_load(struct idx *out, const char *path, int rank, int classes);
void      oc__idx_free(struct idx *idx);

#endif
