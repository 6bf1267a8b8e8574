/* open.h — models and data sets by the words of a command line. */
#ifndef OC_CLI_OPEN_H
#define OC_CLI_OPEN_H

#include "ocellus.h"

/* What is known of a model beside its word; zeroes: nothing. */
struct model_request {
    const char    *word;                                /* file, run folder, zoo name, or steps */
    const char    *load;                                /* weights to take; NULL: none */
    bool           adopt;                               /* even with a head of other classes */
    const char    *input;                               /* "1,28,28"; NULL: that, or the file's */
    const oc_data *data;                                /* gives what follows; may be NULL */
    const char    *preparation, *init;                  /* NULL: the file's, else the data's */
    int64_t        classes;                             /* 0: the file's, the data's, or 10 */
    const char    *class_file;                          /* their names, a line each; NULL: none */
    bool           new_head;                            /* as many classes as names; else the
                                                         * file must have so many */
    int64_t        seed;
};

/* Whether the word is a name of the zoo or steps, which make a new model. */
bool oc__names_new_model(const char *word);
/* OC_EUSAGE where it is neither that nor a file. */
oc_status oc__check_model_word(const char *word);

/* A file, ours or of ONNX, or a run's best model is opened as it is, one of ONNX with a head for
 * the data; anything else is made new, with weights from `load`. */
oc_status oc__open_model(oc_model **out, const struct model_request *r);

/* "3,32,32" as a shape. */
oc_status oc__read_input_shape(const char *text, oc_shape *out);

/* Whether a word looks like a file or a folder, or is one. */
bool oc__names_file(const char *word);

#endif
