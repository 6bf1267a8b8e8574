/* conv.h — attributes and sizes of the convolution family.
 *
 * Conv, its gradients, FusedConv and ConvTranspose share one attribute struct, so that a rewrite
 * copies it whole, and one description of sizes, which back ends use too. */
#ifndef OC_OP_CONV_H
#define OC_OP_CONV_H

#include "op/fused.h"
#include "op/window.h"

struct conv {
    struct window_attr window;
    int64_t            group;
    struct ints        output_padding;                  /* ConvTranspose */
    struct activation  activation;                      /* FusedConv */
};

/* x [n, group * in, x…], w [group * out, in, kernel…], y [n, group * out, y…].  For ConvTranspose x
 * and y change places: it leads from y to x. */
struct conv_dims {
    int64_t       n, group, in, out;
    struct window window;
};

/* The rows of an attribute table over struct conv. */
#define CONV_ATTRS                                                                          \
    WINDOW_ATTRS(struct conv),                                                              \
    ATTR_RANGE(struct conv, INT, group, "1", "channels are split into this many groups", 1, 65536)

oc_status oc__conv_dims(struct conv_dims *d, const struct conv *a, const oc_shape *x,
                        const oc_shape *w);
/* Here x is the input of the transposed convolution, d->window.x the size of its output. */
oc_status oc__conv_transpose_dims(struct conv_dims *d, const struct conv *a, const oc_shape *x,
                                  const oc_shape *w);

/* The three functions of a convolution are sums of products over the same triples of an element of
 * x, one of w and one of y: y += x w, dx += w dy, dw += x dy.  Adds to `sum` the products of the
 * other two; the pointers are named by the place they take, whatever they hold. */
enum conv_place { CONV_X, CONV_W, CONV_Y };
void oc__conv_products(const struct conv_dims *d, enum conv_place sum, const double *const from[3],
                       double *to);

/* Two multiplications and additions per triple. */
double oc__conv_flops(const struct conv_dims *d);

#endif
