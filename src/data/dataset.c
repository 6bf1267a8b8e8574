/* dataset.c — opens data sets by their specification and answers what they hold. */
#include <string.h>
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
 * that a folder may have a comma in its name. */
struct spec { char *text, *place, *settings; };

static char *last_setting(char *from)
{
    char *settings = from + strlen(from), *comma;
    while ((comma = memrchr(from, ',', (size_t)(settings - from))) != NULL) {
        const char *equals = memchr(comma, '=', (size_t)(settings - comma));
        if (equals == NULL)
            break;
        settings = comma;
    }
    return settings;
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
    spec->settings = last_setting(spec->place);
    if (*spec->settings == ',')
        *spec->settings++ = 0;
    return OC_OK;
}

/* "train=100,test=10", cutting it up on the way. */
static oc_status apply_settings(const struct entry *e, void *attr, char *settings)
{
    while (*settings != 0) {
        char *end = settings + strcspn(settings, ","), *next = end + (*end == ',');
        *end = 0;
        char *value = strchr(settings, '=');
        *value++ = 0;
        TRY(oc__attr_set(e, attr, e->name, settings, value));
        settings = next;
    }
    return OC_OK;
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
    oc__attr_defaults(entry, attr);
    oc_status status = apply_settings(entry, attr, spec->settings);
    if (status == OC_OK)
        status = ((const struct data_kind *)entry)->open(d, spec->place, attr);
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

oc_status oc__data_make(oc_data *d, struct samples shape, int64_t train)
{
    const int64_t begin[OC_PARTS] = { [OC_PART_VAL] = train, [OC_PART_TEST] = train };
    const int64_t end[OC_PARTS] = { train, train, shape.n };
    size_t        bytes;
    if (!oc__mul((size_t)shape.height * (size_t)shape.width, (size_t)shape.channels, &bytes)
        || !oc__mul(bytes, (size_t)shape.n, &bytes))
        return oc__fail(OC_ELIMIT, "data: %lld samples are too many", (long long)shape.n);
    d->samples = shape;
    d->samples.pixel = oc__block_alloc(bytes);
    d->samples.label = oc__alloc((size_t)shape.n, 1);
    if (d->samples.pixel == NULL || d->samples.label == NULL)
        return OC_ELIMIT;
    for (int p = 0; p < OC_PARTS; p++) {
        /* Training and validation can each hold all that the other gives up. */
        const int64_t room = p == OC_PART_TEST ? shape.n - train : train;
        d->part[p].index = oc__alloc((size_t)room, sizeof *d->part[p].index);
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
    oc__free(d);
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

const char *oc_data_class_name(const oc_data *d, int i)
{
    return i >= 0 && i < d->classes ? d->class_name[i] : "";
}

oc_shape oc_data_shape(const oc_data *d)
{
    return OC_SHAPE(d->samples.channels, d->samples.height, d->samples.width);
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
    hash = mix(hash, (const uint8_t *)shape, sizeof shape);
    hash = mix(hash, s->pixel, (size_t)s->n * image);
    return mix(hash, s->label, (size_t)s->n);
}

oc_status oc_data_sample(const oc_data *d, oc_part part, int64_t i, oc_image *image,
                         int64_t *label)
{
    *image = (oc_image){ 0 };
    if (i < 0 || i >= d->part[part].n)
        return oc__fail(OC_EUSAGE, "sample %lld: this part has %lld", (long long)i,
                        (long long)d->part[part].n);
    const int64_t  index = d->part[part].index[i];
    const oc_image view = oc__data_view(d, index);
    TRY(oc__image_new(image, "sample", view.width, view.height, view.channels));
    memcpy(image->pixel, view.pixel, oc__image_bytes(&view));
    *label = d->samples.label[index];
    return OC_OK;
}
