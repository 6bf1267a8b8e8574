/* files.h — a data set of image files: the list that kinds such as `images` and `csv` fill, and the
 * source that decodes its files on demand.
 *
 * A kind adds its files in any order and finishes, which sorts them by path and the classes by
 * name, looks at a file to choose the preparation, and moves the list into the data set. */
#ifndef OC_DATA_FILES_H
#define OC_DATA_FILES_H

#include "base/map.h"
#include "data/dataset.h"

struct file_row {
    const char *path, *mask;                            /* NULL: it has no mask */
    int32_t     class;
    oc_part     part;
    int64_t     bytes, mask_bytes;
};

struct files {
    struct pool      pool;                              /* of all names */
    struct file_row *row;
    int64_t          n, room;
    const char     **class_name;
    int              classes;
    int64_t          classes_room;
    struct map       class_of;                          /* from names */
    bool             divided;                           /* the rows' parts are meant */
    size_t           root;                              /* bytes of a path that do not name it */
    const char      *preparation;
    bool             lenient;                           /* of pictures that end early */
};

/* What becomes of files that cannot be decoded: attributes that every kind of files has. */
enum on_bad { ON_BAD_FAIL, ON_BAD_SKIP, ON_BAD_LENIENT };
extern const char *const oc__bad_words[];
#define BAD_ATTRS(type_)                                                                    \
    ATTR_WORDS(type_, on_bad, "fail", "what becomes of broken files", oc__bad_words),       \
    ATTR_RANGE(type_, INT, max_bad, "-1", "broken files that skip may leave out; -1: any number", \
               -1, 1e15)

/* Whether a name ends as those of images do. */
bool      oc__names_image(const char *name);

oc_status oc__files_add(struct files *f, const char *path, const char *class, oc_part part);
/* The mask of the file that was added last; every file has one, or none has. */
oc_status oc__files_add_mask(struct files *f, const char *path);

/* Makes the data set, which owns the list from then on; on failure it is the caller's still.  With
 * ON_BAD_SKIP every file is decoded once, and those that cannot be are left out and told as
 * warnings; more than `max_bad` of them are OC_EINPUT. */
oc_status oc__files_finish(oc_data *d, struct files **f, int on_bad, int64_t max_bad);
void      oc__files_free(struct files *f);

#endif
