/* window.c — from a window's attributes to its numbers.
 *
 * With e = (kernel - 1) dilation + 1, the extent of the window, the output's size is
 *     y = floor((x + pad + pad_end - e) / stride) + 1,
 * rounded up instead in ceil mode, where a window that would start in the padding at the end is
 * dropped, and the only one may be larger than the input by less than a stride.  SAME padding makes
 * y = ceil(x / stride).  A transposed convolution inverts the first formula:
 *     x = (y - 1) stride + e - pad - pad_end + output_padding. */
#include "op/window.h"

const char *const oc__auto_pad_words[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL };

static oc_status check_list(const char *name, const struct ints *list, int wanted, int64_t least)
{
    if (list->n > 1 && list->n != wanted)
        return oc__fail(OC_EUSAGE, "%s has %d numbers where %d are needed", name, list->n, wanted);
    for (int i = 0; i < list->n; i++)
        if (list->v[i] < least || list->v[i] > WINDOW_MAX)
            return oc__fail(OC_EUSAGE, "%s[%d] is %lld, not in %lld to %d", name, i,
                            (long long)list->v[i], (long long)least, WINDOW_MAX);
    return OC_OK;
}

static int64_t pick(const struct ints *list, int i, int64_t otherwise)
{
    return list->n == 0 ? otherwise : list->v[list->n == 1 ? 0 : i];
}

/* Everything but the sizes of input and output. */
static oc_status resolve(struct window *out, const struct window_attr *a, const oc_shape *x,
                         const oc_shape *w)
{
    const int dims = x->rank - 2;
    if (dims < 1 || dims > WINDOW_DIMS)
        return oc__fail(OC_EUSAGE, "the input has %d dimensions, not 3 to 5", x->rank);
    if (w && w->rank != x->rank)
        return oc__fail(OC_EUSAGE, "the weights have %d dimensions, the input %d", w->rank,
                        x->rank);
    if (!w && a->kernel_shape.n == 0)
        return oc__fail(OC_EUSAGE, "kernel_shape is missing");
    TRY(check_list("kernel_shape", &a->kernel_shape, dims, 1));
    TRY(check_list("strides", &a->strides, dims, 1));
    TRY(check_list("dilations", &a->dilations, dims, 1));
    TRY(check_list("pads", &a->pads, 2 * dims, 0));
    *out = (struct window){ .dims = dims };
    for (int i = 0; i < WINDOW_DIMS; i++) {
        const int k = i - (WINDOW_DIMS - dims);         /* number among the real dimensions */
        out->x[i] = out->y[i] = out->kernel[i] = out->stride[i] = out->dilation[i] = 1;
        if (k < 0)
            continue;
        out->stride[i] = pick(&a->strides, k, 1);
        out->dilation[i] = pick(&a->dilations, k, 1);
        out->kernel[i] = w ? w->dim[2 + k] : pick(&a->kernel_shape, k, 1);
        if (out->kernel[i] == 0 || out->kernel[i] > WINDOW_MAX)
            return oc__fail(OC_EUSAGE, "a kernel of size %lld", (long long)out->kernel[i]);
        if (a->kernel_shape.n && out->kernel[i] > 0 &&
            out->kernel[i] != pick(&a->kernel_shape, k, 1))
            return oc__fail(OC_EUSAGE, "kernel_shape differs from the weights'");
        if (a->auto_pad == AUTO_PAD_NOTSET) {
            out->pad[i] = pick(&a->pads, k, 0);
            out->pad_end[i] = pick(&a->pads, dims + k, 0);
        }
    }
    return OC_OK;
}

static void split_padding(struct window *w, int i, int64_t total, int auto_pad)
{
    if (total < 0)
        total = 0;
    w->pad[i] = auto_pad == AUTO_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad[i];
}

static bool is_same(int auto_pad)
{
    return auto_pad == AUTO_PAD_SAME_UPPER || auto_pad == AUTO_PAD_SAME_LOWER;
}

