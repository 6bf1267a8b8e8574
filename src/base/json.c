/* json.c — the walk over a JSON text. */
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

void oc__json_begin(struct json *j, const char *path, const char *text, size_t n, int64_t offset,
                    int max_depth)
{
    assert(max_depth >= 1 && max_depth <= JSON_MAX_DEPTH);
    *j = (struct json){ .path = path, .text = text, .n = n, .offset = offset,
                        .max_depth = max_depth };
}

void oc__json_free(struct json *j)
{
    oc__str_free(&j->scratch);
}

oc_status oc__json_fail(const struct json *j, const char *format, ...)
{
    struct str what = { 0 };
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&what, format, arguments);
    va_end(arguments);
    size_t line = 1, column = 1;
    for (size_t i = 0; i < j->at; i++) {
        column = j->text[i] == '\n' ? 1 : column + 1;
        line += j->text[i] == '\n';
    }
    const oc_status status = oc__fail(OC_EINPUT, "%s: offset %lld (%zu:%zu): %s%s%s", j->path,
                                      (long long)j->offset + (long long)j->at, line, column,
                                      j->field, *j->field ? ": " : "", oc__str_text(&what));
    oc__str_free(&what);
    return status;
}

/* ---- tokens --------------------------------------------------------------------------------- */

/* The byte at the reader, after white space; -1 at the end of the text. */
static int look(struct json *j)
{
    while (j->at < j->n && strchr(" \t\n\r", j->text[j->at]) && j->text[j->at])
        j->at++;
    return j->at < j->n ? (unsigned char)j->text[j->at] : -1;
}

char oc__json_peek(struct json *j)
{
    const int c = look(j);
    return c < 0 ? 0 : c == '-' || (c >= '0' && c <= '9') ? '0' : (char)c;
}

static oc_status expected(struct json *j, const char *what)
{
    if (look(j) < 0)
        return oc__json_fail(j, "the text ends where %s is expected", what);
    return oc__json_fail(j, "%s stands where %s is expected", oc__quote(j->text + j->at, 1), what);
}

static oc_status take(struct json *j, char c)
{
    const char what[] = { '\'', c, '\'', '\0' };
    if (look(j) != c)
        return expected(j, what);
    j->at++;
    return OC_OK;
}

static oc_status word(struct json *j, const char *text)
{
    const size_t n = strlen(text);
    (void)look(j);
    if (j->n - j->at < n || memcmp(j->text + j->at, text, n) != 0)
        return expected(j, text);
    j->at += n;
    return OC_OK;
}

