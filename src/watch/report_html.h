/* report_html.h — what pages of HTML are made of. */
#ifndef OC_WATCH_REPORT_HTML_H
#define OC_WATCH_REPORT_HTML_H

#include "base/str.h"

/* Appends <tag>text</tag>, the text as printf() makes it, escaped; the tag may have attributes. */
void oc__html_element(struct str *out, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends bytes in base 64 (RFC 4648). */
void oc__html_base64(struct str *out, const void *bytes, size_t n);

#endif
