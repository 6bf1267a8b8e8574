/* augment.c — parses and runs programs of augmentation. */
#include "image/augment.h"

#include <string.h>
#include "base/map.h"
#include "base/mem.h"
#include "base/status.h"

#define AUGMENT(name) extern const struct augment oc__augment_##name;
#include "image/augment_list.h"
#undef AUGMENT
#define AUGMENT(name) &oc__augment_##name,
const struct augment *const oc__augment_list[] = {
#include "image/augment_list.h"
    NULL
};
#undef AUGMENT

enum { STEPS_KNOWN = sizeof oc__augment_list / sizeof *oc__augment_list };

struct augment_program {
    struct steps steps;
    struct str   text;
    int64_t      clones;
    bool         mixes;
};

static const struct augment *kind_of(const struct step *step)
{
    return (const struct augment *)step->entry;         /* the entry is its first member */
}

/* ---- samples ------------------------------------------------------------------------------ */

void oc__sample_put(struct sample *s, oc_image image)
{
    if (s->owns_image)
        oc_image_free(&s->image);
    s->image = image;
    s->owns_image = true;
}

void oc__sample_put_mask(struct sample *s, oc_image mask)
{
    if (s->owns_mask)
        oc_image_free(&s->mask);
    s->mask = mask;
    s->owns_mask = true;
}

oc_status oc__sample_own(struct sample *s)
{
    const oc_image *in = &s->image;
    oc_image        copy;
    if (s->owns_image)
        return OC_OK;
    TRY(oc__image_new(&copy, "augmented image", in->width, in->height, in->channels));
    memcpy(copy.pixel, in->pixel, oc__image_bytes(in));
    oc__sample_put(s, copy);
    return OC_OK;
}

void oc__sample_free(struct sample *s)
{
    if (s->owns_image)
        oc_image_free(&s->image);
    if (s->owns_mask)
        oc_image_free(&s->mask);
}

/* ---- clones ------------------------------------------------------------------------------- */

struct clones { int64_t count; };

static const struct attr clones_attrs[] = {
    ATTR_RANGE(struct clones, INT, count, "2", "times that an epoch shows each image", 1, 1000),
    { 0 }
};

const struct augment oc__augment_clones = {
    .entry = { .name = "clones", .summary = "shows each image several times an epoch",
               .attrs = clones_attrs, .size = sizeof(struct clones) },
};

int64_t oc__augment_times(const struct augment_program *p)
{
    return p->clones;
}

/* ---- parsing ------------------------------------------------------------------------------ */

static oc_status complete_steps(struct augment_program *p)
{
    enum { CLONES_MAX = 1000 };
    struct extent any = { 0 };
    p->clones = 1;
    for (int i = 0; i < p->steps.n; i++) {
        const struct step    *step = &p->steps.step[i];
        const struct augment *kind = kind_of(step);
        if (kind->ready != NULL)
            TRY(kind->ready(step->attr));
        if (kind->mix != NULL && p->mixes)
            return oc__fail(OC_EUSAGE, "augmentation: one of mixup and cutmix, and once");
        p->mixes |= kind->mix != NULL;
        if (kind == &oc__augment_clones)
            p->clones *= ((const struct clones *)step->attr)->count;
        if (p->clones > CLONES_MAX)
            return oc__fail(OC_EUSAGE, "augmentation: more than %d clones", CLONES_MAX);
    }
    return oc__augment_extent(p, &any);
}

static oc_status parse_into(struct augment_program *p, const char *text)
{
    const struct entry *list[STEPS_KNOWN] = { 0 };
    for (int i = 0; oc__augment_list[i] != NULL; i++)
        list[i] = &oc__augment_list[i]->entry;
    TRY(oc__steps_parse(&p->steps, list, "augmentation", text));
    TRY(complete_steps(p));
    oc__steps_print(&p->steps, &p->text);
    return p->text.failed ? oc__fail(OC_ELIMIT, "augmentation: no memory") : OC_OK;
}

oc_status oc__augment_parse(struct augment_program **out, const char *text)
{
    *out = NULL;
    struct augment_program *p = oc__alloc(1, sizeof *p);
    if (p == NULL)
        return OC_ELIMIT;
    const oc_status status = parse_into(p, text);
    if (status == OC_OK)
        *out = p;
    else
        oc__augment_free(p);
    return status;
}

const char *oc__augment_text(const struct augment_program *p)
{
    return oc__str_text(&p->text);
}

void oc__augment_free(struct augment_program *p)
{
    if (p == NULL)
        return;
    oc__steps_free(&p->steps);
    oc__str_free(&p->text);
    oc__free(p);
}

/* ---- running ------------------------------------------------------------------------------ */

oc_status oc__augment_extent(const struct augment_program *p, struct extent *extent)
{
    for (int i = 0; i < p->steps.n; i++)
        if (kind_of(&p->steps.step[i])->extent != NULL)
            TRY(kind_of(&p->steps.step[i])->extent(p->steps.step[i].attr, extent));
    return OC_OK;
}

const char *oc__augment_result(const struct augment_program *p, char *text, size_t room)
{
    snprintf(text, room, "a prepared image");
    for (int i = 0; p && i < p->steps.n; i++)
        if (kind_of(&p->steps.step[i])->extent != NULL)
            snprintf(text, room, "augmentation: an image after step %d (%s)", i + 1,
                     p->steps.step[i].entry->name);
    return text;
}

bool oc__augment_fits(const struct augment_program *p)
{
    return p->steps.n > 0 && kind_of(&p->steps.step[0])->fits;
}

bool oc__augment_mixes(const struct augment_program *p)
{
    return p->mixes;
}

uint64_t oc__augment_key(uint64_t seed, int64_t epoch, int64_t sample)
{
    const uint64_t key = oc__key(seed, oc__hash("augment"));
    return oc__key(oc__key(key, (uint64_t)epoch), (uint64_t)sample);
}

oc_status oc__augment_run(const struct augment_program *p, uint64_t key, struct sample *s)
{
    for (int i = 0; i < p->steps.n; i++) {
        const struct augment *kind = kind_of(&p->steps.step[i]);
        struct dice           dice = { oc__key(key, (uint64_t)i), 0 };
        if (kind->apply != NULL)
            TRY(kind->apply(p->steps.step[i].attr, &dice, s));
    }
    return OC_OK;
}

oc_status oc__augment_prepared(const struct augment_program *p,
                               const struct prepare_program *prepare, uint64_t key,
                               struct sample *s)
{
    struct canvas   canvas = { .image = s->image, .owned = s->owns_image };
    const oc_status status = oc__prepare_pixels(prepare, !oc__augment_fits(p), &canvas);
    s->image = canvas.image;
    s->owns_image = canvas.owned;
    return status == OC_OK ? oc__augment_run(p, key, s) : status;
}

void oc__augment_mix(const struct augment_program *p, uint64_t key, struct mixing *m)
{
    m->share = 1;
    for (int i = 0; i < p->steps.n; i++) {
        struct dice dice = { oc__key(key, (uint64_t)i), 0 };
        if (kind_of(&p->steps.step[i])->mix != NULL && m->n > 1)
            kind_of(&p->steps.step[i])->mix(p->steps.step[i].attr, &dice, m);
    }
}
