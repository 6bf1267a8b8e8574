/* clock.h — time and memory of this process. */
#ifndef OC_BASE_CLOCK_H
#define OC_BASE_CLOCK_H

#include <stdint.h>

double  oc__seconds(void);                              /* monotonic */
int64_t oc__rss_bytes(void);                            /* resident now */
int64_t oc__peak_rss_bytes(void);                       /* the most so far */

#endif
