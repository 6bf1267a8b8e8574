/* data_fetch.h — `ocellus data fetch`: a published data set, with progress for people. */
#ifndef OC_CLI_DATA_FETCH_H
#define OC_CLI_DATA_FETCH_H

#include "ocellus.h"

/* NULL folder: named as the set; NULL from: the publishers' addresses. */
oc_status oc__data_fetch(const char *set, const char *folder, const char *from, bool quiet);

#endif
