/* report.h — a run on one page of HTML that needs nothing beside itself. */
#ifndef OC_WATCH_REPORT_H
#define OC_WATCH_REPORT_H

#include "watch/plot_picture.h"

/* Writes report.html into the run's folder: settings and result as its run.json has them, epochs,
 * the pictures that were drawn, and tables of classes and mistakes. */
oc_status oc__report_write(const struct record *record, const struct pictures *pictures,
                           const char *folder);

#endif
