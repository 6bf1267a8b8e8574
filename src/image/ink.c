/* ink.c — separates a drawing from its ground.
 *
 *   1. A threshold between ground and ink by Otsu's method (IEEE Trans. SMC 9, 1979): the one that
 *      splits the histogram into the two classes furthest apart, n0 n1 (mean0 - mean1)^2.
 *   2. Regions of ink that hang together, corners included.  Those with fewer than 1/20 of the
 *      pixels of the largest are specks (noise, dust, JPEG's ripples) and not part of the drawing.
 *   3. Levels: the ground's mean and twice its deviation become 0, the mean of the ink 255. */
#include <math.h>
#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "image/ink.h"

enum { SPECK = 20 };

/* ---- levels ------------------------------------------------------------------------------- */

/* Values above `threshold` are ink; `low` becomes 0 and `high` 255. */
struct levels { int threshold; double low, high; };

/* Count, sum and sum of squares of the values from … to - 1 of a histogram. */
struct moments { double n, sum, square; };

static struct moments moments_of(const int64_t *histogram, int from, int to)
{
    struct moments m = { 0 };
    for (int v = from; v < to; v++) {
        const double n = (double)histogram[v];
        m.n += n;
        m.sum += n * v;
        m.square += n * v * v;
    }
    return m;
}

/* -1 where there is one value only. */
static int otsu(const int64_t *histogram)
{
    const struct moments all = moments_of(histogram, 0, 256);
    struct moments       low = { 0 };
    double               best = 0;
    int                  threshold = -1;
    for (int v = 0; v < 255; v++) {
        low.n += (double)histogram[v];
        low.sum += (double)histogram[v] * v;
        if (low.n == 0 || low.n == all.n)
            continue;
        const double apart = low.sum / low.n - (all.sum - low.sum) / (all.n - low.n);
        const double score = low.n * (all.n - low.n) * apart * apart;
        if (score > best) {
            best = score;
            threshold = v;
        }
    }
    return threshold;
}

static struct levels find_levels(const oc_image *grey)
{
    int64_t histogram[256] = { 0 };
    for (size_t i = 0; i < oc__image_bytes(grey); i++)
        histogram[grey->pixel[i]]++;
    struct levels l = { .threshold = otsu(histogram) };
    if (l.threshold < 0)
        return l;
    const struct moments ground = moments_of(histogram, 0, l.threshold + 1);
    const struct moments ink = moments_of(histogram, l.threshold + 1, 256);
    const double         mean = ground.sum / ground.n;
    const double         variance = fmax(ground.square / ground.n - mean * mean, 0);
    l.low = fmin(mean + 2 * sqrt(variance), l.threshold);
    l.high = ink.sum / ink.n;
    return l;
}

static uint8_t level(const struct levels *l, uint8_t v)
{
    const double scaled = (v - l->low) * 255 / (l->high - l->low);
    return (uint8_t)lround(fmax(0, fmin(255, scaled)));
}

/* ---- regions ------------------------------------------------------------------------------ */

struct regions {
    int32_t *region;                                    /* [h, w]: 1 + its first pixel; 0 ground */
    int32_t *size;                                      /* pixels, kept at the first of them */
    int32_t *stack;                                     /* pixels whose neighbours are due */
    int32_t  largest;
};

/* Marks all the ink that hangs together with pixel `start`. */
static void flood(struct regions *r, const oc_image *grey, int threshold, int32_t start)
{
    const int w = grey->width, h = grey->height;
    int32_t   due = 0;
    r->stack[due++] = start;
    r->region[start] = start + 1;
    while (due > 0) {
        const int32_t at = r->stack[--due];
        const int     x = at % w, y = at / w;
        r->size[start]++;
        for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < h; v++)
            for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < w; u++) {
                const int32_t to = v * w + u;
                if (r->region[to] != 0 || grey->pixel[to] <= threshold)
                    continue;
                r->region[to] = start + 1;
                r->stack[due++] = to;
            }
    }
    r->largest = r->size[start] > r->largest ? r->size[start] : r->largest;
}

static oc_status find_regions(struct regions *r, const oc_image *grey, int threshold)
{
    const size_t n = oc__image_bytes(grey);
    *r = (struct regions){ oc__alloc(n, sizeof(int32_t)), oc__alloc(n, sizeof(int32_t)),
                           oc__alloc(n, sizeof(int32_t)), 0 };
    if (r->region == NULL || r->size == NULL || r->stack == NULL)
        return OC_ELIMIT;
    for (size_t i = 0; i < n; i++)
        if (r->region[i] == 0 && grey->pixel[i] > threshold)
            flood(r, grey, threshold, (int32_t)i);
    return OC_OK;
}

static bool is_speck(const struct regions *r, size_t i)
{
    return r->region[i] != 0 && r->size[r->region[i] - 1] < (r->largest + SPECK - 1) / SPECK;
}

/* ---- cutting out -------------------------------------------------------------------------- */

static struct crop_box find_box(const struct regions *r, const oc_image *grey)
{
    int left = grey->width, top = grey->height, right = 0, bottom = 0;
    for (int y = 0; y < grey->height; y++)
        for (int x = 0; x < grey->width; x++) {
            const size_t i = (size_t)y * (size_t)grey->width + (size_t)x;
            if (r->region[i] == 0 || is_speck(r, i))
                continue;
            left = x < left ? x : left;
            right = x + 1 > right ? x + 1 : right;
            top = y < top ? y : top;
            bottom = y + 1;
        }
    return (struct crop_box){ left, top, right - left, bottom - top };
}

static oc_status cut(const struct regions *r, const struct levels *l, const oc_image *grey,
                     struct crop_box b, oc_image *out)
{
    TRY(oc__image_new(out, "drawing", b.width, b.height, 1));
    uint8_t *to = out->pixel;
    for (int y = b.top; y < b.top + b.height; y++)
        for (int x = b.left; x < b.left + b.width; x++) {
            const size_t i = (size_t)y * (size_t)grey->width + (size_t)x;
            *to++ = is_speck(r, i) ? 0 : level(l, grey->pixel[i]);
        }
    return OC_OK;
}

oc_status oc__ink_crop(const oc_image *grey, oc_image *out, struct crop_box *box)
{
    const struct levels l = find_levels(grey);
    struct regions      r = { 0 };
    *out = (oc_image){ 0 };
    *box = (struct crop_box){ 0, 0, grey->width, grey->height };
    if (l.threshold < 0)
        return oc__image_new(out, "drawing", 1, 1, 1);
    oc_status status = find_regions(&r, grey, l.threshold);
    if (status == OC_OK) {
        *box = find_box(&r, grey);
        status = cut(&r, &l, grey, *box, out);
    }
    oc__free(r.region);
    oc__free(r.size);
    oc__free(r.stack);
    return status;
}
