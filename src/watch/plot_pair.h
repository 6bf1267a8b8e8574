/* plot_pair.h — loss and accuracy as one picture, one below or beside the other. */
#ifndef OC_WATCH_PLOT_PAIR_H
#define OC_WATCH_PLOT_PAIR_H

#include "watch/plot_curves.h"

/* Borrows the courses and subtitles; freed with oc__curve_pair_free(). */
struct curve_pair {
    struct curve_chart chart[2];
    struct figure      part[2], whole;
    struct str         words[2];
    bool               beside;
};

void oc__curve_pair(struct curve_pair *out, const struct course *courses, int n,
                    const char *const subtitle[2], bool beside);
void oc__curve_pair_free(struct curve_pair *p);

/* Loss and accuracy, as the parts of a pair. */
extern const enum curve oc__curve_pairs[2];

#endif
