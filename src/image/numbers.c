/* numbers.c — 8-bit values to numbers, by a line or by the table, some pixels at a time. */
#include "image/numbers.h"
#include <string.h>
#include "backend/wide.h"

enum { BLOCK = 256, VECTOR = 16 };

typedef uint8_t bytes __attribute__((vector_size(VECTOR)));

/* In double, so that rounding once to single gives what the table holds. */
WIDE static void along_line(const struct line *line, const uint8_t *v, size_t n, float *to)
{
    const double scale = line->scale, shift = line->shift;
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(v[i] * scale + shift);
}

void oc__numbers_set(struct numbers *n, int channel, const double value[256])
{
    float *const       table = n->table[channel];
    struct line *const line = &n->line[channel];
    uint8_t            ramp[256];
    float              got[256];
    for (int v = 0; v < 256; v++) {
        ramp[v] = (uint8_t)v;
        table[v] = (float)value[v];
    }
    *line = (struct line){ (value[255] - value[0]) / 255, value[0], false };
    along_line(line, ramp, 256, got);
    line->exact = memcmp(got, table, sizeof got) == 0;
}

/* Sixteen pixels of three bytes, 48 in a row, to planes that stand BLOCK bytes apart. */
static inline void part_threes(const uint8_t *from, uint8_t *plane)
{
    bytes a, b, c, red, green, blue;                    /* bytes of b count from VECTOR on */
    memcpy(&a, from, sizeof a);
    memcpy(&b, from + VECTOR, sizeof b);
    memcpy(&c, from + 2 * VECTOR, sizeof c);
    red = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    red = __builtin_shufflevector(red, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
    green = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    green = __builtin_shufflevector(green, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
    blue = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    blue = __builtin_shufflevector(blue, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
    memcpy(plane, &red, sizeof red);
    memcpy(plane + BLOCK, &green, sizeof green);
    memcpy(plane + 2 * BLOCK, &blue, sizeof blue);
}

/* n pixels of c bytes, at most BLOCK, to a plane each. */
WIDE static void part(const uint8_t *from, size_t n, size_t c, uint8_t *plane)
{
    size_t i = 0;
    for (; c == 3 && i + VECTOR <= n; i += VECTOR)
        part_threes(from + 3 * i, plane + i);
    for (; i < n; i++)
        for (size_t k = 0; k < c; k++)
            plane[k * BLOCK + i] = from[i * c + k];
}

static void numbers_of_plane(const struct numbers *n, size_t c, const uint8_t *v, size_t count,
                             float *to)
{
    if (n->line[c].exact)
        along_line(&n->line[c], v, count, to);
    else
        for (size_t i = 0; i < count; i++)
            to[i] = n->table[c][v[i]];
}

void oc__numbers_of(const struct numbers *n, const oc_image *image, float *x)
{
    const size_t places = (size_t)image->width * (size_t)image->height;
    const size_t channels = (size_t)image->channels;
    uint8_t      plane[CHANNELS_MAX * BLOCK];
    for (size_t at = 0; at < places; at += BLOCK) {
        const size_t count = places - at < BLOCK ? places - at : BLOCK;
        part(image->pixel + at * channels, count, channels, plane);
        for (size_t c = 0; c < channels; c++)
            numbers_of_plane(n, c, plane + c * BLOCK, count, x + c * places + at);
    }
}
