/* dataset.h — what an opened data set is inside.
 *
 * Samples have one label each.  They lie in one block, images of equal size as bytes [n, h, w, c],
 * or come from a source that decodes each when it is asked for; then sizes may differ, and making
 * them equal is the preparation's work.  Parts are lists of indices of samples, ascending, so that
 * splitting moves no pixels.  A kind of data set is one `const struct data_kind` in a file of its
 * own, and a line in list.h. */
#ifndef OC_DATA_DATASET_H
#define OC_DATA_DATASET_H

#include "base/attr.h"
#include "data/cache.h"
#include "image/prepare.h"
#include "ocellus.h"

struct samples {
    int64_t  n;
    int      height, width, channels;                   /* 0: the source's images differ */
    uint8_t *pixel;                                     /* [n, h, w, c]; NULL: from the source */
    int32_t *label;                                     /* [n] */
};

/* Where samples come from that do not lie in memory.  `read` makes image number `index`, which the
 * caller frees, on any number of threads at once; `prepare`, where not NULL, is what it is for, and
 * detail that this drops may be missing.  Its errors name the file.  `header` gives
 * the size without pixels, and the name of the format.  `read_mask` makes its mask, [h, w, 1];
 * NULL: it has none. */
struct source {
    oc_status   (*read)(const void *own, int64_t index, const struct prepare_program *prepare,
                        struct canvas *canvas);
    oc_status   (*header)(const void *own, int64_t index, oc_image *image, const char **format);
    const char *(*name)(const void *own, int64_t index);
    uint64_t    (*hash)(const void *own);
    void        (*close)(void *own);
    oc_status   (*read_mask)(const void *own, int64_t index, oc_image *mask);
};

struct part { int64_t n; int64_t *index; };

struct oc_data {
    struct samples     samples;
    struct part        part[OC_PARTS];
    int                classes;
    const char *const *class_name;                      /* [classes], the kind's or the source's */
    const char        *preparation;                     /* likewise */
    bool               undivided;                       /* all samples still are in one part */
    uint64_t           division;                        /* hash of how they were divided last */
    const char        *held;                            /* the setting that says what is validated
                                                         * on, "split" or "folds"; or NULL */
    const struct source *source;                        /* NULL: samples lie in memory */
    void              *own;                             /* the source's */
    struct image_cache *cache;                          /* of the source's images; NULL: none */
    struct pool         names;                          /* of classes that were renamed */
    uint64_t            hash;                           /* as it was before that; 0: it was not */
};

/* `open` fills samples, classes and parts from the place and its settings; what it leaves behind
 * when it fails is freed for it. */
struct data_kind {
    struct entry entry;                                 /* its summary says what place means */
    oc_status  (*open)(oc_data *d, const char *place, const void *attr);
};

extern const struct data_kind *const oc__data_list[];   /* ends in NULL */
extern const struct entry            oc__data_settings; /* what every kind understands */
extern const char *const             oc__digit_names[10];

/* Room for n samples, without pixels where the height is 0; the train part is the first `train`,
 * the test part the rest. */
oc_status oc__data_make(oc_data *d, struct samples shape, int64_t train);

/* Divides all samples of all parts anew by "0.7,0.15,0.15", the shares of every class that go to
 * training, validation and test; the last may be left out and is then what remains. */
oc_status oc__data_divide(oc_data *d, const char *shares, uint64_t seed);

/* Gives class i the number to[i] among `classes`, whose names are copied. */
oc_status oc__data_rename(oc_data *d, const int32_t *to, int classes, const char *const *name);

/* Image number `index` of the storage, as `prepare` (NULL: none) needs it: one of a file may still
 * be coming.  Free the canvas, also on failure. */
oc_status oc__data_read(const oc_data *d, int64_t index, const struct prepare_program *prepare,
                        struct canvas *canvas);

/* Hands on what became of image number `index`; a failure names its file. */
oc_status oc__data_blame(const oc_data *d, int64_t index, oc_status status);

/* Whether every sample has a mask. */
static inline bool oc__data_has_masks(const oc_data *d)
{
    return d->source != NULL && d->source->read_mask != NULL;
}

/* How many threads should prepare it, for want of other orders; 0: the caller alone. */
int       oc__data_workers(const oc_data *d);

/* Sample `index` of a set in memory as a view, which is not to be freed. */
static inline oc_image oc__data_view(const oc_data *d, int64_t index)
{
    const struct samples *s = &d->samples;
    const size_t bytes = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    return (oc_image){ s->width, s->height, s->channels, s->pixel + (size_t)index * bytes };
}

#endif
