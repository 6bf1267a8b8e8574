/* predict_maps.c — a row for each image, and files DIR/NAME-mask.png, -overlay.png, -cutout.png.
 *
 * Told is the part of the image that stands out, where the mask is above one half, and the box
 * around it; where that is nothing, the box is empty. */
#include "cli/predict_maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "cli/output.h"
#include "cli/term.h"

struct work {
    const struct predict_maps *options;
    oc_predictor              *predictor;
    struct table               table;
    json_t                    *results;
    int64_t                    images;
    struct bad_images          bad;
};

struct found { double part; int left, top, right, bottom; };

static struct found look(const oc_image *mask)
{
    struct found f = { 0, mask->width, mask->height, 0, 0 };
    int64_t n = 0;
    for (int y = 0; y < mask->height; y++)
        for (int x = 0; x < mask->width; x++) {
            if (mask->pixel[(size_t)y * (size_t)mask->width + (size_t)x] <= 127)
                continue;
            n++;
            f.left = x < f.left ? x : f.left;
            f.top = y < f.top ? y : f.top;
            f.right = x + 1 > f.right ? x + 1 : f.right;
            f.bottom = y + 1;
        }
    f.part = (double)n / ((double)mask->width * mask->height);
    return n ? f : (struct found){ 0 };
}

/* ---- files --------------------------------------------------------------------------------- */

/* DIR/NAME-mask.png for a/NAME.jpg. */
static oc_status path_of(const struct work *w, const char *name, const char *picture,
                         struct str *path)
{
    const char *const stem = name + oc__parent_length(name);
    const char *const dot = strrchr(stem, '.');
    const size_t n = dot && dot != stem ? (size_t)(dot - stem) : strlen(stem);
    oc__str_clear(path);
    oc__str_addf(path, "%s/%.*s-%s.png", w->options->out, (int)n, stem, picture);
    return path->failed ? oc__fail(OC_ELIMIT, "no memory for a path") : OC_OK;
}

static oc_status save_one(const struct work *w, const char *name, const oc_picture *picture,
                          json_t *files)
{
    struct str path = { 0 };
    oc_status status = path_of(w, name, picture->name, &path);
    if (status >= 0)
        status = oc__output_check(oc__str_text(&path), w->options->force);
    if (status >= 0)
        status = oc_image_save(&picture->image, oc__str_text(&path));
    if (status >= 0 && files)
        json_object_set_new(files, picture->name, oc__text_json(oc__str_text(&path)));
    oc__str_free(&path);
    return status;
}

static oc_status save(const struct work *w, const char *name, const oc_picture *picture, int n,
                      json_t *files)
{
    for (int i = 0; i < n && w->options->out; i++)
        TRY(save_one(w, name, &picture[i], files));
    return OC_OK;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void add_row(struct work *w, const char *name, const struct found *f)
{
    oc__table_cell(&w->table, "%s", oc__printable(name));
    oc__table_cell(&w->table, "%s%.2f %%%s", oc__style(STYLE_BOLD), 100 * f->part,
                   oc__style(STYLE_PLAIN));
    oc__table_cell(&w->table, "%d,%d to %d,%d", f->left, f->top, f->right, f->bottom);
}

static oc_status add_json(struct work *w, const char *name, const struct found *f, json_t *files)
{
    json_t *const result = json_pack("{s:o, s:o, s:[i, i, i, i], s:O}", "input",
                                     oc__text_json(name), "salient", oc__number_json(f->part),
                                     "box", f->left, f->top, f->right, f->bottom, "files", files);
    return json_array_append_new(w->results, result) == 0
               ? OC_OK : oc__fail(OC_ELIMIT, "no memory for the JSON result");
}

static oc_status predict(void *context, const char *name, oc_status status, const oc_image *image)
{
    struct work *const w = context;
    oc_picture picture[OC_PICTURES_MAX];
    int n = 0;
    if (status >= 0)
        status = oc_predict_pictures(w->predictor, image, picture, &n);
    if (status < 0)
        return oc__bad_image(&w->bad, name, status);
    json_t *const files = json_object();
    const struct found f = look(&picture[0].image);
    w->images++;
    status = files ? save(w, name, picture, n, files) : OC_ELIMIT;
    if (status >= 0)
        status = add_json(w, name, &f, files);
    add_row(w, name, &f);
    json_decref(files);
    oc_pictures_free(picture, n);
    return status;
}

/* ---- all images ---------------------------------------------------------------------------- */

/* Images come whole, since the pictures have their size. */
static oc_status visit_all(struct work *w, const struct operands *operands)
{
    const oc_shape shape = oc_model_input(w->options->model);
    for (const char *const *head = (const char *const[]){ "image", "stands out", "box", NULL };
         *head; head++)
        oc__table_cell(&w->table, "%s", *head);
    for (int i = 1; i < operands->n; i++)
        TRY(oc_image_each(operands->word[i], &(oc_each_options){
            .shape = &shape, .lenient = w->bad.choice == BAD_LENIENT }, predict, w));
    if (!oc__output_is_stdout(w->options->json))
        oc__table_print(&w->table, 0);
    TRY(oc__output_json(w->options->json, w->options->force, json_incref(w->results)));
    return oc__bad_images_tell(&w->bad, w->images);
}

oc_status oc__predict_maps(const struct predict_maps *o, const struct operands *operands)
{
    const oc_eval_options how = { .batch = 1, .threads = (int)o->threads,
                                  .backends = o->backends };
    struct work w = { .options = o, .table = { .columns = "lrl" }, .results = json_array(),
                      .bad = o->bad };
    oc_status status = w.results ? OC_OK : OC_ELIMIT;
    if (status >= 0 && o->out)
        status = oc__make_directories(o->out);
    if (status >= 0)
        status = oc_predictor_new(&w.predictor, o->model, &how);
    if (status >= 0)
        status = visit_all(&w, operands);
    oc__str_free(&w.table.cells);
    json_decref(w.results);
    oc_predictor_free(w.predictor);
    return status;
}
