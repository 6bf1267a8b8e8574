/* run_folder.h — where a training writes. */
#ifndef OC_CLI_RUN_FOLDER_H
#define OC_CLI_RUN_FOLDER_H

#include "base/str.h"
#include "ocellus.h"

/* Appends the next free folder runs/NAME-N. */
oc_status oc__run_folder_next(const char *name, struct str *out);

/* OC_EIO where `folder` holds a run or anything else; with `force` a run in it is removed instead,
 * and nothing but a run. */
oc_status oc__run_folder_clear(const char *folder, bool force);

#endif
