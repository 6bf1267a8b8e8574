/* model_text.h — what a model's file says beside weights, as keys and texts (model_file.c lists
 * them), and how that, the caller's options and a data set come together. */
#ifndef OC_NN_MODEL_TEXT_H
#define OC_NN_MODEL_TEXT_H

#include "format/weights.h"
#include "nn/model.h"

enum { MODEL_TEXTS = 8 };

/* Of ONNX: the value that preparation ends in, where that is part of the graph. */
#define PREPARED_KEY "ocellus.prepared"

/* Texts are the model's or the list's own; free it also after a failure. */
struct model_text {
    struct str  input, classes, functions;
    struct pair item[MODEL_TEXTS];
    int         n;
};

oc_status oc__model_text_make(struct model_text *t, const oc_model *m);
void      oc__model_text_free(struct model_text *t);

/* Fills what is open in the options, by the data where they have some: preparation, task, classes,
 * and the dimensions of the input (below 1) that follow from the preparation; `steps` owns its
 * text.  Names come last, so that a file's own go before. */
oc_status oc__model_fill(oc_model_options *o, struct str *steps);
void      oc__model_name_classes(oc_model_options *o);

/* Names without a number of classes must be as many as the file has. */
oc_status oc__model_count_names(const oc_model_options *o, const char *path, int classes);

/* Says so where a model is prepared otherwise than its file (NULL: says nothing) has it. */
void      oc__model_note_preparation(const oc_model *m, const char *path, const char *own);

/* A model of ONNX (model_import.c). */
oc_status oc__model_import(oc_model **out, const char *path, const oc_model_options *o);

#endif