static int64_t extent(const struct window *w, int i)
{
    return (w->kernel[i] - 1) * w->dilation[i] + 1;
}

static oc_status size_forward(struct window *w, int i, const struct window_attr *a)
{
    const int64_t x = w->x[i], stride = w->stride[i], e = extent(w, i);
    w->y[i] = OC_UNKNOWN;
    if (x < 0 || w->kernel[i] < 0)
        return OC_OK;
    if (is_same(a->auto_pad)) {
        w->y[i] = (x + stride - 1) / stride;
        split_padding(w, i, (w->y[i] - 1) * stride + e - x, a->auto_pad);
        return OC_OK;
    }
    const int64_t room = x + w->pad[i] + w->pad_end[i] - e;
    if (room < (a->ceil_mode && x + w->pad[i] > 0 ? 1 - stride : 0))
        return oc__fail(OC_EUSAGE, "the window spans %lld, the padded input only %lld",
                        (long long)e, (long long)(room + e));
    w->y[i] = (a->ceil_mode ? room + stride - 1 : room) / stride + 1;
    if (a->ceil_mode && (w->y[i] - 1) * stride >= x + w->pad[i])
        w->y[i]--;
    return OC_OK;
}

oc_status oc__window(struct window *out, const struct window_attr *a, const oc_shape *x,
                     const oc_shape *w)
{
    TRY(resolve(out, a, x, w));
    for (int k = 0; k < out->dims; k++) {
        const int i = k + WINDOW_DIMS - out->dims;
        out->x[i] = x->dim[2 + k];
        TRY(size_forward(out, i, a));
    }
    return OC_OK;
}

oc_status oc__window_transposed(struct window *out, const struct window_attr *a,
                                const struct ints *output_padding, const oc_shape *x,
                                const oc_shape *w)
{
    TRY(resolve(out, a, x, w));
    TRY(check_list("output_padding", output_padding, out->dims, 0));
    for (int k = 0; k < out->dims; k++) {
        const int i = k + WINDOW_DIMS - out->dims;
        const int64_t more = pick(output_padding, k, 0);
        if (more >= out->stride[i] && more > 0)
            return oc__fail(OC_EUSAGE, "output_padding %lld is not below the stride %lld",
                            (long long)more, (long long)out->stride[i]);
        if (is_same(a->auto_pad) && out->kernel[i] < 0)
            return oc__fail(OC_EUSAGE, "auto_pad needs the size of the weights");
        if (is_same(a->auto_pad))
            split_padding(out, i, extent(out, i) + more - out->stride[i], a->auto_pad);
        out->y[i] = x->dim[2 + k];
        out->x[i] = OC_UNKNOWN;
        if (out->y[i] < 0 || out->kernel[i] < 0)
            continue;
        out->x[i] = (out->y[i] - 1) * out->stride[i] + extent(out, i) + more - out->pad[i] -
                    out->pad_end[i];
        if (out->x[i] < 1)
            return oc__fail(OC_EUSAGE, "the padding leaves nothing of the output");
    }
    return OC_OK;
}

oc_shape oc__window_shape(const struct window *w, int64_t n, int64_t channels,
                          const int64_t size[WINDOW_DIMS])
{
    oc_shape s = { .rank = 2 + w->dims, .dim = { n, channels } };
    for (int k = 0; k < w->dims; k++)
        s.dim[2 + k] = size[WINDOW_DIMS - w->dims + k];
    return s;
}

bool oc__window_always_sees(const struct window *w)
{
    for (int i = 0; i < WINDOW_DIMS; i++)
        for (int64_t y = 0; y < w->y[i]; y++) {
            bool sees = false;
            for (int64_t tap = 0; tap < w->kernel[i]; tap++)
                sees |= oc__window_at(w, i, y, tap) >= 0;
            if (!sees)
                return false;
        }
    return true;
}
