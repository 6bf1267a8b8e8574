/* plot_curves.h — what trainings have in common as curves: loss, accuracy and learning rate of one
 * or several runs over their epochs. */
#ifndef OC_WATCH_PLOT_CURVES_H
#define OC_WATCH_PLOT_CURVES_H

#include "watch/chart.h"

enum curve { CURVE_LOSS, CURVE_ACCURACY, CURVE_RATE, CURVES };
extern const char *const oc__curve_names[CURVES];       /* "loss", as files are called */

/* A run's epochs by columns; freed with oc__course_free().  What is known of the run itself is set
 * before its epochs are read; the best one is that whose model the training keeps. */
enum course_column {
    COURSE_EPOCH, COURSE_TRAIN_LOSS, COURSE_TRAIN_ACCURACY, COURSE_VAL_LOSS, COURSE_VAL_ACCURACY,
    COURSE_RATE, COURSE_COLUMNS
};
struct course {
    char    name[96];                                   /* of the run */
    bool    watches_test;                               /* "validation" is on the test part */
    bool    by_loss;                                    /* the best one is of the lowest loss */
    int     n, best;                                    /* rows; the best one, -1: none */
    double *column[COURSE_COLUMNS];                     /* [n] each */
};
oc_status oc__course_of_epochs(struct course *c, const oc_epoch *epoch, int64_t n);
/* Reads a metrics.csv; what is not there yet is an empty course. */
oc_status oc__course_read(struct course *c, const char *path);
void      oc__course_free(struct course *c);

/* Fills a chart that borrows the courses.  Of one run training and validation are told apart by
 * colour; of several each has its colour, and, of few, what it trained on is dashed. */
enum { COURSES_MAX = 24 };
struct curve_chart {
    struct chart  chart;
    struct series series[2 * COURSES_MAX];
};
void oc__curve_chart(struct curve_chart *out, const struct course *courses, int n,
                     enum curve curve, const char *subtitle);

/* Whether a run's best epoch has a ring in that chart: only what was measured there has a place. */
bool oc__course_ringed(const struct course *c, enum curve curve);
/* What the lines of several runs are: "validation, and dashed the training; rings are the …". */
void oc__courses_key(const struct course *courses, int n, enum curve curve, char *text,
                     size_t room);

#endif
