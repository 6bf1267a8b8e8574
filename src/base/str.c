/* str.c — a growable string, words compared, numbers as text. */
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Room for n more bytes and the null. */
static bool reserve(struct str *s, size_t n)
{
    size_t need;
    if (s->failed || !oc__add(s->n, n, &need) || !oc__add(need, 1, &need)) {
        s->failed = true;
        return false;
    }
    if (need <= s->capacity)
        return true;
    const size_t capacity = need < 64 ? 64 : need + need / 2;
    char *const grown = oc__grow(s->text, s->capacity, capacity, 1);
    if (!grown) {
        s->failed = true;
        return false;
    }
    s->text = grown;
    s->capacity = capacity;
    return true;
}

void oc__str_add(struct str *s, const char *text, size_t n)
{
    if (!reserve(s, n))
        return;
    if (n)
        memcpy(s->text + s->n, text, n);
    s->n += n;
    s->text[s->n] = '\0';
}

void oc__str_addz(struct str *s, const char *text)
{
    oc__str_add(s, text, strlen(text));
}

void oc__str_addv(struct str *s, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int n = vsnprintf(NULL, 0, format, arguments);
    if (n < 0)
        s->failed = true;
    else if (reserve(s, (size_t)n)) {
        vsnprintf(s->text + s->n, (size_t)n + 1, format, again);
        s->n += (size_t)n;
    }
    va_end(again);
}

void oc__str_addf(struct str *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(s, format, arguments);
    va_end(arguments);
}

void oc__str_add_xml(struct str *s, const char *text)
{
    static const char special[] = "<>&\"'";
    static const char *const entity[] = { "&lt;", "&gt;", "&amp;", "&quot;", "&#39;" };
    while (*text) {
        const size_t n = oc__character(text);
        const char *const found = strchr(special, *text);
        if (found)
            oc__str_addz(s, entity[found - special]);
        else if (n || *text == '\n')
            oc__str_add(s, text, n ? n : 1);
        else
            oc__str_addf(s, "\\x%02x", (unsigned)(unsigned char)*text);
        text += n ? n : 1;
    }
}

const char *oc__str_text(const struct str *s)
{
    return s->text ? s->text : "";
}

void oc__str_clear(struct str *s)
{
    s->n = 0;
    s->failed = false;
    if (s->text)
        s->text[0] = '\0';
}

void oc__str_free(struct str *s)
{
    oc__free(s->text);
    *s = (struct str){ 0 };
}

enum { WORD_MAX = 63 };

static size_t min3(size_t a, size_t b, size_t c)
{
    const size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Letters inserted, removed, replaced, or two neighbours swapped ("optimal string alignment"),
 * by the usual table d[i][j] of prefixes. */
static size_t edit_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t d[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= na; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            const size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, replaced);
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j])
                d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[na][nb];
}

const char *oc__nearest(const char *word, const char *const *words)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    const size_t n = strlen(word);
    for (; *words && n <= WORD_MAX; words++) {
        const size_t m = strlen(*words);
        if (m > WORD_MAX)
            continue;
        const size_t distance = edit_distance(word, n, *words, m);
        if (distance < least && distance * 3 <= (n > m ? n : m)) {
            least = distance;
            best = *words;
        }
    }
    return best;
}

size_t oc__character(const char *text)
{
    const unsigned char *const p = (const unsigned char *)text;
    if (*p < 0x80)
        return *p >= 0x20 && *p != 0x7f;
    const size_t n = *p >= 0xf0 && *p < 0xf5 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc2 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    const bool control = *p == 0xc2 && p[1] < 0xa0;     /* U+0080 … U+009F */
    return *p >= 0xf5 || control ? 0 : n;
}

const char *oc__escape(const char *text, char *to, size_t size)
{
    enum { WIDEST = 4 };                                /* "\xNN", or a character of UTF-8 */
    size_t at = 0;
    while (*text && at + WIDEST < size) {
        const size_t n = oc__character(text);
        if (n)
            memcpy(to + at, text, n);
        else
            snprintf(to + at, WIDEST + 1, "\\x%02x", (unsigned char)*text);
        at += n ? n : WIDEST;
        text += n ? n : 1;
    }
    to[at] = '\0';
    return to;
}

const char *oc__plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

bool oc__double_read(const char *text, double *v)
{
    const size_t n = strspn(text, "0123456789+-.eE");
    if (n == 0 || text[n] != '\0')
        return false;
    char *end;
    const locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *v = strtod_l(text, &end, mine);
    freelocale(mine);
    return *end == '\0' && isfinite(*v);
}

/* Whether the text reads back as the same number, or as the same float. */
static bool reads_back(const char *text, double v, bool single)
{
    return single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

static const char *shortest(double v, bool single, char buffer[32])
{
    if (isnan(v))
        return strcpy(buffer, "nan");
    if (isinf(v))
        return strcpy(buffer, v < 0 ? "-inf" : "inf");
    const locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(mine);
    size_t least = SIZE_MAX;
    for (int digits = 1; digits <= (single ? 9 : 17); digits++) {
        char text[32];
        const size_t n = (size_t)snprintf(text, sizeof text, "%.*g", digits, v);
        if (n <= least && reads_back(text, v, single)) {
            least = n;
            memcpy(buffer, text, n + 1);
        }
    }
    uselocale(before);
    freelocale(mine);
    return buffer;
}

const char *oc__double_text(double v, char buffer[32]) { return shortest(v, false, buffer); }

const char *oc__float_text(float v, char buffer[32])
{
    return shortest((double)v, true, buffer);
}

double oc__decimal(double v)
{
    char text[32];
    double decimal;
    const bool single = (double)(float)v == v;
    return single && oc__double_read(oc__float_text((float)v, text), &decimal) ? decimal : v;
}
