/* cmd_eval.c — how good a model is on data: totals, every class, and what is taken for what. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/data_words.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/run_settings.h"
#include "cli/term.h"

/* Up to so many classes the confusion is a matrix; beyond, the commonest mistakes are listed. */
enum { CONFUSION_CLASSES_MAX = 26 };

struct eval {
    const char *data, *load, *prepare, *classes, *backends, *json;
    int         part, device;
    int64_t     batch, threads;
    bool        force, mean;
    struct data_words words;
};

enum { PART_AUTO = OC_PARTS, PART_ALL };
static const char *const parts[] = { "train", "val", "test", [PART_AUTO] = "auto",
                                     [PART_ALL] = "all", NULL };    /* as enum oc_part */
static const char *const devices[] = { "auto", "cpu", "cuda", NULL };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct eval, data, "data", 'd', "SPEC", NULL, "data set [the run's own]"),
    OPT_WORDS(struct eval, part, "part", 0, "auto",
              "part of it, or all together; auto is test, or val without one", parts),
    OPT_BAD(struct eval),
    OPT_TEXT(struct eval, load, "load", 0, "FILE", NULL, "weights for a model of the zoo"),
    OPT_TEXT(struct eval, prepare, "prepare", 0, "STEPS", NULL,
             "preparation of images [the file's own; for a model of the zoo what suits the data]"),
    OPT_TEXT(struct eval, classes, "classes", 0, "FILE", NULL,
             "names of the classes, one a line [the file's own, or numbers]"),
    OPT_FLAG(struct eval, mean, "mean", 0,
             "instead of the model, the mean answer of the training part, which it has to beat"),
    OPT_INT(struct eval, batch, "batch", 'b', "N", "256", "images at a time", 1, 65536),
    OPT_INT(struct eval, threads, "threads", 't', "N", NULL, "of computation [all cores]", 1, 4096),
    OPT_WORDS(struct eval, device, "device", 0, "auto", "where to compute", devices),
    OPT_TEXT(struct eval, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_TEXT(struct eval, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct eval, force, "force", 'f', "replace the JSON file if it exists"),
    OPT_END,
};

/* ---- for people ---------------------------------------------------------------------------- */

static void print_totals(const oc_metrics *m)
{
    printf("\n%saccuracy  %.2f %%%s     top-5  %.2f %%     loss  %.4f\n\n", oc__style(STYLE_BOLD),
           100 * m->accuracy, oc__style(STYLE_PLAIN), 100 * m->top5, m->loss);
}

/* "98.1 %", or "-" where nothing was there to be measured. */
static void percent_cell(struct table *t, double v)
{
    if (isfinite(v))
        oc__table_cell(t, "%.2f %%", 100 * v);
    else
        oc__table_cell(t, "-");
}

static void print_classes(const oc_model *model, const oc_metrics *m)
{
    struct table t = { .columns = "lrrrr" };
    for (const char *const *head = (const char *const[]){ "class", "samples", "precision", "recall",
                                                          "F1", NULL }; *head; head++)
        oc__table_cell(&t, "%s", *head);
    for (int i = 0; i < m->classes; i++) {
        const oc_class_metrics *const c = &m->per_class[i];
        oc__table_cell(&t, "%s", oc__printable(oc_model_class_name(model, i)));
        oc__table_cell(&t, "%" PRId64, c->count);
        percent_cell(&t, c->precision);
        percent_cell(&t, c->recall);
        percent_cell(&t, c->f1);
    }
    oc__table_print(&t, 0);
}

static void print_matrix(const oc_model *model, const oc_metrics *m)
{
    char columns[CONFUSION_CLASSES_MAX + 2] = "l";
    memset(columns + 1, 'r', (size_t)m->classes);
    struct table t = { .columns = columns };
    oc__table_cell(&t, "%s", "");
    for (int i = 0; i < m->classes; i++)
        oc__table_cell(&t, "%s", oc__printable(oc_model_class_name(model, i)));
    for (int i = 0; i < m->classes; i++) {
        oc__table_cell(&t, "%s", oc__printable(oc_model_class_name(model, i)));
        for (int j = 0; j < m->classes; j++) {
            const int64_t n = m->confusion[(int64_t)i * m->classes + j];
            const enum style style = n == 0 ? STYLE_DIM : i == j ? STYLE_GOOD : STYLE_BAD;
            const char *const plain = oc__style(STYLE_PLAIN);
            if (n)
                oc__table_cell(&t, "%s%" PRId64 "%s", oc__style(style), n, plain);
            else
                oc__table_cell(&t, "%s·%s", oc__style(style), plain);
        }
    }
    printf("\nconfusion: true class down, predicted class across\n");
    oc__table_print(&t, 2);
}

