/* cmd_export.c — a model written in another format, chosen by the ending. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/open.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/term.h"

struct export { const char *load, *input, *prepare; int64_t classes; bool force; };

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_TEXT(struct export, load, "load", 0, "FILE", NULL, "weights for a model of the zoo"),
    OPT_TEXT(struct export, input, "input", 0, "C,H,W", NULL, "its input [1,28,28]"),
    OPT_INT(struct export, classes, "classes", 0, "N", "10", "its classes", 1, 1e6),
    OPT_TEXT(struct export, prepare, "prepare", 0, "STEPS", "scale", "its preparation"),
    OPT_FLAG(struct export, force, "force", 'f', "replace OUT if it exists"),
    OPT_END,
};

static const char *const endings[] = { ".safetensors", ".json", NULL };

static oc_status check_ending(const char *path)
{
    const size_t n = strlen(path);
    for (int i = 0; endings[i]; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcmp(path + n - m, endings[i]) == 0)
            return OC_OK;
    }
    return oc__fail(OC_EUSAGE, "%s: the ending chooses the format; known: .safetensors, .json",
                    path);
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
    oc_status status = oc_model_save(model, to, o->force);
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
    .summary = "write a model in another format: .safetensors, .json",
    .usage = "FILE_OR_RUN OUT [--force]\nMODEL OUT --load FILE [options]",
    .about = "The ending of OUT chooses the format.  A .safetensors file holds the weights under\n"
             "PyTorch's names and the rest as metadata; a .json file is the same, readable, and\n"
             "loads back to the same bits.  A model of the zoo with weights from elsewhere\n"
             "becomes a file that needs neither.",
    .options = options,
    .size = sizeof(struct export),
    .least = 2,
    .most = 2,
    .examples = (const struct example[]){
        { "export runs/cnn-1 digits.json", "the best model of a run, as readable JSON" },
        { "export digits.json digits.safetensors", "and back" },
        { 0 },
    },
    .run = run,
};
