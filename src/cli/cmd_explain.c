/* cmd_explain.c — what a decision rests on, drawn over the photograph it was made about. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/term.h"

enum { METHODS_MAX = 16, CELLS = 32 };

struct explain {
    const char *method, *class, *layer, *out, *backends, *json;
    int64_t     threads;
    bool        force;
};

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct explain, method, "method", 'm', "STEP", NULL,
             "grad-cam, input-gradient, occlusion, with settings as in \"occlusion size=32\", or "
             "all; see `ocellus help explanations` [grad-cam; without convolutions occlusion]"),
    OPT_TEXT(struct explain, class, "class", 'c', "NAME|N", NULL,
             "the class to explain, by name or number [the likeliest]"),
    OPT_TEXT(struct explain, layer, "layer", 0, "NAME", NULL,
             "of grad-cam: whose maps to look at [the last convolution]"),
    OPT_TEXT(struct explain, out, "out", 'o', "DIR", "explained", "folder for the pictures"),
    OPT_INT(struct explain, threads, "threads", 't', "N", NULL, "of computation [all cores]", 1,
            4096),
    OPT_TEXT(struct explain, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_TEXT(struct explain, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct explain, force, "force", 'f', "replace pictures and files that exist"),
    OPT_END,
};

/* All that the visit of the images needs. */
struct work {
    const struct explain *options;
    oc_model             *model;
    oc_explainer         *method[METHODS_MAX];
    int                   methods, class_index;         /* -1: the likeliest */
    bool                  people;                       /* print */
    struct table          table;
    struct map            written;                      /* pictures by path */
    struct pool           paths;
    json_t               *results;
};

/* ---- the words of the command line --------------------------------------------------------- */

static oc_status find_class(const oc_model *model, const char *word, int *out)
{
    const int classes = oc_model_classes(model);
    *out = -1;
    if (!word)
        return OC_OK;
    for (int i = 0; i < classes; i++)
        if (strcmp(oc_model_class_name(model, i), word) == 0)
            *out = i;
    if (*out >= 0)
        return OC_OK;
    char *end;
    const long number = strtol(word, &end, 10);
    if (end != word && *end == 0 && number >= 0 && number < classes) {
        *out = (int)number;
        return OC_OK;
    }
    const char **const names = oc__alloc((size_t)classes + 1, sizeof *names);
    for (int i = 0; names && i < classes; i++)
        names[i] = oc_model_class_name(model, i);
    const char *const near = names ? oc__nearest(word, names) : NULL;
    const oc_status status = oc__fail(OC_EUSAGE, "explain: --class: %s: no such class%s%s%s; the "
                                                 "model has %d", oc__quote_z(word),
                                      near ? ": did you mean " : "", near ? oc__quote_z(near) : "",
                                      near ? "?" : "", classes);
    oc__free(names);
    return status;
}

static oc_status add_method(struct work *w, const char *text, const char *layer)
{
    const struct explain *const o = w->options;
    const oc_explain_options how = { .method = text, .layer = layer, .threads = (int)o->threads,
                                     .backends = o->backends };
    TRY(oc_explainer_new(&w->method[w->methods], w->model, &how));
    w->methods++;
    return OC_OK;
}

/* One that does not suit the network is left out, unless a layer was named for it. */
static oc_status add_all(struct work *w)
{
    const char *const usual = oc_explain_method(0, NULL), *name;
    oc_status status = OC_OK;
    for (int i = 0; i < METHODS_MAX && (name = oc_explain_method(i, NULL)); i++) {
        const char *const layer = strcmp(name, usual) == 0 ? w->options->layer : NULL;
        status = add_method(w, name, layer);
        if (status < 0 && (status != OC_EUSAGE || layer))
            return status;
        if (status < 0)
            oc__note("left out: %s", oc_error());
    }
    return w->methods ? OC_OK : status;
}

static oc_status add_methods(struct work *w)
{
    const struct explain *const o = w->options;
    if (o->method && strcmp(o->method, "all") == 0)
        return add_all(w);
    TRY(add_method(w, o->method, o->layer));
    if (!o->method && strcmp(oc_explainer_method(w->method[0]), oc_explain_method(0, NULL)) != 0)
        oc__note("the network has no convolution for %s: explained by %s",
                 oc_explain_method(0, NULL), oc_explainer_method(w->method[0]));
    return OC_OK;
}

/* ---- pictures ------------------------------------------------------------------------------ */

/* DIR/NAME.METHOD.png for the image's last part without its ending; of several that would be called
 * alike in one run, the second gets a number, and so on. */
