/* window.h — sliding windows, the arithmetic that convolution and pooling share.
 *
 * `struct window_attr` is how an operator writes a window down (ONNX's words); `struct window` is
 * the same resolved against the shapes, which is what loops need.  A window always has three
 * spatial dimensions, outermost first: images have two and signals one, so the leading ones are of
 * size 1, and every loop is written once.  A transposed convolution is described as the convolution
 * that leads from its output back to its input. */
#ifndef OC_OP_WINDOW_H
#define OC_OP_WINDOW_H

#include "base/attr.h"
#include "base/status.h"
#include "ocellus.h"

enum { WINDOW_DIMS = 3, WINDOW_MAX = 4096 };        /* largest kernel, stride, dilation, padding */

enum auto_pad { AUTO_PAD_NOTSET, AUTO_PAD_SAME_UPPER, AUTO_PAD_SAME_LOWER, AUTO_PAD_VALID };

/* Empty lists mean stride 1, dilation 1, no padding; a single number holds for every dimension. */
struct window_attr {
    struct ints kernel_shape, strides, dilations;
    struct ints pads;                                   /* begins, then ends */
    int         auto_pad;
    bool        ceil_mode;                              /* pooling only */
};

struct window {
    int     dims;                                       /* 1 to 3 are real, the last ones */
    int64_t x[WINDOW_DIMS], y[WINDOW_DIMS];             /* OC_UNKNOWN where not known */
    int64_t kernel[WINDOW_DIMS], stride[WINDOW_DIMS], dilation[WINDOW_DIMS];
    int64_t pad[WINDOW_DIMS], pad_end[WINDOW_DIMS];
};

extern const char *const oc__auto_pad_words[];

#define WINDOW_ATTR(type_, kind_, field_, help_)                                            \
    { .name = #field_, .type = ATTR_##kind_, .offset = offsetof(type_, window.field_),      \
      .help = help_ }
/* The rows of an attribute table, for a struct whose `window` is a struct window_attr. */
#define WINDOW_ATTRS(type_)                                                                 \
    WINDOW_ATTR(type_, INTS, kernel_shape, "size of the window"),                           \
    WINDOW_ATTR(type_, INTS, strides, "steps of the window; 1 if not given"),               \
    WINDOW_ATTR(type_, INTS, dilations, "distance between taps; 1 if not given"),           \
    WINDOW_ATTR(type_, INTS, pads, "padding: begins, then ends; 0 if not given"),           \
    { .name = "auto_pad", .type = ATTR_CHOICE, .offset = offsetof(type_, window.auto_pad),  \
      .preset = "NOTSET", .choices = oc__auto_pad_words,                                    \
      .help = "SAME_*: output is input / stride, rounded up; VALID: no padding" }

/* Resolves a window over x [n, c, …].  The kernel's size is that of w [m, c, …], or the attribute's
 * where w is NULL. */
oc_status oc__window(struct window *out, const struct window_attr *a, const oc_shape *x,
                     const oc_shape *w);

/* Resolves a transposed convolution's window: out->y is the spatial size of x, out->x of the
 * result. */
oc_status oc__window_transposed(struct window *out, const struct window_attr *a,
                                const struct ints *output_padding, const oc_shape *x,
                                const oc_shape *w);

/* [n, channels, size…] with the real dimensions of `size`. */
oc_shape oc__window_shape(const struct window *w, int64_t n, int64_t channels,
                          const int64_t size[WINDOW_DIMS]);

static inline int64_t oc__window_count(const int64_t size[WINDOW_DIMS])
{
    return size[0] * size[1] * size[2];
}

/* No window lies in the padding alone. */
bool     oc__window_always_sees(const struct window *w);

/* Where tap `tap` of the window at `y` reads along dimension i: -1 in the padding. */
static inline int64_t oc__window_at(const struct window *w, int i, int64_t y, int64_t tap)
{
    const int64_t x = y * w->stride[i] - w->pad[i] + tap * w->dilation[i];
    return x < w->x[i] ? (x < 0 ? -1 : x) : -1;
}

#endif
