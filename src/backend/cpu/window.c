/* window.c — copying windows into panels, a line of places at a time (window.h). */
#include "backend/cpu/window.h"

#include <string.h>

enum { LINES = 4, LINE_MAX_K = 260 };

void oc__cpu_windows(struct cpu_windows *s, const struct window *w)
{
    for (int i = 0; i < WINDOW_DIMS; i++) {
        s->source[i] = w->x[i];
        s->place[i] = w->y[i];
        s->kernel[i] = w->kernel[i];
        s->stride[i] = w->stride[i];
        s->pad[i] = w->pad[i];
        s->dilation[i] = w->dilation[i];
        s->spread[i] = 1;
    }
}

void oc__cpu_windows_backwards(struct cpu_windows *s, const struct window *w)
{
    for (int i = 0; i < WINDOW_DIMS; i++) {
        s->source[i] = w->y[i];
        s->place[i] = w->x[i];
        s->kernel[i] = w->kernel[i];
        s->stride[i] = 1;
        s->pad[i] = -w->pad[i];
        s->dilation[i] = -w->dilation[i];
        s->spread[i] = w->stride[i];
    }
}

/* What tap t of place j reads along dimension i; -1 for nothing. */
static int64_t source_at(const struct cpu_windows *s, int i, int64_t j, int64_t t)
{
    const int64_t p = j * s->stride[i] - s->pad[i] + t * s->dilation[i];
    if (p < 0 || p >= s->source[i] * s->spread[i])
        return -1;
    return s->spread[i] == 1 ? p : p % s->spread[i] == 0 ? p / s->spread[i] : -1;
}

static void copy(float *to, const float *from, int64_t n)
{
    typedef float four __attribute__((vector_size(16), aligned(4), may_alias));
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        *(four *)(to + i) = *(const four *)(from + i);
    for (; i < n; i++)
        to[i] = from[i];
}

static int64_t clip(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* n places from j on along the last dimension, all reading from one line of the image. */
static void fill_line(const struct cpu_windows *s, const float *line, int64_t tap, int64_t j,
                      int64_t n, float *to)
{
    if (s->stride[2] != 1 || s->spread[2] != 1) {
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = source_at(s, 2, j + i, tap);
            to[i] = at < 0 ? 0 : line[at];
        }
        return;
    }
    const int64_t p = j - s->pad[2] + tap * s->dilation[2];
    const int64_t first = clip(-p, 0, n), last = clip(s->source[2] - p, first, n);
    for (int64_t i = 0; i < first; i++)
        to[i] = 0;
    copy(to + first, line + p + first, last - first);
    for (int64_t i = last; i < n; i++)
        to[i] = 0;
}

/* n places from j on of row `row` of the matrix. */
static void fill_row(const struct cpu_windows *s, int64_t row, int64_t j, int64_t n, float *to)
{
    const int64_t *k = s->kernel;
    const int64_t taps = oc__window_count(k), t = row % taps;
    const float *plane = s->image + row / taps * oc__window_count(s->source);
    int64_t w = j % s->place[2], line = j / s->place[2];
    while (n > 0) {
        const int64_t run = n < s->place[2] - w ? n : s->place[2] - w;
        const int64_t d = source_at(s, 0, line / s->place[1], t / (k[1] * k[2]));
        const int64_t h = source_at(s, 1, line % s->place[1], t / k[2] % k[1]);
        if (d < 0 || h < 0)
            memset(to, 0, (size_t)run * sizeof *to);
        else
            fill_line(s, plane + (d * s->source[1] + h) * s->source[2], t % k[2], w, run, to);
        to += run;
        n -= run;
        w = 0;
        line++;
    }
}

void oc__cpu_pack_windows(const void *context, const struct cpu_panel *p)
{
    for (int64_t i = 0; i < p->k; i++) {
        float *const to = p->to + i * p->width;
        fill_row(context, p->k_first + i, p->first, p->count, to);
        for (int j = p->count; j < p->width; j++)
            to[j] = 0;
    }
}

void oc__cpu_pack_windows_transposed(const void *context, const struct cpu_panel *p)
{
    float lines[LINES * LINE_MAX_K];
    for (int i = 0; i < p->width; i += LINES) {
        for (int j = 0; j < LINES; j++)
            if (i + j < p->count)
                fill_row(context, p->first + i + j, p->k_first, p->k, lines + j * p->k);
            else
                memset(lines + j * p->k, 0, (size_t)p->k * sizeof *lines);
        oc__cpu_pack_across(lines, p->k, LINES, p->k, p->to + i, p->width);
    }
}
