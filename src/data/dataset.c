/* dataset.c — opens data sets by their specification and answers what they hold. */
#include <omp.h>
#include <string.h>
#include "base/attr_kind.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/dataset.h"
#include "image/image.h"

#define DATA(name) extern const struct data_kind oc__data_##name;
#include "data/list.h"
#undef DATA
#define DATA(name) &oc__data_##name,
const struct data_kind *const oc__data_list[] = {
#include "data/list.h"
    NULL
};
#undef DATA

const char *const oc__digit_names[10] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };

enum { KINDS = sizeof oc__data_list / sizeof *oc__data_list };

/* ---- opening ------------------------------------------------------------------------------ */

/* A specification taken apart: kind:place,key=value.  Pieces without `=` are part of the place, so
 * that a folder may have a comma in its name, or of the value before them. */
struct spec { char *text, *place, *settings; };

/* Where ",key=" begins for the first time, or the end. */
static char *first_setting(char *from)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    for (char *comma = strchr(from, ','); comma != NULL; comma = strchr(comma + 1, ',')) {
        const size_t n = strspn(comma + 1, letters);
        if (n > 0 && comma[1 + n] == '=')
            return comma;
    }
    return from + strlen(from);
}

static oc_status take_apart(struct spec *spec, const char *text)
{
    spec->text = oc__strdup(text);
    if (spec->text == NULL)
        return OC_ELIMIT;
    char *colon = strchr(spec->text, ':');
    if (colon == NULL || colon[1] == 0)
        return oc__fail(OC_EUSAGE, "data %s: write kind:place, such as mnist:FOLDER",
                        oc__quote_z(text));
    *colon = 0;
    spec->place = colon + 1;
    spec->settings = first_setting(spec->place);
    if (*spec->settings == ',')
        *spec->settings++ = 0;
    return OC_OK;
}

/* What every kind understands beside its own settings. */
struct division {
    char    split[ATTR_TEXT_MAX];
    int64_t seed, folds, fold, cache_limit;
    int     cache;
    bool    has_fold;                                   /* `fold` was given, be it as 0 */
};

static const char *const cache_words[] = { [CACHE_NONE] = "none", [CACHE_DECODED] = "ram",
                                           [CACHE_PREPARED] = "prepared", NULL };

static const struct attr division_attrs[] = {
    ATTR(struct division, TEXT, split, NULL, "shares of train, val, test: all is divided anew"),
    ATTR(struct division, INT, seed, "0", "another seed divides otherwise"),
    ATTR_RANGE(struct division, INT, folds, "0", "shares for cross-validation", 0, 1000),
    ATTR_RANGE(struct division, INT, fold, "0", "the share that is validated on", 0, 999),
    ATTR_WORDS(struct division, cache, "none", "images kept in memory: decoded, or prepared too",
               cache_words),
    ATTR_RANGE(struct division, INT, cache_limit, "0", "MiB of them at most; 0: half the machine's",
               0, 1 << 24),
    { 0 }
};

const struct entry oc__data_settings = {
    .name = "(any)", .summary = "of every kind",
    .attrs = division_attrs, .size = sizeof(struct division),
};

static bool has_attr(const struct entry *e, const char *name)
{
    for (const struct attr *a = e->attrs; a != NULL && a->name != NULL; a++)
        if (strcmp(a->name, name) == 0)
            return true;
    return false;
}

/* Names the nearest of what this kind and every kind understands, and all of it. */
static oc_status unknown_setting(const struct entry *e, const char *name)
{
    enum { MOST = 32 };
    const struct attr *const tables[] = { e->attrs, oc__data_settings.attrs };
    const char *known[MOST + 1];
    int         n = 0;
    for (int i = 0; i < 2; i++)
        for (const struct attr *a = tables[i]; a != NULL && a->name != NULL && n < MOST; a++)
            if (i == 0 || !has_attr(e, a->name))
                known[n++] = a->name;
    known[n] = NULL;
    return oc__unknown_word(e->name, "attribute", name, known);
}

/* "train=100,test=10", cutting it up on the way.  A seed may be the kind's own and divide too. */
static oc_status apply_settings(const struct entry *e, void *attr, struct division *division,
                                char *settings)
{
    while (*settings != 0) {
        char *end = first_setting(settings), *next = end + (*end == ',');
        *end = 0;
        char *value = strchr(settings, '=');
        *value++ = 0;
        const bool divides = has_attr(&oc__data_settings, settings);
        if (!divides && !has_attr(e, settings))
            return unknown_setting(e, settings);
        division->has_fold |= strcmp(settings, "fold") == 0;
        if (divides)
            TRY(oc__attr_set(&oc__data_settings, division, e->name, settings, value));
        if (!divides || has_attr(e, settings))
            TRY(oc__attr_set(e, attr, e->name, settings, value));
        settings = next;
    }
    return OC_OK;
}

