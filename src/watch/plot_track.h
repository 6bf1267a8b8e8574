/* plot_track.h — parameters as images: what each row of weights looks for.
 *
 * Rows are those of the parameter's first dimension: filters of a convolution, units of a linear
 * layer.  A row that is shaped like the network's input, or a filter of it, is an image of that
 * shape; anything else is laid out in tiles.  Blue is below zero, white zero, orange above; all
 * rows share one scale.  Of three channels the row is in colour, with zero in grey. */
#ifndef OC_WATCH_PLOT_TRACK_H
#define OC_WATCH_PLOT_TRACK_H

#include "watch/chart.h"

enum { TRACKS_MAX = 8, TRACK_ROWS_MAX = 256, TRACK_ROWS = 32 };

struct track { char name[96]; int64_t rows; };
struct tracks { int n; struct track track[TRACKS_MAX]; };

/* Reads "c1.weight,16,fc1.weight": names, each perhaps with how many of its rows. */
oc_status oc__tracks_read(struct tracks *t, const char *text);

/* Fails unless the model has them all. */
oc_status oc__tracks_check(const struct tracks *t, const oc_model *m);

/* The rows as images with captions, to be freed by oc__track_free(). */
oc_status   oc__track_rows(const struct track *t, const oc_model *m, struct exhibit **rows, int *n);
void        oc__track_free(struct exhibit *rows, int n);

/* What the colours of those images mean: "blue is below zero, orange above". */
const char *oc__track_key(const struct track *t, const oc_model *m);

#endif
