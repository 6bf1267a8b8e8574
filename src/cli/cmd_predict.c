/* cmd_predict.c — what a model says about images. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/bad.h"
#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/picture.h"
#include "cli/predict_arrays.h"
#include "cli/predict_maps.h"
#include "cli/term.h"

enum { BAR_COLUMNS = 24 };

struct predict {
    const char *backends, *json;
    const char *prepare, *classes;
    const char *input, *output;                         /* of arrays */
    const char *out;                                    /* of arrays, or of saliency */
    int64_t     top, threads, max_bad;
    int         on_bad;
    bool        force;
};

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_INT(struct predict, top, "top", 'n', "N", "5", "classes to name for each image", 1, 100000),
    OPT_WORDS(struct predict, on_bad, "on-bad", 0, "fail", "what to do with an unreadable image",
              oc__bad_choices),
    OPT_INT(struct predict, max_bad, "max-bad", 0, "N", "0",
            "images that may be skipped before the exit code is 3", 0, 1e18),
    OPT_INT(struct predict, threads, "threads", 't', "N", "1", "of computation", 1, 4096),
    OPT_TEXT(struct predict, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_TEXT(struct predict, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct predict, force, "force", 'f', "replace what is written if it exists"),
    OPT_TEXT(struct predict, out, "out", 0, "DIR", NULL,
             "of saliency: folder for mask, overlay and cut-out; of arrays: a file, .npy or .png"),
    OPT_TEXT(struct predict, prepare, "prepare", 0, "STEPS", NULL,
             "what is made of images [what the file says, or scale]"),
    OPT_TEXT(struct predict, classes, "classes", 0, "FILE", NULL,
             "names, one a line [what the file says, or numbers]"),
    OPT_HEADING("Arrays instead of images"),
    OPT_TEXT(struct predict, input, "input", 'i', "NAME=FILE", NULL,
             "arrays (.npy) by the names of inputs, with commas between them; also pictures, for "
             "an input of bytes [N, H, W, C]"),
    OPT_TEXT(struct predict, output, "output", 'o', "NAME", NULL,
             "any value in the model [all its outputs]"),
    OPT_END,
};

/* All that the visit of the images needs. */
struct work {
    const struct predict *options;
    const oc_model       *model;
    oc_predictor         *predictor;
    float                *probability;                  /* [classes] */
    int                  *order;                        /* [classes], the likeliest first */
    float                *seen;                         /* [c, h, w], of the first image */
    char                 *first;                        /* its name */
    int                   top;
    bool                  people;                       /* print */
    struct table          table;
    json_t               *results;
    int64_t               images;
    struct bad_images     bad;
};

/* The first `top` places of the order, by selection; equal ones keep the order of the classes. */
static void rank(const struct work *w)
{
    const int classes = oc_model_classes(w->model);
    for (int i = 0; i < classes; i++)
        w->order[i] = i;
    for (int i = 0; i < w->top; i++) {
        int best = i;
        for (int k = i + 1; k < classes; k++)
            if (w->probability[w->order[k]] > w->probability[w->order[best]])
                best = k;
        const int chosen = w->order[best];
        for (int k = best; k > i; k--)
            w->order[k] = w->order[k - 1];
        w->order[i] = chosen;
    }
}

/* ---- telling ------------------------------------------------------------------------------- */

static oc_status add_json(struct work *w, const char *name)
{
    json_t *const top = json_array();
    for (int i = 0; top && i < w->top; i++) {
        const int class = w->order[i];
        json_array_append_new(
            top, json_pack("{s:i, s:o, s:o}", "class", class, "name",
                           oc__text_json(oc_model_class_name(w->model, class)), "probability",
                           oc__number_json((double)w->probability[class])));
    }
    json_t *const result
        = json_pack("{s:o, s:o}", "input", oc__text_json(name), "top", top);
    return json_array_append_new(w->results, result) == 0
               ? OC_OK : oc__fail(OC_ELIMIT, "no memory for the JSON result");
}

