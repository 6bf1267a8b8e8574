/* report_html.c — elements and base 64. */
#include "watch/report_html.h"

#include <stdint.h>
#include <string.h>

void oc__html_element(struct str *out, const char *tag, const char *format, ...)
{
    struct str text = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&text, format, arguments);
    va_end(arguments);
    oc__str_addf(out, "<%s>", tag);
    oc__str_add_xml(out, oc__str_text(&text));
    oc__str_addf(out, "</%.*s>", (int)strcspn(tag, " "), tag);
    out->failed |= text.failed;
    oc__str_free(&text);
}

void oc__html_base64(struct str *out, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *const p = bytes;
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(left > 1 ? p[i + 1] : 0) << 8
                         | (uint32_t)(left > 2 ? p[i + 2] : 0);
        const char four[] = { digits[v >> 18], digits[v >> 12 & 63],
                              left > 1 ? digits[v >> 6 & 63] : '=',
                              left > 2 ? digits[v & 63] : '=' };
        oc__str_add(out, four, sizeof four);
    }
}
