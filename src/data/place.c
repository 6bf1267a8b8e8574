/* place.c — the images that a word of the command line stands for.
 *
 * The first bytes of a file decide what it is; a file without a known beginning that has exactly as
 * many bytes as the model's input has values is raw.  Arrays that hold several images are gone
 * through in order, or one is picked by a number after a colon, "t10k-images-idx3-ubyte.gz:7". */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/str.h"
#include "data/idx.h"
#include "format/npy.h"
#include "image/image.h"
#include "image/prepare.h"

/* A word taken apart: file and number of the image in it (-1: all). */
struct place { char *path; int64_t index; };

struct visit {
    const oc_shape    *shape;                           /* [c, h, w]; NULL: not known */
    struct reading     how;                             /* of pictures */
    oc_image_function *function;
    void              *context;
    bool               stopped;                         /* the function wants no more */
};

/* Images of equal size, one after the other. */
struct block { int64_t n; oc_image first; bool planes; };

/* ---- the word ------------------------------------------------------------------------------ */

static oc_status take_apart(const char *word, struct place *out)
{
    *out = (struct place){ oc__strdup(word), -1 };
    if (!out->path)
        return OC_ELIMIT;
    char *const colon = strrchr(out->path, ':');
    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] || oc__is_file(word))
        return OC_OK;
    *colon = '\0';
    out->index = strtoll(colon + 1, NULL, 10);
    return OC_OK;
}

/* ---- several images in one file ------------------------------------------------------------ */

/* [c, h, w] becomes [h, w, c]. */
static oc_status interleave(const oc_image *planes, oc_image *out)
{
    *out = *planes;
    const size_t n = (size_t)planes->width * (size_t)planes->height;
    const size_t c = (size_t)planes->channels;
    if (!(out->pixel = oc__alloc(n, c)))
        return OC_ELIMIT;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c; k++)
            out->pixel[i * c + k] = planes->pixel[k * n + i];
    return OC_OK;
}

static oc_status give(struct visit *v, const char *name, const struct block *b, int64_t i)
{
    oc_image image = b->first, turned = { 0 };
    const size_t bytes = (size_t)image.width * (size_t)image.height * (size_t)image.channels;
    image.pixel += (size_t)i * bytes;
    if (b->planes && image.channels > 1)
        TRY(interleave(&image, &turned));
    const oc_status status
        = v->function(v->context, name, OC_OK, turned.pixel ? &turned : &image);
    oc_image_free(&turned);
    v->stopped = status < 0;
    return status;
}

static oc_status give_block(struct visit *v, const struct place *place,
                            const struct block *b)
{
    if (place->index >= b->n)
        return oc__fail(OC_EUSAGE, "%s:%lld: holds %lld image%s, counted from 0", place->path,
                        (long long)place->index, (long long)b->n, oc__plural(b->n));
    if (b->n == 1)
        return give(v, place->path, b, 0);
    const int64_t first = place->index < 0 ? 0 : place->index;
    const int64_t last = place->index < 0 ? b->n - 1 : place->index;
    for (int64_t i = first; i <= last; i++) {
        struct str name = { 0 };
        oc__str_addf(&name, "%s:%lld", place->path, (long long)i);
        const oc_status status = name.failed ? OC_ELIMIT : give(v, name.text, b, i);
        oc__str_free(&name);
        TRY(status);
    }
    return OC_OK;
}

static oc_status visit_idx(struct visit *v, const struct place *place)
{
    struct idx idx;
    TRY(oc__idx_load(&idx, place->path, 3, 0));
    const struct block b = { idx.dim[0], { (int)idx.dim[2], (int)idx.dim[1], 1, idx.data },
                             false };
    const oc_status status = give_block(v, place, &b);
    oc__idx_free(&idx);
    return status;
}

static bool is_colour(int64_t channels)
{
    return channels == 1 || channels == 3 || channels == 4;
}

/* What the dimensions mean: values of one or more images of the wanted shape in a row, [h, w],
 * [h, w, c], [c, h, w], [n, h, w], [n, h, w, c], [n, c, h, w]. */
