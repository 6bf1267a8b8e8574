/* watch.c — observers from the words of a user. */
#include "watch/watch.h"

#include "base/status.h"

const struct entry *const oc__watcher_list[] = {
#define WATCHER(name) &oc__watcher_##name.entry,
#include "watch/list.h"
#undef WATCHER
    NULL,
};

static oc_status make_all(oc_observer *out, int room, int *n, const struct steps *steps)
{
    for (int i = 0; i < steps->n; i++) {
        const struct step *const step = &steps->step[i];
        const struct watcher *const kind = (const struct watcher *)step->entry;
        if (*n == room)
            return oc__fail(OC_ELIMIT, "observers: at most %d", room);
        out[*n] = (oc_observer){ 0 };
        ++*n;                                           /* what failed half-way is freed too */
        TRY(kind->make(&out[*n - 1], step->attr));
    }
    return OC_OK;
}

oc_status oc_watch(oc_observer *out, int room, int *n, const char *steps)
{
    struct steps list;
    const int before = *n;
    TRY(oc__steps_parse(&list, oc__watcher_list, "observer", steps));
    const oc_status status = make_all(out, room, n, &list);
    oc__steps_free(&list);
    while (status < 0 && *n > before)
        oc_watch_free(&out[--*n]);
    return status;
}

void oc_watch_free(oc_observer *o)
{
    oc__free(o->context);
    *o = (oc_observer){ 0 };
}
