/* predict_arrays.h — any model run on arrays by the names of its inputs. */
#ifndef OC_CLI_PREDICT_ARRAYS_H
#define OC_CLI_PREDICT_ARRAYS_H

#include "ocellus.h"

struct predict_arrays {
    const char *word;
    const char *inputs;                                 /* "x=a.npy,y=b.npy" */
    const char *output;                                 /* name of any value; NULL: all outputs */
    const char *out;                                    /* .npy or .png to write; NULL: none */
    const char *backends;
    int         threads;
    bool        force;
};
oc_status oc__predict_arrays(const struct predict_arrays *o);

#endif