static oc_status choose_path(struct work *w, const char *image, const char *method,
                             struct str *path)
{
    const char *const slash = strrchr(image, '/'), *const base = slash ? slash + 1 : image;
    const char *const dot = strrchr(base, '.');
    const int n = (int)(dot && dot != base && !strchr(dot, ':') ? (size_t)(dot - base)
                                                                : strlen(base));
    for (int number = 1;; number++) {
        oc__str_clear(path);
        oc__str_addf(path, "%s/%.*s", w->options->out, n, base);
        if (number > 1)
            oc__str_addf(path, "-%d", number);
        oc__str_addf(path, ".%s.png", method);
        if (path->failed)
            return OC_ELIMIT;
        if (!oc__map_get(&w->written, path->text, 0))
            break;
    }
    char *const kept = oc__pool_strdup(&w->paths, path->text);
    if (!kept || !oc__map_put(&w->written, kept, 1))
        return OC_ELIMIT;
    return oc__output_check(path->text, w->options->force);
}

static oc_status draw(const struct work *w, const char *method, const oc_image *image,
                      const oc_explanation *e, const char *path)
{
    char text[256];
    oc_image picture;
    snprintf(text, sizeof text, "%s  %.1f %%   ·   %s",
             oc__printable(oc_model_class_name(w->model, e->class_index)), 100 * e->probability,
             method);
    TRY(oc_explanation_draw(e, image, text, &picture));
    const oc_status status = oc_image_save(&picture, path);
    oc_image_free(&picture);
    return status;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void find_hottest(const oc_explanation *e, int *x, int *y)
{
    size_t best = 0;
    for (size_t i = 0; i < (size_t)e->width * (size_t)e->height; i++)
        best = e->heat[i] > e->heat[best] ? i : best;
    *x = (int)(best % (size_t)e->width);
    *y = (int)(best / (size_t)e->width);
}

/* The mean heat of cell i of n along one side and k of m along the other. */
static double cell_mean(const oc_explanation *e, int row, int rows, int column, int columns)
{
    const int top = row * e->height / rows, bottom = (row + 1) * e->height / rows;
    const int left = column * e->width / columns, right = (column + 1) * e->width / columns;
    double sum = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            sum += (double)e->heat[(size_t)y * (size_t)e->width + (size_t)x];
    return sum / ((double)(bottom - top) * (right - left));
}

static json_t *map_json(const oc_explanation *e)
{
    const int rows = e->height < CELLS ? e->height : CELLS;
    const int columns = e->width < CELLS ? e->width : CELLS;
    json_t *const map = json_array();
    for (int i = 0; map && i < rows; i++) {
        json_t *const row = json_array();
        for (int k = 0; k < columns; k++)
            json_array_append_new(row, json_real(cell_mean(e, i, rows, k, columns)));
        json_array_append_new(map, row);
    }
    return map;
}

static oc_status add_json(struct work *w, const char *name, const char *method,
                          const oc_explanation *e, const char *path)
{
    int x, y;
    find_hottest(e, &x, &y);
    json_t *const result = json_pack(
        "{s:o, s:s, s:i, s:o, s:o, s:[i, i], s:[f, f, f, f], s:o, s:[i, i], s:o, s:o}",
        "input", oc__text_json(name), "method", method, "class", e->class_index,
        "name", oc__text_json(oc_model_class_name(w->model, e->class_index)),
        "probability", oc__number_json(e->probability), "size", e->width, e->height,
        "seen", e->left, e->top, e->seen_width, e->seen_height,
        "strongest", oc__number_json(e->strongest), "hottest", x, y, "map", map_json(e),
        "picture", oc__text_json(path));
    return json_array_append_new(w->results, result) == 0
        ? OC_OK : oc__fail(OC_ELIMIT, "no memory for the JSON result");
}

static void add_row(struct work *w, const char *name, const char *method, const oc_explanation *e,
                    const char *path)
{
    int x, y;
    find_hottest(e, &x, &y);
    oc__table_cell(&w->table, "%s", oc__printable(name));
    oc__table_cell(&w->table, "%s%s%s", oc__style(STYLE_BOLD),
                   oc__printable(oc_model_class_name(w->model, e->class_index)),
                   oc__style(STYLE_PLAIN));
    oc__table_cell(&w->table, "%.2f %%", 100 * e->probability);
    oc__table_cell(&w->table, "%s", method);
    if (e->strongest > 0)
        oc__table_cell(&w->table, "%d,%d", x, y);
    else
        oc__table_cell(&w->table, "nothing");
    oc__table_cell(&w->table, "%s", oc__printable(path));
}

/* ---- images -------------------------------------------------------------------------------- */

/* What the network sees, and the picture that it is laid over: the same, or all of a file that was
 * decoded with less detail, as the preparation needs it. */
struct photo { const char *name; const oc_image *seen, *whole; };

static oc_status explain_by(struct work *w, oc_explainer *method, const struct photo *photo)
{
    const char *const name = oc_explainer_method(method);
    oc_explanation e;
    struct str path = { 0 };
    TRY(oc_explain_whole(method, photo->seen, photo->whole, w->class_index, &e));
    oc_status status = choose_path(w, photo->name, name, &path);
    if (status >= 0)
        status = draw(w, name, photo->whole, &e, path.text);
    if (status >= 0 && w->options->json)
        status = add_json(w, photo->name, name, &e, path.text);
    if (status >= 0 && w->people)
        add_row(w, photo->name, name, &e, path.text);
    oc_explanation_free(&e);
    oc__str_free(&path);
    return status;
}

/* Of an image that is no picture's file, one of an array, there is no more than what is seen. */
static oc_status visit(void *context, const char *name, oc_status status, const oc_image *image)
{
    struct work *const w = context;
    oc_image whole;
    if (status < 0)
        return status;
    const bool file = oc_image_load(&whole, name) >= 0;
    const struct photo photo = { name, image, file ? &whole : image };
    for (int i = 0; status >= 0 && i < w->methods; i++)
        status = explain_by(w, w->method[i], &photo);
    oc_image_free(&whole);
    return status;
}

static oc_status visit_all(struct work *w, const struct operands *operands)
{
    const oc_shape shape = oc_model_input(w->model);
    TRY(find_class(w->model, w->options->class, &w->class_index));
    TRY(add_methods(w));
    TRY(oc__make_directories(w->options->out));
    w->results = json_array();
    if (!w->results)
        return oc__fail(OC_ELIMIT, "no memory for the explanations");
    for (int i = 1; i < operands->n; i++)
        TRY(oc_image_each(operands->word[i], &(oc_each_options){
            .shape = &shape, .preparation = oc_model_preparation(w->model) }, visit, w));
    if (w->people)
        oc__table_print(&w->table, 0);
    return oc__output_json(w->options->json, w->options->force, json_incref(w->results));
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct explain *const o = settings;
    TRY(oc__output_check(o->json, o->force));
    if (!oc__names_file(operands->word[0]))
        return oc__fail(OC_EUSAGE, "%s: wants a model file or a run folder",
                        oc__quote_z(operands->word[0]));
    oc_model *model;
    TRY(oc_model_load(&model, operands->word[0], NULL));
    struct work w = { .options = o, .model = model, .table = { .columns = "llrlrl" },
                      .people = !oc__output_is_stdout(o->json) };
    const oc_status status = visit_all(&w, operands);
    for (int i = 0; i < w.methods; i++)
        oc_explainer_free(w.method[i]);
    oc__map_free(&w.written);
    oc__pool_free(&w.paths);
    oc__str_free(&w.table.cells);
    json_decref(w.results);
    oc_model_free(model);
    return status;
}

const struct command oc__command_explain = {
    .name = "explain",
    .summary = "show what a decision rests on",
    .usage = "FILE_OR_RUN IMAGE… [options]",
    .about = "IMAGE is what `predict` takes, and the network sees the same bytes.  For each a\n"
             "picture is written, the image at its own size with heat where the network looks:\n"
             "DIR/NAME.METHOD.png; places are told in its pixels.  What the preparation cuts off\n"
             "is drawn pale.  grad-cam weights the maps of a layer by the gradient of the class's\n"
             "score; input-gradient shows how steeply the score changes with each pixel, averaged\n"
             "over noisy copies; occlusion covers each place and sees what it costs.  --json\n"
             "gives the heat as numbers, on a grid of at most 32 × 32 cells.",
    .options = options,
    .size = sizeof(struct explain),
    .least = 2,
    .most = -1,
    .examples = (const struct example[]){
        { "explain runs/cnn-1 digit.png", "where the network looks" },
        { "explain runs/cnn-1 scans/ --method all --out heat", "every image by every method" },
        { "explain runs/cnn-1 digit.png --class 7 --method \"occlusion size=6 stride=2\"",
          "what speaks for a seven" },
        { 0 },
    },
    .computes = true,
    .run = run,
};
