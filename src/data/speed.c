/* speed.c — how fast batches come, alone and beside other work. */
#include "base/clock.h"
#include "base/status.h"
#include "data/loader.h"

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

oc_status oc_data_speed(const oc_data *d, const char *preparation, const oc_speed_options *options,
                        oc_speed *out)
{
    struct prepare_program *program;
    struct loader          *loader = NULL;
    const oc_speed_options  o = *options;
    *out = (oc_speed){ .workers = o.workers > 0 ? o.workers
                                  : o.workers < 0 ? 0 : oc__data_workers(d) };
    TRY(oc__prepare_parse(&program, preparation));
    const int64_t all = oc_data_count(d, OC_PART_TRAIN);
    oc_status     status = oc__loader_new(&loader, &(struct loader_options){
        .data = d, .prepare = program, .batch = o.batch, .shuffle = true,
        .drop_last = o.batch <= all, .workers = out->workers });
    if (status == OC_OK)
        status = run(loader, o.seconds, &o, out);
    oc__loader_free(loader);
    oc__prepare_free(program);
    return status;
}
