/* data_check.c — looks at all images or their headers, and finds equal ones by a hash of their
 * pixels. */
#include "cli/data_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"

const char *const oc__part_names[] = { [OC_PART_TRAIN] = "train", [OC_PART_VAL] = "val",
                                       [OC_PART_TEST] = "test", NULL };

/* ---- finding ------------------------------------------------------------------------------- */

static uint64_t hash_image(const oc_image *image)
{
    const size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    uint64_t hash = oc__key((uint64_t)image->width, (uint64_t)image->channels);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, image->pixel + i, n - i < 8 ? n - i : 8);
        hash = oc__bits(hash ^ word, 0);
    }
    return hash;
}

static oc_status look(const oc_data *d, bool decode, struct finding *out)
{
    oc_image  image;
    oc_status status = oc_data_header(d, out->part, out->index, &image, &out->format);
    out->label = oc_data_label(d, out->part, out->index);
    if (status >= 0 && decode)
        status = oc_data_sample(d, out->part, out->index, &image, &out->label);
    if (status < 0) {
        out->error = oc__strdup(oc_error());
        return out->error ? OC_OK : OC_ELIMIT;
    }
    out->width = image.width;
    out->height = image.height;
    out->channels = image.channels;
    if (decode)
        out->hash = hash_image(&image);
    oc_image_free(&image);
    return OC_OK;
}

/* Equal images lie together, those in the earliest part first. */
static int by_hash(const void *a, const void *b)
{
    const struct finding *const x = a, *const y = b;
    if (!x->error != !y->error)
        return x->error ? 1 : -1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

bool oc__data_repeats(const struct findings *f, int64_t i)
{
    return f->decoded && i > 0 && !f->row[i].error && f->row[i].hash == f->row[i - 1].hash;
}

static void count(struct findings *f)
{
    int64_t first = 0;
    for (int64_t i = 0; i < f->n; i++) {
        f->broken += f->row[i].error != NULL;
        if (!oc__data_repeats(f, i)) {
            first = i;
            continue;
        }
        f->copies++;
        f->leaks += f->row[i].part != f->row[first].part;
        f->doubts += f->row[i].label != f->row[first].label;
    }
}

oc_status oc__data_check(struct findings *out, const oc_data *d, bool decode)
{
    int64_t n = 0;
    *out = (struct findings){ .decoded = decode };
    for (int p = 0; p < OC_PARTS; p++)
        n += oc_data_count(d, (oc_part)p);
    out->row = oc__alloc((size_t)n, sizeof *out->row);
    if (!out->row)
        return OC_ELIMIT;
    for (int p = 0; p < OC_PARTS; p++)
        for (int64_t i = 0; i < oc_data_count(d, (oc_part)p); i++) {
            struct finding *const row = &out->row[out->n++];
            *row = (struct finding){ .part = (oc_part)p, .index = i };
            TRY(look(d, decode, row));
        }
    qsort(out->row, (size_t)out->n, sizeof *out->row, by_hash);
    count(out);
    return OC_OK;
}

void oc__data_check_free(struct findings *f)
{
    for (int64_t i = 0; i < f->n; i++)
        oc__free(f->row[i].error);
    oc__free(f->row);
    *f = (struct findings){ 0 };
}
