/* term.c — text, colours, numbers and tables for people. */
#include "cli/term.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum { WIDTH_ELSEWHERE = 100, PRINTABLE_CHARACTERS = 160, PRINTABLE_BYTES = 4 * 160 + 8 };

bool oc__term_is(FILE *f)
{
    const char *const term = getenv("TERM");             /* "dumb": no line is drawn over */
    return isatty(fileno(f)) == 1 && term && strcmp(term, "dumb") != 0;
}

bool oc__term_colours(FILE *f)
{
    const char *const no = getenv("NO_COLOR"), *const kind = getenv("TERM");
    return oc__term_is(f) && !(no && *no) && !(kind && strcmp(kind, "dumb") == 0);
}

int oc__term_width(FILE *f)
{
    struct winsize size;
    if (!oc__term_is(f) || ioctl(fileno(f), TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return WIDTH_ELSEWHERE;
    return size.ws_col;
}

int oc__term_height(FILE *f, int elsewhere)
{
    struct winsize size;
    if (!oc__term_is(f) || ioctl(fileno(f), TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return elsewhere;
    return size.ws_row;
}

const char *oc__style(enum style style)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_WARN] = "\033[33m",
    };
    return oc__term_colours(stdout) ? codes[style] : "";
}

/* ---- text from outside --------------------------------------------------------------------- */

const char *oc__printable(const char *text)
{
    static char buffer[8][PRINTABLE_BYTES];
    static unsigned turn;
    char *const out = buffer[turn++ % 8], *to = out;
    int n = 0;
    for (; *text && n < PRINTABLE_CHARACTERS; n++) {
        const size_t bytes = oc__character(text);
        if (bytes) {
            memcpy(to, text, bytes);
            to += bytes;
            text += bytes;
        } else {
            to += sprintf(to, "\\x%02x", (unsigned char)*text++);
        }
    }
    strcpy(to, *text ? "…" : "");
    return out;
}

void oc__print_lines(const char *text)
{
    while (*text) {
        const size_t bytes = *text == '\n' ? 1 : oc__character(text);
        if (bytes)
            fwrite(text, 1, bytes, stdout);
        else
            printf("\\x%02x", (unsigned char)*text);
        text += bytes ? bytes : 1;
    }
}

int oc__columns(const char *text)
{
    int n = 0;
    for (; *text; text++) {
        if (*text == '\033')                            /* a style takes no room */
            text += strcspn(text, "m");
        else
            n += ((unsigned char)*text & 0xc0) != 0x80;
        if (!*text)
            break;
    }
    return n;
}

/* ---- numbers ------------------------------------------------------------------------------- */

const char *oc__count_text(int64_t n, char buffer[32])
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%" PRId64, n);
    char *to = buffer;
    for (int i = 0; i < length; i++) {
        *to++ = digits[i];
        const int left = length - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            *to++ = ',';
    }
    *to = '\0';
    return buffer;
}

static const char *scaled(double v, double base, const char *const *unit, char buffer[32])
{
    int i = 0;
    for (; fabs(v) >= base && unit[i + 1]; i++)
        v /= base;
    const int digits = i == 0 || fabs(v) >= 100 ? 0 : 1;
    snprintf(buffer, 32, "%.*f%s%s", digits, v, *unit[i] ? " " : "", unit[i]);
    return buffer;
}

const char *oc__bytes_text(int64_t n, char buffer[32])
{
    static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", NULL };
    return scaled((double)n, 1024, unit, buffer);
}

const char *oc__rate_text(double v, char buffer[32])
{
    static const char *const unit[] = { "", "k", "M", "G", "T", NULL };
    return scaled(v, 1000, unit, buffer);
}

const char *oc__seconds_text(double v, char buffer[32])
{
    if (v < 1)
        snprintf(buffer, 32, "%.0f ms", v * 1e3);
    else if (v < 60)
        snprintf(buffer, 32, "%.1f s", v);
    else if (v < 3600)
        snprintf(buffer, 32, "%d min %02d s", (int)v / 60, (int)v % 60);
    else
        snprintf(buffer, 32, "%d h %02d min", (int)v / 3600, (int)v / 60 % 60);
    return buffer;
}

void oc__bar(double fraction, int width, struct str *out)
{
    static const char *const part[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    const double clean = fraction > 0 ? fmin(fraction, 1) : 0;
    const int eighths = (int)lround(clean * width * 8);
    for (int i = 0; i < eighths / 8; i++)
        oc__str_addz(out, "█");
    oc__str_addz(out, part[eighths % 8]);
}

/* ---- tables -------------------------------------------------------------------------------- */

void oc__table_cell(struct table *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    oc__str_addv(&t->cells, format, arguments);
    va_end(arguments);
    oc__str_add(&t->cells, "", 1);                      /* cells are separated by null bytes */
    t->n++;
}

static void add_row(const struct table *t, const char **cell, const int *width, int columns,
                    int indent, struct str *out)
{
    struct str line = { 0 };
    for (int c = 0; c < columns; c++) {
        const int pad = width[c] - oc__columns(*cell);
        const bool right = t->columns[c] == 'r';
        oc__str_addf(&line, "%*s", c ? 2 : indent, "");
        oc__str_addf(&line, "%*s%s", right ? pad : 0, "", *cell);
        if (!right && c + 1 < columns)
            oc__str_addf(&line, "%*s", pad, "");
        *cell += strlen(*cell) + 1;
    }
    size_t n = line.n;
    while (n > 0 && line.text[n - 1] == ' ')
        n--;
    oc__str_add(out, oc__str_text(&line), n);
    oc__str_addz(out, "\n");
    oc__str_free(&line);
}

void oc__table_text(struct table *t, int indent, struct str *out)
{
    enum { COLUMNS_MAX = 64 };
    int width[COLUMNS_MAX] = { 0 };
    const int columns = (int)strlen(t->columns);
    const char *cell = oc__str_text(&t->cells);
    for (int i = 0; i < t->n; i++, cell += strlen(cell) + 1) {
        const int n = oc__columns(cell);
        width[i % columns] = n > width[i % columns] ? n : width[i % columns];
    }
    cell = oc__str_text(&t->cells);
    for (int row = 0; row < t->n / columns; row++)
        add_row(t, &cell, width, columns, indent, out);
    oc__str_free(&t->cells);
    t->n = 0;
}

void oc__table_print(struct table *t, int indent)
{
    struct str text = { 0 };
    oc__table_text(t, indent, &text);
    fputs(oc__str_text(&text), stdout);
    oc__str_free(&text);
}
