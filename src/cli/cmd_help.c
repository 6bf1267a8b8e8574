/* cmd_help.c — help on commands, and on the topics that the library's tables explain. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/term.h"

/* The topic that begins most alike, by half of the word at least: prepare, preparation. */
static const char *begins_alike(const char *word)
{
    const char *best = NULL;
    size_t      most = strlen(word) / 2;
    for (int i = 0; oc_manual_topic(i); i++) {
        size_t n = 0;
        while (word[n] && word[n] == oc_manual_topic(i)[n])
            n++;
        if (n > most) {
            most = n;
            best = oc_manual_topic(i);
        }
    }
    return best;
}

static oc_status unknown(const char *word)
{
    enum { MOST = 512 };
    const char *known[MOST + 1];
    int n = 0;
    for (const struct command *const *c = oc__command_list; *c && n < MOST; c++)
        known[n++] = (*c)->name;
    for (int i = 0; oc_manual_topic(i) && n < MOST; i++)
        known[n++] = oc_manual_topic(i);
    for (int i = 0; oc_manual_entry(i) && n < MOST; i++)
        known[n++] = oc_manual_entry(i);
    known[n] = NULL;
    const char *const alike = begins_alike(word);
    const char *const near = alike ? alike : oc__nearest(word, known);
    return oc__fail(OC_EUSAGE, "help: unknown topic %s%s%s%s; `ocellus help` lists them",
                    oc__quote_z(word), near ? ": did you mean " : "", near ? near : "",
                    near ? "?" : "");
}

static oc_status overview(void)
{
    struct str text = { 0 };
    oc__help_overview(&text);
    oc__str_addz(&text, "\nTopics:");
    for (int i = 0; oc_manual_topic(i); i++)
        oc__str_addf(&text, "%s %s", i ? "," : "", oc_manual_topic(i));
    oc__str_addz(&text, "\nAnd whatever a topic lists, as in `ocellus help conv`.\n");
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

/* A word that is both, such as data, is explained as both. */
static oc_status run(const void *settings, const struct operands *operands)
{
    (void)settings;
    if (operands->n == 0)
        return overview();
    const char *const word = operands->word[0];
    const bool  command = explain_command(word);
    char *const text = oc_manual(word);
    if (!command && !text)
        return unknown(word);
    if (text)
        printf("%s%s", command ? "\n" : "", text);
    oc_string_free(text);
    return OC_OK;
}

const struct command oc__command_help = {
    .name = "help",
    .summary = "explain a command or a topic",
    .usage = "[COMMAND|TOPIC|NAME]",
    .size = 1,
    .most = 1,
    .examples = (const struct example[]){
        { "help train", "the same as `ocellus train --help`" },
        { "help layers", "the layers that a model may be written with" },
        { "help rotate", "a step, layer, model, optimizer by its name, with an example" },
        { "help operators", "every operator with its formula and attributes" },
        { 0 },
    },
    .run = run,
};
