/* bad.h — images that cannot be used: they end the command, or are told and passed over. */
#ifndef OC_CLI_BAD_H
#define OC_CLI_BAD_H

#include "base/str.h"
#include "ocellus.h"

enum bad_choice { BAD_FAIL, BAD_SKIP, BAD_LENIENT };    /* lenient takes what is there */
extern const char *const oc__bad_choices[];             /* ends in NULL */

struct bad_images { int choice; int64_t max, n; };

/* What is to become of an image that failed: its status, or OC_OK once it is told and counted.
 * What is no fault of the image, as a wrong word of the user, is never passed over. */
oc_status oc__bad_image(struct bad_images *b, const char *name, oc_status status);

/* How many were passed over, `good` ones aside; OC_EINPUT where they are more than allowed. */
oc_status oc__bad_images_tell(const struct bad_images *b, int64_t good);

#endif
