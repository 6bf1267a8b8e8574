/* pixels.h — the samples of a data set after the steps of a preparation that work on pixels, by way
 * of the set's cache where it has one. */
#ifndef OC_DATA_PIXELS_H
#define OC_DATA_PIXELS_H

#include "data/dataset.h"

struct pixels {
    const oc_data                *data;
    const struct prepare_program *prepare;
    bool                          fit;                  /* with the steps that set a size */
    int                           shelf, mask_shelf;    /* of the cache; -1: none */
};

void      oc__pixels_begin(struct pixels *p, const oc_data *data,
                           const struct prepare_program *prepare, bool fit);

/* Image number `index` of the storage; the canvas is to be freed, also on failure, which names the
 * file. */
oc_status oc__pixels_get(const struct pixels *p, int64_t index, struct canvas *canvas);

/* The same with its mask, at the size of the prepared image. */
oc_status oc__pixels_get_masked(const struct pixels *p, int64_t index, struct canvas *canvas,
                                struct canvas *mask);

/* What the cache of a set will hold once all samples were asked for, by the headers of some of
 * them, or by the shape [c, h, w] that they are prepared to; 0 where there is none. */
int64_t   oc__pixels_cached_bytes(const oc_data *data, const oc_shape *prepared);

#endif
