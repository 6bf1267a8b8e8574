/* run_folder.h — where a training writes. */
#ifndef OC_CLI_RUN_FOLDER_H
#define OC_CLI_RUN_FOLDER_H

#include "base/str.h"
#include "ocellus.h"

/* Appends the next free folder runs/NAME-N. */
oc_status oc__run_folder_next(const char *name, struct str *out);

/* Frees the folder of what a training left that was killed as it began, with `force` of a whole
 * run.  OC_EIO where it holds more than that, or somebody trains there. */
oc_status oc__run_folder_clear(const char *folder, bool force);

#endif
