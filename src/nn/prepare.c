/* prepare.c — what a model's network sees of an image. */
#include "base/status.h"
#include "image/prepare.h"
#include "nn/model.h"

oc_status oc_model_prepare(const oc_model *m, const oc_image *image, float *x)
{
    struct prepare_program *p;
    TRY(oc__prepare_parse(&p, m->preparation));
    const oc_status status = oc__prepare_run(p, image, &m->input, x);
    oc__prepare_free(p);
    return status;
}
