/* window.h — the windows of an image as the rows of a matrix that never exists as a whole.
 *
 * Element [c * taps + t, j] of the matrix is what tap t of the window at place j reads from
 * channel c (im2col).  A convolution is a product with it, packed panel by panel straight from
 * the image; the gradient by the image adds rows of such a matrix back to where they were read
 * (col2im). */
#ifndef OC_BACKEND_CPU_WINDOW_H
#define OC_BACKEND_CPU_WINDOW_H

#include "backend/cpu/gemm.h"
#include "op/window.h"

struct cpu_windows {
    const struct window *window;
    const float         *image;                         /* [channels, x…] */
};

/* Sources of panels (context: struct cpu_windows) of the matrix and of its transpose. */
void oc__cpu_pack_windows(const void *context, const struct cpu_panel *p);
void oc__cpu_pack_windows_transposed(const void *context, const struct cpu_panel *p);

/* image[channel] += the rows of `channels` channels of the matrix, [channels * taps, y…]. */
void oc__cpu_add_windows(const struct window *w, const float *matrix, int64_t channels,
                         float *image);

#endif