/* The last ranking, which is that of the only image, beside a picture of what the network sees. */
static oc_status print_single(const struct work *w)
{
    const oc_shape shape = oc_model_input(w->model);
    struct picture picture = { 0 };
    if (w->seen)
        TRY(oc__picture_make(&picture, w->seen, &shape));
    int widest = 0;
    for (int i = 0; i < w->top; i++) {
        const int n = oc__columns(oc__printable(oc_model_class_name(w->model, w->order[i])));
        widest = n > widest ? n : widest;
    }
    printf("%s\n\n", oc__printable(w->first));
    for (int i = 0; i < w->top || i < picture.lines; i++) {
        struct str bar = { 0 };
        if (picture.lines && i < picture.lines)
            printf("  %s  ", picture.line[i]);
        else if (picture.lines)
            printf("  %*s  ", picture.columns, "");
        if (i < w->top) {
            const double p = (double)w->probability[w->order[i]];
            const char *const class = oc__printable(oc_model_class_name(w->model, w->order[i]));
            oc__bar(p, BAR_COLUMNS, &bar);
            printf("  %s%s%*s  %6.2f %%%s%s%s", i ? "" : oc__style(STYLE_BOLD), class,
                   widest - oc__columns(class), "", 100 * p, oc__style(STYLE_PLAIN),
                   bar.n ? "  " : "", oc__str_text(&bar));
        }
        printf("\n");
        oc__str_free(&bar);
    }
    oc__picture_free(&picture);
    return OC_OK;
}

static void add_row(struct work *w, const char *name)
{
    struct str others = { 0 };
    oc__table_cell(&w->table, "%s", oc__printable(name));
    oc__table_cell(&w->table, "%s%s%s", oc__style(STYLE_BOLD),
                   oc__printable(oc_model_class_name(w->model, w->order[0])),
                   oc__style(STYLE_PLAIN));
    oc__table_cell(&w->table, "%.2f %%", 100 * (double)w->probability[w->order[0]]);
    for (int i = 1; i < w->top; i++)
        oc__str_addf(&others, "%s%s %.2f %%", i > 1 ? ", " : "",
                     oc__printable(oc_model_class_name(w->model, w->order[i])),
                     100 * (double)w->probability[w->order[i]]);
    oc__table_cell(&w->table, "%s%s%s", oc__style(STYLE_DIM), oc__str_text(&others),
                   oc__style(STYLE_PLAIN));
    oc__str_free(&others);
}

/* ---- one image ----------------------------------------------------------------------------- */

/* A single image is shown with more than its row; whether it stays single is known at the end. */
static oc_status keep_first(struct work *w, const char *name, const oc_image *image)
{
    const oc_shape shape = oc_model_input(w->model);
    w->first = oc__strdup(name);
    if (w->first && !oc__term_is(stdout))
        return OC_OK;
    w->seen = oc__alloc((size_t)oc_shape_count(&shape), sizeof *w->seen);
    return w->first && w->seen ? oc_model_prepare(w->model, image, w->seen) : OC_ELIMIT;
}

static oc_status predict(void *context, const char *name, oc_status status, const oc_image *image)
{
    struct work *const w = context;
    if (status >= 0)
        status = oc_predict(w->predictor, image, w->probability);
    if (status < 0)
        return oc__bad_image(&w->bad, name, status);
    w->images++;
    rank(w);
    if (w->options->json)
        TRY(add_json(w, name));
    if (w->people)
        add_row(w, name);
    return w->people && w->images == 1 ? keep_first(w, name, image) : OC_OK;
}

/* ---- all images ---------------------------------------------------------------------------- */

static oc_status visit_all(struct work *w, const struct operands *operands)
{
    const oc_shape shape = oc_model_input(w->model);
    for (int i = 1; i < operands->n; i++)
        TRY(oc_image_each(operands->word[i], &(oc_each_options){
            .shape = &shape, .preparation = oc_model_preparation(w->model),
            .lenient = w->bad.choice == BAD_LENIENT }, predict, w));
    return OC_OK;
}

static oc_status finish(struct work *w)
{
    if (w->people && w->images == 1)
        TRY(print_single(w));
    else if (w->people)
        oc__table_print(&w->table, 0);
    if (w->options->json)
        TRY(oc__output_json(w->options->json, w->options->force, json_incref(w->results)));
    return oc__bad_images_tell(&w->bad, w->images);
}

static oc_status begin(struct work *w, oc_model *model)
{
    const oc_eval_options how = { .batch = 1, .threads = (int)w->options->threads,
                                  .backends = w->options->backends };
    const int classes = oc_model_classes(model);
    w->top = w->options->top < classes ? (int)w->options->top : classes;
    w->probability = oc__alloc((size_t)classes, sizeof *w->probability);
    w->order = oc__alloc((size_t)classes, sizeof *w->order);
    w->results = json_array();
    if (!w->probability || !w->order || !w->results)
        return oc__fail(OC_ELIMIT, "no memory for the predictions");
    return oc_predictor_new(&w->predictor, model, &how);
}

/* ---- by task ------------------------------------------------------------------------------- */