static bool read_dimensions(const oc_shape *s, const oc_shape *wanted, struct block *b)
{
    const int64_t *const d = s->dim;
    const int last = s->rank - 1;
    const int64_t values = wanted ? oc_shape_count(wanted) : -1;
    int64_t c = 1, h = 0, w = 0;
    b->n = 1;
    if (wanted && last >= 0 && last <= 1 && d[last] == values) {
        c = wanted->dim[0], h = wanted->dim[1], w = wanted->dim[2];
        b->n = last ? d[0] : 1;
        b->planes = true;
    } else if (s->rank == 2) {
        h = d[0], w = d[1];
    } else if (s->rank >= 3 && is_colour(d[last])) {
        c = d[last], w = d[last - 1], h = d[last - 2];
        b->n = s->rank == 4 ? d[0] : 1;
    } else if (s->rank == 4 || (s->rank == 3 && wanted && wanted->dim[0] == d[0])) {
        w = d[last], h = d[last - 1], c = d[last - 2];
        b->n = s->rank == 4 ? d[0] : 1;
        b->planes = true;
    } else if (s->rank == 3) {
        b->n = d[0], h = d[1], w = d[2];
    }
    b->first = (oc_image){ (int)w, (int)h, (int)c, NULL };
    return h > 0 && is_colour(c);
}

/* Values as bytes, rounded to the nearest and held in 0 … 255.  Floating-point numbers of which
 * none exceeds 1 are fractions of white. */
static oc_status to_bytes(const struct place *place, const oc_tensor *a, uint8_t *byte)
{
    const int64_t n = oc_shape_count(&a->shape);
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = oc_tensor_get(a, i);
        if (!isfinite(v))
            return oc__fail(OC_EINPUT, "%s: value %lld: is not finite", place->path,
                            (long long)i);
        most = fmax(most, v);
    }
    const double white = a->dtype != OC_U8 && most <= 1 ? 255 : 1;
    for (int64_t i = 0; i < n; i++)
        byte[i] = (uint8_t)lround(fmin(fmax(oc_tensor_get(a, i) * white, 0), 255));
    return OC_OK;
}

static oc_status visit_npy(struct visit *v, const struct place *place)
{
    oc_tensor a;
    struct block b = { 0 };
    TRY(oc__npy_load(&a, place->path));
    oc_status status;
    if (read_dimensions(&a.shape, v->shape, &b)) {
        b.first.pixel = oc__alloc((size_t)oc_shape_count(&a.shape), 1);
        status = b.first.pixel ? to_bytes(place, &a, b.first.pixel) : OC_ELIMIT;
        if (status >= 0)
            status = give_block(v, place, &b);
        oc__free(b.first.pixel);
    } else {
        status = oc__fail(OC_EINPUT, "%s: offset 10: shape: of rank %d: wants [h, w], [h, w, c], "
                                     "[n, h, w], [n, c, h, w] or one number per value",
                          place->path, a.shape.rank);
    }
    oc__npy_free(&a);
    return status;
}

/* ---- one image in a file ------------------------------------------------------------------- */

static oc_status visit_raw(struct visit *v, const struct place *place, int64_t n)
{
    const int64_t h = v->shape->dim[1], w = v->shape->dim[2];
    char *bytes;
    size_t found;
    TRY(oc__file_load(place->path, n, &bytes, &found));
    const int c = n == h * w ? 1 : (int)v->shape->dim[0];
    const struct block b = { 1, { (int)w, (int)h, c, (uint8_t *)bytes }, false };
    const oc_status status = give_block(v, place, &b);
    oc__free(bytes);
    return status;
}

static oc_status visit_picture(struct visit *v, const struct place *place)
{
    oc_image image;
    TRY(oc__image_load(&image, place->path, v->how));
    const struct block b = { 1, image, false };
    const oc_status status = give_block(v, place, &b);
    oc_image_free(&image);
    return status;
}

