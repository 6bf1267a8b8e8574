/* prepare_number.c — steps that say what number an 8-bit value becomes.
 *
 *     scale       v / 255
 *     normalize   (v - mean) / std, one mean and deviation, or one of each channel; those that go
 *                 by a name are meant for fractions of white, whether or not v is one already, and
 *                 those of grey are weighted as luma is, which for the mean is exact */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/status.h"
#include "image/nodes.h"
#include "image/prepare.h"

static double divide(const void *attr, struct channel at, double v, double white)
{
    (void)attr, (void)at, (void)white;
    return v / 255;
}

static oc_status divide_nodes(const void *attr, struct nodes *n)
{
    (void)attr;
    n->x = oc__node_by(n, "Div", n->x, 255);
    return OC_OK;
}

const struct prepare oc__prepare_scale = {
    .entry = { .name = "scale", .summary = "values from 0 … 255 to 0 … 1" },
    .number = divide, .nodes = divide_nodes,
};

enum { LIST_MAX = 3 };
struct list { int n; double v[LIST_MAX]; };

struct normalize {
    char        mean[ATTR_TEXT_MAX], std[ATTR_TEXT_MAX];
    struct list means, stds;                            /* the same as numbers */
    bool        named;                                  /* they are fractions of white */
};

/* Statistics that go by a name, as fractions of white: ImageNet's are torchvision's. */
static const char *const imagenet[] = { "0.485,0.456,0.406", "0.229,0.224,0.225" };

static const struct attr normalize_attrs[] = {
    ATTR(struct normalize, TEXT, mean, "0",
         "subtracted: one number, one a channel, or imagenet"),
    ATTR(struct normalize, TEXT, std, "1", "divided by: one number, or one a channel"),
    { 0 }
};

/* "0.485,0.456,0.406" or one number. */
static oc_status read_list(struct list *list, const char *name, const char *text)
{
    *list = (struct list){ 0 };
    const char *at = text;
    do {
        char *end;
        if (list->n == LIST_MAX)
            break;
        list->v[list->n] = strtod(at, &end);
        if (end == at || (*end != 0 && *end != ',') || !isfinite(list->v[list->n]))
            return oc__fail(OC_EUSAGE, "preparation: normalize: %s=%s: not a list of numbers",
                            name, oc__quote_z(text));
        list->n++;
        at = *end == ',' ? end + 1 : end;
    } while (*at != 0);
    if (*at == 0 && (list->n == 1 || list->n == LIST_MAX))
        return OC_OK;
    return oc__fail(OC_EUSAGE, "preparation: normalize: %s=%s: one number or three", name,
                    oc__quote_z(text));
}

static oc_status ready(void *attr)
{
    struct normalize *a = attr;
    a->named = strcmp(a->mean, "imagenet") == 0;
    if (a->named && strcmp(a->std, "1") != 0)
        return oc__fail(OC_EUSAGE, "preparation: normalize: imagenet brings its own std");
    TRY(read_list(&a->means, "mean", a->named ? imagenet[0] : a->mean));
    TRY(read_list(&a->stds, "std", a->named ? imagenet[1] : a->std));
    for (int i = 0; i < a->stds.n; i++)
        if (a->stds.v[i] <= 0)
            return oc__fail(OC_EUSAGE, "preparation: normalize: std=%s: not above zero",
                            oc__quote_z(a->std));
    return OC_OK;
}

static oc_status extent(const void *attr, struct extent *e)
{
    const struct normalize *a = attr;
    if ((a->means.n == 1 && a->stds.n == 1) || (a->named && e->channels == 1))
        return OC_OK;
    if (e->channels != 0 && e->channels != LIST_MAX)
        return oc__fail(OC_EUSAGE, "preparation: normalize: three numbers for %d channels",
                        e->channels);
    e->channels = LIST_MAX;
    return OC_OK;
}

/* The number of a channel; of grey that of the luma of three. */
static double number_of(const struct list *list, struct channel at)
{
    if (at.count == 1 && list->n == LIST_MAX)
        return 0.299 * list->v[0] + 0.587 * list->v[1] + 0.114 * list->v[2];
    return list->v[at.number % list->n];
}

static double subtract_and_divide(const void *attr, struct channel at, double v, double white)
{
    const struct normalize *a = attr;
    if (a->named)
        v /= white;
    return (v - number_of(&a->means, at)) / number_of(&a->stds, at);
}

/* The list as a constant for the channels of the image. */
static oc_value constant(struct nodes *n, const struct list *list)
{
    const double grey = number_of(list, (struct channel){ 0, 1 });
    return n->channels == 1 ? oc__node_channels(n, 1, &grey)
                            : oc__node_channels(n, list->n, list->v);
}

static oc_status subtract_nodes(const void *attr, struct nodes *n)
{
    const struct normalize *a = attr;
    if (a->named && n->white != 1)
        n->x = oc__node_by(n, "Div", n->x, n->white);
    n->x = oc__node_with(n, "Sub", n->x, constant(n, &a->means));
    n->x = oc__node_with(n, "Div", n->x, constant(n, &a->stds));
    return OC_OK;
}

const struct prepare oc__prepare_normalize = {
    .entry = { .name = "normalize", .summary = "subtracts a mean and divides by a deviation",
               .attrs = normalize_attrs, .size = sizeof(struct normalize) },
    .ready = ready, .extent = extent, .number = subtract_and_divide, .nodes = subtract_nodes,
};
