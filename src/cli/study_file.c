/* study_file.c — studies as text: the file that people write, and run.json of a study's folder.
 *
 *     data   = synth:colors        # common to all experiments
 *     epochs = 7
 *
 *     [sgd]
 *     optimizer = sgd 0.01
 *
 *     [adam]
 *     optimizer = adam 0.002
 *
 * A key is an option's name without its dashes.  A # that begins a line or follows a space begins a
 * comment. */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/status.h"
#include "cli/study.h"

enum { FILE_MAX = 1 << 20, LINE_PLACE = 256 };

/* ---- study files --------------------------------------------------------------------------- */

static const char space[] = " \t\r";

/* Without space at both ends; changes the text. */
static char *trim(char *text)
{
    text += strspn(text, space);
    size_t n = strlen(text);
    while (n > 0 && strchr(space, text[n - 1]))
        n--;
    text[n] = '\0';
    return text;
}

static void cut_comment(char *line)
{
    for (char *p = line; (p = strchr(p, '#')); p++)
        if (p == line || strchr(space, p[-1])) {
            *p = '\0';
            return;
        }
}

/* A line, by its number, and as messages name it. */
struct at { int number; char where[LINE_PLACE]; };

static oc_status open_section(struct study *s, const char *where, char *line)
{
    const size_t n = strlen(line);
    if (line[n - 1] != ']')
        return oc__fail(OC_EUSAGE, "%s: %s: a section is written [name]", where,
                        oc__quote_z(line));
    line[n - 1] = '\0';
    struct train *const e = oc__study_add(s);
    if (!e || !(e->name = oc__pool_strdup(&s->pool, trim(line + 1)))
        || !(e->where = oc__pool_strdup(&s->pool, where)))
        return OC_ELIMIT;
    return OC_OK;
}

/* A key twice is most likely a slip; the last would win. */
static oc_status check_twice(struct study *s, const struct at *at, const char *key)
{
    struct str place = { 0 };
    oc__str_addf(&place, "%d %s", s->n, key);
    const char *const kept = place.failed ? NULL : oc__pool_strdup(&s->pool, place.text);
    oc__str_free(&place);
    if (!kept)
        return OC_ELIMIT;
    if (oc__map_get(&s->keys, kept, -1) >= 0)
        return oc__fail(OC_EUSAGE, "%s: %s: stands there already, in line %lld", at->where, key,
                        (long long)oc__map_get(&s->keys, kept, 0));
    return oc__map_put(&s->keys, kept, at->number) ? OC_OK : OC_ELIMIT;
}

static oc_status set_key(struct study *s, const struct at *at, char *line)
{
    const char *const where = at->where;
    char *const equals = strchr(line, '=');
    if (!equals)
        return oc__fail(OC_EUSAGE, "%s: %s: wants key = value", where, oc__quote_z(line));
    *equals = '\0';
    const char *const key = trim(line);
    const char *const value = oc__pool_strdup(&s->pool, trim(equals + 1));
    struct train *const to = s->n ? &s->experiment[s->n - 1] : &s->common;
    if (!value)
        return OC_ELIMIT;
    if (!strcmp(key, "study") || !strcmp(key, "experiment") || !strcmp(key, "resume"))
        return oc__fail(OC_EUSAGE, "%s: %s: is for the command line alone", where, key);
    TRY(check_twice(s, at, key));
    if (s->n && oc__study_whole(key))
        return oc__fail(OC_EUSAGE, "%s: %s: concerns all experiments and belongs above the first "
                                   "section", where, key);
    return oc__opt_set(oc__train_table, to, where, key, value);
}

static oc_status read_line(struct study *s, const char *path, int number, char *line)
{
    struct at at = { .number = number };
    snprintf(at.where, sizeof at.where, "%s: line %d", path, number);
    cut_comment(line);
    line = trim(line);
    if (!*line)
        return OC_OK;
    return *line == '[' ? open_section(s, at.where, line) : set_key(s, &at, line);
}

static oc_status read_lines(struct study *s, const char *path, char *text, size_t n)
{
    if (strlen(text) != n)
        return oc__fail(OC_EINPUT, "%s: offset %zu: a null byte: this is no text", path,
                        strlen(text));
    char *rest = text;
    for (int number = 1; rest; number++)
        TRY(read_line(s, path, number, strsep(&rest, "\n")));
    if (s->n == 0 && s->keys.n == 0)
        return oc__fail(OC_EINPUT, "%s: says nothing: wants lines of key = value and sections "
                                   "[name]", path);
    return OC_OK;
}

