/* foreign_model.h — classifiers of ONNX as models that look at images. */
#ifndef OC_CLI_FOREIGN_MODEL_H
#define OC_CLI_FOREIGN_MODEL_H

#include "ocellus.h"

/* What a file may leave open; NULL: what its metadata says, else "scale" and numbers. */
struct foreign_request {
    const char *path;
    const char *preparation;                            /* steps */
    const char *classes;                                /* a text file, one name a line */
};

/* Both are the caller's; the model goes first. */
oc_status oc__foreign_model(oc_model **out, oc_onnx **onnx, const struct foreign_request *r);

#endif
