/* speed.c — how fast batches come, alone and beside other work, and how fast files are decoded. */
#include <stdatomic.h>
#include "base/clock.h"
#include "base/parallel.h"
#include "base/status.h"
#include "data/loader.h"
#include "image/image.h"

/* Goes through epochs until the time is over, asking `work` to do its part after each batch. */
static oc_status run(struct loader *l, double seconds, const oc_speed_options *o, oc_speed *out)
{
    const double began = oc__seconds();
    for (int64_t epoch = 0; out->seconds < seconds; epoch++) {
        oc__loader_epoch(l, epoch, 0);
        for (struct batch b = { .n = 1 }; b.n > 0 && out->seconds < seconds;) {
            const double asked = oc__seconds();
            TRY(oc__loader_next(l, &b));
            out->waited += oc__seconds() - asked;
            if (b.n > 0 && o->work)
                TRY(o->work(o->context));
            out->images += b.n;
            out->seconds = oc__seconds() - began;
        }
    }
    return OC_OK;
}

/* With the programs of preparation and augmentation, the latter perhaps NULL. */
static oc_status time_loader(const oc_data *d, const struct prepare_program *prepare,
                             const struct augment_program *augment, const oc_speed_options *o,
                             oc_speed *out)
{
    struct loader  *loader;
    const int64_t   all = oc_data_count(d, OC_PART_TRAIN);
    TRY(oc__loader_new(&loader, &(struct loader_options){
        .data = d, .prepare = prepare, .augment = augment, .batch = o->batch, .shuffle = true,
        .drop_last = o->batch <= all, .workers = out->workers }));
    const oc_status status = run(loader, o->seconds, o, out);
    oc__loader_free(loader);
    return status;
}

oc_status oc_data_speed(const oc_data *d, const char *preparation, const oc_speed_options *options,
                        oc_speed *out)
{
    struct prepare_program *prepare;
    struct augment_program *augment = NULL;
    const int workers = options->workers;
    *out = (oc_speed){ .workers = workers > 0 ? workers : workers < 0 ? 0 : oc__data_workers(d) };
    TRY(oc__prepare_parse(&prepare, preparation));
    oc_status status = options->augment ? oc__augment_parse(&augment, options->augment) : OC_OK;
    if (status == OC_OK)
        status = time_loader(d, prepare, augment, options, out);
    oc__augment_free(augment);
    oc__prepare_free(prepare);
    return status;
}

/* ---- decoding ----------------------------------------------------------------------------- */

struct decoding { const oc_data *data; double until; int workers; atomic_llong *images; };

/* Worker w decodes images w, w + workers, … of the training part, over and over. */
static void decode(const void *context, int64_t first, int64_t last)
{
    const struct decoding *const d = context;
    const struct part *const     part = &d->data->part[OC_PART_TRAIN];
    for (int64_t w = first; w < last; w++)
        for (int64_t i = w; oc__seconds() < d->until; i += d->workers) {
            struct canvas canvas;
            if (oc__data_read(d->data, part->index[i % part->n], NULL, &canvas) < 0)
                return;
            oc__canvas_free(&canvas);
            atomic_fetch_add(d->images, 1);
        }
}

oc_status oc_data_decode_speed(const oc_data *d, int workers, double seconds, oc_speed *out)
{
    atomic_llong  images = 0;
    const double  began = oc__seconds();
    *out = (oc_speed){ .workers = workers > 0 ? workers : oc__data_workers(d) };
    if (d->source == NULL || d->part[OC_PART_TRAIN].n == 0)
        return OC_OK;
    if (out->workers == 0)
        out->workers = 1;
    const struct decoding work = { d, began + seconds, out->workers, &images };
    oc__parallel(out->workers, out->workers, 1, decode, &work);
    out->images = images;
    out->seconds = oc__seconds() - began;
    return OC_OK;
}
