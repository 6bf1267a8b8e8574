/* dataset.h — what an opened data set is inside.
 *
 * Samples lie in one block, images of equal size as bytes [n, h, w, c] with one label each; parts
 * are lists of their indices, ascending, so that splitting moves no pixels.  A kind of data set is
 * one `const struct data_kind` in a file of its own, and a line in list.h. */
#ifndef OC_DATA_DATASET_H
#define OC_DATA_DATASET_H

#include "base/attr.h"
#include "ocellus.h"

struct samples {
    int64_t  n;
    int      height, width, channels;
    uint8_t *pixel;                                     /* [n, h, w, c] */
    uint8_t *label;                                     /* [n] */
};

struct part { int64_t n; int64_t *index; };

struct oc_data {
    struct samples     samples;
    struct part        part[OC_PARTS];
    int                classes;
    const char *const *class_name;                      /* [classes], constants of the kind */
    const char        *preparation;
};

/* `open` fills samples, classes and parts from the place and its settings; what it leaves behind
 * when it fails is freed for it. */
struct data_kind {
    struct entry entry;                                 /* its summary says what place means */
    oc_status  (*open)(oc_data *d, const char *place, const void *attr);
};

extern const struct data_kind *const oc__data_list[];   /* ends in NULL */
extern const char *const             oc__digit_names[10];

/* Room for n samples; the train part is the first `train`, the test part the rest. */
oc_status oc__data_make(oc_data *d, struct samples shape, int64_t train);

/* Sample `index` of the storage as a view, which is not to be freed. */
static inline oc_image oc__data_view(const oc_data *d, int64_t index)
{
    const struct samples *s = &d->samples;
    const size_t bytes = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    return (oc_image){ s->width, s->height, s->channels, s->pixel + (size_t)index * bytes };
}

#endif
