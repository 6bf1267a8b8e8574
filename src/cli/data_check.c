/* data_check.c — decodes all images, and finds equal ones by a hash of their pixels. */
#include "cli/data_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/str.h"
#include "cli/output.h"
#include "cli/term.h"

enum { LISTED_MAX = 20 };

const char *const oc__part_names[] = { [OC_PART_TRAIN] = "train", [OC_PART_VAL] = "val",
                                       [OC_PART_TEST] = "test", NULL };

/* ---- finding ------------------------------------------------------------------------------- */

static uint64_t hash_image(const oc_image *image)
{
    const size_t n = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    uint64_t hash = oc__key((uint64_t)image->width, (uint64_t)image->channels);
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, image->pixel + i, n - i < 8 ? n - i : 8);
        hash = oc__bits(hash ^ word, 0);
    }
    return hash;
}

static oc_status look(const oc_data *d, oc_part part, int64_t i, struct finding *out)
{
    oc_image image;
    *out = (struct finding){ .part = part, .index = i, .label = oc_data_label(d, part, i) };
    const oc_status status = oc_data_sample(d, part, i, &image, &out->label);
    if (status < 0) {
        out->error = oc__strdup(oc_error());
        return out->error ? OC_OK : OC_ELIMIT;
    }
    out->width = image.width;
    out->height = image.height;
    out->channels = image.channels;
    out->hash = hash_image(&image);
    oc_image_free(&image);
    return OC_OK;
}

/* Equal images lie together, those in the earliest part first. */
static int by_hash(const void *a, const void *b)
{
    const struct finding *const x = a, *const y = b;
    if (!x->error != !y->error)
        return x->error ? 1 : -1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool repeats(const struct findings *f, int64_t i)
{
    return i > 0 && !f->row[i].error && f->row[i].hash == f->row[i - 1].hash;
}

static void count(struct findings *f)
{
    int64_t first = 0;
    for (int64_t i = 0; i < f->n; i++) {
        f->broken += f->row[i].error != NULL;
        if (!repeats(f, i)) {
            first = i;
            continue;
        }
        f->copies++;
        f->leaks += f->row[i].part != f->row[first].part;
        f->doubts += f->row[i].label != f->row[first].label;
    }
}

oc_status oc__data_check(struct findings *out, const oc_data *d)
{
    int64_t n = 0;
    *out = (struct findings){ 0 };
    for (int p = 0; p < OC_PARTS; p++)
        n += oc_data_count(d, (oc_part)p);
    out->row = oc__alloc((size_t)n, sizeof *out->row);
    if (!out->row)
        return OC_ELIMIT;
    for (int p = 0; p < OC_PARTS; p++)
        for (int64_t i = 0; i < oc_data_count(d, (oc_part)p); i++)
            TRY(look(d, (oc_part)p, i, &out->row[out->n++]));
    qsort(out->row, (size_t)out->n, sizeof *out->row, by_hash);
    count(out);
    return OC_OK;
}

void oc__data_check_free(struct findings *f)
{
    for (int64_t i = 0; i < f->n; i++)
        oc__free(f->row[i].error);
    oc__free(f->row);
    *f = (struct findings){ 0 };
}

/* ---- telling ------------------------------------------------------------------------------- */

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

struct sizes { int least[2], most[2]; int64_t of_channels[5]; };

static struct sizes measure(const struct findings *f)
{
    struct sizes s = { 0 };
    for (int64_t i = 0; i < f->n - f->broken; i++) {
        const int side[2] = { f->row[i].width, f->row[i].height };
        for (int k = 0; k < 2; k++) {
            s.least[k] = i == 0 || side[k] < s.least[k] ? side[k] : s.least[k];
            s.most[k] = side[k] > s.most[k] ? side[k] : s.most[k];
        }
        s.of_channels[f->row[i].channels]++;
    }
    return s;
}

static void print_sizes(const struct findings *f)
{
    static const char *const kinds[] = { "", "grey", "grey with alpha", "colour",
                                         "colour with alpha" };
    const struct sizes s = measure(f);
    printf("width        %d … %d\nheight       %d … %d\n", s.least[0], s.most[0], s.least[1],
           s.most[1]);
    for (int c = 1; c <= 4; c++)
        if (s.of_channels[c])
            printf("%-12s %" PRId64 "\n", kinds[c], s.of_channels[c]);
}

static int64_t count_class(const oc_data *d, oc_part part, int class)
{
    int64_t n = 0;
    for (int64_t i = 0; i < oc_data_count(d, part); i++)
        n += oc_data_label(d, part, i) == class;
    return n;
}

static void print_classes(const oc_data *d)
{
    const int classes = oc_data_classes(d);
    printf("\n%-24s %8s %8s %8s\n", "class", "train", "val", "test");
    for (int c = 0; c < classes && c < LISTED_MAX; c++)
        printf("%-24s %8" PRId64 " %8" PRId64 " %8" PRId64 "\n",
               oc__printable(oc_data_class_name(d, c)), count_class(d, OC_PART_TRAIN, c),
               count_class(d, OC_PART_VAL, c), count_class(d, OC_PART_TEST, c));
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
        if (!repeats(f, i)) {
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

void oc__data_check_print(const struct findings *f, const oc_data *d, const char *spec)
{
    printf("%s%s%s\nimages       %" PRId64 "\n", oc__style(STYLE_BOLD), oc__printable(spec),
           oc__style(STYLE_PLAIN), f->n);
    print_sizes(f);
    print_classes(d);
    print_copies(f, d);
    printf("broken       %" PRId64 "\n", f->broken);
    for (int64_t i = f->n - f->broken; i < f->n && i < f->n - f->broken + LISTED_MAX; i++)
        printf("  %s\n", oc__printable(f->row[i].error));
    if (f->broken > LISTED_MAX)
        printf("  … and %" PRId64 " more\n", f->broken - LISTED_MAX);
}

json_t *oc__data_check_json(const struct findings *f, const oc_data *d, const char *spec)
{
    struct str name = { 0 };
    int64_t first = 0;
    json_t *const broken = json_array(), *const copies = json_array();
    for (int64_t i = 0; broken && copies && i < f->n; i++) {
        add_name(d, &f->row[first], &name);
        json_t *const one = oc__text_json(oc__str_text(&name));
        add_name(d, &f->row[i], &name);
        json_t *const other = oc__text_json(oc__str_text(&name));
        if (f->row[i].error)
            json_array_append_new(broken, json_pack("{s:O, s:o}", "image", other, "error",
                                                    oc__text_json(f->row[i].error)));
        else if (repeats(f, i))
            json_array_append_new(copies, json_pack("[O, O]", one, other));
        else
            first = i;
        json_decref(one);
        json_decref(other);
    }
    oc__str_free(&name);
    return json_pack("{s:o, s:I, s:o, s:o, s:I, s:I}", "data", oc__text_json(spec), "images",
                     (json_int_t)f->n, "broken", broken, "copies", copies, "other_part",
                     (json_int_t)f->leaks, "other_label", (json_int_t)f->doubts);
}
