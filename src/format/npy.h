/* npy.h — NumPy's .npy files.
 *
 *     "\x93NUMPY" | major | minor | header length | header | data
 *
 * The length is u16 in version 1 and u32 in 2 and 3, little-endian.  The header is a Python
 * dictionary, {'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }, padded with spaces.
 * Read and written are bool, whole numbers of 8 to 64 bits and floating ones of 16 to 64, little-
 * endian, in C order, up to rank 8; the size must be exact.  bf16, which NumPy lacks, is written as
 * f4. */
#ifndef OC_FORMAT_NPY_H
#define OC_FORMAT_NPY_H

#include "ocellus.h"

/* The tensor's data is yours: oc__npy_free().  Anything unsound is OC_EINPUT with its offset. */
oc_status oc__npy_load(oc_tensor *out, const char *path);
void      oc__npy_free(oc_tensor *t);

oc_status oc__npy_save(const oc_tensor *t, const char *path, bool replace);

#endif
