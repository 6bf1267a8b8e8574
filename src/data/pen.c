/* pen.c — segments, splines, and where they fall. */
#include "data/pen.h"

#include <math.h>

enum { SPAN_SEGMENTS = 6 };

static double distance(struct point p, struct point a, struct point b)
{
    const double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double       t = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double u = p.x - a.x - t * dx, v = p.y - a.y - t * dy;
    return sqrt(u * u + v * v);
}

static int clamp_pixel(const struct field *f, double v)
{
    return v < 0 ? 0 : v > f->side ? f->side : (int)v;
}

void oc__pen_segment(const struct field *f, struct point a, struct point b, double radius)
{
    const int left = clamp_pixel(f, fmin(a.x, b.x) - radius - 1);
    const int right = clamp_pixel(f, fmax(a.x, b.x) + radius + 2);
    const int top = clamp_pixel(f, fmin(a.y, b.y) - radius - 1);
    const int bottom = clamp_pixel(f, fmax(a.y, b.y) + radius + 2);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            const struct point centre = { x + 0.5, y + 0.5 };
            const double       covered = radius + 0.5 - distance(centre, a, b);
            float             *ink = &f->ink[y * f->side + x];
            if (covered > *ink)
                *ink = covered < 1 ? (float)covered : 1;
        }
}

/* A point of the Catmull-Rom spline between p[1] and p[2]. */
static struct point spline(const struct point p[4], double t)
{
    const double t2 = t * t, t3 = t2 * t;
    const double w[4] = { (2 * t2 - t3 - t) / 2, (3 * t3 - 5 * t2 + 2) / 2,
                          (4 * t2 - 3 * t3 + t) / 2, (t3 - t2) / 2 };
    struct point out = { 0, 0 };
    for (int i = 0; i < 4; i++) {
        out.x += w[i] * p[i].x;
        out.y += w[i] * p[i].y;
    }
    return out;
}

void oc__pen_stroke(const struct field *f, const struct stroke *s, double radius)
{
    for (int i = 0; i + 1 < s->n; i++) {
        const struct point around[4] = { s->point[i > 0 ? i - 1 : i], s->point[i], s->point[i + 1],
                                         s->point[i + 2 < s->n ? i + 2 : i + 1] };
        const int          pieces = s->smooth ? SPAN_SEGMENTS : 1;
        struct point       from = around[1];
        for (int k = 1; k <= pieces; k++) {
            const struct point to = k < pieces ? spline(around, (double)k / pieces) : around[2];
            oc__pen_segment(f, from, to, radius);
            from = to;
        }
    }
}

struct point oc__affine_apply(const struct affine *m, struct point p)
{
    const double x = p.x - 0.5, y = p.y - 0.5;
    return (struct point){ m->xx * x + m->xy * y + m->x, m->yx * x + m->yy * y + m->y };
}
