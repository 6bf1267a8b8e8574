/* masks.c — the kind `masks`: photographs, and in another folder the mask of each.
 *
 *     PICTURES/horse.jpg   MASKS/horse.png
 *
 * A mask is named as its photograph, but for the ending, which may begin with a `suffix`
 * (horse_mask.png); it is white where the photograph shows what is meant.  Several folders are
 * written with colons between them, as many of masks as of pictures.  All are one class; names that
 * begin with a dot, and files that are not named as pictures are, are passed over. */
#include <string.h>
#include "base/file.h"
#include "base/status.h"
#include "data/files.h"

struct masks {
    char    masks[ATTR_LINE_MAX], suffix[ATTR_TEXT_MAX];
    int     on_bad;
    int64_t max_bad;
};

static const struct attr attrs[] = {
    ATTR(struct masks, LINE, masks, NULL, "the folder of the masks"),
    ATTR(struct masks, TEXT, suffix, NULL, "what a mask's name has before its ending"),
    BAD_ATTRS(struct masks),
    { 0 }
};

/* ---- pairs --------------------------------------------------------------------------------- */

/* The files of one folder of masks, by their stems. */
struct shelf {
    const char       *folder, *suffix;
    struct names      names;
    struct map        by_stem;
    struct pool       pool;
};

/* How long a name is without its ending. */
static size_t stem_length(const char *name)
{
    const char *const dot = strrchr(name, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

/* The stem of a mask without the suffix; NULL: it does not end so, or there is no memory. */
static char *stem_of(struct shelf *s, const char *name)
{
    const size_t n = stem_length(name), tail = strlen(s->suffix);
    if (n <= tail || memcmp(name + n - tail, s->suffix, tail) != 0)
        return NULL;
    char *const stem = oc__pool_strdup(&s->pool, name);
    if (stem)
        stem[n - tail] = 0;
    return stem;
}

static oc_status open_shelf(struct shelf *s)
{
    TRY(oc__list_directory(s->folder, &s->names));
    for (size_t i = 0; i < s->names.n; i++) {
        const char *const name = s->names.name[i];
        const char *const stem
            = name[0] != '.' && oc__names_image(name) ? stem_of(s, name) : NULL;
        if (stem && !oc__map_put(&s->by_stem, stem, (int64_t)i))
            return OC_ELIMIT;
    }
    return OC_OK;
}

static void close_shelf(struct shelf *s)
{
    oc__names_free(&s->names);
    oc__map_free(&s->by_stem);
    oc__pool_free(&s->pool);
}

static oc_status add_path(struct str *path, const char *folder, const char *name)
{
    const size_t n = strlen(folder);
    oc__str_clear(path);
    oc__str_addf(path, "%s%s%s", folder, n > 0 && folder[n - 1] == '/' ? "" : "/", name);
    return path->failed ? oc__fail(OC_ELIMIT, "data: no memory for a path") : OC_OK;
}

/* A photograph with its mask.  A mask among the photographs is none of them. */
static oc_status add_pair(struct files *f, struct shelf *s, const char *folder, const char *name)
{
    struct str path = { 0 };
    char *const stem = oc__pool_strdup(&s->pool, name);
    if (!stem)
        return OC_ELIMIT;
    stem[stem_length(stem)] = 0;
    const int64_t at = oc__map_get(&s->by_stem, stem, -1);
    const size_t n = strlen(stem), tail = strlen(s->suffix);
    if (at < 0 && tail > 0 && n > tail && strcmp(stem + n - tail, s->suffix) == 0)
        return OC_OK;
    oc_status status = add_path(&path, folder, name);
    if (status == OC_OK && at < 0)
        status = oc__fail(OC_EINPUT, "%s: has no mask %s%s.png or .jpg in %s", oc__str_text(&path),
                          stem, s->suffix, s->folder);
    if (status == OC_OK)
        status = oc__files_add(f, oc__str_text(&path), "salient", OC_PART_TRAIN);
    if (status == OC_OK)
        status = add_path(&path, s->folder, s->names.name[at]);
    if (status == OC_OK)
        status = oc__files_add_mask(f, oc__str_text(&path));
    oc__str_free(&path);
    return status;
}

static oc_status add_folder(struct files *f, const char *pictures, struct shelf *s)
{
    struct names names;
    TRY(open_shelf(s));
    TRY(oc__list_directory(pictures, &names));
    oc_status status = OC_OK;
    for (size_t i = 0; i < names.n && status == OC_OK; i++)
        if (names.name[i][0] != '.' && oc__names_image(names.name[i]))
            status = add_pair(f, s, pictures, names.name[i]);
    oc__names_free(&names);
    return status;
}

/* ---- opening ------------------------------------------------------------------------------- */

/* Both lists are cut up at their colons. */
static oc_status add_folders(struct files *f, char *pictures, char *masks, const char *suffix)
{
    for (;;) {
        struct shelf s = { .suffix = suffix };
        char *const folder = strsep(&pictures, ":");
        s.folder = strsep(&masks, ":");
        if (!folder || !s.folder)
            break;
        const oc_status status = add_folder(f, folder, &s);
        close_shelf(&s);
        TRY(status);
        if (!pictures && !masks)
            return f->n ? OC_OK : oc__fail(OC_EINPUT, "%s: holds no .png, .jpg or .webp", folder);
    }
    return oc__fail(OC_EUSAGE, "data: as many folders of masks are wanted as of pictures: "
                               "masks:PICTURES,masks=FOLDER");
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    const struct masks *const a = attr;
    struct files *f = oc__alloc(1, sizeof *f);
    char *const pictures = oc__strdup(place), *const masks = oc__strdup(a->masks);
    oc_status status = OC_ELIMIT;
    if (f && pictures && masks)
        status = *masks ? add_folders(f, pictures, masks, a->suffix)
                        : oc__fail(OC_EUSAGE, "data: wants masks=FOLDER as well");
    if (status == OC_OK)
        status = oc__files_finish(d, &f, a->on_bad, a->max_bad);
    if (status == OC_OK)
        d->preparation = "rgb; resize 320,320; normalize imagenet";
    oc__free(pictures);
    oc__free(masks);
    oc__files_free(f);
    return status;
}

const struct data_kind oc__data_masks = {
    .entry = { .name = "masks", .summary = "masks:PICTURES,masks=FOLDER, photographs with masks",
               .attrs = attrs, .size = sizeof(struct masks) },
    .open = open_set,
};
