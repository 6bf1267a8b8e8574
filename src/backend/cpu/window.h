/* window.h — the windows of an image as the columns of a matrix, copied panel by panel.
 *
 * Element [c * taps + t, j] of the matrix is what tap t of the window at place j reads from channel c
 * (im2col); a convolution is a product with it, and it never exists but in panels.  The gradient by the
 * input is a product of the same kind: place j of x is reached by tap t from one place of dy or none,
 * which is a window that goes backwards over a grid spread out by the stride. */
#ifndef OC_BACKEND_CPU_WINDOW_H
#define OC_BACKEND_CPU_WINDOW_H

#include "backend/cpu/gemm.h"
#include "op/window.h"

/* Along a dimension, tap t of place j reads source[p / spread] with p = j stride - pad + t dilation,
 * where that divides evenly and lies inside, and zero elsewhere. */
struct cpu_windows {
    int64_t      source[WINDOW_DIMS], place[WINDOW_DIMS], kernel[WINDOW_DIMS];
    int64_t      stride[WINDOW_DIMS], pad[WINDOW_DIMS], dilation[WINDOW_DIMS], spread[WINDOW_DIMS];
    const float *image;                                 /* [channels, source…] */
};

void oc__cpu_windows(struct cpu_windows *s, const struct window *w);           /* of x, at places of y */
void oc__cpu_windows_backwards(struct cpu_windows *s, const struct window *w); /* of dy, at places of x */

/* Sources of panels (context: struct cpu_windows) of that matrix and of its transpose. */
void oc__cpu_pack_windows(const void *context, const struct cpu_panel *p);
void oc__cpu_pack_windows_transposed(const void *context, const struct cpu_panel *p);

#endif
