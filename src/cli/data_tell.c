/* data_tell.c — what was found out about a data set, for people and for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/data_check.h"
#include "cli/output.h"
#include "cli/term.h"

enum { LISTED_MAX = 20, FORMATS_MAX = 8, CHANNELS = 5 };

/* ---- counting ------------------------------------------------------------------------------ */

struct side { int least, median, most; };

struct format_count { const char *name; int64_t n; };

/* Of the images that can be read; `of_class` is [classes, parts], of all. */
struct summary {
    struct side         width, height;
    int64_t             of_channels[CHANNELS];
    struct format_count format[FORMATS_MAX];
    int64_t            *of_class;
};

static int ascending(const void *a, const void *b)
{
    const int *const x = a, *const y = b;
    return (*x > *y) - (*x < *y);
}

static struct side side_of(int *length, int64_t n)
{
    if (n == 0)
        return (struct side){ 0 };
    qsort(length, (size_t)n, sizeof *length, ascending);
    return (struct side){ length[0], length[(n - 1) / 2], length[n - 1] };
}

static void count_format(struct summary *s, const char *name)
{
    int i = 0;
    while (i < FORMATS_MAX - 1 && s->format[i].n && strcmp(s->format[i].name, name) != 0)
        i++;
    s->format[i].name = name;
    s->format[i].n++;
}

static bool summarize(struct summary *s, const struct findings *f, const oc_data *d)
{
    const int64_t sound = f->n - f->broken;
    int *const    length = oc__alloc((size_t)sound, sizeof *length);
    *s = (struct summary){ .of_class = oc__alloc((size_t)oc_data_classes(d) * OC_PARTS,
                                                 sizeof *s->of_class) };
    if (!length || !s->of_class) {
        oc__free(length);
        return false;
    }
    for (int64_t i = 0; i < f->n; i++)
        s->of_class[f->row[i].label * OC_PARTS + f->row[i].part]++;
    for (int64_t i = 0; i < sound; i++) {
        s->of_channels[f->row[i].channels]++;
        count_format(s, f->row[i].format);
        length[i] = f->row[i].width;
    }
    s->width = side_of(length, sound);
    for (int64_t i = 0; i < sound; i++)
        length[i] = f->row[i].height;
    s->height = side_of(length, sound);
    oc__free(length);
    return true;
}

/* ---- for people ---------------------------------------------------------------------------- */

/* The file, or the part and number of an image that is in none of its own. */
static void add_name(const oc_data *d, const struct finding *row, struct str *out)
{
    const char *const name = oc_data_name(d, row->part, row->index);
    oc__str_clear(out);
    if (*name)
        oc__str_addz(out, oc__printable(name));
    else
        oc__str_addf(out, "%s %" PRId64, oc__part_names[row->part], row->index);
}

static const char *const channel_names[CHANNELS] = { "", "grey", "grey with alpha", "colour",
                                                     "colour with alpha" };

static void print_side(const char *name, struct side s)
{
    if (s.least == s.most)
        printf("%-12s %d\n", name, s.least);
    else
        printf("%-12s %d … %d, median %d\n", name, s.least, s.most, s.median);
}

static void print_summary(const struct summary *s)
{
    const char *between = "";
    print_side("width", s->width);
    print_side("height", s->height);
    printf("channels    ");
    for (int c = 1; c < CHANNELS; c++)
        if (s->of_channels[c]) {
            printf("%s %" PRId64 " %s", between, s->of_channels[c], channel_names[c]);
            between = ",";
        }
    printf("\nformat      ");
    for (int i = 0; i < FORMATS_MAX && s->format[i].n; i++)
        printf("%s %" PRId64 " %s", i ? "," : "", s->format[i].n,
               *s->format[i].name ? s->format[i].name : "in memory");
    printf("\n");
}

static void print_classes(const struct summary *s, const oc_data *d)
{
    const int classes = oc_data_classes(d);
    struct table t = { .columns = "lrrr" };
    oc__table_cell(&t, "class");
    for (int p = 0; p < OC_PARTS; p++)
        oc__table_cell(&t, "%s", oc__part_names[p]);
    for (int c = 0; c < classes && c < LISTED_MAX; c++) {
        oc__table_cell(&t, "%s", oc__printable(oc_data_class_name(d, c)));
        for (int p = 0; p < OC_PARTS; p++)
            oc__table_cell(&t, "%" PRId64, s->of_class[c * OC_PARTS + p]);
    }
    printf("classes      %d\n\n", classes);
    oc__table_print(&t, 0);
    if (classes > LISTED_MAX)
        printf("… and %d more\n", classes - LISTED_MAX);
    printf("\n");
}

static void print_copies(const struct findings *f, const oc_data *d)
{
    struct str name = { 0 };
    int64_t first = 0, listed = 0;
    printf("equal        %" PRId64 " copies, %" PRId64 " of them in another part, %" PRId64
           " under another label\n", f->copies, f->leaks, f->doubts);
    for (int64_t i = 0; i < f->n && listed < LISTED_MAX; i++) {
        if (!oc__data_repeats(f, i)) {
            first = i;
            continue;
        }
        add_name(d, &f->row[first], &name);
        printf("  %s", oc__str_text(&name));
        add_name(d, &f->row[i], &name);
        printf(" = %s%s\n", oc__str_text(&name),
               f->row[i].label != f->row[first].label ? " (another label)" : "");
        listed++;
    }
    if (f->copies > listed)
        printf("  … and %" PRId64 " more\n", f->copies - listed);
    oc__str_free(&name);
}

