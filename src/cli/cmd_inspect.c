/* cmd_inspect.c — what a model is made of and what it needs, and what a file of weights holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/foreign.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/term.h"

struct inspect {
    const char *input, *backends, *json;
    int64_t     batch, classes, threads;
    int         mode;
    bool        plan, force;
};

static const char *const modes[] = { [OC_INFER] = "infer", [OC_TRAIN] = "train", NULL };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_INT(struct inspect, batch, "batch", 'b', "N", "1", "images that shapes and memory are for",
            1, 65536),
    OPT_FLAG(struct inspect, plan, "plan", 'p', "the plan too: every step, its kernel, its place"),
    OPT_WORDS(struct inspect, mode, "mode", 'm', "infer", "what is planned", modes),
    OPT_INT(struct inspect, threads, "threads", 't', "N", NULL, "planned for [all cores]", 1, 4096),
    OPT_TEXT(struct inspect, backends, "backend", 0, "LIST", NULL,
             "back ends in order, as in cpu,reference"),
    OPT_TEXT(struct inspect, input, "input", 0, "C,H,W", NULL,
             "shape of the input of a new model [1,28,28]"),
    OPT_INT(struct inspect, classes, "classes", 0, "N", NULL, "of a new model [10]", 1, 1e6),
    OPT_TEXT(struct inspect, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct inspect, force, "force", 'f', "replace the JSON file if it exists"),
    OPT_END,
};

/* ---- a model ------------------------------------------------------------------------------- */

struct seen {
    oc_layer_info *layer;
    int            layers;
    struct probe   probe;
};

static void shape_text(const oc_shape *s, struct str *out)
{
    oc__str_clear(out);
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, "%s%" PRId64, i ? " × " : "", s->dim[i]);
}

static void print_layers(const struct seen *s)
{
    char number[32];
    int64_t parameters = 0;
    double flops = 0;
    struct str shape = { 0 };
    struct table t = { .columns = "lllrr" };
    for (const char *const *head = (const char *const[]){ "name", "layer", "output", "parameters",
                                                          "FLOPs", NULL }; *head; head++)
        oc__table_cell(&t, "%s", *head);
    for (int i = 0; i < s->layers; i++) {
        const oc_layer_info *const l = &s->layer[i];
        shape_text(&l->output, &shape);
        oc__table_cell(&t, "%s", oc__printable(l->name));
        oc__table_cell(&t, "%s", oc__printable(l->step));
        oc__table_cell(&t, "%s", oc__str_text(&shape));
        oc__table_cell(&t, "%s", l->parameters ? oc__count_text(l->parameters, number) : "");
        oc__table_cell(&t, "%s", l->flops > 0 ? oc__rate_text(l->flops, number) : "");
        parameters += l->parameters;
        flops += l->flops;
    }
    oc__str_free(&shape);
    oc__table_cell(&t, "total");
    oc__table_cell(&t, "%s", "");
    oc__table_cell(&t, "%s", "");
    oc__table_cell(&t, "%s", oc__count_text(parameters, number));
    oc__table_cell(&t, "%s", oc__rate_text(flops, number));
    oc__table_print(&t, 0);
}

static void print_facts(const oc_model *m, const char *word)
{
    struct str shape = { 0 };
    const oc_shape input = oc_model_input(m);
    shape_text(&input, &shape);
    printf("%s%s%s\n", oc__style(STYLE_BOLD), oc__printable(word), oc__style(STYLE_PLAIN));
    printf("input        %s, prepared by: %s\n", oc__str_text(&shape),
           oc__printable(oc_model_preparation(m)));
    printf("classes      %d:", oc_model_classes(m));
    for (int i = 0; i < oc_model_classes(m) && i < 20; i++)
        printf("%s %s", i ? "," : "", oc__printable(oc_model_class_name(m, i)));
    printf("%s\n\n", oc_model_classes(m) > 20 ? ", …" : "");
    oc__str_free(&shape);
}

static oc_status print_memory(const struct inspect *o, const oc_model *m, const struct seen *s)
{
    char weights[32], arena[32];
    const int64_t bytes = oc_store_elements(oc_model_store(m)) * (int64_t)sizeof(float);
    printf("\nmemory       parameters %s%s, and %s planned for %s at batch %" PRId64 "\n",
           oc__bytes_text(bytes, weights), o->mode == OC_TRAIN ? ", as much for gradients" : "",
           oc__bytes_text(oc_session_bytes(s->probe.session), arena),
           o->mode == OC_TRAIN ? "a step of training" : "inference", o->batch);
    if (!o->plan)
        return OC_OK;
    char *const text = oc_session_text(s->probe.session);
    if (!text)
        return oc__fail(OC_ELIMIT, "no memory for the plan");
    printf("\n");
    oc__print_lines(text);
    oc_string_free(text);
    return OC_OK;
}

static json_t *json_shape(const oc_shape *s)
{
    json_t *const dims = json_array();
    for (int i = 0; dims && i < s->rank; i++)
        json_array_append_new(dims, json_integer(s->dim[i]));
    return dims;
}

static json_t *json_layers(const struct seen *s)
{
    json_t *const rows = json_array();
    for (int i = 0; rows && i < s->layers; i++) {
        const oc_layer_info *const l = &s->layer[i];
        json_array_append_new(rows, json_pack("{s:o, s:o, s:o, s:I, s:o}", "name",
                                              oc__text_json(l->name), "layer",
                                              oc__text_json(l->step), "output",
                                              json_shape(&l->output), "parameters",
                                              (json_int_t)l->parameters, "flops",
                                              oc__number_json(l->flops)));
    }
    return rows;
}

