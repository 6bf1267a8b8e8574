/* cmd_check.c — gradients held against central differences in double precision. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/term.h"

struct check {
    int64_t     samples, entries, seed;
    const char *load, *input, *json;
    bool        force;
};

static const struct option options[] = {
    OPT_HEADING("Options"),
    OPT_INT(struct check, samples, "samples", 'n', "N", "2", "random inputs to check a model on",
            1, 1024),
    OPT_INT(struct check, entries, "entries", 0, "N", "20", "numbers to move in each parameter",
            1, 1000000),
    OPT_TEXT(struct check, load, "load", 0, "FILE", NULL, "weights for a model of the zoo"),
    OPT_TEXT(struct check, input, "input", 0, "C,H,W", NULL,
             "shape of the input of a new model [1,28,28]"),
    OPT_INT(struct check, seed, "seed", 0, "N", "0", "of a new model's weights", 0, 1e18),
    OPT_TEXT(struct check, json, "json", 0, "FILE", NULL, "result as JSON; - is standard output"),
    OPT_FLAG(struct check, force, "force", 'f', "replace the JSON file if it exists"),
    OPT_END,
};

enum { NAME_COLUMNS = 32 };

/* Lines are printed as they come, since the whole takes seconds; these are the sums. */
struct report { json_t *rows; int good, bad; double worst; bool people, failed; };

static void line(void *context, const char *name, double error, bool good)
{
    struct report *const r = context;
    if (r->people) {
        printf("%-*s  %11.1e  %s%s%s\n", NAME_COLUMNS, oc__printable(name), error,
               oc__style(good ? STYLE_GOOD : STYLE_BAD), good ? "ok" : "BAD",
               oc__style(STYLE_PLAIN));
        fflush(stdout);
    }
    r->good += good;
    r->bad += !good;
    if (!(error <= r->worst))
        r->worst = error;
    json_t *const row = json_pack("{s:o, s:o, s:b}", "name", oc__text_json(name), "error",
                                  oc__number_json(error), "good", good);
    if (json_array_append_new(r->rows, row) != 0)
        r->failed = true;
}

static oc_status check(const struct check *o, const char *word, struct report *r)
{
    if (!word)
        return oc_check_operators(line, r);
    const struct model_request request
        = { .word = word, .load = o->load, .input = o->input, .seed = o->seed };
    oc_model *model;
    TRY(oc__open_model(&model, &request));
    const oc_status status = oc_check_model(model, (int)o->samples, (int)o->entries, line, r);
    oc_model_free(model);
    return status;
}

static oc_status finish(const struct check *o, struct report *r, oc_status status)
{
    const bool ran = status >= 0 || status == OC_ENEGATIVE;
    if (ran && r->people)
        printf("\n%d right, %d wrong; the largest relative error is %.1e\n", r->good, r->bad,
               r->worst);
    json_t *const root = json_pack("{s:o, s:i, s:i}", "checks", r->rows, "good", r->good, "bad",
                                   r->bad);
    if (!ran) {
        json_decref(root);
        return status;
    }
    TRY(oc__output_json(o->json, o->force, r->failed ? NULL : root));
    return r->bad && status >= 0 ? OC_ENEGATIVE : status;
}

static oc_status run(const void *settings, const struct operands *operands)
{
    const struct check *const o = settings;
    if (strcmp(operands->word[0], "gradients") != 0)
        return oc__fail(OC_EUSAGE, "check: %s: what can be checked: gradients",
                        oc__quote_z(operands->word[0]));
    TRY(oc__output_check(o->json, o->force));
    const char *const word = operands->n > 1 ? operands->word[1] : NULL;
    struct report r = { .rows = json_array(), .people = !oc__output_is_stdout(o->json) };
    if (!r.rows)
        return oc__fail(OC_ELIMIT, "no memory for the result");
    if (r.people)
        printf("%-*s  worst error\n", NAME_COLUMNS, word ? "parameter" : "operator");
    return finish(o, &r, check(o, word, &r));
}

const struct command oc__command_check = {
    .name = "check",
    .summary = "check the gradient of every operator, or of a model",
    .usage = "gradients [MODEL_OR_FILE] [options]",
    .about = "Compares each gradient with the central difference (f(x+h) - f(x-h)) / 2h, both in\n"
             "double precision on the reference back end, and exits 1 if one is off.",
    .options = options,
    .size = sizeof(struct check),
    .least = 1,
    .most = 2,
    .examples = (const struct example[]){
        { "check gradients", "every operator, in all its cases" },
        { "check gradients lenet --samples 4", "the parameters of a new model" },
        { "check gradients \"conv 4 kernel=3; relu; flatten; linear classes\" --input 1,8,8",
          "a network written as steps" },
        { 0 },
    },
    .computes = true,
    .run = run,
};
