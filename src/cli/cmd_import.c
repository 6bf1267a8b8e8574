/* cmd_import.c — a model of ONNX becomes a file of ours, with preparation and names of classes. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/term.h"

struct import { const char *prepare, *classes, *input; bool force; };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct import, prepare, "prepare", 0, "STEPS", NULL,
             "preparation of images [the file's own, else scale]"),
    OPT_TEXT(struct import, classes, "classes", 0, "FILE", NULL,
             "names of the classes, one a line [the file's own, else numbers]"),
    OPT_TEXT(struct import, input, "input", 0, "C,H,W", NULL, "sizes that the file leaves open"),
    OPT_FLAG(struct import, force, "force", 'f', "replace OUT if it exists"),
    OPT_END,
};

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct import *const o = settings;
    const char *const from = operands->word[0], *const to = operands->word[1];
    const struct model_request request = { .word = from, .input = o->input,
                                           .preparation = o->prepare, .class_file = o->classes,
                                           .new_head = true };
    oc_model *model;
    char numbers[32];
    if (!oc__names_onnx(from))
        return oc__fail(OC_EUSAGE, "import: %s is no model of ONNX", oc__quote_z(from));
    TRY(oc__output_check(to, o->force));
    TRY(oc__open_model(&model, &request));
    const oc_status status = oc_model_save(model, to, o->force);
    if (status >= 0)
        printf("%s: %s numbers in %d parameters, %d classes\n", oc__printable(to),
               oc__count_text(oc_store_elements(oc_model_store(model)), numbers),
               oc_store_count(oc_model_store(model)), oc_model_classes(model));
    oc_model_free(model);
    return status;
}

const struct command oc__command_import = {
    .name = "import",
    .summary = "make a file of ours of a model of ONNX",
    .usage = "MODEL.onnx OUT.safetensors [--prepare STEPS] [--classes FILE] [options]",
    .about = "What the file of ONNX lacks, the preparation of images and the names of classes,\n"
             "is given once and stored with it; then it is a model like any other: for eval,\n"
             "predict, explain, train and export.  A softmax or sigmoid at its end is left out,\n"
             "since it is part of the loss here.  Another number of classes than the file's gives\n"
             "it a new head, which knows nothing yet.",
    .options = options,
    .size = sizeof(struct import),
    .least = 2,
    .most = 2,
    .examples = (const struct example[]){
        { "import resnet20.onnx resnet20.safetensors --prepare \"rgb; resize 32,32; scale\" "
          "--classes cifar10.txt", "a network of PyTorch's, ready for photographs" },
        { 0 },
    },
    .run = run,
};