/* The largest entry off the diagonal that is smaller than `below` in the order (count, place). */
static int64_t next_mistake(const oc_metrics *m, int64_t last)
{
    const int64_t n = m->classes;
    int64_t best = -1;
    for (int64_t k = 0; k < n * n; k++) {
        const int64_t v = m->confusion[k];
        const bool after = last < 0 || v < m->confusion[last]
                           || (v == m->confusion[last] && k > last);
        if (k / n != k % n && v > 0 && after && (best < 0 || v > m->confusion[best]))
            best = k;
    }
    return best;
}

static void print_mistakes(const oc_model *model, const oc_metrics *m)
{
    enum { MOST = 20 };
    struct table t = { .columns = "rlll" };
    int64_t k = -1;
    for (int i = 0; i < MOST && (k = next_mistake(m, k)) >= 0; i++) {
        oc__table_cell(&t, "%" PRId64, m->confusion[k]);
        oc__table_cell(&t, "%s", oc__printable(oc_model_class_name(model, (int)(k / m->classes))));
        oc__table_cell(&t, "taken for");
        oc__table_cell(&t, "%s", oc__printable(oc_model_class_name(model, (int)(k % m->classes))));
    }
    printf("\ncommonest mistakes\n");
    oc__table_print(&t, 2);
}

/* ---- for machines -------------------------------------------------------------------------- */

static json_t *class_rows(const oc_model *model, const oc_metrics *m)
{
    json_t *const rows = json_array();
    for (int i = 0; rows && i < m->classes; i++) {
        const oc_class_metrics *const c = &m->per_class[i];
        json_array_append_new(
            rows, json_pack("{s:i, s:o, s:I, s:o, s:o, s:o}", "class", i, "name",
                            oc__text_json(oc_model_class_name(model, i)), "samples",
                            (json_int_t)c->count, "precision", oc__number_json(c->precision),
                            "recall", oc__number_json(c->recall), "f1", oc__number_json(c->f1)));
    }
    return rows;
}

