/* cmd_help.c — help on commands, and on the topics that the library's tables explain. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/term.h"

static oc_status unknown(const char *word)
{
    enum { MOST = 64 };
    const char *known[MOST + 1];
    int n = 0;
    for (const struct command *const *c = oc__command_list; *c && n < MOST; c++)
        known[n++] = (*c)->name;
    for (int i = 0; oc_manual_topic(i) && n < MOST; i++)
        known[n++] = oc_manual_topic(i);
    known[n] = NULL;
    const char *const near = oc__nearest(word, known);
    return oc__fail(OC_EUSAGE, "help: unknown topic %s%s%s%s; `ocellus help` lists them",
                    oc__quote_z(word), near ? ": did you mean " : "", near ? near : "",
                    near ? "?" : "");
}

static oc_status print(char *text)
{
    if (!text)
        return OC_ELIMIT;
    fputs(text, stdout);
    oc_string_free(text);
    return OC_OK;
}

static oc_status overview(void)
{
    struct str text = { 0 };
    oc__help_overview(&text);
    oc__str_addz(&text, "\nTopics:");
    for (int i = 0; oc_manual_topic(i); i++)
        oc__str_addf(&text, "%s %s", i ? "," : "", oc_manual_topic(i));
    oc__str_addz(&text, "\n");
    fputs(oc__str_text(&text), stdout);
    oc__str_free(&text);
    return OC_OK;
}

/* False: there is no such command. */
static bool explain_command(const char *word)
{
    for (const struct command *const *c = oc__command_list; *c; c++)
        if (strcmp((*c)->name, word) == 0) {
            struct str text = { 0 };
            oc__help_text(*c, &text);
            fputs(oc__str_text(&text), stdout);
            oc__str_free(&text);
            return true;
        }
    return false;
}

static bool is_topic(const char *word)
{
    for (int i = 0; oc_manual_topic(i); i++)
        if (strcmp(oc_manual_topic(i), word) == 0)
            return true;
    return false;
}

/* A word that is both, such as data, is explained as both. */
static oc_status run(const void *settings, const struct operands *operands)
{
    (void)settings;
    if (operands->n == 0)
        return overview();
    const char *const word = operands->word[0];
    const bool command = explain_command(word), topic = is_topic(word);
    if (command && topic)
        printf("\n");
    if (topic)
        return print(oc_manual(word));
    return command ? OC_OK : unknown(word);
}

const struct command oc__command_help = {
    .name = "help",
    .summary = "explain a command or a topic",
    .usage = "[COMMAND|TOPIC]",
    .size = 1,
    .most = 1,
    .examples = (const struct example[]){
        { "help train", "the same as `ocellus train --help`" },
        { "help layers", "the layers that a model may be written with" },
        { "help operators", "every operator with its formula and attributes" },
        { 0 },
    },
    .run = run,
};
