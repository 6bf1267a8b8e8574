/* check.h — what checks of a running training have in common. */
#ifndef OC_WATCH_CHECK_H
#define OC_WATCH_CHECK_H

#include "base/attr.h"

/* What becomes of what a check finds: nothing is looked for, a warning, the end of the training. */
enum check { CHECK_OFF, CHECK_WARN, CHECK_STOP };

extern const char *const oc__check_words[];             /* "off", "warn", "stop" */

#endif