static oc_status divide(oc_data *d, const struct division *division)
{
    const char *usual = d->undivided ? "0.7,0.15,0.15" : "";
    const char *shares = division->split[0] != 0 ? division->split : usual;
    if (division->has_fold && division->folds == 0)
        return oc__fail(OC_EUSAGE, "data: fold: wants folds too, the number of shares, as in "
                        "folds=5,fold=%lld", (long long)division->fold);
    if (*shares != 0)
        TRY(oc__data_divide(d, shares, (uint64_t)division->seed));
    if (division->split[0] != 0 && d->part[OC_PART_VAL].n > 0)
        d->held = "split";
    if (division->folds == 0)
        return OC_OK;
    if (d->held)
        return oc__fail(OC_EUSAGE, "data: split and folds exclude each other, since both say what "
                        "is validated on; with folds the share of val is 0, as in "
                        "split=0.8,0,0.2");
    d->held = "folds";
    return oc_data_folds(d, (int)division->folds, (int)division->fold, (uint64_t)division->seed);
}

static oc_status open_kind(oc_data *d, const struct spec *spec, const struct entry *entry,
                           void *attr)
{
    struct division division;
    oc__attr_defaults(&oc__data_settings, &division);
    oc__attr_defaults(entry, attr);
    TRY(apply_settings(entry, attr, &division, spec->settings));
    TRY(((const struct data_kind *)entry)->open(d, spec->place, attr));
    if (division.cache == CACHE_PREPARED || (division.cache == CACHE_DECODED && d->source))
        TRY(oc__cache_new(&d->cache, (enum cache_mode)division.cache, d->samples.n,
                          division.cache_limit << 20));
    return divide(d, &division);
}

static oc_status open_spec(oc_data *d, struct spec *spec, const char *text)
{
    const struct entry *list[KINDS] = { 0 }, *entry;
    for (int i = 0; oc__data_list[i] != NULL; i++)
        list[i] = &oc__data_list[i]->entry;
    TRY(take_apart(spec, text));
    TRY(oc__entry_find(list, "kind of data", spec->text, &entry));
    void *attr = oc__alloc(1, entry->size);
    if (attr == NULL)
        return OC_ELIMIT;
    const oc_status status = open_kind(d, spec, entry, attr);
    oc__free(attr);
    return status;
}

oc_status oc_data_open(oc_data **out, const char *text)
{
    struct spec spec = { 0 };
    *out = NULL;
    oc_data *d = oc__alloc(1, sizeof *d);
    if (d == NULL)
        return OC_ELIMIT;
    const oc_status status = open_spec(d, &spec, text);
    oc__free(spec.text);
    if (status == OC_OK)
        *out = d;
    else
        oc_data_free(d);
    return status;
}

static oc_status make_pixels(struct samples *s)
{
    size_t bytes;
    if (s->height == 0)
        return OC_OK;
    if (!oc__mul((size_t)s->height * (size_t)s->width, (size_t)s->channels, &bytes)
        || !oc__mul(bytes, (size_t)s->n, &bytes))
        return oc__fail(OC_ELIMIT, "data: %lld samples are too many", (long long)s->n);
    s->pixel = oc__block_alloc(bytes);
    return s->pixel != NULL ? OC_OK : OC_ELIMIT;
}

oc_status oc__data_make(oc_data *d, struct samples shape, int64_t train)
{
    const int64_t begin[OC_PARTS] = { [OC_PART_VAL] = train, [OC_PART_TEST] = train };
    const int64_t end[OC_PARTS] = { train, train, shape.n };
    d->samples = shape;
    TRY(make_pixels(&d->samples));
    d->samples.label = oc__alloc((size_t)shape.n, sizeof *d->samples.label);
    if (d->samples.label == NULL)
        return OC_ELIMIT;
    for (int p = 0; p < OC_PARTS; p++) {
        /* Each part has room for all that the others may give up. */
        d->part[p].index = oc__alloc((size_t)shape.n, sizeof *d->part[p].index);
        if (d->part[p].index == NULL)
            return OC_ELIMIT;
        for (int64_t i = begin[p]; i < end[p]; i++)
            d->part[p].index[d->part[p].n++] = i;
    }
    return OC_OK;
}

void oc_data_free(oc_data *d)
{
    if (d == NULL)
        return;
    oc__block_free(d->samples.pixel);
    oc__free(d->samples.label);
    for (int p = 0; p < OC_PARTS; p++)
        oc__free(d->part[p].index);
    oc__pool_free(&d->names);
    oc__cache_free(d->cache);
    if (d->source != NULL)
        d->source->close(d->own);
    oc__free(d);
}