static oc_status predict_classes(const struct predict *o, oc_model *model,
                                 const struct operands *operands)
{
    struct work w = { .options = o, .model = model, .table = { .columns = "llrl" },
                      .people = !oc__output_is_stdout(o->json),
                      .bad = { .choice = o->on_bad, .max = o->max_bad } };
    if (o->out)
        return oc__fail(OC_EUSAGE, "predict: --out is for arrays and for models of saliency");
    oc_status status = begin(&w, model);
    if (status >= 0)
        status = visit_all(&w, operands);
    if (status >= 0)
        status = finish(&w);
    oc__str_free(&w.table.cells);
    json_decref(w.results);
    oc__free(w.probability);
    oc__free(w.order);
    oc__free(w.seen);
    oc__free(w.first);
    oc_predictor_free(w.predictor);
    return status;
}

static oc_status predict_maps(const struct predict *o, oc_model *model,
                              const struct operands *operands)
{
    return oc__predict_maps(&(struct predict_maps){
        .model = model, .backends = o->backends, .json = o->json, .out = o->out,
        .threads = o->threads, .bad = { .choice = o->on_bad, .max = o->max_bad },
        .force = o->force }, operands);
}

static const struct way {
    const char *task;
    oc_status (*predict)(const struct predict *o, oc_model *model, const struct operands *operands);
} ways[] = {
    { "classify", predict_classes },
    { "saliency", predict_maps },
};

static const struct way *way_of(const oc_model *model)
{
    const size_t n = sizeof ways / sizeof *ways;
    size_t i = 0;
    while (i + 1 < n && strcmp(ways[i].task, oc_model_task(model)) != 0)
        i++;
    return &ways[i];
}

static oc_status predict_arrays(const struct predict *o, const char *word)
{
    const struct predict_arrays how = {
        .word = word, .inputs = o->input, .output = o->output, .out = o->out,
        .backends = o->backends, .threads = (int)o->threads, .force = o->force,
    };
    if (o->prepare || o->classes)
        return oc__fail(OC_EUSAGE, "predict: --prepare and --classes are for images");
    return oc__predict_arrays(&how);
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct predict *const o = settings;
    const struct model_request request = { .word = operands->word[0],
                                           .preparation = o->prepare, .class_file = o->classes };
    oc_model *model;
    if (operands->n < 2 && !o->input && !oc__names_onnx(operands->word[0]))
        return oc__fail(OC_EUSAGE, "predict: wants images behind the model, or --input");
    if (operands->n < 2)
        return predict_arrays(o, operands->word[0]);
    if (o->input || o->output)
        return oc__fail(OC_EUSAGE, "predict: --input and --output are for arrays, not images");
    TRY(oc__output_check(o->json, o->force));
    if (!oc__names_file(operands->word[0]))
        return oc__fail(OC_EUSAGE, "%s: wants a model file or a run folder",
                        oc__quote_z(operands->word[0]));
    TRY(oc__open_model(&model, &request));
    const oc_status status = way_of(model)->predict(o, model, operands);
    oc_model_free(model);
    return status;
}

const struct command oc__command_predict = {
    .name = "predict",
    .summary = "say what is on images",
    .usage = "FILE_OR_RUN IMAGE… [--prepare STEPS] [--classes FILE] [options]\n"
             "FILE_OR_RUN --input NAME=FILE [--output NAME] [options]",
    .about = "IMAGE is a PNG, JPEG or WebP of any size; a .npy array of one or more images; raw\n"
             "bytes, as many as the model's input has values; an IDX file, plain or .gz; or a\n"
             "folder, whose images come in order of their names.  One of several images in a\n"
             "file is picked by its number from 0: t10k-images-idx3-ubyte.gz:7.  The model's own\n"
             "preparation is applied, the same as in training.  A model of saliency writes mask,\n"
             "overlay and cut-out of each image to --out.  With --input any model runs on arrays,\n"
             "also one of ONNX that has other inputs than images and no classes.",
    .options = options,
    .size = sizeof(struct predict),
    .least = 1,
    .most = -1,
    .examples = (const struct example[]){
        { "predict runs/cnn-1 digit.png", "the ranking of one image" },
        { "predict runs/cnn-1 scans/ --top 3", "every image of a folder" },
        { "predict model.safetensors t10k-images-idx3-ubyte.gz:7 --json -",
          "an image of MNIST's test set, for machines" },
        { "predict classifier.onnx digit.png --prepare \"grayscale; resize 28,28; scale\"",
          "a classifier from elsewhere" },
        { "predict model.onnx --input x=x.npy --output conv1 --out y.npy",
          "any value in a model of ONNX" },
        { 0 },
    },
    .run = run,
};
