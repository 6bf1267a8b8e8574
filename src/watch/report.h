/* report.h — a run on one page of HTML that needs nothing beside itself. */
#ifndef OC_WATCH_REPORT_H
#define OC_WATCH_REPORT_H

#include "watch/plot_picture.h"

/* Appends the page: settings and result as run.json of the folder has them, epochs, pictures, and
 * tables of classes and mistakes. */
oc_status oc__report_write(const struct record *r, const struct pictures *pictures,
                           const char *folder, struct str *out);

#endif
