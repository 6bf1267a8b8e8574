/* bad.c — images that cannot be used, one line each and their number. */
#include "cli/bad.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/status.h"

const char *const oc__bad_choices[] = {
    [BAD_FAIL] = "fail", [BAD_SKIP] = "skip", [BAD_LENIENT] = "lenient", NULL
};

oc_status oc__bad_image(struct bad_images *b, const char *name, oc_status status)
{
    status = oc__fail_about(status, name);
    if (b->choice != BAD_SKIP || (status != OC_EINPUT && status != OC_EIO && status != OC_ELIMIT))
        return status;
    oc__warn("skipped: %s", oc_error());
    b->n++;
    return OC_OK;
}

oc_status oc__bad_images_tell(const struct bad_images *b, int64_t good)
{
    const int64_t all = good + b->n;
    if (b->n > b->max)
        return oc__fail(OC_EINPUT, "skipped %" PRId64 " of %" PRId64 " images; --max-bad allows "
                                   "%" PRId64, b->n, all, b->max);
    if (b->n > 0)
        oc__warn("skipped %" PRId64 " of %" PRId64 " images", b->n, all);
    return OC_OK;
}
