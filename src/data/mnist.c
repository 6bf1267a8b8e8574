/* mnist.c — the kind `mnist`: a folder with the four IDX files of MNIST, Fashion-MNIST or another
 * set of the same make.
 *
 * The files are {train,t10k}-{images-idx3,labels-idx1}-ubyte, each as it is or with .gz, and also
 * with the name that some archives give them, a dot in place of the dash before "idx".  They are
 * inflated straight into the storage, so the peak of memory is the pixels and nothing more. */
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "image/image.h"

enum { FILES = 4, PATH_BYTES = 4096 };
enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS };

static const struct { const char *stem, *rest; int rank; } names[FILES] = {
    [TRAIN_IMAGES] = { "train-images", "idx3-ubyte", 3 },
    [TRAIN_LABELS] = { "train-labels", "idx1-ubyte", 1 },
    [TEST_IMAGES] = { "t10k-images", "idx3-ubyte", 3 },
    [TEST_LABELS] = { "t10k-labels", "idx1-ubyte", 1 },
};

struct set { char path[FILES][PATH_BYTES]; struct idx_reader file[FILES]; int opened; };

/* The place of file i under any of its names. */
static oc_status find_file(const char *folder, int i, char path[PATH_BYTES])
{
    for (int k = 0; k < 4; k++) {
        const bool dot = k >= 2, gz = k % 2 == 1;
        const int  n = snprintf(path, PATH_BYTES, "%s/%s%c%s%s", folder, names[i].stem,
                                dot ? '.' : '-', names[i].rest, gz ? ".gz" : "");
        if (n < PATH_BYTES && oc__is_file(path))
            return OC_OK;
    }
    if (!oc__is_directory(folder))
        return oc__fail(OC_EIO, "%s: no such folder; it should hold the IDX files of MNIST, "
                        "train-images-idx3-ubyte and so on, plain or .gz", folder);
    return oc__fail(OC_EIO, "%s: no file %s-%s here, nor with .gz, nor with '.' before idx",
                    folder, names[i].stem, names[i].rest);
}

static oc_status open_files(struct set *set, const char *folder)
{
    for (int i = 0; i < FILES; i++)
        TRY(find_file(folder, i, set->path[i]));
    for (int i = 0; i < FILES; i++) {
        TRY(oc__idx_open(&set->file[i], set->path[i], names[i].rank));
        set->opened++;
    }
    return OC_OK;
}

/* The headers against each other. */
static oc_status check_files(const struct set *set)
{
    for (int i = 0; i < FILES; i += 2) {
        const int64_t images = set->file[i].dim[0], labels = set->file[i + 1].dim[0];
        if (images != labels)
            return oc__fail(OC_EINPUT, "%s: offset 4: %lld labels, but %lld images in %s",
                            set->path[i + 1], (long long)labels, (long long)images, set->path[i]);
    }
    const int64_t *train = set->file[TRAIN_IMAGES].dim, *test = set->file[TEST_IMAGES].dim;
    for (int k = 1; k < 3; k++) {
        if (train[k] > IMAGE_SIDE_MAX)
            return oc__fail(OC_ELIMIT, "%s: offset %d: side: %lld: exceeds %d pixels",
                            set->path[TRAIN_IMAGES], 4 + 4 * k, (long long)train[k],
                            IMAGE_SIDE_MAX);
        if (train[k] != test[k])
            return oc__fail(OC_EINPUT, "%s: offset %d: side: %lld, but %lld in %s",
                            set->path[TEST_IMAGES], 4 + 4 * k, (long long)test[k],
                            (long long)train[k], set->path[TRAIN_IMAGES]);
    }
    return OC_OK;
}

static oc_status read_labels(struct set *set, int file, const oc_data *d, int64_t first)
{
    const int64_t n = set->file[file].dim[0];
    uint8_t *label = oc__alloc((size_t)n, 1);
    if (label == NULL)
        return OC_ELIMIT;
    oc_status status = oc__idx_read(&set->file[file], label);
    if (status == OC_OK)
        status = oc__idx_check_labels(set->path[file], label, n, d->classes);
    for (int64_t i = 0; i < n; i++)
        d->samples.label[first + i] = label[i];
    oc__free(label);
    return status;
}

static oc_status read_files(oc_data *d, struct set *set)
{
    const int64_t train = set->file[TRAIN_IMAGES].dim[0], test = set->file[TEST_IMAGES].dim[0];
    const int64_t side[2] = { set->file[TRAIN_IMAGES].dim[1], set->file[TRAIN_IMAGES].dim[2] };
    const struct samples shape = { .n = train + test, .height = (int)side[0],
                                   .width = (int)side[1], .channels = 1 };
    TRY(oc__data_make(d, shape, train));
    TRY(oc__idx_read(&set->file[TRAIN_IMAGES], d->samples.pixel));
    TRY(oc__idx_read(&set->file[TEST_IMAGES], d->samples.pixel + train * side[0] * side[1]));
    TRY(read_labels(set, TRAIN_LABELS, d, 0));
    return read_labels(set, TEST_LABELS, d, train);
}

/* Digits lie on a dark ground.  Where any border is light, these are pictures of something else
 * (Fashion-MNIST), which must not be cut out or negated. */
static const char *choose_preparation(const oc_data *d)
{
    for (int64_t i = 0; i < d->samples.n; i++) {
        const oc_image image = oc__data_view(d, i);
        if (oc__image_border_is_light(&image))
            return "grayscale; resize 28,28; scale";
    }
    return "grayscale; light_on_dark; digit 28; scale";
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    (void)attr;
    struct set *set = oc__alloc(1, sizeof *set);
    if (set == NULL)
        return OC_ELIMIT;
    d->classes = 10;
    d->class_name = oc__digit_names;
    oc_status status = open_files(set, place);
    if (status == OC_OK)
        status = check_files(set);
    if (status == OC_OK)
        status = read_files(d, set);
    if (status == OC_OK)
        d->preparation = choose_preparation(d);
    for (int i = 0; i < set->opened; i++)
        oc__idx_close(&set->file[i]);
    oc__free(set);
    return status;
}

const struct data_kind oc__data_mnist = {
    .entry = { .name = "mnist", .summary = "mnist:FOLDER, the four IDX files, plain or .gz" },
    .open = open_set,
};
