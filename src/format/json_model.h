/* json_model.h — a model's weights as JSON that people and scripts can read.
 *
 *     {
 *       "format": "ocellus",
 *       "metadata": {"model": "mlp"},
 *       "tensors": {
 *         "fc1.weight": {
 *           "dtype": "F32",
 *           "shape": [2, 3],
 *           "data":
 *             [[0.1, -0.25, 3],
 *             [1e-08, "NaN", "-Infinity"]]
 *         }
 *       }
 *     }
 *
 * Data is nested as its shape says; a tensor of no elements is [].  Numbers are the shortest that
 * read back to the same bits.  What JSON has no number for is a string: "Infinity", "-Infinity",
 * "NaN", and "NaN(0xffc00000)" for a NaN of other bits. */
#ifndef OC_FORMAT_JSON_MODEL_H
#define OC_FORMAT_JSON_MODEL_H

#include "format/weights.h"

/* Reads and checks all of it; closed with oc__weights_close(). */
oc_status oc__json_model_open(struct weights *w, const char *path);

oc_status oc__json_model_write(const char *path, const struct weights_content *content,
                               enum write_flags flags);

#endif
