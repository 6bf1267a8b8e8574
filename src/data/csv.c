/* csv.c — the kind `csv`: pictures and their labels from a table.
 *
 *     path,label,part
 *     cats/1.jpg,cat,train
 *     "dogs/a, b.jpg",dog,test
 *
 * The first line names the columns, in any order: `path`, which begins at the table's folder,
 * `label`, and, where the division is given too, `part`; others are passed over.  Fields are
 * written as in RFC 4180, with quotes doubled inside quotes; an empty label is `no_label`. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/status.h"
#include "data/files.h"

enum { TABLE_MAX = 1 << 30, COLUMNS_MAX = 64 };
enum column { PATH, LABEL, PART, COLUMNS };

struct csv { int on_bad; int64_t max_bad; };

static const struct attr attrs[] = {
    BAD_ATTRS(struct csv),
    { 0 }
};

static const char *const column_names[COLUMNS] = { "path", "label", "part" };
static const char *const part_names[OC_PARTS] = { "train", "val", "test" };

/* Where the reader is; a line's fields are cut out of the text in place. */
struct reader {
    const char *name;                                   /* of the table */
    char       *at;                                     /* the next line */
    int64_t     line, next_line;
    char       *field[COLUMNS_MAX];
    int         fields;
    int         column[COLUMNS];                        /* which field; -1: none */
};

__attribute__((format(printf, 2, 3)))
static oc_status fail_at(const struct reader *r, const char *format, ...)
{
    char    text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return oc__fail(OC_EINPUT, "%s: line %lld: %s", r->name, (long long)r->line, text);
}

/* ---- lines -------------------------------------------------------------------------------- */

/* Unwraps a quoted field in place; *end becomes what follows its last quote. */
static oc_status read_quoted(struct reader *r, char *from, char **end)
{
    char *to = from++;
    for (;; from++) {
        if (*from == 0)
            return fail_at(r, "a quote is not closed");
        if (*from == '"' && *++from != '"')
            break;
        r->next_line += *from == '\n';
        *to++ = *from;
    }
    *end = from;
    if (to < from)
        *to = 0;
    return OC_OK;
}

/* Cuts one field off; *last: it ended its line. */
static oc_status read_field(struct reader *r, bool *last)
{
    char *end = r->at;
    if (r->fields == COLUMNS_MAX)
        return fail_at(r, "more than %d fields", COLUMNS_MAX);
    r->field[r->fields++] = r->at;
    if (*end == '"')
        TRY(read_quoted(r, end, &end));
    else
        end += strcspn(end, ",\r\n");
    *last = *end != ',';
    const char was = *end;
    r->at = end + (was != 0);
    if (was == '\r' && *r->at == '\n')
        r->at++;
    else if (was != 0 && was != ',' && was != '\n')
        return fail_at(r, "something stands behind a field's quotes");
    r->next_line += was != ',';
    *end = 0;
    return OC_OK;
}

static oc_status read_line(struct reader *r)
{
    bool last = false;
    r->line = r->next_line;
    r->fields = 0;
    while (!last)
        TRY(read_field(r, &last));
    return OC_OK;
}

static oc_status read_header(struct reader *r)
{
    TRY(read_line(r));
    for (int c = 0; c < COLUMNS; c++) {
        r->column[c] = -1;
        for (int i = 0; i < r->fields; i++)
            if (strcmp(r->field[i], column_names[c]) == 0)
                r->column[c] = i;
        if (r->column[c] < 0 && c != PART)
            return fail_at(r, "no column is named %s; it wants path,label or path,label,part",
                           column_names[c]);
    }
    return OC_OK;
}

/* ---- rows --------------------------------------------------------------------------------- */

static oc_status read_part(const struct reader *r, oc_part *out)
{
    *out = OC_PART_TRAIN;
    if (r->column[PART] < 0)
        return OC_OK;
    for (int p = 0; p < OC_PARTS; p++)
        if (strcmp(r->field[r->column[PART]], part_names[p]) == 0) {
            *out = (oc_part)p;
            return OC_OK;
        }
    return fail_at(r, "part %s: is none of train, val, test",
                   oc__quote_z(r->field[r->column[PART]]));
}

static oc_status add_row(const struct reader *r, int header, enum on_bad on_bad, struct files *f)
{
    oc_part    part;
    struct str path = { 0 };
    if (r->fields != header)
        return fail_at(r, "%d fields, but the first line names %d", r->fields, header);
    const char *const name = r->field[r->column[PATH]], *const label = r->field[r->column[LABEL]];
    if (*name == 0)
        return fail_at(r, "the path is empty");
    if (strchr(label, '\n'))                            /* a model's file lists them line by line */
        return fail_at(r, "label %s: a class is named in one line", oc__quote_z(label));
    TRY(read_part(r, &part));
    if (*name != '/')
        oc__str_add(&path, r->name, oc__parent_length(r->name));
    oc__str_addz(&path, name);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    if (status == OC_OK && on_bad != ON_BAD_SKIP && !oc__is_file(oc__str_text(&path)))
        status = fail_at(r, "%s: there is no such file", oc__str_text(&path));
    if (status == OC_OK)
        status = oc__files_add(f, oc__str_text(&path), *label ? label : "no_label", part);
    oc__str_free(&path);
    return status;
}

static oc_status read_table(struct reader *r, enum on_bad on_bad, struct files *f)
{
    if (strncmp(r->at, "\xef\xbb\xbf", 3) == 0)         /* a byte order mark */
        r->at += 3;
    TRY(read_header(r));
    const int header = r->fields;
    f->divided = r->column[PART] >= 0;
    while (*r->at != 0) {
        TRY(read_line(r));
        if (r->fields > 1 || r->field[0][0] != 0)       /* else the line is empty */
            TRY(add_row(r, header, on_bad, f));
    }
    return f->n > 0 ? OC_OK : fail_at(r, "no rows follow");
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    const struct csv *const a = attr;
    char  *text;
    size_t n;
    TRY(oc__file_load(place, TABLE_MAX, &text, &n));
    struct reader r = { .name = place, .at = text, .next_line = 1 };
    struct files *f = oc__alloc(1, sizeof *f);
    oc_status     status = f ? OC_OK : OC_ELIMIT;
    if (status == OC_OK && memchr(text, 0, n))
        status = oc__fail(OC_EINPUT, "%s: holds a zero byte and is no table", place);
    if (status == OC_OK) {
        f->root = oc__parent_length(place);
        status = read_table(&r, (enum on_bad)a->on_bad, f);
    }
    if (status == OC_OK)
        status = oc__files_finish(d, &f, a->on_bad, a->max_bad);
    oc__files_free(f);
    oc__free(text);
    return status;
}

const struct data_kind oc__data_csv = {
    .entry = { .name = "csv", .summary = "csv:FILE, a table with the columns path and label",
               .attrs = attrs, .size = sizeof(struct csv) },
    .open = open_set,
};