oc_status oc__study_read_file(struct study *s, const char *path)
{
    char *text;
    size_t n;
    TRY(oc__file_load(path, FILE_MAX, &text, &n));
    const oc_status status = read_lines(s, path, text, n);
    oc__free(text);
    return status;
}

/* ---- run.json ------------------------------------------------------------------------------ */

/* Every option that is not at its default, by name. */
static void write_experiment(const struct train *e, struct str *out)
{
    struct train plain = { 0 };
    struct str own = { 0 }, usual = { 0 };
    bool any = false;
    oc__opt_defaults(oc__train_table, &plain);
    oc__str_addz(out, "    {");
    for (const struct option *o = oc__train_table; o->attr.name || o->attr.help; o++) {
        if (!o->attr.name || oc__study_whole(o->attr.name))
            continue;
        oc__str_clear(&own);
        oc__str_clear(&usual);
        oc__opt_print(o, e, &own);
        oc__opt_print(o, &plain, &usual);
        if (!strcmp(oc__str_text(&own), oc__str_text(&usual)))
            continue;
        oc__str_addf(out, "%s\"%s\": ", any ? ",\n     " : "", o->attr.name);
        out->failed |= !oc__json_quote(out, oc__str_text(&own));
        any = true;
    }
    oc__str_addz(out, "}");
    out->failed |= own.failed || usual.failed;
    oc__str_free(&own);
    oc__str_free(&usual);
}

oc_status oc__study_save(const struct study *s, const char *folder)
{
    struct str text = { 0 }, path = { 0 };
    oc__str_addf(&path, "%s/run.json", folder);
    oc__str_addz(&text, "{\n  \"ocellus\": \"" OC_VERSION "\",\n  \"study\": [\n");
    for (int i = 0; i < s->n; i++) {
        write_experiment(&s->experiment[i], &text);
        oc__str_addz(&text, i + 1 < s->n ? ",\n" : "\n");
    }
    oc__str_addz(&text, "  ]\n}\n");
    const oc_status status = text.failed || path.failed
        ? oc__fail(OC_ELIMIT, "%s/run.json: no memory, or a text that is not UTF-8", folder)
        : oc__write_file(path.text, text.text, text.n, WRITE_REPLACE);
    oc__str_free(&text);
    oc__str_free(&path);
    return status;
}

static oc_status read_experiment(struct study *s, struct json *j)
{
    struct train *const e = oc__study_add(s);
    if (!e)
        return OC_ELIMIT;
    TRY(oc__json_open(j, '{'));
    for (const char *key, *value;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return e->name ? OC_OK : oc__json_fail(j, "an experiment without a name");
        char *const name = oc__pool_strdup(&s->pool, key);
        TRY(oc__json_string(j, &value));
        char *const kept = oc__pool_strdup(&s->pool, value);
        if (!name || !kept)
            return OC_ELIMIT;
        TRY(oc__opt_set(oc__train_table, e, j->path, name, kept));
    }
}

static oc_status read_experiments(struct study *s, struct json *j)
{
    TRY(oc__json_open(j, '['));
    for (bool more;;) {
        TRY(oc__json_item(j, &more));
        if (!more)
            return oc__study_settle(s);
        TRY(read_experiment(s, j));
    }
}

static oc_status read_study(struct study *s, struct json *j)
{
    TRY(oc__json_open(j, '{'));
    for (const char *key;;) {
        TRY(oc__json_key(j, &key));
        if (!key)
            return oc__json_end(j);
        TRY(strcmp(key, "study") ? oc__json_skip(j) : read_experiments(s, j));
    }
}

oc_status oc__study_load(struct study *s, const char *folder)
{
    struct str path = { 0 };
    struct json j;
    char *text;
    size_t n;
    *s = (struct study){ 0 };
    oc__opt_defaults(oc__train_table, &s->common);
    oc__str_addf(&path, "%s/run.json", folder);
    oc_status status = path.failed ? OC_ELIMIT : OC_OK;
    if (status >= 0 && oc__is_file(path.text)) {
        status = oc__file_load(path.text, FILE_MAX << 4, &text, &n);
        if (status >= 0) {
            oc__json_begin(&j, path.text, text, n, 0, JSON_MAX_DEPTH);
            status = read_study(s, &j);
            oc__json_free(&j);
            oc__free(text);
        }
    }
    oc__str_free(&path);
    return status;
}
