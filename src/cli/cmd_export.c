/* cmd_export.c — a model written in another format, chosen by the ending. */
#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/term.h"

struct export {
    const char *load, *input, *prepare, *batch, *image;
    int64_t     classes, opset;
    bool        force, with_preparation;
};

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct export, load, "load", 0, "FILE", NULL, "weights for a model of the zoo"),
    OPT_TEXT(struct export, input, "input", 0, "C,H,W", NULL, "its input [1,28,28]"),
    OPT_INT(struct export, classes, "classes", 0, "N", "10", "its classes", 1, 1e6),
    OPT_TEXT(struct export, prepare, "prepare", 0, "STEPS", "scale", "its preparation"),
    OPT_FLAG(struct export, force, "force", 'f', "replace OUT if it exists"),
    OPT_HEADING("ONNX"),
    OPT_INT(struct export, opset, "opset", 0, "N", "17", "version of its operators", 9, 23),
    OPT_TEXT(struct export, batch, "batch", 0, "N", "dynamic", "samples at once: any, or so many"),
    OPT_FLAG(struct export, with_preparation, "with-preparation", 0,
             "take pictures, u8 [N, H, W, C], and prepare them by nodes of the file"),
    OPT_TEXT(struct export, image, "image", 0, "C,H,W", NULL,
             "pictures that it then takes; a side of 0 is any [any that the preparation takes]"),
    OPT_END,
};

static const char *const endings[] = { ".safetensors", ".json", ".onnx", NULL };

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

static oc_status check_ending(const char *path)
{
    for (int i = 0; endings[i]; i++)
        if (ends_in(path, endings[i]))
            return OC_OK;
    return oc__fail(OC_EUSAGE,
                    "%s: the ending chooses the format; known: .safetensors, .json, .onnx", path);
}

/* "dynamic" is 0, which leaves it open. */
static oc_status read_batch(const char *text, int64_t *out)
{
    char *end;
    *out = 0;
    if (!text || !strcmp(text, "dynamic"))
        return OC_OK;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end && *out >= 1 && *out <= 65536)
        return OC_OK;
    return oc__fail(OC_EUSAGE, "--batch: %s: wants dynamic, or a number from 1 to 65536",
                    oc__quote_z(text));
}

/* "3,480,640", or "1,0,0". */
static oc_status read_image(const struct export *o, oc_shape *out)
{
    *out = (oc_shape){ 0 };
    if (o->image && !o->with_preparation)
        return oc__fail(OC_EUSAGE, "--image: is for --with-preparation");
    for (const char *p = o->image; p && out->rank < 3;) {
        char *end;
        const long v = strtol(p, &end, 10);
        if (end == p || v < 0 || v > 65500 || *end != (out->rank < 2 ? ',' : '\0'))
            return oc__fail(OC_EUSAGE, "--image: %s: wants channels,height,width, as in 3,480,640; "
                                       "sides of 0 are any", oc__quote_z(o->image));
        out->dim[out->rank++] = v;
        p = end + 1;
    }
    return OC_OK;
}

static oc_status save(oc_model *m, const char *to, const struct export *o)
{
    oc_export_options how = { .opset = o->opset, .replace = o->force,
                              .with_preparation = o->with_preparation };
    if (!ends_in(to, ".onnx") && o->with_preparation)
        return oc__fail(OC_EUSAGE, "--with-preparation: other files than .onnx have it anyway");
    if (!ends_in(to, ".onnx"))
        return oc_model_save(m, to, o->force);
    TRY(read_batch(o->batch, &how.batch));
    TRY(read_image(o, &how.image));
    return oc_model_export(m, to, &how);
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct export *const o = settings;
    const char *const from = operands->word[0], *const to = operands->word[1];
    TRY(check_ending(to));
    TRY(oc__output_check(to, o->force));
    struct model_request request = { .word = from, .load = o->load };
    if (oc__names_new_model(from)) {
        request.input = o->input;
        request.preparation = o->prepare;
        request.classes = o->classes;
    }
    oc_model *model;
    TRY(oc__open_model(&model, &request));
    oc_status status = save(model, to, o);
    if (status >= 0) {
        char numbers[32];
        printf("%s: %s numbers in %d parameters\n", oc__printable(to),
               oc__count_text(oc_store_elements(oc_model_store(model)), numbers),
               oc_store_count(oc_model_store(model)));
    }
    oc_model_free(model);
    return status;
}

const struct command oc__command_export = {
    .name = "export",
    .summary = "write a model in another format: .safetensors, .json, .onnx",
    .usage = "FILE_OR_RUN OUT [--force]\nMODEL OUT --load FILE [options]",
    .about = "The ending of OUT chooses the format.  A .safetensors file holds the weights under\n"
             "PyTorch's names and the rest as metadata; a .json file is the same, readable, and\n"
             "loads back to the same bits.  A model of the zoo with weights from elsewhere\n"
             "becomes a file that needs neither.\n"
             "\n"
             "A .onnx file holds what inference computes: input x, result logits (probabilities\n"
             "are their softmax, or sigmoid where the task is saliency), and as metadata classes,\n"
             "preparation and task.  With --with-preparation its input is a batch of pictures,\n"
             "image, as a decoder yields them: bytes, height by width by channels, of any size\n"
             "where the preparation brings them to one.  Nodes then prepare them to the same\n"
             "bytes as here.  Steps that search pictures (trim, digit) cannot be nodes; a digit\n"
             "of the right size needs no search: --image 1,28,28.",
    .options = options,
    .size = sizeof(struct export),
    .least = 2,
    .most = 2,
    .examples = (const struct example[]){
        { "export runs/cnn-1 digits.json", "the best model of a run, as readable JSON" },
        { "export digits.json digits.safetensors", "and back" },
        { "export runs/cnn-1 digits.onnx", "for ONNX Runtime and others" },
        { "export runs/cnn-1 pictures.onnx --with-preparation --image 1,28,28",
          "the same, from pictures as bytes instead of prepared numbers" },
        { 0 },
    },
    .run = run,
};
