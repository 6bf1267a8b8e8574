/* open.h — models and data sets by the words of a command line. */
#ifndef OC_CLI_OPEN_H
#define OC_CLI_OPEN_H

#include "ocellus.h"

/* What is known of a model beside its word; zeroes: nothing. */
struct model_request {
    const char    *word;                                /* file, run folder, zoo name, or steps */
    const char    *load;                                /* weights to take; NULL: none */
    bool           adopt;                               /* even with a head of other classes */
    const char    *input;                               /* "1,28,28"; NULL: that */
    const oc_data *data;                                /* gives what follows; may be NULL */
    const char    *preparation, *init;                  /* NULL: the data's, the layers' own */
    int64_t        classes;                             /* 0: the data's, else 10 */
    const char *const *class_name;                      /* so many; NULL: the data's, numbers */
    int64_t        seed;
};

/* Whether the word is a name of the zoo or steps, which make a new model. */
bool oc__names_new_model(const char *word);

/* A model of ONNX becomes a model for the data or by the request; a file or a run's best model is
 * opened as it is; anything else is made new, with weights
 * from `load`. */
oc_status oc__open_model(oc_model **out, const struct model_request *r);

/* Whether a word looks like a file or a folder, or is one. */
bool oc__names_file(const char *word);

#endif
