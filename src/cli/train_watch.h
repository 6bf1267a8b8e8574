/* train_watch.h — the options of `ocellus train` that say who looks on. */
#ifndef OC_CLI_TRAIN_WATCH_H
#define OC_CLI_TRAIN_WATCH_H

#include "base/str.h"
#include "ocellus.h"

enum { WATCHERS_MAX = 16 };

/* As on the command line; NULL and false: not given. */
struct train_watch {
    const char *steps, *csv, *metrics_port, *metrics_host, *track, *dump;
    const char *check_gradients, *check_values;
    int64_t     check_every, check_entries, dump_count;
    bool        tensorboard, no_plots, live;
};

/* With the steps that they are made from again where the run is resumed. */
struct watchers { oc_observer list[WATCHERS_MAX]; int n; struct str steps; };

/* Whether anybody looks on; whether somebody does, of these or of the steps, who may tell in notes
 * what was found. */
bool oc__train_watches(const struct train_watch *options);
bool oc__train_tells(const struct train_watch *options, const char *steps);

/* Adds the observers that the options ask for, and of those that a run recorded which is resumed
 * (NULL: none did) the ones whose kind they leave open. */
oc_status oc__train_watch(const struct train_watch *options, const char *recorded,
                          struct watchers *w);
void      oc__train_unwatch(struct watchers *w);

#endif
