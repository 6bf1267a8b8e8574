/* list.h — every kind of observer, WATCHER(name) for `const struct watcher oc__watcher_name`, in
 * the order of the help. */
WATCHER(csv)
WATCHER(gradients)
WATCHER(values)
WATCHER(plots)
WATCHER(tensorboard)
WATCHER(metrics)
WATCHER(live)
WATCHER(dump)