static void print_broken(const struct findings *f)
{
    printf("broken       %" PRId64 "\n", f->broken);
    for (int64_t i = f->n - f->broken; i < f->n && i < f->n - f->broken + LISTED_MAX; i++)
        printf("  %s\n", oc__printable(f->row[i].error));
    if (f->broken > LISTED_MAX)
        printf("  … and %" PRId64 " more\n", f->broken - LISTED_MAX);
}

void oc__data_tell(const struct findings *f, const oc_data *d, const char *spec)
{
    char count[32];
    struct summary s;
    printf("%s%s%s\nimages       %s\n", oc__style(STYLE_BOLD), oc__printable(spec),
           oc__style(STYLE_PLAIN), oc__count_text(f->n, count));
    for (int p = 0; p < OC_PARTS; p++)
        printf("%-12s %s\n", oc__part_names[p],
               oc__count_text(oc_data_count(d, (oc_part)p), count));
    if (summarize(&s, f, d)) {
        print_summary(&s);
        print_classes(&s, d);
    }
    oc__free(s.of_class);
    printf("preparation  %s\nhash         %016" PRIx64 "\n", oc_data_preparation(d),
           oc_data_hash(d));
    if (f->decoded)
        print_copies(f, d);
    if (f->decoded || f->broken)
        print_broken(f);
}

/* ---- for programs -------------------------------------------------------------------------- */

static json_t *side_json(struct side s)
{
    return json_pack("{s:i, s:i, s:i}", "least", s.least, "median", s.median, "most", s.most);
}

static void add_summary(json_t *out, const struct summary *s, const oc_data *d)
{
    json_t *const channels = json_object(), *const formats = json_object();
    json_t *const classes = json_array();
    for (int c = 1; c < CHANNELS; c++)
        if (s->of_channels[c])
            json_object_set_new(channels, channel_names[c], json_integer(s->of_channels[c]));
    for (int i = 0; i < FORMATS_MAX && s->format[i].n; i++)
        json_object_set_new(formats, *s->format[i].name ? s->format[i].name : "in memory",
                            json_integer(s->format[i].n));
    for (int c = 0; c < oc_data_classes(d); c++) {
        const int64_t *const n = &s->of_class[c * OC_PARTS];
        json_array_append_new(classes, json_pack(
            "{s:o, s:I, s:I, s:I}", "name", oc__text_json(oc_data_class_name(d, c)), "train",
            (json_int_t)n[OC_PART_TRAIN], "val", (json_int_t)n[OC_PART_VAL], "test",
            (json_int_t)n[OC_PART_TEST]));
    }
    json_object_set_new(out, "width", side_json(s->width));
    json_object_set_new(out, "height", side_json(s->height));
    json_object_set_new(out, "channels", channels);
    json_object_set_new(out, "formats", formats);
    json_object_set_new(out, "per_class", classes);
}

static void add_faults(json_t *out, const struct findings *f, const oc_data *d)
{
    struct str name = { 0 };
    int64_t first = 0;
    json_t *const broken = json_array(), *const copies = json_array();
    for (int64_t i = 0; i < f->n; i++) {
        add_name(d, &f->row[first], &name);
        json_t *const one = oc__text_json(oc__str_text(&name));
        add_name(d, &f->row[i], &name);
        json_t *const other = oc__text_json(oc__str_text(&name));
        if (f->row[i].error)
            json_array_append_new(broken, json_pack("{s:O, s:o}", "image", other, "error",
                                                    oc__text_json(f->row[i].error)));
        else if (oc__data_repeats(f, i))
            json_array_append_new(copies, json_pack("[O, O]", one, other));
        else
            first = i;
        json_decref(one);
        json_decref(other);
    }
    oc__str_free(&name);
    json_object_set_new(out, "broken", broken);
    json_object_set_new(out, "copies", copies);
    json_object_set_new(out, "other_part", json_integer(f->leaks));
    json_object_set_new(out, "other_label", json_integer(f->doubts));
}

json_t *oc__data_json(const struct findings *f, const oc_data *d, const char *spec)
{
    const oc_shape shape = oc_data_shape(d);
    struct summary s;
    char hash[24];
    snprintf(hash, sizeof hash, "%016" PRIx64, oc_data_hash(d));
    json_t *const classes = json_array();
    for (int i = 0; classes && i < oc_data_classes(d); i++)
        json_array_append_new(classes, oc__text_json(oc_data_class_name(d, i)));
    json_t *const out = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:[I, I, I], s:o, s:s, s:s}", "data", oc__text_json(spec),
        "images", (json_int_t)f->n, "train", (json_int_t)oc_data_count(d, OC_PART_TRAIN), "val",
        (json_int_t)oc_data_count(d, OC_PART_VAL), "test",
        (json_int_t)oc_data_count(d, OC_PART_TEST), "shape", (json_int_t)shape.dim[0],
        (json_int_t)shape.dim[1], (json_int_t)shape.dim[2], "classes", classes, "preparation",
        oc_data_preparation(d), "hash", hash);
    if (summarize(&s, f, d))
        add_summary(out, &s, d);
    oc__free(s.of_class);
    add_faults(out, f, d);
    return out;
}
