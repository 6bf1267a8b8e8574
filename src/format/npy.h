/* npy.h — NumPy's .npy files, for reading.
 *
 *     "\x93NUMPY" | major | minor | header length | header | data
 *
 * The length is u16 in version 1 and u32 in 2 and 3, little-endian.  The header is a Python
 * dictionary, {'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }, padded with spaces.
 * Read are bytes (|u1) and little-endian f4 and f8, in C order, up to rank 8; the size must be
 * exact. */
#ifndef OC_FORMAT_NPY_H
#define OC_FORMAT_NPY_H

#include "ocellus.h"

/* The tensor's data is yours: oc__npy_free().  Anything unsound is OC_EINPUT with its offset. */
oc_status oc__npy_load(oc_tensor *out, const char *path);
void      oc__npy_free(oc_tensor *t);

#endif