static json_t *json_model(const struct inspect *o, const oc_model *m, const struct seen *s)
{
    const oc_shape input = oc_model_input(m);
    json_t *const classes = json_array();
    for (int i = 0; classes && i < oc_model_classes(m); i++)
        json_array_append_new(classes, oc__text_json(oc_model_class_name(m, i)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:I}", "architecture",
                     oc__text_json(oc_model_architecture(m)), "input", json_shape(&input),
                     "preparation", oc__text_json(oc_model_preparation(m)), "classes", classes,
                     "layers", json_layers(s), "parameters",
                     (json_int_t)oc_store_elements(oc_model_store(m)), "batch",
                     (json_int_t)o->batch, "mode", modes[o->mode], "planned_bytes",
                     (json_int_t)oc_session_bytes(s->probe.session));
}

static oc_status tell_model(const struct inspect *o, const char *word, oc_model *m,
                            const struct seen *s)
{
    if (!oc__output_is_stdout(o->json)) {
        print_facts(m, word);
        print_layers(s);
        TRY(print_memory(o, m, s));
    }
    return o->json ? oc__output_json(o->json, o->force, json_model(o, m, s)) : OC_OK;
}

static oc_status inspect_model(const struct inspect *o, const char *word, oc_model *m)
{
    const struct probe_options how = { .mode = (oc_mode)o->mode, .batch = o->batch,
                                       .threads = (int)o->threads, .backends = o->backends };
    struct seen s = { 0 };
    oc_status status = oc_model_layers(m, o->batch, &s.layer, &s.layers);
    if (status >= 0)
        status = oc__probe_open(&s.probe, m, &how);
    if (status >= 0)
        status = tell_model(o, word, m, &s);
    oc__probe_close(&s.probe);
    oc_layers_free(s.layer);
    return status;
}

/* ---- any file of weights ------------------------------------------------------------------- */

static void add_tensor(void *rows, const char *name, const char *type, const oc_shape *shape,
                       int64_t bytes)
{
    json_array_append_new(rows, json_pack("{s:o, s:s, s:o, s:I}", "name", oc__text_json(name),
                                          "type", type, "shape", json_shape(shape), "bytes",
                                          (json_int_t)bytes));
}

static oc_status json_file(const struct inspect *o, const char *path)
{
    json_t *const rows = json_array();
    const oc_status status = oc_file_tensors(path, add_tensor, rows);
    if (status < 0) {
        json_decref(rows);
        return status;
    }
    return oc__output_json(o->json, o->force, json_pack("{s:o}", "tensors", rows));
}

/* A file that holds weights but no model of ours; `why` says so. */
static oc_status inspect_file(const struct inspect *o, const char *path, const char *why)
{
    char *const text = oc_file_text(path);
    if (!text)
        return *oc_error() ? OC_EINPUT : OC_ELIMIT;
    if (!oc__output_is_stdout(o->json)) {
        oc__print_lines(text);
        printf("\nno model to be run: %s\n", why);
    }
    oc_string_free(text);
    return o->json ? json_file(o, path) : OC_OK;
}

static oc_status inspect_onnx(const struct inspect *o, const char *path)
{
    const struct foreign_inspect how = {
        .path = path, .json = o->json, .shape = o->input, .plan = o->plan, .force = o->force,
        .how = { .mode = (oc_mode)o->mode, .batch = o->batch, .threads = (int)o->threads,
                 .backends = o->backends },
    };
    return oc__foreign_inspect(&how);
}

static oc_status inspect(const struct inspect *o, const char *word)
{
    if (oc__names_onnx(word))
        return inspect_onnx(o, word);
    const struct model_request request = { .word = word, .input = o->input,
                                           .classes = o->classes };
    oc_model *model;
    oc_status status = oc__open_model(&model, &request);
    if (status >= 0)
        status = inspect_model(o, word, model);
    else if (status == OC_EINPUT && oc__is_file(word)) {
        char *const why = oc__strdup(oc_error());
        status = why ? inspect_file(o, word, why) : OC_ELIMIT;
        oc__free(why);
    }
    oc_model_free(model);
    return status;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct inspect *const o = settings;
    TRY(oc__output_check(o->json, o->force));
    if (o->json && operands->n > 1)
        return oc__fail(OC_EUSAGE, "inspect: --json describes one model at a time");
    for (int i = 0; i < operands->n; i++) {
        if (i)
            printf("\n");
        TRY(inspect(o, operands->word[i]));
    }
    return OC_OK;
}

const struct command oc__command_inspect = {
    .name = "inspect",
    .summary = "show layers, parameters, FLOPs and memory of a model, or what a file holds",
    .usage = "MODEL_OR_FILE… [options]",
    .about = "A model file, a run, a name of the zoo or a network as steps is shown layer by\n"
             "layer, a model of ONNX node by node; any other safetensors file tensor by tensor.",
    .options = options,
    .size = sizeof(struct inspect),
    .least = 1,
    .most = -1,
    .examples = (const struct example[]){
        { "inspect cnn", "a model of the zoo" },
        { "inspect runs/cnn-1 --plan --mode train --batch 64", "and every step of its training" },
        { "inspect \"conv 8 kernel=3; relu; flatten; linear classes\" --input 3,32,32",
          "a network before it is trained" },
        { "inspect model.onnx --input 3,224,224", "where the file leaves its input open" },
        { "inspect weights.safetensors", "the tensors of a file from elsewhere" },
        { 0 },
    },
    .run = run,
};
