/* images.c — the kind `images`: a folder with a folder of pictures for every class.
 *
 *     DIR/cat/a.jpg  DIR/cat/more/b.png  DIR/dog/c.png  DIR/d.png
 *
 * Pictures anywhere below a class's folder belong to it; those beside the folders have the class
 * `no_label`.  Where DIR holds a folder `train`, or no other folders than `val` and `test` (or what
 * others call them, in any case of letters), the classes are looked for in these, which become the
 * parts; otherwise all pictures are divided, the same share of every class.  Names that begin with
 * a dot, and files that are not named as pictures are, are passed over. */
#include <string.h>
#include <strings.h>
#include "base/file.h"
#include "base/status.h"
#include "data/files.h"

enum { DEPTH_MAX = 16 };

struct images { int on_bad; int64_t max_bad; };

static const struct attr attrs[] = {
    BAD_ATTRS(struct images),
    { 0 }
};

static const struct { const char *name; oc_part part; } part_folders[] = {
    { "train", OC_PART_TRAIN }, { "training", OC_PART_TRAIN },
    { "val", OC_PART_VAL },     { "valid", OC_PART_VAL },
    { "validation", OC_PART_VAL }, { "dev", OC_PART_VAL },
    { "test", OC_PART_TEST },
};
enum { PART_FOLDERS = sizeof part_folders / sizeof *part_folders };

static oc_status join(const char *folder, const char *name, struct str *out)
{
    const size_t n = strlen(folder);
    oc__str_addf(out, "%s%s%s", folder, n > 0 && folder[n - 1] == '/' ? "" : "/", name);
    return out->failed ? oc__fail(OC_ELIMIT, "data: no memory for a path") : OC_OK;
}

/* Where the walk is: how deep, in the folder of which class (NULL: of none yet), in which part. */
struct walk { struct files *files; int depth; const char *class; oc_part part; };

static oc_status walk_folder(const struct walk *at, const char *folder);

static oc_status walk_entry(const struct walk *at, const char *folder, const char *name)
{
    struct str  path = { 0 };
    struct walk below = *at;
    oc_status   status = join(folder, name, &path);
    if (status == OC_OK && oc__is_directory(oc__str_text(&path))) {
        below.depth++;
        below.class = at->class ? at->class : name;
        status = walk_folder(&below, oc__str_text(&path));
    } else if (status == OC_OK && oc__names_image(name)) {
        status = oc__files_add(at->files, oc__str_text(&path),
                               at->class ? at->class : "no_label", at->part);
    }
    oc__str_free(&path);
    return status;
}

static oc_status walk_folder(const struct walk *at, const char *folder)
{
    struct names names;
    oc_status    status = OC_OK;
    if (at->depth > DEPTH_MAX)
        return oc__fail(OC_ELIMIT, "%s: more than %d folders deep", folder, DEPTH_MAX);
    TRY(oc__list_directory(folder, &names));
    for (size_t i = 0; i < names.n && status == OC_OK; i++)
        if (names.name[i][0] != '.')
            status = walk_entry(at, folder, names.name[i]);
    oc__names_free(&names);
    return status;
}

/* What a folder of that name is the part of; OC_PARTS: of none. */
static oc_part part_named(const char *name)
{
    for (int i = 0; i < PART_FOLDERS; i++)
        if (strcasecmp(name, part_folders[i].name) == 0)
            return part_folders[i].part;
    return OC_PARTS;
}

/* Visits the folders of DIR that are named as parts; `walk` false only looks whether they are meant
 * as such: one of them is for training, or there are no others. */
static oc_status visit_parts(struct files *f, const char *place, const struct names *names,
                             bool walk)
{
    bool others = false, any = false, train = false;
    for (size_t i = 0; i < names->n; i++) {
        const struct walk at = { .files = f, .part = part_named(names->name[i]) };
        struct str        path = { 0 };
        oc_status         status = join(place, names->name[i], &path);
        const bool folder = status == OC_OK && names->name[i][0] != '.'
                            && oc__is_directory(oc__str_text(&path));
        others |= folder && at.part == OC_PARTS;
        any |= folder && at.part != OC_PARTS;
        train |= folder && at.part == OC_PART_TRAIN;
        if (folder && walk && at.part != OC_PARTS)
            status = walk_folder(&at, oc__str_text(&path));
        oc__str_free(&path);
        TRY(status);
    }
    f->divided = train || (any && !others);
    return OC_OK;
}

static oc_status walk_place(struct files *f, const char *place)
{
    const struct walk at = { .files = f, .part = OC_PART_TRAIN };
    struct names      names;
    TRY(oc__list_directory(place, &names));
    oc_status status = visit_parts(f, place, &names, false);
    if (status == OC_OK)
        status = f->divided ? visit_parts(f, place, &names, true) : walk_folder(&at, place);
    oc__names_free(&names);
    if (status == OC_OK && f->n == 0)
        status = oc__fail(OC_EINPUT, "%s: holds no .png, .jpg or .webp", place);
    return status;
}

static oc_status open_set(oc_data *d, const char *place, const void *attr)
{
    const struct images *const a = attr;
    struct files *f = oc__alloc(1, sizeof *f);
    if (!f)
        return OC_ELIMIT;
    f->root = strlen(place);
    oc_status status = walk_place(f, place);
    if (status == OC_OK)
        status = oc__files_finish(d, &f, a->on_bad, a->max_bad);
    oc__files_free(f);
    return status;
}

const struct data_kind oc__data_images = {
    .entry = { .name = "images", .summary = "images:FOLDER, a folder of pictures for every class",
               .attrs = attrs, .size = sizeof(struct images) },
    .open = open_set,
};
