/* watch.h — observers of a training from the inside.
 *
 * A kind of observer is one `const struct watcher` at the end of its own file, and a line in
 * list.h: its entry is its name, its settings and their help.  `make` fills in the functions and
 * the context of an observer, which is one block of oc__alloc() with whatever the settings say;
 * oc_watch_free() frees that block and nothing else.  What `begin` takes, `end` gives back; `end`
 * also comes without a `begin`, where another observer's failed, and then finds the block as `make`
 * left it.  Where a training has no folder, an observer that writes there does nothing. */
#ifndef OC_WATCH_WATCH_H
#define OC_WATCH_WATCH_H

#include "base/attr.h"
#include "ocellus.h"

struct watcher {
    struct entry entry;
    oc_status  (*make)(oc_observer *out, const void *attr);
};

/* Every `struct watcher`, by its entry; ends in NULL. */
extern const struct entry *const oc__watcher_list[];

#define WATCHER(name) extern const struct watcher oc__watcher_##name;
#include "watch/list.h"
#undef WATCHER

#endif
