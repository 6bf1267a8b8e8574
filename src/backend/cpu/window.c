/* window.c — copying windows to panels and adding them back, a line of places at a time (window.h).
 *
 * Everything works on `n` places from one place on, for consecutive rows: the place is taken apart
 * once, and then rows and lines only count on. */
#include "backend/cpu/window.h"

#include <string.h>

enum { LINES = 4, LINE_MAX_K = 260 };

typedef float four __attribute__((vector_size(16), aligned(4), may_alias));

/* Places j … j + n of y, row-major, taken apart. */
struct stretch { int64_t n, d, h, w; };

static struct stretch stretch_of(const struct window *w, int64_t j, int64_t n)
{
    return (struct stretch){ n, j / (w->y[1] * w->y[2]), j / w->y[2] % w->y[1], j % w->y[2] };
}

static int64_t clip(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* Of n places along a line the first of which reads at p: those from *first to *last lie in x. */
static void inside(const struct window *w, int64_t p, int64_t n, int64_t *first, int64_t *last)
{
    const int64_t stride = w->stride[2], room = w->x[2] - p;
    *first = clip(stride == 1 ? -p : (-p + stride - 1) / stride, 0, n);
    *last = clip(stride == 1 ? room : (room + stride - 1) / stride, *first, n);
}

static void copy_line(const float *from, int64_t stride, int64_t n, float *to)
{
    int64_t i = 0;
    for (; stride == 1 && i + 4 <= n; i += 4)
        *(four *)(to + i) = *(const four *)(from + i);
    for (; i < n; i++)
        to[i] = from[i * stride];
}

static void add_line(const float *from, int64_t stride, int64_t n, float *to)
{
    int64_t i = 0;
    for (; stride == 1 && i + 4 <= n; i += 4)
        *(four *)(to + i) += *(const four *)(from + i);
    for (; i < n; i++)
        to[i * stride] += from[i];
}

/* n places along one line, the first of which reads at p. */
static void fill_line(const struct window *w, const float *line, int64_t p, int64_t n, float *to)
{
    int64_t first, last;
    inside(w, p, n, &first, &last);
    for (int64_t i = 0; i < first; i++)
        to[i] = 0;
    copy_line(line + p + first * w->stride[2], w->stride[2], last - first, to + first);
    for (int64_t i = last; i < n; i++)
        to[i] = 0;
}

/* A row of the matrix at a stretch of places: `plane` is its channel, tap[] its tap. */
static void fill_row(const struct window *w, const float *plane, const int64_t tap[WINDOW_DIMS],
                     struct stretch s, float *to)
{
    while (s.n > 0) {
        const int64_t run = s.n < w->y[2] - s.w ? s.n : w->y[2] - s.w;
        const int64_t d = oc__window_at(w, 0, s.d, tap[0]), h = oc__window_at(w, 1, s.h, tap[1]);
        const int64_t p = s.w * w->stride[2] - w->pad[2] + tap[2] * w->dilation[2];
        if (d < 0 || h < 0)
            memset(to, 0, (size_t)run * sizeof *to);
        else
            fill_line(w, plane + (d * w->x[1] + h) * w->x[2], p, run, to);
        to += run;
        s.n -= run;
        s.w = 0;
        if (++s.h == w->y[1]) {
            s.h = 0;
            s.d++;
        }
    }
}

/* The tap after this one; true when it is the first of the next channel. */
static bool next_tap(const struct window *w, int64_t tap[WINDOW_DIMS])
{
    for (int i = WINDOW_DIMS - 1; i >= 0; i--) {
        if (++tap[i] < w->kernel[i])
            return false;
        tap[i] = 0;
    }
    return true;
}

/* `rows` rows of the matrix from `row` on, `step` apart in `to`. */
static void fill_rows(const struct cpu_windows *c, int64_t row, int64_t rows, struct stretch s,
                      float *to, int64_t step)
{
    const struct window *w = c->window;
    const int64_t *k = w->kernel, taps = oc__window_count(k), t = row % taps;
    const int64_t x_plane = oc__window_count(w->x);
    const float *plane = c->image + row / taps * x_plane;
    int64_t tap[WINDOW_DIMS] = { t / (k[1] * k[2]), t / k[2] % k[1], t % k[2] };
    for (int64_t i = 0; i < rows; i++) {
        fill_row(w, plane, tap, s, to + i * step);
        if (next_tap(w, tap))
            plane += x_plane;
    }
}

void oc__cpu_pack_windows(const void *context, const struct cpu_panel *p)
{
    const struct cpu_windows *c = context;
    fill_rows(c, p->k_first, p->k, stretch_of(c->window, p->first, p->count), p->to, p->width);
    for (int64_t i = 0; p->count < p->width && i < p->k; i++)
        memset(p->to + i * p->width + p->count, 0, (size_t)(p->width - p->count) * sizeof *p->to);
}

void oc__cpu_pack_windows_transposed(const void *context, const struct cpu_panel *p)
{
    const struct cpu_windows *c = context;
    const struct stretch s = stretch_of(c->window, p->k_first, p->k);
    float lines[LINES * LINE_MAX_K];
    for (int i = 0; i < p->width; i += LINES) {
        const int rows = p->count - i < LINES ? (p->count > i ? p->count - i : 0) : LINES;
        fill_rows(c, p->first + i, rows, s, lines, p->k);
        memset(lines + rows * p->k, 0, (size_t)((LINES - rows) * p->k) * sizeof *lines);
        oc__cpu_pack_across(lines, p->k, LINES, p->k, p->to + i, p->width);
    }
}

/* plane += one row of the matrix, for all places. */
static void add_row(const struct window *w, const float *from, const int64_t tap[WINDOW_DIMS],
                    float *plane)
{
    const int64_t p = tap[2] * w->dilation[2] - w->pad[2];
    int64_t first, last;
    inside(w, p, w->y[2], &first, &last);
    for (int64_t i = 0; i < w->y[0]; i++)
        for (int64_t j = 0; j < w->y[1]; j++, from += w->y[2]) {
            const int64_t d = oc__window_at(w, 0, i, tap[0]), h = oc__window_at(w, 1, j, tap[1]);
            if (d >= 0 && h >= 0)
                add_line(from + first, w->stride[2], last - first,
                         plane + (d * w->x[1] + h) * w->x[2] + p + first * w->stride[2]);
        }
}

void oc__cpu_add_windows(const struct window *w, const float *matrix, int64_t channels,
                         float *image)
{
    const int64_t taps = oc__window_count(w->kernel), y_plane = oc__window_count(w->y);
    int64_t tap[WINDOW_DIMS] = { 0 };
    for (int64_t i = 0; i < channels * taps; i++) {
        add_row(w, matrix + i * y_plane, tap, image);
        if (next_tap(w, tap))
            image += oc__window_count(w->x);
    }
}