/* ---- strings -------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at p (Unicode 15, table 3-7), or 0 where there is none. */
static size_t utf8_length(const char *text, size_t n)
{
    const unsigned char *const p = (const unsigned char *)text;
    if (n > 0 && p[0] < 0x80)
        return 1;
    const size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (n < length || p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    const unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

static void add_code_point(struct str *out, uint32_t c)
{
    char bytes[4];
    const int tail = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    bytes[0] = (char)(lead[tail] | c >> 6 * tail);
    for (int i = 1; i <= tail; i++)
        bytes[i] = (char)(0x80 | (c >> 6 * (tail - i) & 0x3f));
    oc__str_add(out, bytes, (size_t)tail + 1);
}

/* The four hexadecimal digits after "\u". */
static oc_status hex4(struct json *j, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char c = j->at < j->n ? j->text[j->at] : '\0';
        const char *const digit = c ? strchr(digits, c) : NULL;
        if (!digit)
            return oc__json_fail(j, "\\u wants four hexadecimal digits");
        const uint32_t d = (uint32_t)(digit - digits);
        *v = *v * 16 + (d < 16 ? d : d - 6);
    }
    return OC_OK;
}

static oc_status unicode_escape(struct json *j)
{
    uint32_t c, low = 0;
    TRY(hex4(j, &c));
    if (c >= 0xd800 && c < 0xdc00 && j->n - j->at > 1 && memcmp(j->text + j->at, "\\u", 2) == 0) {
        j->at += 2;
        TRY(hex4(j, &low));
        if (low < 0xdc00 || low > 0xdfff)
            return oc__json_fail(j, "half a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    if (c >= 0xd800 && c <= 0xdfff)
        return oc__json_fail(j, "half a surrogate pair");
    if (c == 0)
        return oc__json_fail(j, "a null character in a string");
    add_code_point(&j->scratch, c);
    return OC_OK;
}

static oc_status escape(struct json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char c = j->at < j->n ? j->text[j->at] : '\0';
    const char *const plain = c ? strchr(from, c) : NULL;
    if (c != 'u' && !plain)
        return oc__json_fail(j, "%s follows a backslash", oc__quote(&c, 1));
    j->at++;
    if (c == 'u')
        return unicode_escape(j);
    oc__str_add(&j->scratch, &to[plain - from], 1);
    return OC_OK;
}

/* The next character of a string that is not its end. */
static oc_status character(struct json *j)
{
    const char *const p = j->text + j->at;
    if (*p == '\\') {
        j->at++;
        return escape(j);
    }
    if ((unsigned char)*p < 0x20)
        return oc__json_fail(j, "the control byte %s in a string", oc__quote(p, 1));
    const size_t n = utf8_length(p, j->n - j->at);
    if (n == 0)
        return oc__json_fail(j, "%s is not UTF-8", oc__quote(p, 1));
    oc__str_add(&j->scratch, p, n);
    j->at += n;
    return OC_OK;
}

static oc_status string(struct json *j, const char *what, const char **text)
{
    if (look(j) != '"')
        return expected(j, what);
    oc__str_clear(&j->scratch);
    for (j->at++; j->at < j->n && j->text[j->at] != '"';)
        TRY(character(j));
    if (j->at == j->n)
        return oc__json_fail(j, "the text ends within a string");
    j->at++;
    *text = oc__str_text(&j->scratch);
    return j->scratch.failed ? OC_ELIMIT : OC_OK;
}

bool oc__json_quote(struct str *out, const char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0, length; i < n; i += length)
        if ((length = utf8_length(text + i, n - i)) == 0)
            return false;
    oc__str_addz(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            oc__str_addf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            oc__str_addf(out, "\\u%04x", (unsigned)*text);
        else
            oc__str_add(out, text, 1);
    }
    oc__str_addz(out, "\"");
    return true;
}

/* ---- structure ------------------------------------------------------------------------------ */

oc_status oc__json_open(struct json *j, char bracket)
{
    const char what[] = { '\'', bracket, '\'', '\0' };
    if (look(j) != bracket)
        return expected(j, what);
    if (j->depth == j->max_depth)
        return oc__json_fail(j, "nested deeper than %d", j->max_depth);
    j->at++;
    j->open[j->depth++] = bracket;
    j->fresh = true;
    return OC_OK;
}

/* Reads the closing bracket, or the comma before the next member. */
static oc_status next_member(struct json *j, char closing, bool *more)
{
    assert(j->depth > 0);
    *more = look(j) != closing;
    if (!*more) {
        j->at++;
        j->depth--;
    } else if (!j->fresh) {
        const char what[] = { '\'', ',', '\'', ' ', 'o', 'r', ' ', '\'', closing, '\'', '\0' };
        if (look(j) != ',')
            return expected(j, what);
        j->at++;
    }
    j->fresh = false;
    return OC_OK;
}

oc_status oc__json_key(struct json *j, const char **key)
{
    bool more;
    *key = NULL;
    TRY(next_member(j, '}', &more));
    if (!more)
        return OC_OK;
    TRY(string(j, "a name in quotes", key));
    return take(j, ':');
}

oc_status oc__json_item(struct json *j, bool *more)
{
    TRY(next_member(j, ']', more));
    return *more && look(j) == ']' ? expected(j, "a value") : OC_OK;
}

struct json_place oc__json_place(const struct json *j)
{
    return (struct json_place){ j->at, j->depth, j->fresh };
}

void oc__json_return(struct json *j, struct json_place place)
{
    j->at = place.at;
    j->depth = place.depth;
    j->fresh = place.fresh;
}

oc_status oc__json_end(struct json *j)
{
    return look(j) < 0 ? OC_OK : expected(j, "the end");
}

/* ---- values --------------------------------------------------------------------------------- */

oc_status oc__json_string(struct json *j, const char **text)
{
    return string(j, "a string", text);
}

static size_t digits(const struct json *j, size_t at)
{
    size_t n = 0;
    while (at + n < j->n && j->text[at + n] >= '0' && j->text[at + n] <= '9')
        n++;
    return n;
}

static bool at_any(const struct json *j, size_t at, const char *set)
{
    return at < j->n && j->text[at] && strchr(set, j->text[at]);
}

/* The end of the number at the reader; *whole tells that it has neither fraction nor exponent. */
static oc_status number_end(struct json *j, size_t *end, bool *whole)
{
    if (oc__json_peek(j) != '0')
        return expected(j, "a number");
    size_t at = j->at + at_any(j, j->at, "-");
    size_t n = digits(j, at);
    if (n == 0 || (n > 1 && j->text[at] == '0'))
        return oc__json_fail(j, n ? "a number begins with 0" : "a minus sign without a number");
    at += n;
    *whole = true;
    if (at_any(j, at, ".")) {
        *whole = false;
        if ((n = digits(j, ++at)) == 0)
            return oc__json_fail(j, "a number wants digits after its point");
        at += n;
    }
    if (at_any(j, at, "eE")) {
        *whole = false;
        at++;
        at += at_any(j, at, "+-");
        if ((n = digits(j, at)) == 0)
            return oc__json_fail(j, "a number wants digits in its exponent");
        at += n;
    }
    *end = at;
    return OC_OK;
}

/* The number's text as a string of its own in `scratch`. */
static oc_status number_text(struct json *j, size_t end)
{
    oc__str_clear(&j->scratch);
    oc__str_add(&j->scratch, j->text + j->at, end - j->at);
    return j->scratch.failed ? OC_ELIMIT : OC_OK;
}

/* The next number, which must be whole, as text that ends at *end. */
static oc_status whole_text(struct json *j, size_t *end, const char **text)
{
    bool whole = false;
    TRY(number_end(j, end, &whole));
    TRY(number_text(j, *end));
    *text = j->scratch.text;
    if (!whole || !strcmp(*text, "-0"))
        return oc__json_fail(j, "%s: wants a whole number", oc__quote_z(*text));
    errno = 0;
    return OC_OK;
}

oc_status oc__json_integer(struct json *j, int64_t *v)
{
    size_t end = 0;
    const char *text;
    TRY(whole_text(j, &end, &text));
    *v = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return oc__json_fail(j, "%s: wants a whole number of 64 bits", oc__quote_z(text));
    j->at = end;
    return OC_OK;
}

oc_status oc__json_unsigned(struct json *j, uint64_t *v)
{
    size_t end = 0;
    const char *text;
    TRY(whole_text(j, &end, &text));
    *v = strtoull(text, NULL, 10);
    if (errno == ERANGE || *text == '-')
        return oc__json_fail(j, "%s: wants a whole number from 0 to 2^64 - 1", oc__quote_z(text));
    j->at = end;
    return OC_OK;
}

oc_status oc__json_number(struct json *j, double *v)
{
    size_t end = 0;
    bool whole = false;
    TRY(number_end(j, &end, &whole));
    TRY(number_text(j, end));
    if (!oc__double_read(j->scratch.text, v))
        return oc__json_fail(j, "%s is too large", oc__quote_z(j->scratch.text));
    j->at = end;
    return OC_OK;
}

oc_status oc__json_bool(struct json *j, bool *v)
{
    *v = look(j) == 't';
    if (!*v && look(j) != 'f')
        return expected(j, "true or false");
    return word(j, *v ? "true" : "false");
}

/* A value that is neither object nor array. */
static oc_status skip_scalar(struct json *j)
{
    const char *text;
    size_t end = 0;
    bool whole;
    switch (oc__json_peek(j)) {
    case '"': return oc__json_string(j, &text);
    case 't': return word(j, "true");
    case 'f': return word(j, "false");
    case 'n': return word(j, "null");
    case '0':
        TRY(number_end(j, &end, &whole));
        j->at = end;
        return OC_OK;
    default:  return expected(j, "a value");
    }
}

oc_status oc__json_skip(struct json *j)
{
    const int outside = j->depth;
    do {
        const char c = oc__json_peek(j);
        TRY(c == '{' || c == '[' ? oc__json_open(j, c) : skip_scalar(j));
        for (bool more = false; j->depth > outside && !more;) {
            const char *key;
            if (j->open[j->depth - 1] == '[') {
                TRY(oc__json_item(j, &more));
            } else {
                TRY(oc__json_key(j, &key));
                more = key != NULL;
            }
        }
    } while (j->depth > outside);
    return OC_OK;
}
