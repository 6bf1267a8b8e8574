/* files.c — lists of image files as a data set. */
#include "data/files.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/status.h"
#include "image/mask.h"
#include "image/image.h"

enum { CLASSES_MAX = 1 << 20, LISTED_MAX = 10, SMALL_SIDE = 128, LARGE_SIDE = 224, LOOKS = 5 };

const char *const oc__bad_words[] = { [ON_BAD_FAIL] = "fail", [ON_BAD_SKIP] = "skip",
                                      [ON_BAD_LENIENT] = "lenient", NULL };

bool oc__names_image(const char *name)
{
    static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".webp" };
    const char *const dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* ---- filling ------------------------------------------------------------------------------ */

/* Room for one more of the elements at *list. */
static bool make_room(void *list, int64_t n, int64_t *room, size_t size)
{
    void *old, *bigger;
    if (n < *room)
        return true;
    const int64_t wanted = *room ? 2 * *room : 64;
    memcpy(&old, list, sizeof old);
    bigger = oc__grow(old, (size_t)n, (size_t)wanted, size);
    if (!bigger)
        return false;
    memcpy(list, &bigger, sizeof bigger);
    *room = wanted;
    return true;
}

static oc_status find_class(struct files *f, const char *name, int32_t *out)
{
    *out = (int32_t)oc__map_get(&f->class_of, name, -1);
    if (*out >= 0)
        return OC_OK;
    if (f->classes == CLASSES_MAX)
        return oc__fail(OC_ELIMIT, "data: more than %d classes", CLASSES_MAX);
    const char *const copy = oc__pool_strdup(&f->pool, name);
    if (!copy || !make_room(&f->class_name, f->classes, &f->classes_room, sizeof copy)
        || !oc__map_put(&f->class_of, copy, f->classes))
        return oc__fail(OC_ELIMIT, "data: no memory for a class");
    f->class_name[f->classes] = copy;
    *out = f->classes++;
    return OC_OK;
}

static int64_t bytes_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

oc_status oc__files_add(struct files *f, const char *path, const char *class, oc_part part)
{
    struct file_row row = { .path = oc__pool_strdup(&f->pool, path), .part = part };
    TRY(find_class(f, class, &row.class));
    if (!row.path || !make_room(&f->row, f->n, &f->room, sizeof *f->row))
        return oc__fail(OC_ELIMIT, "data: no memory for a file");
    row.bytes = bytes_of(path);
    f->row[f->n++] = row;
    return OC_OK;
}

oc_status oc__files_add_mask(struct files *f, const char *path)
{
    struct file_row *const row = &f->row[f->n - 1];
    row->mask = oc__pool_strdup(&f->pool, path);
    row->mask_bytes = bytes_of(path);
    return row->mask ? OC_OK : oc__fail(OC_ELIMIT, "data: no memory for a file");
}

/* ---- order -------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    const struct file_row *const x = a, *const y = b;
    return strcmp(x->path, y->path);
}

static int by_name(const void *a, const void *b)
{
    const char *const *const x = a, *const *const y = b;
    return strcmp(*x, *y);
}

static oc_status sort(struct files *f)
{
    const char **const arrived = oc__alloc((size_t)f->classes, sizeof *arrived);
    bool enough = arrived != NULL;
    if (!enough)
        return OC_ELIMIT;
    memcpy(arrived, f->class_name, (size_t)f->classes * sizeof *arrived);
    qsort(f->class_name, (size_t)f->classes, sizeof *f->class_name, by_name);
    for (int i = 0; i < f->classes; i++)
        enough &= oc__map_put(&f->class_of, f->class_name[i], i);
    for (int64_t i = 0; i < f->n; i++)
        f->row[i].class = (int32_t)oc__map_get(&f->class_of, arrived[f->row[i].class], 0);
    qsort(f->row, (size_t)f->n, sizeof *f->row, by_path);
    oc__free(arrived);
    return enough ? OC_OK : OC_ELIMIT;
}

/* ---- broken files ------------------------------------------------------------------------- */

struct checking { const struct files *files; char **error; };

static void check_files(const void *context, int64_t first, int64_t last)
{
    const struct checking *const c = context;
    for (int64_t i = first; i < last; i++) {
        const struct file_row *const row = &c->files->row[i];
        oc_image image, mask = { 0 };
        if (oc_image_load(&image, row->path) < 0
            || (row->mask && oc_image_load(&mask, row->mask) < 0))
            c->error[i] = oc__strdup(oc_error());
        oc_image_free(&image);
        oc_image_free(&mask);
    }
}

/* Says what was left out, and whether so much may be. */
static oc_status tell_broken(const struct files *f, int64_t broken, int64_t max_bad)
{
    if (broken > LISTED_MAX)
        oc__warn("left out: and %lld more", (long long)(broken - LISTED_MAX));
    if (max_bad >= 0 && broken > max_bad)
        return oc__fail(OC_EINPUT, "data: %lld of %lld files are broken; max_bad allows %lld",
                        (long long)broken, (long long)f->n, (long long)max_bad);
    if (broken == f->n)
        return oc__fail(OC_EINPUT, "data: none of its %lld files can be decoded",
                        (long long)f->n);
    if (broken > 0)
        oc__warn("%lld of %lld files are broken and left out", (long long)broken,
                 (long long)f->n);
    return OC_OK;
}

