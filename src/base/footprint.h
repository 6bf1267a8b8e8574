/* footprint.h — what stood in a folder before something was made there, so that whoever fails at
 * once can leave no trace of it.
 *
 * Look before the folder is made; list when nobody else may write into it any more; undoing then
 * removes what is named and was not there, and nothing else: a folder that holds more stays.  The
 * lock file of a folder is told by whether it was there when it was looked at.  A footprint owns
 * its names. */
#ifndef OC_BASE_FOOTPRINT_H
#define OC_BASE_FOOTPRINT_H

#include "base/file.h"

struct footprint {
    bool         listed, locked_before;                 /* there was a lock file */
    size_t       existed;                               /* bytes of the path that were folders */
    struct names names;
};

/* Files of this name, directly in the folder, are looked at as locks. */
#define FOOTPRINT_LOCK "lock"

void      oc__footprint_look(struct footprint *f, const char *folder);
oc_status oc__footprint_list(struct footprint *f, const char *folder);
/* `made` ends in NULL: files, and folders of files, each before the one that it is in. */
void      oc__footprint_undo(const struct footprint *f, const char *folder,
                             const char *const *made);
void      oc__footprint_free(struct footprint *f);      /* harmless on a zeroed one */

#endif