static json_t *confusion_rows(const oc_metrics *m)
{
    json_t *const rows = json_array();
    for (int i = 0; rows && i < m->classes; i++) {
        json_t *const row = json_array();
        for (int j = 0; row && j < m->classes; j++)
            json_array_append_new(row, json_integer(m->confusion[(int64_t)i * m->classes + j]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *result(const oc_model *model, const oc_metrics *m, const char *data, int part)
{
    return json_pack("{s:{s:o, s:o, s:o}, s:I, s:o, s:s, s:o, s:o}", "metrics", "accuracy",
                     oc__number_json(m->accuracy), "loss", oc__number_json(m->loss), "top5",
                     oc__number_json(m->top5), "samples", (json_int_t)m->samples, "data",
                     oc__text_json(data), "part", parts[part], "classes", class_rows(model, m),
                     "confusion", confusion_rows(m));
}

/* ---- by task -------------------------------------------------------------------------------- */

static void print_decisions(const oc_model *model, const oc_metrics *m)
{
    print_totals(m);
    print_classes(model, m);
    if (m->classes <= CONFUSION_CLASSES_MAX)
        print_matrix(model, m);
    else
        print_mistakes(model, m);
}

static void print_maps(const oc_model *model, const oc_metrics *m)
{
    struct table t = { .columns = "lrl" };
    const struct { const char *name; double value; const char *what; } rows[] = {
        { "MAE", m->map.mae, "mean absolute error of the saliency" },
        { "max F", m->map.max_f, "F of beta^2 = 0.3 at its best threshold" },
        { "adaptive F", m->map.adaptive_f, "F at twice each image's mean" },
        { "IoU", m->map.iou, "intersection over union at one half" },
        { "precision", m->per_class[0].precision, "at one half" },
        { "recall", m->per_class[0].recall, "at one half" },
        { "pixels", m->accuracy, "on the right side of one half" },
        { "loss", m->loss, "cross-entropy, summed over all outputs" },
    };
    (void)model;
    printf("\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        oc__table_cell(&t, "%s", rows[i].name);
        oc__table_cell(&t, "%.4f", rows[i].value);
        oc__table_cell(&t, "%s", rows[i].what);
    }
    oc__table_print(&t, 0);
    printf("\nbest threshold %.3f\n", m->map.threshold);
}

static json_t *map_result(const oc_model *model, const oc_metrics *m, const char *data, int part)
{
    (void)model;
    return json_pack("{s:{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}, s:I, s:o, s:s}", "metrics",
                     "accuracy", oc__number_json(m->accuracy), "loss", oc__number_json(m->loss),
                     "mae", oc__number_json(m->map.mae), "max_f", oc__number_json(m->map.max_f),
                     "threshold", oc__number_json(m->map.threshold), "adaptive_f",
                     oc__number_json(m->map.adaptive_f), "iou", oc__number_json(m->map.iou),
                     "precision", oc__number_json(m->per_class[0].precision), "recall",
                     oc__number_json(m->per_class[0].recall), "samples", (json_int_t)m->samples,
                     "data", oc__text_json(data), "part", parts[part]);
}

/* What is told of a task's metrics. */
static const struct telling {
    const char *task;
    void      (*print)(const oc_model *model, const oc_metrics *m);
    json_t   *(*json)(const oc_model *model, const oc_metrics *m, const char *data, int part);
} tellings[] = {
    { "classify", print_decisions, result },
    { "saliency", print_maps, map_result },
};

static const struct telling *telling_of(const oc_model *model)
{
    const size_t n = sizeof tellings / sizeof *tellings;
    size_t i = 0;
    while (i + 1 < n && strcmp(tellings[i].task, oc_model_task(model)) != 0)
        i++;
    return &tellings[i];
}

/* ---- running ------------------------------------------------------------------------------- */

static oc_status evaluate(const struct eval *o, oc_model *model, const oc_data *data,
                          int part, const char *word, const char *spec)
{
    const oc_part there = part == PART_ALL ? OC_PART_TEST : (oc_part)part;
    const oc_eval_options how = { .batch = o->batch, .threads = (int)o->threads,
                                  .device = devices[o->device], .backends = o->backends };
    oc_metrics m = { 0 };
    TRY(o->mean ? oc_evaluate_mean(model, data, there, &m)
                : oc_evaluate(model, data, there, &how, &m));
    if (!oc__output_is_stdout(o->json)) {
        char samples[32];
        printf("%s on %s, %s: %s samples\n", o->mean ? "the mean" : oc__printable(word),
               oc__printable(spec), parts[part], oc__count_text(m.samples, samples));
        telling_of(model)->print(model, &m);
    }
    const oc_status status
        = o->json ? oc__output_json(o->json, o->force,
                                    telling_of(model)->json(model, &m, spec, part))
                  : OC_OK;
    oc_metrics_free(&m);
    return status;
}

/* The data that the user names, split as the run split it when the run's validation part is asked
 * for; without a word from the user, the run's own. */
static oc_status open_data(const struct eval *o, const struct run_settings *r, oc_data **data,
                           int *part)
{
    if (o->mean && o->part == PART_ALL)
        return oc__fail(OC_EUSAGE, "eval: --mean is that of the training part: it is not measured "
                                   "on --part all");
    if (!o->data && !*r->data)
        return oc__fail(OC_EUSAGE, "eval: wants --data SPEC, as in --data synth:digits");
    TRY(oc__data_open_with(data, o->data ? o->data : r->data, &o->words));
    *part = o->part;
    if (*part == PART_ALL)
        return oc_data_gather(*data, OC_PART_TEST);
    if (*part == PART_AUTO)
        *part = oc_data_count(*data, OC_PART_TEST) > 0 ? OC_PART_TEST : OC_PART_VAL;
    if (*part == OC_PART_VAL && oc_data_count(*data, OC_PART_VAL) == 0 && r->validation > 0)
        return oc_data_split(*data, r->validation, r->seed);
    return OC_OK;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct eval *const o = settings;
    TRY(oc__output_check(o->json, o->force));
    const char *const word = operands->word[0];
    struct run_settings r;
    TRY(oc__run_settings(word, &r));
    oc_data *data = NULL;
    oc_model *model = NULL;
    int part = PART_AUTO;
    oc_status status = OC_OK;
    struct model_request request = { .word = word, .load = o->load,
                                     .preparation = o->prepare, .class_file = o->classes };
    const bool is_new = oc__names_new_model(word);      /* made for the data */
    if (is_new && !o->load && !o->mean)
        oc__warn("%s: is a new model, and its weights are random; --load FILE takes others", word);
    if (!is_new)
        status = oc__open_model(&model, &request);
    if (status >= 0)
        status = open_data(o, &r, &data, &part);
    request.data = data;
    if (status >= 0 && is_new)
        status = oc__open_model(&model, &request);
    if (status >= 0)
        status = oc_model_match(model, data);
    if (status >= 0)
        status = evaluate(o, model, data, part, word, o->data ? o->data : r.data);
    oc_model_free(model);
    oc_data_free(data);
    return status;
}

const struct command oc__command_eval = {
    .name = "eval",
    .summary = "measure a model on data: accuracy, classes, confusion; masks",
    .usage = "FILE_OR_RUN [--data SPEC] [options]\nMODEL --load FILE --data SPEC [options]\n"
             "MODEL.onnx --data SPEC [--prepare STEPS] [options]",
    .options = options,
    .size = sizeof(struct eval),
    .least = 1,
    .most = 1,
    .examples = (const struct example[]){
        { "eval runs/cnn-1", "a run's best model on the test part of the run's data" },
        { "eval model.safetensors --data mnist:DIR --part test", "any model, any data" },
        { "eval runs/cnn-1 --data images:photos --part all", "every picture of a folder" },
        { "eval classifier.onnx --data images:DIR --prepare \"grayscale; resize 28,28; scale\"",
          "a classifier from elsewhere" },
        { "eval runs/cnn-1 --json -", "the same for machines" },
        { 0 },
    },
    .computes = true,
    .run = run,
};
