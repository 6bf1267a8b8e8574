/* warp.c — projective maps of images, masks and boxes. */
#include "image/warp.h"

#include <math.h>
#include <string.h>
#include "base/status.h"

const char *const oc__border_names[] = {
    [BORDER_EDGE] = "edge", [BORDER_REFLECT] = "reflect", [BORDER_BLACK] = "black", NULL
};

int oc__border_index(enum border border, int64_t i, int n)
{
    if (i >= 0 && i < n)
        return (int)i;
    if (border == BORDER_BLACK)
        return -1;
    if (border == BORDER_EDGE)
        return i < 0 ? 0 : n - 1;
    i %= 2 * (int64_t)n;                                /* mirrored with the border pixel twice */
    i += i < 0 ? 2 * (int64_t)n : 0;
    return (int)(i < n ? i : 2 * (int64_t)n - 1 - i);
}

/* ---- matrices ----------------------------------------------------------------------------- */

struct matrix oc__matrix_times(struct matrix a, struct matrix b)
{
    struct matrix c = { { 0 } };
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                c.m[3 * i + j] += a.m[3 * i + k] * b.m[3 * k + j];
    return c;
}

struct matrix oc__matrix_about(double x, double y, struct motion motion)
{
    const double        c = motion.scale * cos(motion.angle), s = motion.scale * sin(motion.angle);
    const struct matrix back = { { 1, 0, -x, 0, 1, -y, 0, 0, 1 } };
    const double        u = tan(motion.shear_x), v = tan(motion.shear_y);
    const struct matrix shear = { { 1, u, 0, v, 1, 0, 0, 0, 1 } };
    const struct matrix turn = { { c, -s, x + motion.move_x, s, c, y + motion.move_y, 0, 0, 1 } };
    return oc__matrix_times(turn, oc__matrix_times(shear, back));
}

struct matrix oc__matrix_corners(double w, double h, double to[4][2])
{
    const double dx1 = to[1][0] - to[2][0], dy1 = to[1][1] - to[2][1];
    const double dx2 = to[3][0] - to[2][0], dy2 = to[3][1] - to[2][1];
    const double sx = to[0][0] - to[1][0] + to[2][0] - to[3][0];
    const double sy = to[0][1] - to[1][1] + to[2][1] - to[3][1];
    const double d = dx1 * dy2 - dx2 * dy1;
    const double g = (sx * dy2 - dx2 * sy) / d, k = (dx1 * sy - sx * dy1) / d;
    const struct matrix unit = { {
        to[1][0] - to[0][0] + g * to[1][0], to[3][0] - to[0][0] + k * to[3][0], to[0][0],
        to[1][1] - to[0][1] + g * to[1][1], to[3][1] - to[0][1] + k * to[3][1], to[0][1],
        g, k, 1,
    } };
    return oc__matrix_times(unit, (struct matrix){ { 1 / w, 0, 0, 0, 1 / h, 0, 0, 0, 1 } });
}

/* The inverse up to a factor, which a projective map may have. */
static struct matrix adjugate(const struct matrix *a)
{
    const double *m = a->m;
    return (struct matrix){ {
        m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
        m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
        m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3],
    } };
}

static void map_point(const struct matrix *a, double x, double y, double out[2])
{
    const double *m = a->m, z = m[6] * x + m[7] * y + m[8];
    out[0] = (m[0] * x + m[1] * y + m[2]) / z;
    out[1] = (m[3] * x + m[4] * y + m[5]) / z;
}

/* ---- objects ------------------------------------------------------------------------------ */

static struct object map_object(const struct object *o, const struct matrix *forward)
{
    const double  corner[4][2] = { { o->left, o->top }, { o->right, o->top },
                                   { o->right, o->bottom }, { o->left, o->bottom } };
    struct object to = { INFINITY, INFINITY, -INFINITY, -INFINITY, o->label };
    for (int i = 0; i < 4; i++) {
        double p[2];
        map_point(forward, corner[i][0], corner[i][1], p);
        to.left = fmin(to.left, p[0]);
        to.right = fmax(to.right, p[0]);
        to.top = fmin(to.top, p[1]);
        to.bottom = fmax(to.bottom, p[1]);
    }
    return to;
}

void oc__objects_map(struct sample *s, const struct matrix *forward, int width, int height)
{
    int kept = 0;
    for (int i = 0; i < s->objects; i++) {
        struct object o = map_object(&s->object[i], forward);
        o.left = fmax(o.left, 0);
        o.top = fmax(o.top, 0);
        o.right = fmin(o.right, width);
        o.bottom = fmin(o.bottom, height);
        if (o.right - o.left >= 1 && o.bottom - o.top >= 1)
            s->object[kept++] = o;
    }
    s->objects = kept;
}

/* ---- pixels ------------------------------------------------------------------------------- */

/* The pixel at (x, y), whose centres lie at halves. */
static void interpolate(const oc_image *in, double x, double y, enum border border, uint8_t *to)
{
    static const uint8_t black[4] = { 0 };
    const size_t   c = (size_t)in->channels;
    const double   u = floor(x - 0.5), v = floor(y - 0.5), fx = x - 0.5 - u, fy = y - 0.5 - v;
    const uint8_t *from[4];
    for (int i = 0; i < 4; i++) {
        const int column = oc__border_index(border, (int64_t)u + i % 2, in->width);
        const int row = oc__border_index(border, (int64_t)v + i / 2, in->height);
        from[i] = column < 0 || row < 0
            ? black : in->pixel + ((size_t)row * (size_t)in->width + (size_t)column) * c;
    }
    for (size_t k = 0; k < c; k++) {
        const double top = from[0][k] + fx * (from[1][k] - from[0][k]);
        const double below = from[2][k] + fx * (from[3][k] - from[2][k]);
        to[k] = (uint8_t)(top + fy * (below - top) + 0.5);
    }
}

static void take_nearest(const oc_image *in, double x, double y, enum border border, uint8_t *to)
{
    const int column = oc__border_index(border, (int64_t)floor(x), in->width);
    const int row = oc__border_index(border, (int64_t)floor(y), in->height);
    *to = column < 0 || row < 0 ? MASK_IGNORED : in->pixel[(size_t)row * (size_t)in->width
                                                           + (size_t)column];
}

typedef void take(const oc_image *in, double x, double y, enum border border, uint8_t *to);

static oc_status warp_image(oc_image *out, const oc_image *in, const struct matrix *inverse,
                            enum border border, take *at)
{
    enum { FAR = 1 << 24 };            /* what a map near its horizon gives must stay an integer */
    TRY(oc__image_new(out, "augmented image", in->width, in->height, in->channels));
    uint8_t *to = out->pixel;
    for (int y = 0; y < in->height; y++)
        for (int x = 0; x < in->width; x++, to += in->channels) {
            double p[2];
            map_point(inverse, x + 0.5, y + 0.5, p);
            at(in, fmax(-FAR, fmin(FAR, p[0])), fmax(-FAR, fmin(FAR, p[1])), border, to);
        }
    return OC_OK;
}

oc_status oc__warp(struct sample *s, const struct matrix *forward, enum border border)
{
    const struct matrix inverse = adjugate(forward);
    oc_image            out;
    TRY(warp_image(&out, &s->image, &inverse, border, interpolate));
    oc__sample_put(s, out);
    if (s->mask.pixel != NULL) {
        TRY(warp_image(&out, &s->mask, &inverse, border,
                       s->soft ? interpolate : take_nearest));
        oc__sample_put_mask(s, out);
    }
    oc__objects_map(s, forward, s->image.width, s->image.height);
    return OC_OK;
}
