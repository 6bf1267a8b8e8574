/* log.h — the library's only voice besides errors: warnings and notes, given to the function set
 * by oc_log_set() and dropped where there is none.  The library itself never prints. */
#ifndef OC_BASE_LOG_H
#define OC_BASE_LOG_H

void oc__warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Of lines that are the same only the first is told to the function that is set: for what is wrong
 * with a file, which is read in every epoch. */
void oc__warn_once(const char *format, ...) __attribute__((format(printf, 1, 2)));
void oc__note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