/* Decodes every file and keeps the rows of those that can be. */
static oc_status leave_out_broken(struct files *f, int64_t max_bad)
{
    const struct checking c = { f, oc__alloc((size_t)f->n, sizeof *c.error) };
    int64_t kept = 0, broken = 0;
    if (!c.error)
        return OC_ELIMIT;
    oc__parallel(omp_get_num_procs(), f->n, 1, check_files, &c);
    for (int64_t i = 0; i < f->n; i++) {
        if (!c.error[i])
            f->row[kept++] = f->row[i];
        else if (broken++ < LISTED_MAX)
            oc__warn("left out: %s", c.error[i]);
        oc__free(c.error[i]);
    }
    oc__free(c.error);
    TRY(tell_broken(f, broken, max_bad));
    f->n = kept;
    return OC_OK;
}

/* ---- the source --------------------------------------------------------------------------- */

static oc_status read_file(const void *own, int64_t index, const struct prepare_program *prepare,
                           struct canvas *canvas)
{
    const struct files *const f = own;
    return oc__canvas_open(canvas, f->row[index].path,
                           (struct reading){ prepare, f->lenient });
}

static oc_status read_mask(const void *own, int64_t index, oc_image *mask)
{
    const struct files *const f = own;
    return oc__mask_load(mask, f->row[index].mask);
}

static oc_status read_header(const void *own, int64_t index, oc_image *image, const char **format)
{
    const struct files *const f = own;
    return oc__image_header(image, format, f->row[index].path);
}

static const char *name_file(const void *own, int64_t index)
{
    const struct files *const f = own;
    return f->row[index].path;
}

/* Of names below the folder of the set, so that it may move, and of sizes. */
static uint64_t hash_files(const void *own)
{
    const struct files *const f = own;
    uint64_t hash = 0;
    for (int64_t i = 0; i < f->n; i++) {
        const struct file_row *const row = &f->row[i];
        hash = oc__key(hash, oc__hash(row->path + (row->mask ? oc__parent_length(row->path)
                                                             : f->root)));
        hash = oc__key(hash, (uint64_t)row->bytes);
        if (row->mask)
            hash = oc__key(hash, (uint64_t)row->mask_bytes);
    }
    return hash;
}

void oc__files_free(struct files *f)
{
    if (!f)
        return;
    oc__map_free(&f->class_of);
    oc__pool_free(&f->pool);
    oc__free(f->row);
    oc__free(f->class_name);
    oc__free(f);
}

static void free_files(void *own)
{
    oc__files_free(own);
}

static const struct source source = {
    read_file, read_header, name_file, hash_files, free_files, NULL
};
static const struct source masked_source = {
    read_file, read_header, name_file, hash_files, free_files, read_mask
};

/* ---- finishing ---------------------------------------------------------------------------- */

/* The sides of the largest of some files from all over the list; 0 where none can be read, which is
 * told when it is used. */
static void look_at_some(const struct files *f, int *height, int *width)
{
    *height = *width = 0;
    for (int64_t k = 0; k < LOOKS; k++) {
        oc_image    image;
        const char *format;
        if (oc__image_header(&image, &format, f->row[f->n * k / LOOKS].path) == OC_OK) {
            *height = image.height > *height ? image.height : *height;
            *width = image.width > *width ? image.width : *width;
        }
    }
}

/* Small images keep their size; of others a square of the usual size is made. */
static oc_status choose_preparation(struct files *f)
{
    struct str text = { 0 };
    int        height, width;
    look_at_some(f, &height, &width);
    if (height == 0 || height > SMALL_SIDE || width > SMALL_SIDE)
        height = width = LARGE_SIDE;
    oc__str_addf(&text, "rgb; resize %d,%d; scale", height, width);
    f->preparation = oc__pool_strdup(&f->pool, oc__str_text(&text));
    oc__str_free(&text);
    return f->preparation ? OC_OK : OC_ELIMIT;
}

static oc_status fill(oc_data *d, const struct files *f)
{
    TRY(oc__data_make(d, (struct samples){ .n = f->n }, 0));
    for (int p = 0; p < OC_PARTS; p++)
        d->part[p].n = 0;
    for (int64_t i = 0; i < f->n; i++) {
        struct part *const part = &d->part[f->row[i].part];
        part->index[part->n++] = i;
        d->samples.label[i] = f->row[i].class;
    }
    d->classes = f->classes;
    d->class_name = f->class_name;
    d->preparation = f->preparation;
    d->undivided = !f->divided;
    return OC_OK;
}

oc_status oc__files_finish(oc_data *d, struct files **f, int on_bad, int64_t max_bad)
{
    if (max_bad >= 0 && on_bad != ON_BAD_SKIP)
        return oc__fail(OC_EUSAGE, "data: max_bad says how many files on_bad=skip may leave out; "
                                   "that is not given");
    TRY(sort(*f));
    (*f)->lenient = on_bad == ON_BAD_LENIENT;
    if (on_bad == ON_BAD_SKIP)
        TRY(leave_out_broken(*f, max_bad));
    TRY(choose_preparation(*f));
    TRY(fill(d, *f));
    d->own = *f;
    d->source = (*f)->row[0].mask ? &masked_source : &source;
    *f = NULL;
    return OC_OK;
}
