/* explain_occlusion.c — covers a place and sees what it costs (Zeiler and Fergus, "Visualizing and
 * Understanding Convolutional Networks", 2014, section 4.2).
 *
 * A square patch of middle grey slides over what the network sees.  Where it lies, the score falls
 * by some amount; the heat of a place is the mean over all patches that covered it, those with
 * their middle near it counting more, and no less than 0: what makes a class likelier when it is
 * hidden does not speak for it. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "image/image.h"
#include "nn/model.h"
#include "task/explain.h"

enum { GREY = 128, PATCHES_ACROSS = 6, STEPS_PER_PATCH = 3 };

struct occlusion { int64_t size, stride; };

static const struct attr attrs[] = {
    ATTR_RANGE(struct occlusion, INT, size, "0",
               "side of the patch in pixels of the input; 0: a sixth of its shorter side", 0,
               65536),
    ATTR_RANGE(struct occlusion, INT, stride, "0", "between patches; 0: a third of the patch", 0,
               65536),
    { 0 }
};

/* Where patches lie, and what they cost. */
struct slide {
    int     height, width, channels, size, stride;
    float  *clean, *grey;                               /* [c, h, w] */
    double *sum, *weight;                               /* [h, w] of what patches cost */
};

static oc_status build(oc_explainer *e)
{
    e->output[0] = e->score;
    e->outputs = 1;
    return OC_OK;
}

/* Middle grey as the preparation makes numbers of it. */
static oc_status prepare_grey(const oc_explainer *e, const struct slide *s)
{
    const oc_shape shape = oc_model_input(e->model);
    oc_image grey;
    TRY(oc__image_new(&grey, "patch", s->width, s->height, s->channels));
    memset(grey.pixel, GREY, oc__image_bytes(&grey));
    const oc_status status = oc__prepare_numbers(e->program, &grey, &shape, s->grey);
    oc_image_free(&grey);
    return status;
}

/* Copies the patch at a corner, cut at the border, from one image to another. */
static void copy_patch(const struct slide *s, int top, int left, const float *from, float *to)
{
    const int bottom = top + s->size < s->height ? top + s->size : s->height;
    const int right = left + s->size < s->width ? left + s->size : s->width;
    for (int c = 0; c < s->channels; c++)
        for (int y = top < 0 ? 0 : top; y < bottom; y++) {
            const int first = left < 0 ? 0 : left;
            const size_t at = ((size_t)c * (size_t)s->height + (size_t)y) * (size_t)s->width
                + (size_t)first;
            memcpy(to + at, from + at, (size_t)(right - first) * sizeof *to);
        }
}

/* From 1 in the middle of a patch down to almost 0 at its border. */
static double tent(int at, int from, int size)
{
    return 1 - fabs(at + 0.5 - from - 0.5 * size) / (0.5 * size + 0.5);
}

static void add_cost(const struct slide *s, int top, int left, double cost)
{
    for (int y = top < 0 ? 0 : top; y < top + s->size && y < s->height; y++)
        for (int x = left < 0 ? 0 : left; x < left + s->size && x < s->width; x++) {
            const double weight = tent(y, top, s->size) * tent(x, left, s->size);
            s->sum[y * s->width + x] += weight * cost;
            s->weight[y * s->width + x] += weight;
        }
}

static double score_now(oc_explainer *e, oc_status *status)
{
    *status = oc__explain_run(e);
    return (double)*(const float *)e->out[0].data;
}

/* Patches begin one stride before the border and end behind it, so that every place, those in the
 * corners too, is covered by as many, and each cost is known to about a stride. */
static oc_status slide_patch(oc_explainer *e, const struct slide *s)
{
    oc_status status;
    const double whole = score_now(e, &status);
    for (int top = s->stride - s->size; top < s->height && status >= 0; top += s->stride)
        for (int left = s->stride - s->size; left < s->width && status >= 0; left += s->stride) {
            copy_patch(s, top, left, s->grey, e->in[0].data);
            add_cost(s, top, left, whole - score_now(e, &status));
            copy_patch(s, top, left, s->clean, e->in[0].data);
        }
    return status;
}

static struct slide plan_slide(const oc_explainer *e)
{
    const struct occlusion *const a = oc__explain_attr(e);
    const oc_shape s = oc_model_input(e->model);
    const int shorter = (int)(s.dim[1] < s.dim[2] ? s.dim[1] : s.dim[2]);
    const int usual = shorter / PATCHES_ACROSS > 0 ? shorter / PATCHES_ACROSS : 1;
    const int size = a->size ? (int)a->size : usual;
    const int third = size / STEPS_PER_PATCH > 0 ? size / STEPS_PER_PATCH : 1;
    return (struct slide){ .height = (int)s.dim[1], .width = (int)s.dim[2],
                           .channels = (int)s.dim[0], .size = size,
                           .stride = a->stride ? (int)a->stride : third };
}

static oc_status make_room(struct slide *s, struct grid *heat)
{
    const size_t places = (size_t)s->height * (size_t)s->width, n = places * (size_t)s->channels;
    s->clean = oc__alloc(n, sizeof *s->clean);
    s->grey = oc__alloc(n, sizeof *s->grey);
    s->sum = oc__alloc(places, sizeof *s->sum);
    s->weight = oc__alloc(places, sizeof *s->weight);
    *heat = (struct grid){ .rows = s->height, .columns = s->width,
                           .v = oc__alloc(places, sizeof(float)) };
    return s->clean && s->grey && s->sum && s->weight && heat->v ? OC_OK : OC_ELIMIT;
}

static oc_status run_slide(oc_explainer *e, struct slide *s, struct grid *heat)
{
    const size_t places = (size_t)s->height * (size_t)s->width;
    TRY(make_room(s, heat));
    TRY(prepare_grey(e, s));
    memcpy(s->clean, e->in[0].data, places * (size_t)s->channels * sizeof *s->clean);
    TRY(slide_patch(e, s));
    for (size_t i = 0; i < places; i++)
        if (s->sum[i] > 0)
            heat->v[i] = (float)(s->sum[i] / s->weight[i]);
    return OC_OK;
}

static oc_status heat(oc_explainer *e, struct grid *heat)
{
    struct slide s = plan_slide(e);
    const oc_status status = s.stride > s.size
        ? oc__fail(OC_EUSAGE, "occlusion: stride %d is more than the patch, %d: places between "
                              "would never be covered", s.stride, s.size)
        : run_slide(e, &s, heat);
    oc__free(s.clean);
    oc__free(s.grey);
    oc__free(s.sum);
    oc__free(s.weight);
    return status;
}

const struct explain_method oc__explain_occlusion = {
    .entry = { "occlusion", "how much the score falls while a grey patch covers the place", attrs,
               sizeof(struct occlusion) },
    .build = build, .heat = heat,
};
