/* check_model.c — a model's gradients against central differences, on random inputs. */
#include "base/rng.h"
#include "base/status.h"
#include "nn/model.h"
#include "param/store.h"
#include "task/differences.h"
#include "task/task.h"

static oc_status make_input(const oc_model *m, oc_tensor in[4])
{
    const int64_t n = oc_shape_count(&in[0].shape), samples = in[0].shape.dim[0];
    const uint64_t key = oc__key(m->store->seed, oc__hash("check"));
    float *const x = in[0].data = oc__alloc((size_t)n, sizeof *x);
    in[1] = oc__task_of(m)->targets(m, samples);
    in[1].data = oc__alloc(1, oc_tensor_bytes(&in[1]));
    if (!x || !in[1].data)
        return OC_ELIMIT;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)oc__uniform(key, (uint64_t)i);
    const bool labels = in[1].dtype == OC_I64;          /* else parts of one */
    for (int64_t i = 0; i < oc_shape_count(&in[1].shape); i++)
        oc_tensor_set(&in[1], i, labels ? (double)oc__below(oc__key(key, 1), (uint64_t)i,
                                                            oc_model_classes(m))
                                        : oc__uniform(oc__key(key, 1), (uint64_t)i));
    return OC_OK;
}

static oc_status compare(const oc_model *m, struct differences *d, int entries,
                         oc_report_function *report, void *context)
{
    int checked = 0, off = 0;
    for (int i = 0; i < m->store->n; i++) {
        struct difference r;
        if (!oc__differences_has(d, i))
            continue;
        TRY(oc__differences_compare(d, i, 0, entries, &r));
        const bool good = r.distance <= oc__differences_limit;
        checked++;
        off += !good;
        if (report)
            report(context, m->store->parameter[i].name, r.distance, good);
    }
    if (!off)
        return OC_OK;
    return oc__fail(OC_ENEGATIVE, "gradients of %d of %d parameters differ by more than %g", off,
                    checked, oc__differences_limit);
}

oc_status oc_check_model(oc_model *m, int samples, int entries, oc_report_function *report,
                         void *context)
{
    struct differences *d = NULL;
    const oc_shape s = oc_model_input(m);
    if (samples < 1 || entries < 1)
        return oc__fail(OC_EUSAGE, "a gradient check wants samples and entries, 1 or more");
    oc_tensor in[4] = { { OC_F32, OC_SHAPE(samples, s.dim[0], s.dim[1], s.dim[2]),
                          NULL } };
    oc_status status = make_input(m, in);
    if (!status)
        status = oc__differences_new(&d, &(struct differences_options){
            .model = m, .loss = oc__model_loss(m), .in = in, .samples = samples });
    if (!status)
        status = compare(m, d, entries, report, context);
    oc__differences_free(d);
    oc__free(in[0].data);
    oc__free(in[1].data);
    return status;
}
