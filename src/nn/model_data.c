/* model_data.c — what options of a model leave open, and what they put in another's place.
 *
 * Whatever the options leave open follows from the data: task, classes, preparation, and the input
 * that this makes of its images.  Files differ in channels: where the preparation leaves their
 * number open, images get as many as the model wants, or are made colour, in training as in
 * whatever the model will be used for. */
#include <string.h>

#include "base/log.h"
#include "base/status.h"
#include "data/dataset.h"
#include "nn/model_text.h"

/* Puts a step before the preparation that settles the channels. */
static oc_status settle_channels(oc_model_options *o, struct str *steps)
{
    const bool grey = o->input.rank == 3 && o->input.dim[0] == 1;
    oc__str_addf(steps, "%s; %s", grey ? "grayscale" : "rgb", o->preparation);
    o->preparation = oc__str_text(steps);
    return steps->failed ? OC_ELIMIT : OC_OK;
}

oc_status oc__model_fill(oc_model_options *o, struct str *steps)
{
    const oc_data *const d = o->data;
    const oc_shape image = d ? oc_data_shape(d) : OC_SHAPE(OC_UNKNOWN, OC_UNKNOWN, OC_UNKNOWN);
    oc_shape made;
    if (!o->preparation)
        o->preparation = d ? oc_data_preparation(d) : "scale";
    if (d && !o->task)
        o->task = oc_data_task(d);
    if (d && !o->classes)
        o->classes = oc_data_classes(d);
    TRY(oc_preparation_shape(o->preparation, &image, &made));
    if (d && made.dim[0] < 1) {
        TRY(settle_channels(o, steps));
        TRY(oc_preparation_shape(o->preparation, &image, &made));
    }
    if (o->input.rank == 0)
        o->input = made;
    for (int i = 0; i < o->input.rank && o->input.rank == made.rank; i++)
        if (o->input.dim[i] < 1)
            o->input.dim[i] = made.dim[i];
    return OC_OK;
}

void oc__model_name_classes(oc_model_options *o)
{
    if (o->data && !o->class_name && o->classes == oc_data_classes(o->data))
        o->class_name = o->data->class_name;
}

oc_status oc__model_count_names(const oc_model_options *o, const char *path, int classes)
{
    int n = 0;
    if (!o->class_name || o->classes)
        return OC_OK;
    while (o->class_name[n])
        n++;
    return n == classes ? OC_OK : oc__fail(OC_EUSAGE, "%s: %d names for %d classes", path, n,
                                           classes);
}

void oc__model_note_preparation(const oc_model *m, const char *path, const char *own)
{
    if (own && strcmp(m->preparation, own) != 0)
        oc__note("%s: images are prepared as asked, by %s, and not as the file says: %s", path,
                 m->preparation, own);
}