oc_status oc__data_rename(oc_data *d, const int32_t *to, int classes, const char *const *name)
{
    const char **const copy = oc__pool_alloc(&d->names, (size_t)classes * sizeof *copy);
    for (int i = 0; copy && i < classes; i++)
        if (!(copy[i] = oc__pool_strdup(&d->names, name[i])))
            return OC_ELIMIT;
    if (!copy)
        return OC_ELIMIT;
    d->hash = oc_data_hash(d);
    for (int64_t i = 0; i < d->samples.n; i++)
        d->samples.label[i] = to[d->samples.label[i]];
    d->class_name = copy;
    d->classes = classes;
    return OC_OK;
}

/* ---- samples ------------------------------------------------------------------------------ */

oc_status oc__data_read(const oc_data *d, int64_t index, const struct prepare_program *prepare,
                        struct canvas *canvas)
{
    *canvas = (struct canvas){ .owned = false };
    if (d->source != NULL)
        return d->source->read(d->own, index, prepare, canvas);
    canvas->image = oc__data_view(d, index);
    return OC_OK;
}

oc_status oc__data_blame(const oc_data *d, int64_t index, oc_status status)
{
    return d->source ? oc__fail_about(status, d->source->name(d->own, index)) : status;
}

int oc__data_workers(const oc_data *d)
{
    return d->source != NULL ? omp_get_num_procs() : 0;
}

/* ---- questions ---------------------------------------------------------------------------- */

int64_t oc_data_count(const oc_data *d, oc_part part)
{
    return d->part[part].n;
}

int oc_data_classes(const oc_data *d)
{
    return d->classes;
}

const char *oc_data_task(const oc_data *d)
{
    return oc__data_has_masks(d) ? "saliency" : "classify";
}

const char *oc_data_class_name(const oc_data *d, int i)
{
    return i >= 0 && i < d->classes ? d->class_name[i] : "";
}

oc_shape oc_data_shape(const oc_data *d)
{
    const struct samples *s = &d->samples;
    return OC_SHAPE(s->channels ? s->channels : OC_UNKNOWN, s->height ? s->height : OC_UNKNOWN,
                    s->width ? s->width : OC_UNKNOWN);
}

const char *oc_data_preparation(const oc_data *d)
{
    return d->preparation;
}

/* Eight bytes at a time: xor, multiply by an odd number, fold the high half down. */
static uint64_t mix(uint64_t hash, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, n - i < 8 ? n - i : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

uint64_t oc_data_hash(const oc_data *d)
{
    const struct samples *s = &d->samples;
    const int32_t         shape[4] = { s->height, s->width, s->channels, d->classes };
    const size_t          image = (size_t)s->height * (size_t)s->width * (size_t)s->channels;
    uint64_t              hash = (uint64_t)s->n;
    if (d->hash)
        return d->hash;
    hash = mix(hash, (const uint8_t *)shape, sizeof shape);
    if (d->source != NULL)
        hash ^= d->source->hash(d->own);
    hash = mix(hash, s->pixel, (size_t)s->n * image);
    return mix(hash, (const uint8_t *)s->label, (size_t)s->n * sizeof *s->label);
}

static oc_status check_sample(const oc_data *d, oc_part part, int64_t i)
{
    if (i >= 0 && i < d->part[part].n)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "sample %lld: this part has %lld", (long long)i,
                    (long long)d->part[part].n);
}

oc_status oc_data_sample(const oc_data *d, oc_part part, int64_t i, oc_image *image,
                         int64_t *label)
{
    *image = (oc_image){ 0 };
    TRY(check_sample(d, part, i));
    const int64_t index = d->part[part].index[i];
    struct canvas canvas;
    *label = d->samples.label[index];
    TRY(oc__data_read(d, index, NULL, &canvas));
    if (canvas.owned) {
        *image = canvas.image;
        return OC_OK;
    }
    const oc_image *const view = &canvas.image;
    TRY(oc__image_room(image, "sample", view->width, view->height, view->channels));
    memcpy(image->pixel, view->pixel, oc__image_bytes(view));
    return OC_OK;
}

oc_status oc_data_header(const oc_data *d, oc_part part, int64_t i, oc_image *header,
                         const char **format)
{
    *header = (oc_image){ 0 };
    *format = "";
    TRY(check_sample(d, part, i));
    const int64_t index = d->part[part].index[i];
    if (d->source != NULL)
        return d->source->header(d->own, index, header, format);
    *header = (oc_image){ d->samples.width, d->samples.height, d->samples.channels, NULL };
    return OC_OK;
}

int64_t oc_data_label(const oc_data *d, oc_part part, int64_t i)
{
    return check_sample(d, part, i) < 0 ? -1 : d->samples.label[d->part[part].index[i]];
}

const char *oc_data_name(const oc_data *d, oc_part part, int64_t i)
{
    if (d->source == NULL || check_sample(d, part, i) < 0)
        return "";
    return d->source->name(d->own, d->part[part].index[i]);
}
