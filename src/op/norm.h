/* norm.h — attributes and sizes of normalisation. */
#ifndef OC_OP_NORM_H
#define OC_OP_NORM_H

#include "ocellus.h"

/* How running statistics follow those of the batch; m is the momentum.
 * pytorch: running = (1 - m) running + m batch, with the unbiased variance (divided by count - 1);
 * onnx:    running = m running + (1 - m) batch, with the biased variance.
 * The batch itself is always normalised by the biased variance. */
enum norm_convention { NORM_PYTORCH, NORM_ONNX };

struct batch_norm {
    double epsilon, momentum;
    int    convention;
};

/* x is [n, c, …]: a statistic of channel c is over n planes of `plane` elements. */
struct batch_norm_dims { int64_t n, channels, plane; };
void oc__batch_norm_dims(struct batch_norm_dims *d, const oc_shape *x);

/* The new running mean and variance of one channel, from the batch's mean and biased variance. */
void oc__batch_norm_running(const struct batch_norm *a, int64_t count, double mean, double var,
                            double *running_mean, double *running_var);

struct layer_norm { int64_t axis; double epsilon; };
struct group_norm { int64_t num_groups; double epsilon; };  /* InstanceNormalization: 0 groups */

/* LayerNormalization, GroupNormalization and InstanceNormalization normalise rows of `count`
 * elements of contiguous memory; element i of row r has scale and bias number
 * (r % groups) * (count / plane) + i / plane. */
struct row_norm_dims { int64_t rows, count, groups, plane; };
oc_status oc__layer_norm_rows(struct row_norm_dims *d, const struct layer_norm *a,
                              const oc_shape *x);
oc_status oc__group_norm_rows(struct row_norm_dims *d, const struct group_norm *a,
                              const oc_shape *x);

#endif
