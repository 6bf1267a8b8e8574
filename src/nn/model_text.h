/* model_text.h — what a model's file says beside weights, as keys and texts (model_file.c lists
 * them). */
#ifndef OC_NN_MODEL_TEXT_H
#define OC_NN_MODEL_TEXT_H

#include "format/weights.h"
#include "nn/model.h"

enum { MODEL_TEXTS = 8 };

/* Texts are the model's or the list's own; free it also after a failure. */
struct model_text {
    struct str  input, classes, functions;
    struct pair item[MODEL_TEXTS];
    int         n;
};

oc_status oc__model_text_make(struct model_text *t, const oc_model *m);
void      oc__model_text_free(struct model_text *t);

#endif
