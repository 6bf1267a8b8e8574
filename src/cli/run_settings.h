/* run_settings.h — what a run's folder says about itself and the data that it was trained on. */
#ifndef OC_CLI_RUN_SETTINGS_H
#define OC_CLI_RUN_SETTINGS_H

#include "ocellus.h"

struct run_settings {
    bool     begun, finished;
    char     data[1024];                                /* "": not a run, or not told */
    double   validation;                                /* fraction of the training part */
    uint64_t seed;                                      /* of that division */
    char   **watch;                                     /* of oc__run_watch(); else NULL */
};

/* Reads run.json where `word` is a run's folder; anything else leaves everything empty. */
oc_status oc__run_settings(const char *word, struct run_settings *out);

/* Who looked on, as steps of oc_watch(): yours, oc__free().  NULL: that is not told. */
oc_status oc__run_watch(const char *run, char **watch);

#endif
