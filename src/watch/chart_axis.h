/* chart_axis.h — an axis: a range that holds the data, and ticks at round numbers. */
#ifndef OC_WATCH_CHART_AXIS_H
#define OC_WATCH_CHART_AXIS_H

#include <stdbool.h>

enum { AXIS_TICKS_MAX = 24, AXIS_LABEL_MAX = 16 };

struct axis {
    double low, high;                                   /* of the axis, not of the data */
    bool   log;
    int    n;
    double tick[AXIS_TICKS_MAX];
    char   label[AXIS_TICKS_MAX][AXIS_LABEL_MAX];
};

/* What is known of the data; low > high: there are none. */
struct range { double low, high; };

enum axis_kind {
    AXIS_LINEAR,                                        /* rounded out to its ticks */
    AXIS_WHOLE,                                         /* whole numbers, ends at the data's ends */
    AXIS_PERCENT,                                       /* linear, not beyond 0 … 100 */
    AXIS_WIDE,                   /* of positive numbers, logarithmic where they differ in size */
};

/* About `wanted` ticks; there may be fewer or up to twice as many. */
void   oc__axis_make(struct axis *a, struct range data, enum axis_kind kind, int wanted);

/* Where a value stands: 0 at the low end, 1 at the high end; NaN for what has no place. */
double oc__axis_place(const struct axis *a, double v);

#endif
