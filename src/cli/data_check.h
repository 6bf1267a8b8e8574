/* data_check.h — every image of a data set decoded: what is broken, and what is there twice. */
#ifndef OC_CLI_DATA_CHECK_H
#define OC_CLI_DATA_CHECK_H

#include <jansson.h>
#include "ocellus.h"

extern const char *const oc__part_names[];              /* ends in NULL */

/* What one image turned out to be; `error` where it is broken. */
struct finding {
    oc_part  part;
    int64_t  index, label;
    int      width, height, channels;
    uint64_t hash;                                      /* of pixels and shape */
    char    *error;
};

/* Ordered by hash, so that equal images are neighbours; broken ones come last. */
struct findings {
    struct finding *row;
    int64_t n, broken;
    int64_t copies;                                     /* images that are there once more */
    int64_t leaks;                                      /* copies in another part */
    int64_t doubts;                                     /* copies with another label */
};

oc_status oc__data_check(struct findings *out, const oc_data *d);
void      oc__data_check_print(const struct findings *f, const oc_data *d, const char *spec);
json_t   *oc__data_check_json(const struct findings *f, const oc_data *d, const char *spec);
void      oc__data_check_free(struct findings *f);

#endif
