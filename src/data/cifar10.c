/* cifar10.c — the kind `cifar10`: the binary form of CIFAR-10, five batches for training and one
 * for testing.
 *
 *     label u8 | red [32, 32] | green [32, 32] | blue [32, 32]     3073 bytes, 10,000 in a file
 *
 * The files lie in the folder that is named or in its folder cifar-10-batches-bin, as the archive
 * has it.  Each may hold any number of records. */
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "data/dataset.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, CLASSES = 10, FILES = 6 };

static const char *const class_names[CLASSES] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
};

/* Those for training first. */
static const char *const file_names[FILES] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",
};

struct batches { struct str path[FILES]; struct file file[FILES]; int opened; };

static oc_status open_batch(struct batches *b, const char *place, int i)
{
    struct str *const path = &b->path[i];
    oc__str_addf(path, "%s/cifar-10-batches-bin/%s", place, file_names[i]);
    if (!path->failed && !oc__is_file(path->text)) {
        oc__str_clear(path);
        oc__str_addf(path, "%s/%s", place, file_names[i]);
    }
    if (path->failed)
        return OC_ELIMIT;
    TRY(oc__file_open(&b->file[i], path->text));
    b->opened++;
    if (b->file[i].size % RECORD != 0 || b->file[i].size == 0)
        return oc__fail(OC_EINPUT, "%s: offset %lld: truncated: records have %d bytes each",
                        path->text, (long long)b->file[i].size, RECORD);
    return OC_OK;
}

/* From planes to pixels. */
static oc_status read_record(oc_data *d, const struct file *f, int64_t i, int64_t sample)
{
    uint8_t        record[RECORD];
    uint8_t *const to = oc__data_view(d, sample).pixel;
    TRY(oc__file_read(f, i * RECORD, record, RECORD));
    if (record[0] >= CLASSES)
        return oc__fail(OC_EINPUT, "%s: offset %lld: label: %d: is not below %d", f->path,
                        (long long)i * RECORD, record[0], CLASSES);
    d->samples.label[sample] = record[0];
    for (int k = 0; k < 3; k++)
        for (int p = 0; p < PLANE; p++)
            to[3 * p + k] = record[1 + k * PLANE + p];
    return OC_OK;
}

static oc_status read_all(oc_data *d, const struct batches *b)
{
    int64_t all = 0, sample = 0;
    for (int i = 0; i < FILES; i++)
        all += b->file[i].size / RECORD;
    const int64_t test = b->file[FILES - 1].size / RECORD;
    TRY(oc__data_make(d, (struct samples){ .n = all, .height = SIDE, .width = SIDE,
                                           .channels = 3 }, all - test));
    for (int i = 0; i < FILES; i++)
        for (int64_t k = 0; k < b->file[i].size / RECORD; k++)
            TRY(read_record(d, &b->file[i], k, sample++));
    return OC_OK;
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    (void)attr;
    struct batches b = { .opened = 0 };
    oc_status      status = OC_OK;
    d->classes = CLASSES;
    d->class_name = class_names;
    d->preparation = "rgb; resize 32,32; scale";
    for (int i = 0; i < FILES && status == OC_OK; i++)
        status = open_batch(&b, place, i);
    if (status == OC_OK)
        status = read_all(d, &b);
    for (int i = 0; i < FILES; i++) {
        if (i < b.opened)
            oc__file_close(&b.file[i]);
        oc__str_free(&b.path[i]);
    }
    return status;
}

const struct data_kind oc__data_cifar10 = {
    .entry = { .name = "cifar10",
               .summary = "cifar10:FOLDER, the binary batches of CIFAR-10" },
    .open = open_set,
};
