/* cmd_export.c — a model written in another format, chosen by the ending. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/open.h"

#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/term.h"

struct export { bool force; };

static const struct option options[] = {
    OPT_HEADING("Options"),
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
    if (!oc__names_file(from))
        return oc__fail(OC_EUSAGE, "%s: wants a model file or a run folder", oc__quote_z(from));
    oc_model *model;
    TRY(oc_model_load(&model, from));
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
    .usage = "FILE_OR_RUN OUT [--force]",
    .about = "The ending of OUT chooses the format.  A .safetensors file holds the weights under\n"
             "PyTorch's names and the rest as metadata; a .json file is the same, readable, and\n"
             "loads back to the same bits.",
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
