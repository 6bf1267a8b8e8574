/* plot_text.h — loss and accuracy of runs for a terminal, beside each other where it is wide. */
#ifndef OC_WATCH_PLOT_TEXT_H
#define OC_WATCH_PLOT_TEXT_H

#include "watch/plot_curves.h"

/* Appends lines of at most `columns` characters, at most `rows` of them. */
oc_status oc__curves_text(const struct course *courses, int n, int columns, int rows, bool colours,
                          struct str *out);

#endif
