/* predict_maps.h — what stands out on images, by models of saliency: told, and drawn. */
#ifndef OC_CLI_PREDICT_MAPS_H
#define OC_CLI_PREDICT_MAPS_H

#include "cli/bad.h"
#include "cli/command.h"
#include "ocellus.h"

struct predict_maps {
    oc_model   *model;
    const char *backends, *json;
    const char *out;                                    /* folder of the pictures; NULL: none */
    int64_t     threads;
    bool        force;
    struct bad_images bad;
};

/* The operands behind the first are images, as in oc_image_each(). */
oc_status oc__predict_maps(const struct predict_maps *o, const struct operands *operands);

#endif
