/* event.h — files of events as TensorBoard reads them.
 *
 * A file is a sequence of records (tensorflow/core/lib/io/record_writer.h):
 *
 *     u64 length | u32 masked CRC-32C of it | bytes | u32 masked CRC-32C of them      little-endian
 *
 * where mask(c) = rotate(c, 15 right) + 0xa282ead8.  Each holds one Event message: a time of day, a
 * step, and one of what `enum event_kind` names.  Files are only appended to, a whole record at a
 * write, so a process that is killed leaves at most one that is cut off, which readers skip.  Who
 * continues begins a file of its own: readers take the files of a folder in the order of their
 * names, which begin with the time. */
#ifndef OC_WATCH_EVENT_H
#define OC_WATCH_EVENT_H

#include "format/protobuf_write.h"

/* The numbers of the fields of Event. */
enum event_kind { EVENT_VERSION = 3, EVENT_GRAPH = 4, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };

struct event_file { int fd; char *path; struct pb_writer record; };
#define EVENT_FILE_CLOSED ((struct event_file){ .fd = -1 })

/* A new file in a folder, which is made where it is missing.  Closing frees. */
oc_status oc__event_open(struct event_file *f, const char *folder);
void      oc__event_close(struct event_file *f);

/* A record: begin, add what its kind holds, end, which writes it. */
void      oc__event_begin(struct event_file *f, enum event_kind kind, int64_t step);
oc_status oc__event_end(struct event_file *f);

/* Of EVENT_SESSION: a training begins; what older files hold of this step and later ones is void
 * where readers look for that. */
void oc__event_start(struct event_file *f);

/* Of EVENT_SUMMARY; a number that is not finite is told as it is. */
void oc__event_scalar(struct event_file *f, const char *tag, double v);
void oc__event_image(struct event_file *f, const char *tag, int width, int height,
                     const struct str *png);
/* Of the finite ones among n numbers. */
void oc__event_histogram(struct event_file *f, const char *tag, const float *v, int64_t n);

/* Of EVENT_GRAPH: the graph's nodes by their names, scopes parted by slashes. */
void oc__event_graph(struct event_file *f, const oc_graph *g);

/* Of EVENT_SUMMARY, for the plugin that compares experiments: which settings and measures there
 * are, then what they are here, and how it ended. */
void oc__event_experiment(struct event_file *f);
void oc__event_session_start(struct event_file *f, const oc_train_info *info);
void oc__event_session_end(struct event_file *f, bool success);

/* Seconds since 1970. */
double oc__event_now(void);

#endif