static bool is_raw(struct visit *v, int64_t size)
{
    if (!v->shape || v->shape->rank != 3)
        return false;
    const int64_t plane = v->shape->dim[1] * v->shape->dim[2];
    return size == plane || (size == plane * v->shape->dim[0] && is_colour(v->shape->dim[0]));
}

/* Nothing that is known, and raw bytes of the wrong number. */
static oc_status not_an_image(const struct visit *v, const struct place *place, int64_t size)
{
    if (!v->shape || v->shape->rank != 3)
        return oc__fail(OC_EINPUT, "%s: offset 0: neither PNG, JPEG, WebP, .npy nor IDX",
                        place->path);
    return oc__fail(OC_EINPUT, "%s: offset 0: neither PNG, JPEG, WebP, .npy nor IDX; raw bytes "
                               "must be %lld, not %lld", place->path,
                    (long long)(v->shape->dim[1] * v->shape->dim[2]), (long long)size);
}

static oc_status visit_file(struct visit *v, const struct place *place)
{
    struct file f;
    uint8_t head[16] = { 0 };
    TRY(oc__file_open(&f, place->path));
    const int64_t size = f.size;
    const oc_status status = oc__file_read(&f, 0, head, (size_t)(size < 16 ? size : 16));
    oc__file_close(&f);
    TRY(status);
    const bool picture = memcmp(head, "\x89PNG", 4) == 0 || memcmp(head, "\xff\xd8", 2) == 0
                         || memcmp(head + 8, "WEBP", 4) == 0;
    if (memcmp(head, "\x93NUMPY", 6) == 0)
        return visit_npy(v, place);
    if (!picture && is_raw(v, size))
        return visit_raw(v, place, size);
    if (memcmp(head, "\0\0\x08", 3) == 0 || memcmp(head, "\x1f\x8b", 2) == 0)
        return visit_idx(v, place);
    if (!picture && size > 0 && !oc__file_kind(head, size < 16 ? (size_t)size : 16))
        return not_an_image(v, place, size);
    return visit_picture(v, place);
}

/* ---- folders ------------------------------------------------------------------------------- */

static bool is_picture_name(const char *name)
{
    static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".webp", ".npy" };
    const char *const dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

/* A file that cannot be read is given to the function, which decides whether to go on. */
static oc_status visit_or_tell(struct visit *v, const struct place *place)
{
    const oc_status status = visit_file(v, place);
    return status >= 0 || v->stopped ? status
                                     : v->function(v->context, place->path, status, NULL);
}

static oc_status visit_folder(struct visit *v, const char *folder)
{
    struct names names;
    TRY(oc__list_directory(folder, &names));
    oc_status status = OC_OK;
    int64_t pictures = 0;
    const char *const slash = *folder && folder[strlen(folder) - 1] == '/' ? "" : "/";
    for (size_t i = 0; status >= 0 && i < names.n; i++) {
        if (!is_picture_name(names.name[i]))
            continue;
        struct str path = { 0 };
        oc__str_addf(&path, "%s%s%s", folder, slash, names.name[i]);
        pictures++;
        const struct place place = { path.text, -1 };
        status = path.failed ? OC_ELIMIT : visit_or_tell(v, &place);
        oc__str_free(&path);
    }
    oc__names_free(&names);
    if (status >= 0 && pictures == 0)
        return oc__fail(OC_EINPUT, "%s: holds no .png, .jpg, .webp or .npy", folder);
    return status;
}

static oc_status visit_word(struct visit *v, const char *word)
{
    if (oc__is_directory(word))
        return visit_folder(v, word);
    struct place place;
    TRY(take_apart(word, &place));
    const oc_status status = visit_or_tell(v, &place);
    oc__free(place.path);
    return status;
}

oc_status oc_image_each(const char *word, const oc_each_options *options,
                        oc_image_function *function, void *context)
{
    struct prepare_program *prepare = NULL;
    struct visit v = { .shape = options->shape, .function = function, .context = context };
    if (options->preparation)
        TRY(oc__prepare_parse(&prepare, options->preparation));
    v.how = (struct reading){ prepare, options->lenient };
    const oc_status status = visit_word(&v, word);
    oc__prepare_free(prepare);
    return status;
}
