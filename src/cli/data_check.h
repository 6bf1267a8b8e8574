/* data_check.h — every image of a data set looked at: sizes and formats by its header alone, or
 * decoded, which tells what is broken and what is there twice. */
#ifndef OC_CLI_DATA_CHECK_H
#define OC_CLI_DATA_CHECK_H

#include <jansson.h>
#include "ocellus.h"

extern const char *const oc__part_names[];              /* ends in NULL */

/* What one image turned out to be; `error` where it cannot be read. */
struct finding {
    oc_part     part;
    int64_t     index, label;
    int         width, height, channels;
    const char *format;                                 /* "": in no file of its own */
    uint64_t    hash;                                   /* of pixels and shape, once decoded */
    char       *error;
};

/* Ordered by hash, so that equal images are neighbours; broken ones come last. */
struct findings {
    struct finding *row;
    int64_t n, broken;
    bool    decoded;
    int64_t copies;                                     /* images that are there once more */
    int64_t leaks;                                      /* copies in another part */
    int64_t doubts;                                     /* copies with another label */
};

oc_status oc__data_check(struct findings *out, const oc_data *d, bool decode);
void      oc__data_check_free(struct findings *f);

/* Whether row i has the same pixels as the row before it. */
bool      oc__data_repeats(const struct findings *f, int64_t i);

/* For people: parts, sizes, formats, classes, and what is wrong.  For programs: the same. */
void      oc__data_tell(const struct findings *f, const oc_data *d, const char *spec);
json_t   *oc__data_json(const struct findings *f, const oc_data *d, const char *spec);

#endif
