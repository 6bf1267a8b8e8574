/* cmd_inspect.c — what a model is made of and what it needs, and what a file of weights holds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/command.h"
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
             "shape of the input of a new model [1,28,28], or what one of ONNX leaves open"),
    OPT_INT(struct inspect, classes, "classes", 0, "N", NULL, "of a new model [10]", 1, 1e6),
    OPT_TEXT(struct inspect, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct inspect, force, "force", 'f', "replace the JSON file if it exists"),
    OPT_END,
};

/* ---- a model ------------------------------------------------------------------------------- */

struct seen {
    struct network net;
    oc_layer_info *layer;
    int            layers;
    struct probe   probe;
};

static void shape_text(const oc_shape *s, struct str *out)
{
    oc__str_clear(out);
    if (s->rank < 0)
        oc__str_addz(out, "?");
    for (int i = 0; i < s->rank; i++)
        oc__str_addf(out, s->dim[i] < 0 ? "%s?" : "%s%" PRId64, i ? " × " : "", s->dim[i]);
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

static void print_model(const oc_model *m)
{
    struct str shape = { 0 };
    const oc_shape input = oc_model_input(m);
    shape_text(&input, &shape);
    printf("input        %s, prepared by: %s\n", oc__str_text(&shape),
           oc__printable(oc_model_preparation(m)));
    printf("classes      %d:", oc_model_classes(m));
    for (int i = 0; i < oc_model_classes(m) && i < 20; i++)
        printf("%s %s", i ? "," : "", oc__printable(oc_model_class_name(m, i)));
    printf("%s\n\n", oc_model_classes(m) > 20 ? ", …" : "");
    oc__str_free(&shape);
}

static void print_value(const struct network *n, const char *what, oc_value v, const char *name)
{
    struct str shape = { 0 };
    const oc_shape s = oc_value_shape(n->graph, v);
    shape_text(&s, &shape);
    printf("%-12s %s, %s, %s\n", what, oc__printable(name),
           oc_dtype_name(oc_value_dtype(n->graph, v)),
           s.rank ? oc__str_text(&shape) : "one number");
    oc__str_free(&shape);
}

static void print_onnx(const struct network *n)
{
    const char *const producer = oc_onnx_producer(n->onnx);
    printf("format       ONNX, opset %" PRId64 ", by %s\n", oc_onnx_opset(n->onnx),
           *producer ? oc__printable(producer) : "an unnamed producer");
    for (int i = 0; i < n->inputs; i++)
        print_value(n, "input", n->input[i], oc_value_name(n->graph, n->input[i]));
    for (int i = 0; i < n->outputs; i++)
        print_value(n, "output", n->output[i], n->name[i]);
    printf("\n");
}

static void print_facts(const struct seen *s, const char *word)
{
    printf("%s%s%s\n", oc__style(STYLE_BOLD), oc__printable(word), oc__style(STYLE_PLAIN));
    if (s->net.onnx)
        print_onnx(&s->net);
    else
        print_model(s->net.model);
}

static oc_status print_memory(const struct inspect *o, const struct seen *s)
{
    char weights[32], arena[32];
    const int64_t bytes = oc_store_elements(s->net.store) * (int64_t)sizeof(float);
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
        json_array_append_new(dims, s->dim[i] < 0 ? json_null() : json_integer(s->dim[i]));
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

static json_t *json_model(const oc_model *m)
{
    const oc_shape input = oc_model_input(m);
    json_t *const classes = json_array();
    for (int i = 0; classes && i < oc_model_classes(m); i++)
        json_array_append_new(classes, oc__text_json(oc_model_class_name(m, i)));
    return json_pack("{s:o, s:o, s:o, s:o}", "architecture",
                     oc__text_json(oc_model_architecture(m)), "input", json_shape(&input),
                     "preparation", oc__text_json(oc_model_preparation(m)), "classes", classes);
}

static json_t *json_value(const struct network *n, oc_value v, const char *name)
{
    const oc_shape shape = oc_value_shape(n->graph, v);
    return json_pack("{s:o, s:s, s:o}", "name", oc__text_json(name), "type",
                     oc_dtype_name(oc_value_dtype(n->graph, v)), "shape", json_shape(&shape));
}

static json_t *json_onnx(const struct network *n)
{
    json_t *const inputs = json_array(), *const outputs = json_array();
    for (int i = 0; inputs && i < n->inputs; i++)
        json_array_append_new(inputs, json_value(n, n->input[i],
                                                 oc_value_name(n->graph, n->input[i])));
    for (int i = 0; outputs && i < n->outputs; i++)
        json_array_append_new(outputs, json_value(n, n->output[i], n->name[i]));
    return json_pack("{s:s, s:I, s:o, s:o, s:o}", "format", "onnx", "opset",
                     (json_int_t)oc_onnx_opset(n->onnx), "producer",
                     oc__text_json(oc_onnx_producer(n->onnx)), "inputs", inputs, "outputs",
                     outputs);
}

static json_t *json_all(const struct inspect *o, const struct seen *s)
{
    json_t *const root = s->net.onnx ? json_onnx(&s->net) : json_model(s->net.model);
    json_t *const rest = json_pack("{s:o, s:I, s:I, s:s, s:I}", "layers", json_layers(s),
                                   "parameters", (json_int_t)oc_store_elements(s->net.store),
                                   "batch", (json_int_t)o->batch, "mode", modes[o->mode],
                                   "planned_bytes",
                                   (json_int_t)oc_session_bytes(s->probe.session));
    const bool good = root && rest && json_object_update(root, rest) == 0;
    json_decref(rest);
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

static oc_status tell_model(const struct inspect *o, const char *word, const struct seen *s)
{
    if (!oc__output_is_stdout(o->json)) {
        print_facts(s, word);
        print_layers(s);
        TRY(print_memory(o, s));
    }
    return o->json ? oc__output_json(o->json, o->force, json_all(o, s)) : OC_OK;
}

/* What is trained is a model; in inference a file of ONNX is looked at as it is. */
static oc_status look(const struct inspect *o, const struct model_request *r, struct seen *s)
{
    const struct probe_options how = { .batch = o->batch, .threads = (int)o->threads,
                                       .backends = o->backends };
    if (o->mode == OC_TRAIN) {
        TRY(oc__open_model(&s->net.model, r));
        s->net.store = oc_model_store(s->net.model);
    } else {
        TRY(oc__network_open(&s->net, r, o->batch));
    }
    TRY(s->net.onnx ? oc_graph_layers(s->net.graph, &s->layer, &s->layers)
                    : oc_model_layers(s->net.model, o->batch, &s->layer, &s->layers));
    return o->mode == OC_TRAIN ? oc__probe_training(&s->probe, s->net.model, &how)
                               : oc__probe_inference(&s->probe, &s->net, &how);
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

static oc_status inspect(const struct inspect *o, const char *word)
{
    const struct model_request request = { .word = word, .input = o->input,
                                           .classes = o->classes };
    struct seen s = { 0 };
    oc_status status = look(o, &request, &s);
    if (status >= 0) {
        status = tell_model(o, word, &s);
    } else if (status == OC_EINPUT && oc__is_file(word) && !oc__names_onnx(word)) {
        char *const why = oc__strdup(oc_error());
        status = why ? inspect_file(o, word, why) : OC_ELIMIT;
        oc__free(why);
    }
    oc__probe_close(&s.probe);
    oc_layers_free(s.layer);
    oc__network_close(&s.net);
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
